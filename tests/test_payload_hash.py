"""Requests in clear text are signed with a digest of their body: one that is known is not taken again."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from functools import reduce
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fake import FakeAws, Request, faults
from fake.world import USER_SECRET

from s3dest import TransferOptions
from s3dest.body import Body
from s3dest.errors import RequestError
from s3dest.formats.jsonl import JsonLines
from s3dest.options import MIB
from s3dest.piece import Piece
from s3dest.s3 import Bucket

KEY = "vendor/exports/orders/a b.jsonl"
DATA = bytes(range(256)) * 8192
CLEAR = "http://s3.example.com:9000"
_AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256 Credential=\w+/(\S+), SignedHeaders=(\S+), Signature=(\w+)")


class Source:
    """Bytes that count how often they are read."""

    def __init__(self) -> None:
        self.read = 0

    def read_at(self, offset: int, size: int) -> bytes:
        """Read some."""
        data = DATA[offset : offset + size]
        self.read += len(data)
        return data

    def piece(self, sha256: bytes | None) -> Piece:
        """Make a piece of all of it."""
        return Piece(self.read_at, 0, len(DATA), sha256=sha256)


def is_signed(request: Request) -> bool:
    """Check a user's signature as a store does ("Signature Calculations", S3 API reference)."""
    found = _AUTHORIZATION.fullmatch(request.headers["authorization"])
    assert found
    scope, names, signature = found.groups()
    url = urlsplit(request.url)
    sent = {"host": url.netloc, **request.headers}
    headers = "".join(f"{name}:{' '.join(sent[name].split())}\n" for name in names.split(";"))
    query = "&".join(sorted(url.query.split("&")))
    hashed = request.headers["x-amz-content-sha256"]
    canonical = f"{request.method}\n{url.path}\n{query}\n{headers}\n{names}\n{hashed}"
    text = ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()]

    def mac(key: bytes, part: str) -> bytes:
        return hmac.digest(key, part.encode(), "sha256")

    return mac(reduce(mac, scope.split("/"), f"AWS4{USER_SECRET}".encode()), "\n".join(text)).hex() == signature


@pytest.fixture
def bucket_at(aws: FakeAws) -> Iterator[Callable[[str], Bucket]]:
    """Make buckets at an address, which a user's keys open; close them afterwards."""
    made = []
    aws.store.region = "us-east-1"

    def make(url: str) -> Bucket:
        config = aws.config(endpoint_url=url, region="us-east-1", auth=aws.user)
        made.append(Bucket(config, aws.vendor, TransferOptions(), clock=aws.clock.injected))
        return made[-1]

    yield make
    for bucket in made:
        bucket.close()


def put(bucket: Bucket, piece: Piece) -> None:
    """Put an object."""
    whole = Body.of(DATA)
    assert bucket.put(KEY, Body(piece, whole.sha256, whole.find_md5()), content_type="text/plain").created


def upload(bucket: Bucket, piece: Piece) -> None:
    """Upload the only part of an object, which is known not to have changed since it was digested."""
    bucket.multipart.upload_part(KEY, bucket.multipart.create(KEY, content_type="text/plain"), 1, piece)


@pytest.mark.parametrize(
    ("known", "passes"), [(True, 1), (False, 2)], ids=["known to us", "botocore reads the body for it"]
)
@pytest.mark.parametrize("send", [put, upload])
def test_the_signature_is_valid(
    aws: FakeAws,
    bucket_at: Callable[[str], Bucket],
    send: Callable[[Bucket, Piece], None],
    passes: int,
    *,
    known: bool,
) -> None:
    """It is the same request either way, with one reading less; a part is also read for its MD5."""
    source, sha256 = Source(), hashlib.sha256(DATA)
    send(bucket_at(CLEAR), source.piece(sha256.digest() if known else None))
    request = aws.log[-1]
    assert request.headers["x-amz-content-sha256"] == sha256.hexdigest()
    assert request.body == DATA
    assert is_signed(request)
    assert source.read == (passes + (send is upload)) * len(DATA)


def test_nothing_is_signed_by_it_over_tls(aws: FakeAws, bucket_at: Callable[[str], Bucket]) -> None:
    """There the body need not be signed at all."""
    put(bucket_at("https://s3.example.com"), Source().piece(hashlib.sha256(DATA).digest()))
    assert aws.log[-1].headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"


def test_other_bytes_than_those_are_refused(aws: FakeAws, bucket_at: Callable[[str], Bucket]) -> None:
    """The signature is a promise of what the body holds."""
    bucket = bucket_at(CLEAR)
    with pytest.raises(RequestError) as caught:
        put(bucket, Source().piece(hashlib.sha256(b"others").digest()))
    assert caught.value.aws_code == "XAmzContentSHA256Mismatch"
    assert aws.store.objects == {}


def test_keys_that_were_renewed_sign_the_next_try(aws: FakeAws) -> None:
    """A session that has died is replaced, as for any other request."""
    bucket = Bucket(aws.config(endpoint_url=CLEAR), aws.vendor, TransferOptions(), clock=aws.clock.injected)
    aws.faults.at("PutObject", 1, faults.EXPIRED_TOKEN)
    put(bucket, Source().piece(hashlib.sha256(DATA).digest()))
    first, second = aws.requests("PutObject")
    assert first.access_key != second.access_key
    assert first.headers["x-amz-security-token"] != second.headers["x-amz-security-token"]
    bucket.close()


@pytest.mark.parametrize(("url", "signed"), [(CLEAR, True), ("https://s3.example.com", False)])
def test_a_files_parts_are_digested_once(aws: FakeAws, tmp_path: Path, url: str, *, signed: bool) -> None:
    """Each has its own digest, taken while the file was digested whole."""
    data = bytes(range(256)) * (MIB // 256) * 12 + b"end"
    path = tmp_path / "rows.jsonl"
    path.write_bytes(data)
    aws.store.region = "us-east-1"
    config = aws.config(endpoint_url=url, region="us-east-1", auth=aws.user)
    options: Any = TransferOptions(part_size=5 * MIB)
    with aws.destination(config, options=options) as destination:
        with destination.append("orders", format=JsonLines(compression="none")) as append:
            append.write_file(path)
        (stored,) = append.receipt.objects
    assert aws.store.objects[stored.key].data == data
    requests = aws.requests("UploadPart")
    assert len(requests) == 3
    for request in requests:
        digest = hashlib.sha256(request.body).hexdigest()
        assert request.headers["x-amz-content-sha256"] == (digest if signed else "UNSIGNED-PAYLOAD")
        assert is_signed(request)
