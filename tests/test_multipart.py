"""Multipart uploads: what their requests carry, and what is known of a completion whose answer was lost."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from functools import partial

import pytest
from fake import FakeAws, faults
from one_object import DATA, KEY, MD5, elsewhere

from s3dest import S3DestError, StateError
from s3dest.errors import RequestError
from s3dest.s3 import Bucket
from s3dest.wire import ignore


def test_an_upload_on_aws_is_checked_from_end_to_end(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """The algorithm is named at the beginning, each part has its CRC32, the end has that of all, and the size."""
    aws.store.smallest_part = 1
    bucket = bucket_of()
    upload_id = bucket.multipart.create(KEY, content_type="x")
    parts = [bucket.multipart.upload_part(KEY, upload_id, number, DATA) for number in (1, 2)]
    whole = base64.b64encode(zlib.crc32(DATA * 2).to_bytes(4)).decode()
    assert bucket.multipart.complete(KEY, upload_id, parts, size=2 * len(DATA), crc32=whole).created
    (create,), (complete,) = aws.requests("CreateMultipartUpload"), aws.requests("CompleteMultipartUpload")
    assert create.headers["x-amz-checksum-algorithm"] == "CRC32"
    assert create.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    for request in aws.requests("UploadPart"):
        assert request.headers["x-amz-checksum-crc32"] == base64.b64encode(zlib.crc32(DATA).to_bytes(4)).decode()
        assert request.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
        assert "content-encoding" not in request.headers
    assert complete.headers["if-none-match"] == "*"
    assert complete.headers["x-amz-checksum-crc32"] == whole
    assert complete.headers["x-amz-mp-object-size"] == str(2 * len(DATA))
    assert aws.store.objects[KEY].data == DATA * 2


def test_an_upload_elsewhere_has_md5s(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """And no checksum that a store might not know."""
    bucket = bucket_of(**elsewhere(aws, "https://s3.example.com"))
    upload_id = bucket.multipart.create(KEY, content_type="x")
    part = bucket.multipart.upload_part(KEY, upload_id, 1, DATA)
    assert bucket.multipart.complete(KEY, upload_id, [part], size=len(DATA), crc32="").created
    assert aws.requests("UploadPart")[0].headers["content-md5"] == MD5
    for request in aws.log:
        assert not [name for name in request.headers if "checksum" in name or "mp-object-size" in name]
    assert aws.requests("CompleteMultipartUpload")[0].headers["if-none-match"] == "*"


@pytest.mark.parametrize("fault", [None, faults.CONNECTION_CLOSED, faults.LOST_REQUEST])
def test_only_a_first_completion_is_surely_new(
    aws: FakeAws, bucket_of: Callable[..., Bucket], fault: faults.Fault | None
) -> None:
    """One after a lost answer is answered as the first would have been: who made the object is not known."""
    bucket = bucket_of()
    upload_id = bucket.multipart.create(KEY, content_type="x")
    parts = [bucket.multipart.upload_part(KEY, upload_id, 1, DATA)]
    crc32 = base64.b64encode(zlib.crc32(DATA).to_bytes(4)).decode()
    if fault is not None:
        aws.faults.next("CompleteMultipartUpload", fault)
    done = bucket.multipart.complete(KEY, upload_id, parts, size=len(DATA), crc32=crc32)
    assert (done.created, done.ambiguous, done.surely_new) == (True, fault is not None, fault is None)


def _raise_interrupt() -> None:
    raise KeyboardInterrupt


def _raise_given_up() -> None:
    message = "no more"
    raise S3DestError(message, code="given_up", remedy="none")


def _raise_busy() -> None:
    raise StateError


def _raise_mine() -> None:
    raise LookupError


INTERRUPTS = {"interrupt": _raise_interrupt, "busy": _raise_busy, "handler's own": _raise_mine}


@pytest.mark.parametrize("end", [*INTERRUPTS, "no session", "given up", "denied", "nothing"])
def test_a_completion_that_was_lost_is_remembered(aws: FakeAws, bucket_of: Callable[..., Bucket], end: str) -> None:
    """However the tries ended: where the store forgets the upload, that it is gone says that it had worked.

    Not so where none was carried out, perhaps: another's abort is no completion.
    """
    aws.store.repeated_complete = "NoSuchUpload"
    bucket = bucket_of()
    upload_id = bucket.multipart.create(KEY, content_type="application/gzip")
    parts = [bucket.multipart.upload_part(KEY, upload_id, 1, DATA)]
    crc32 = base64.b64encode(zlib.crc32(DATA).to_bytes(4, "big")).decode()
    complete = partial(bucket.multipart.complete, KEY, upload_id, parts, size=len(DATA), crc32=crc32)
    lost = faults.CONNECTION_CLOSED
    if end == "no session":
        aws.faults.next("CompleteMultipartUpload", lost, faults.EXPIRED_TOKEN)
        aws.faults.next("AssumeRole", faults.sts_refusal(403, "AccessDenied", "no"))
    elif end in INTERRUPTS:
        aws.faults.next("CompleteMultipartUpload", faults.meanwhile(INTERRUPTS[end]))
    elif end == "denied":
        aws.faults.next("CompleteMultipartUpload", lost, faults.DENIED)
    elif end == "given up":
        aws.faults.next("CompleteMultipartUpload", lost)
    else:
        aws.faults.next("CompleteMultipartUpload", faults.DENIED)
    with pytest.raises((S3DestError, KeyboardInterrupt)):
        complete(on_retry=_raise_given_up if end == "given up" else ignore)
    assert (KEY in aws.store.objects) is (end != "nothing")
    if end == "nothing":
        aws.store.uploads.clear()
        with pytest.raises(RequestError, match="is gone"):
            complete()
        return
    again = complete()
    assert (again.created, again.confirmed) == (True, False)


@pytest.mark.parametrize(
    "fault",
    [faults.EMPTY_200, faults.HTML_200, faults.NO_ETAG, faults.CUT_ETAG],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
def test_a_multipart_answer_without_its_fact_is_a_failure(
    aws: FakeAws, bucket_of: Callable[..., Bucket], fault: faults.Fault
) -> None:
    """Botocore takes an empty, alien or cut-off 200 for success; it is tried again."""
    bucket = bucket_of()
    if fault not in {faults.NO_ETAG, faults.CUT_ETAG}:
        aws.faults.next("CreateMultipartUpload", fault)
    upload_id = bucket.multipart.create(KEY, content_type="x")
    aws.faults.next("UploadPart", fault)
    assert (
        bucket.multipart.upload_part(KEY, upload_id, 1, DATA).etag
        == hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    )
    assert len(aws.requests("UploadPart")) == 2
