"""Shares of a transfer, as writers would have prepared them, made without a store."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from s3dest.layout import Layout
from s3dest.prepared import PreparedAppend, PreparedObject, PreparedPart

ID = "01a209ce-4dde-7311-ab01-8184d030eb7f"
DATE = dt.date(2026, 11, 23)
NOON = dt.datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=dt.UTC)
LAYOUT = Layout("vendor/exports/", "orders", ID, DATE)


def prepared_object(layout: Layout, *, writer_id: int, number: int, attempt: str = "a") -> PreparedObject:
    """Make one pending upload; the same bytes at every attempt, in an upload of its own."""
    digest = hashlib.sha256(f"{writer_id} {number}".encode()).hexdigest()
    return PreparedObject(
        number=number,
        key=layout.data_key(writer_id=writer_id, number=number, digest=digest, extension="jsonl.gz"),
        rows=10,
        size=100,
        sha256=digest,
        crc32="AAAAAA==",
        upload_id=f"upload-{attempt}-{writer_id}-{number}",
        created=NOON,
        parts=(PreparedPart(number=1, etag="0" * 32, crc32="AAAAAA=="),),
    )


def share(*, writer_id: int = 0, objects: int = 2, attempt: str = "a", **changes: Any) -> PreparedAppend:
    """Make one writer's share; ``changes`` are those of its fields."""
    layout = Layout(
        "vendor/exports/",
        changes.get("table", "orders"),
        changes.get("transfer_id", ID),
        changes.get("transfer_date", DATE),
    )
    values: dict[str, Any] = {
        "endpoint_url": None,
        "bucket": "acme-lake",
        "prefix": "vendor/exports",
        "table": "orders",
        "transfer_id": ID,
        "transfer_date": DATE,
        "writer_id": writer_id,
        "format": "jsonl",
        "compression": "gzip",
        "extension": "jsonl.gz",
        "started": NOON,
        "objects": tuple(
            prepared_object(layout, writer_id=writer_id, number=number, attempt=attempt) for number in range(objects)
        ),
    }
    return PreparedAppend.model_validate({**values, **changes})
