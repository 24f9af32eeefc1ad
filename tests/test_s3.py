"""Objects put: what their requests carry, what they never carry, and what the answers to them mean."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from fake import FakeAws, faults
from one_object import DATA, KEY, MD5, SHA256, elsewhere, put, sent

from s3dest import IntegrityError, S3DestError, TransferOptions, WrongRegionError
from s3dest.body import Body
from s3dest.errors import RequestError, TransportError
from s3dest.piece import Piece
from s3dest.s3 import Bucket


def test_a_put_on_aws_carries_the_digest_of_its_key(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """The SHA-256 is a plain header with its algorithm; the body is no aws-chunked stream and is not signed twice."""
    request = sent(aws, bucket_of())
    headers = request.headers
    assert headers["x-amz-checksum-sha256"] == SHA256
    assert headers["x-amz-sdk-checksum-algorithm"] == "SHA256"
    assert headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert headers["content-length"] == str(len(DATA))
    assert headers["content-type"] == "application/gzip"
    assert headers["x-amz-expected-bucket-owner"] == "111122223333"
    assert not {"content-encoding", "transfer-encoding", "x-amz-trailer", "content-md5"} & headers.keys()
    assert request.body == DATA
    assert request.host == "acme-lake.s3.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("url", "payload"),
    [
        ("https://s3.example.com", "UNSIGNED-PAYLOAD"),
        ("http://s3.example.com:9000", hashlib.sha256(DATA).hexdigest()),
    ],
)
def test_a_put_elsewhere_carries_an_md5(aws: FakeAws, bucket_of: Callable[..., Bucket], url: str, payload: str) -> None:
    """Every store knows Content-MD5; in clear text the payload is signed, over TLS it need not be."""
    headers = sent(aws, bucket_of(**elsewhere(aws, url))).headers
    assert headers["content-md5"] == MD5
    assert headers["x-amz-content-sha256"] == payload
    assert not [name for name in headers if "checksum" in name or "trailer" in name or "owner" in name]
    assert "aws-chunked" not in headers.get("content-encoding", "")


def test_an_endpoint_of_aws_itself_is_aws(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """A VPC endpoint is no other store."""
    url = "https://bucket.vpce-0a1b-c2d3.s3.eu-west-1.vpce.amazonaws.com"
    bucket = bucket_of(endpoint_url=url)
    with pytest.raises(S3DestError):  # the fake knows no bucket there
        put(bucket)
    headers = aws.requests("PutObject")[-1].headers
    assert headers["x-amz-checksum-sha256"] == SHA256
    assert headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"


@pytest.mark.parametrize(
    ("encryption", "expected"),
    [
        (None, {}),
        ({"type": "sse-s3"}, {"x-amz-server-side-encryption": "AES256"}),
        (
            {"key_arn": "arn:aws:kms:eu-west-1:111122223333:key/1234"},
            {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:eu-west-1:111122223333:key/1234",
            },
        ),
    ],
    ids=["none", "s3", "kms"],
)
def test_encryption_is_what_the_config_says(
    aws: FakeAws, bucket_of: Callable[..., Bucket], encryption: Any, expected: dict[str, str]
) -> None:
    """PutObject and CreateMultipartUpload carry it, UploadPart must not."""
    bucket = bucket_of(encryption=encryption)
    put(bucket)
    bucket.multipart.upload_part(KEY, bucket.multipart.create(KEY, content_type="x"), 1, DATA)
    for operation, headers in (("PutObject", expected), ("CreateMultipartUpload", expected), ("UploadPart", {})):
        (request,) = aws.requests(operation)
        assert {name: value for name, value in request.headers.items() if "encryption" in name} == headers


def test_the_storage_class_is_the_datas_alone(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """A manifest must be readable at once."""
    bucket = bucket_of(storage_class="GLACIER")
    assert sent(aws, bucket).headers["x-amz-storage-class"] == "GLACIER"
    aws.store.objects.clear()
    assert "x-amz-storage-class" not in sent(aws, bucket, manifest=True).headers


@pytest.mark.parametrize("endpoint_url", [None, "https://s3.example.com"])
def test_no_request_has_an_acl_or_a_tag(
    aws: FakeAws, bucket_of: Callable[..., Bucket], endpoint_url: str | None
) -> None:
    """They would need further actions, and every creating request is conditional."""
    aws.store.allowed |= {"s3:AbortMultipartUpload"}
    bucket = bucket_of(**elsewhere(aws, endpoint_url) if endpoint_url else {}, storage_class="STANDARD_IA")
    put(bucket)
    put(bucket, manifest=True)
    upload_id = bucket.multipart.create(KEY, content_type="x")
    bucket.multipart.upload_part(KEY, upload_id, 1, DATA)
    bucket.multipart.abort(KEY, upload_id)
    assert aws.operations[-5:] == [
        *["PutObject"] * 2,
        "CreateMultipartUpload",
        "UploadPart",
        "AbortMultipartUpload",
    ]
    for request in aws.log:
        assert not [name for name in request.headers if "acl" in name or "tag" in name or "grant" in name]
        if request.operation == "PutObject":
            assert request.headers["if-none-match"] == "*"


def test_a_put_that_meets_an_object_says_so(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """Without an ambiguous try before, the object is surely older than the request."""
    bucket = bucket_of()
    assert put(bucket).etag == hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    again = put(bucket, b"other")
    assert (again.created, again.ambiguous, again.etag) == (False, False, None)
    assert aws.store.objects[KEY].data == DATA


@pytest.mark.parametrize(
    ("fault", "ambiguous"),
    [
        (faults.ANSWER_TIMED_OUT, True),
        (faults.CONNECTION_CLOSED, True),
        (faults.LOST_REQUEST, True),
        (faults.INTERNAL_ERROR.carried_out(), True),
        (faults.SLOW_DOWN.carried_out(), True),
        (faults.refusal(429, "TooManyRequests"), False),
        (faults.refusal(400, "Throttling"), False),
        (faults.BAD_GATEWAY.carried_out(), True),
        (faults.GATEWAY_TIMEOUT.carried_out(), True),
        (faults.EMPTY_200.carried_out(), True),
        (faults.HTML_200, True),
        (faults.NO_ETAG, True),
        (faults.CUT_ETAG, True),
        (faults.error_in_200("InternalError"), True),
        (faults.UNREACHABLE, False),
        (faults.CONNECT_TIMED_OUT, False),
        (faults.PROXY_DOWN, False),
        (faults.CONFLICT, False),
        (faults.refusal(400, "RequestTimeout"), False),
        (faults.refusal(400, "BadDigest"), False),
    ],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
def test_a_lost_answer_makes_the_next_412_our_own(
    aws: FakeAws,
    bucket_of: Callable[..., Bucket],
    fault: faults.Fault,
    ambiguous: bool,  # noqa: FBT001  # a column
) -> None:
    """Whether the try before may have created the object is told with the outcome; each such failure is tried again."""
    aws.faults.next("PutObject", fault)
    outcome = put(bucket_of())
    assert outcome.ambiguous is ambiguous
    assert outcome.created is not fault.effect
    assert aws.store.objects[KEY].data == DATA
    assert len(aws.requests("PutObject")) == 2


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (faults.DENIED, RequestError, "put_denied"),
        (faults.refusal(501, "NotImplemented", "A header you provided"), RequestError, "not_implemented"),
        (faults.UNTRUSTED, TransportError, "tls_failed"),
        (faults.moved("eu-north-1"), WrongRegionError, "wrong_region"),
        (faults.bare(403, faults.HTML, content_type="text/html"), IntegrityError, "not_s3"),
        (faults.refusal(400, "KeyTooLongError", "Your key is too long"), RequestError, "key_refused_as_too_long"),
        (faults.WRONG_ETAG, IntegrityError, "etag_differs"),
        (faults.WRONG_CHECKSUM, IntegrityError, "etag_differs"),
        (faults.UNTOLD_CHECKSUM, IntegrityError, "etag_differs"),
    ],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
def test_a_refusal_is_not_tried_again(
    aws: FakeAws, bucket_of: Callable[..., Bucket], fault: faults.Fault, error: type[S3DestError], code: str
) -> None:
    """What the same request can never mend ends at once, with a code."""
    aws.faults.always("PutObject", fault)
    with pytest.raises(error) as caught:
        put(bucket_of())
    assert caught.value.code == code
    assert len(aws.requests("PutObject")) == 1
    assert aws.clock.slept == []


@pytest.mark.parametrize(("fault", "taken"), [(faults.WRONG_ETAG_ALONE, 0), (faults.CUT_CHECKSUM, 1)])
def test_no_md5_is_taken_where_the_store_tells_the_sha256(
    aws: FakeAws, bucket_of: Callable[..., Bucket], fault: faults.Fault, taken: int
) -> None:
    """It says more than an ETag, which is looked at where the checksum is cut off, or not told."""
    aws.faults.next("PutObject", fault)
    with mock.patch.object(Body, "find_md5", autospec=True, side_effect=Body.find_md5) as find_md5:
        assert put(bucket_of()).created
    assert find_md5.call_count == taken


def test_another_store_may_repeat_a_checksum_that_it_never_looked_at(
    aws: FakeAws, bucket_of: Callable[..., Bucket]
) -> None:
    """There an ETag that is an MD5 is compared, whatever checksum is told."""
    bucket = bucket_of(options=TransferOptions(checksums="aws"), **elsewhere(aws, "https://s3.example.com"))
    aws.faults.next("PutObject", faults.WRONG_ETAG_ALONE)
    with pytest.raises(IntegrityError, match="is not that of the bytes sent"):
        put(bucket)


@pytest.mark.parametrize("told", [True, False])
def test_a_large_body_is_read_again_only_for_an_md5_that_is_needed(
    aws: FakeAws, bucket_of: Callable[..., Bucket], *, told: bool
) -> None:
    """It lies on disk, perhaps; what was read once is found again."""
    bucket = bucket_of(
        options=TransferOptions(checksums="aws"), **({} if told else elsewhere(aws, "https://s3.a.example"))
    )
    data, read = bytes(range(256)) * 2**14, 0

    def read_at(offset: int, size: int) -> bytes:
        nonlocal read
        read += len(found := data[offset : offset + size])
        return found

    body = Body(Piece(read_at, 0, len(data)), hashlib.sha256(data).digest())
    assert bucket.put(KEY, body, content_type="a/b").created
    assert aws.store.objects[KEY].data == data
    assert read == len(data) * (1 if told else 2)


@pytest.mark.parametrize("on_aws", [True, False])
def test_an_etag_of_kms_is_no_md5(aws: FakeAws, bucket_of: Callable[..., Bucket], *, on_aws: bool) -> None:
    """32 hex digits all the same, and not compared, on stores that tell no checksum either."""
    encryption = {"key_arn": "arn:aws:kms:eu-west-1:111122223333:key/1234"}
    outcome = put(bucket_of(encryption=encryption, **({} if on_aws else elsewhere(aws, "https://s3.example.com"))))
    assert outcome.created
    assert outcome.etag != hashlib.md5(DATA, usedforsecurity=False).hexdigest()


def test_a_version_is_told(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """Deleting in a versioned bucket leaves the version, which the caller must know."""
    bucket = bucket_of(auth=aws.user)
    assert put(bucket).version_id is None
    assert not bucket.delete(KEY).marker
    aws.store.versioned = True
    assert put(bucket).version_id.startswith("version")
    assert bucket.delete(KEY).marker


def test_a_weak_etag_is_one(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """A proxy that compresses answers makes it so; the store knows the strong one."""
    for operation in ("PutObject", "UploadPart", "CompleteMultipartUpload"):
        aws.faults.always(operation, faults.WEAK_ETAG)
    bucket = bucket_of()
    made = put(bucket)
    assert (made.created, made.confirmed, made.etag) == (True, True, aws.store.objects[KEY].etag)
    key = f"{KEY}.2"
    upload_id = bucket.multipart.create(key, content_type="application/gzip")
    parts = [bucket.multipart.upload_part(key, upload_id, 1, DATA)]
    crc32 = base64.b64encode(zlib.crc32(DATA).to_bytes(4, "big")).decode()
    done = bucket.multipart.complete(key, upload_id, parts, size=len(DATA), crc32=crc32)
    assert (done.created, done.etag) == (True, aws.store.objects[key].etag)
    assert len(aws.log) == 5
