"""One object, as tests of the wire put it."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from s3dest.body import Body
from s3dest.s3 import Bucket

if TYPE_CHECKING:
    from fake import FakeAws, Request

KEY = "vendor/exports/orders/a b.jsonl.gz"
DATA = b"rows" * 10
SHA256 = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
MD5 = base64.b64encode(hashlib.md5(DATA, usedforsecurity=False).digest()).decode()


def put(bucket: Bucket, data: bytes = DATA, *, key: str = KEY, **more: Any) -> Any:
    """Put an object."""
    return bucket.put(key, Body.of(data), content_type="application/gzip", **more)


def sent(aws: FakeAws, bucket: Bucket, **more: Any) -> Request:
    """Put an object and return the request."""
    assert put(bucket, **more).created
    return aws.requests("PutObject")[-1]


def elsewhere(aws: FakeAws, url: str) -> dict[str, Any]:
    """Describe a store that is not AWS."""
    aws.store.region = "us-east-1"
    return {"endpoint_url": url, "region": "us-east-1", "auth": aws.user}
