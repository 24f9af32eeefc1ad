"""The wire: what each request carries, what it never carries, and that nothing around the process changes it."""

from __future__ import annotations

import base64
import hashlib
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from fake import FakeAws, Request, faults

from s3dest import AccessDeniedError, IntegrityError, S3DestError, StateError, TransferOptions, WrongRegionError
from s3dest.errors import CredentialsError, RequestError, TransportError
from s3dest.piece import Piece
from s3dest.s3 import Body, Bucket
from s3dest.version import __version__
from s3dest.wire import ignore

KEY = "vendor/exports/orders/a b.jsonl.gz"
DATA = b"rows" * 10
SHA256 = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
MD5 = base64.b64encode(hashlib.md5(DATA, usedforsecurity=False).digest()).decode()


@pytest.fixture
def bucket_of(aws: FakeAws) -> Iterator[Callable[..., Bucket]]:
    """Make buckets, and close them afterwards."""
    made = []

    def make(*, options: TransferOptions | None = None, **changes: Any) -> Bucket:
        bucket = Bucket(aws.config(**changes), aws.vendor, options or TransferOptions(), clock=aws.clock.injected)
        made.append(bucket)
        return bucket

    yield make
    for bucket in made:
        bucket.close()


def put(bucket: Bucket, data: bytes = DATA, **more: Any) -> Any:
    """Put an object."""
    return bucket.put(KEY, Body.of(data), content_type="application/gzip", **more)


def sent(aws: FakeAws, bucket: Bucket, **more: Any) -> Request:
    """Put an object and return the request."""
    assert put(bucket, **more).created
    return aws.requests("PutObject")[-1]


def elsewhere(aws: FakeAws, url: str) -> dict[str, Any]:
    """Describe a store that is not AWS."""
    aws.store.region = "us-east-1"
    return {"endpoint_url": url, "region": "us-east-1", "auth": aws.user}


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
    bucket.upload_part(KEY, bucket.create_upload(KEY, content_type="x"), 1, DATA)
    for operation, headers in (("PutObject", expected), ("CreateMultipartUpload", expected), ("UploadPart", {})):
        (request,) = aws.requests(operation)
        assert {name: value for name, value in request.headers.items() if "encryption" in name} == headers


def test_the_storage_class_is_the_datas_alone(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """A manifest must be readable at once."""
    bucket = bucket_of(storage_class="GLACIER")
    assert sent(aws, bucket).headers["x-amz-storage-class"] == "GLACIER"
    aws.store.objects.clear()
    assert "x-amz-storage-class" not in sent(aws, bucket, manifest=True).headers


def test_an_upload_on_aws_is_checked_from_end_to_end(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """The algorithm is named at the beginning, each part has its CRC32, the end has that of all, and the size."""
    aws.store.smallest_part = 1
    bucket = bucket_of()
    upload_id = bucket.create_upload(KEY, content_type="x")
    parts = [bucket.upload_part(KEY, upload_id, number, DATA) for number in (1, 2)]
    whole = base64.b64encode(zlib.crc32(DATA * 2).to_bytes(4)).decode()
    assert bucket.complete_upload(KEY, upload_id, parts, size=2 * len(DATA), crc32=whole).created
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
    upload_id = bucket.create_upload(KEY, content_type="x")
    part = bucket.upload_part(KEY, upload_id, 1, DATA)
    assert bucket.complete_upload(KEY, upload_id, [part], size=len(DATA), crc32="").created
    assert aws.requests("UploadPart")[0].headers["content-md5"] == MD5
    for request in aws.log:
        assert not [name for name in request.headers if "checksum" in name or "mp-object-size" in name]
    assert aws.requests("CompleteMultipartUpload")[0].headers["if-none-match"] == "*"


@pytest.mark.parametrize("endpoint_url", [None, "https://s3.example.com"])
def test_no_request_has_an_acl_or_a_tag(
    aws: FakeAws, bucket_of: Callable[..., Bucket], endpoint_url: str | None
) -> None:
    """They would need further actions, and every creating request is conditional."""
    aws.store.allowed |= {"s3:AbortMultipartUpload"}
    bucket = bucket_of(**elsewhere(aws, endpoint_url) if endpoint_url else {}, storage_class="STANDARD_IA")
    put(bucket)
    put(bucket, manifest=True)
    upload_id = bucket.create_upload(KEY, content_type="x")
    bucket.upload_part(KEY, upload_id, 1, DATA)
    bucket.abort_upload(KEY, upload_id)
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


@pytest.mark.parametrize(("size", "asks"), [(0, False), (1024 * 1024, False), (1024 * 1024 + 1, True)])
def test_only_large_bodies_ask_first(
    aws: FakeAws,
    bucket_of: Callable[..., Bucket],
    size: int,
    asks: bool,  # noqa: FBT001  # the table's column
) -> None:
    """``Expect: 100-continue`` costs a small put a round trip."""
    bucket = bucket_of()
    assert put(bucket, bytes(size)).created
    bucket.upload_part(KEY, bucket.create_upload(KEY, content_type="x"), 1, bytes(size))
    for operation in ("PutObject", "UploadPart"):
        assert ("expect" in aws.requests(operation)[0].headers) is asks


def test_us_east_1_is_a_region_like_any_other(
    aws: FakeAws, bucket_of: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The global host would let a bucket of any region pass; not even the environment brings it back."""
    monkeypatch.setenv("AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "legacy")
    aws.store.region = "us-east-1"
    assert sent(aws, bucket_of(region="us-east-1")).host == "acme-lake.s3.us-east-1.amazonaws.com"


def test_the_customers_log_tells_who_came(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """The user agent names the library and its version."""
    assert f"s3dest/{__version__}" in sent(aws, bucket_of()).headers["user-agent"]


def test_the_environment_changes_nothing(
    aws: FakeAws, bucket_of: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Endpoints, profiles, keys, retries and checksum modes of the host are its own affair."""
    volatile = {"authorization", "amz-sdk-invocation-id", "x-amz-date", "x-amz-security-token", "user-agent"}

    def fixed(request: Request) -> tuple[str, dict[str, str]]:
        return request.url, {name: value for name, value in request.headers.items() if name not in volatile}

    before = fixed(sent(aws, bucket_of()))
    aws.store.objects.clear()
    settings = tmp_path / "config"
    settings.write_text(
        "[profile mine]\nregion = ap-south-1\nrole_arn = arn:aws:iam::999999999999:role/x\nsource_profile = mine\n"
        "s3 =\n  addressing_style = path\n  use_accelerate_endpoint = true\n  payload_signing_enabled = true\n"
        "services = local\nmax_attempts = 7\n[services local]\ns3 =\n  endpoint_url = http://localhost:1\n"
    )
    for name, value in {
        "AWS_CONFIG_FILE": str(settings),
        "AWS_ACCESS_KEY_ID": "AKIAELSE",
        "AWS_SECRET_ACCESS_KEY": "else",
        "AWS_SESSION_TOKEN": "else",
        "AWS_DEFAULT_REGION": "ap-south-1",
        "AWS_ENDPOINT_URL": "http://localhost:1",
        "AWS_ENDPOINT_URL_S3": "http://localhost:1",
        "AWS_MAX_ATTEMPTS": "7",
        "AWS_RETRY_MODE": "adaptive",
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_supported",
    }.items():
        monkeypatch.setenv(name, value)
    for profile in ("mine", "absent"):
        monkeypatch.setenv("AWS_PROFILE", profile)
        assert fixed(sent(aws, bucket_of())) == before
        aws.store.objects.clear()


def test_one_try_is_one_request(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """Botocore's own retries are off: each is seen, counted and waited for by the one retry layer."""
    aws.faults.next("PutObject", faults.INTERNAL_ERROR, faults.SLOW_DOWN, faults.LOST_REQUEST)
    outcome = put(bucket_of())
    assert aws.operations == ["AssumeRole", *["PutObject"] * 4]
    assert len(aws.clock.slept) == 3
    assert (outcome.created, outcome.ambiguous) == (True, True)
    attempts = {request.headers["amz-sdk-request"].partition(";")[0] for request in aws.requests("PutObject")}
    assert attempts == {"attempt=1"}


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


@pytest.mark.usefixtures("aws")
def test_an_etag_of_kms_is_no_md5(bucket_of: Callable[..., Bucket]) -> None:
    """32 hex digits all the same, and not compared."""
    encryption = {"key_arn": "arn:aws:kms:eu-west-1:111122223333:key/1234"}
    outcome = put(bucket_of(encryption=encryption))
    assert outcome.created
    assert outcome.etag != hashlib.md5(DATA, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("region", ["eu-north-1", None])
def test_a_wrong_region_is_shown_and_not_mended(
    aws: FakeAws, bucket_of: Callable[..., Bucket], region: str | None
) -> None:
    """Botocore would ask HeadBucket and go elsewhere; here the one request fails, naming the region if S3 does."""
    aws.faults.always("PutObject", faults.moved(region))
    with pytest.raises(WrongRegionError) as caught:
        put(bucket_of())
    assert caught.value.region == region
    assert aws.operations == ["AssumeRole", "PutObject"]


@pytest.mark.parametrize(
    "answer",
    [
        faults.refusal(
            400,
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'eu-north-1'",
            Region="eu-north-1",
        ),
        faults.refusal(400, "IllegalLocationConstraintException", "The me-south-1 location constraint is incompatible"),
        faults.refusal(307, "TemporaryRedirect", "Please re-send this request to the specified temporary endpoint."),
    ],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
def test_other_words_for_a_wrong_region(aws: FakeAws, bucket_of: Callable[..., Bucket], answer: faults.Fault) -> None:
    """None of them starts botocore's redirector either."""
    aws.faults.always("PutObject", answer)
    with pytest.raises(WrongRegionError):
        put(bucket_of())
    assert aws.operations == ["AssumeRole", "PutObject"]


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
    upload_id = bucket.create_upload(KEY, content_type="application/gzip")
    parts = [bucket.upload_part(KEY, upload_id, 1, DATA)]
    crc32 = base64.b64encode(zlib.crc32(DATA).to_bytes(4, "big")).decode()
    complete = partial(bucket.complete_upload, KEY, upload_id, parts, size=len(DATA), crc32=crc32)
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


def test_a_dead_session_is_renewed_once_and_without_waiting(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """``ExpiredToken`` forces one new session and one more try; the second one is told."""
    bucket = bucket_of()
    put(bucket)
    aws.faults.next("PutObject", faults.EXPIRED_TOKEN)
    assert not put(bucket).created
    assert aws.operations.count("AssumeRole") == 2
    aws.faults.next("PutObject", faults.EXPIRED_TOKEN, faults.EXPIRED_TOKEN)
    with pytest.raises(CredentialsError) as caught:
        put(bucket)
    assert caught.value.code == "session_expired"
    assert aws.operations.count("AssumeRole") == 3
    assert aws.clock.slept == []


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "TokenRefreshRequired"])
def test_keys_of_a_session_that_s3_does_not_take_are_renewed(
    aws: FakeAws, bucket_of: Callable[..., Bucket], code: str
) -> None:
    """Whatever S3 calls it: nobody has mistyped them."""
    aws.faults.next("PutObject", faults.refusal(403, code))
    assert put(bucket_of()).created
    assert aws.operations == ["AssumeRole", "PutObject", "AssumeRole", "PutObject"]


def test_a_users_keys_cannot_be_renewed(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """There is nobody to ask."""
    aws.faults.next("PutObject", faults.EXPIRED_TOKEN)
    with pytest.raises(CredentialsError):
        put(bucket_of(auth=aws.user))
    assert aws.operations == ["PutObject"]


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
    upload_id = bucket.create_upload(key, content_type="application/gzip")
    parts = [bucket.upload_part(key, upload_id, 1, DATA)]
    crc32 = base64.b64encode(zlib.crc32(DATA).to_bytes(4, "big")).decode()
    done = bucket.complete_upload(key, upload_id, parts, size=len(DATA), crc32=crc32)
    assert (done.created, done.etag) == (True, aws.store.objects[key].etag)
    assert len(aws.log) == 5


REVOKED = faults.refusal(
    403,
    "AccessDenied",
    "User: arn:aws:sts::111122223333:assumed-role/r/s is not authorized to perform: s3:PutObject on resource: "
    '"arn:aws:s3:::acme-lake/x" with an explicit deny in an identity-based policy',
)


def test_a_session_that_was_revoked_is_replaced(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """IAM denies everything to sessions older than the click; a denial that stays costs one session a minute."""
    bucket = bucket_of()
    assert put(bucket).created
    aws.clock.advance(600)
    aws.faults.next("PutObject", REVOKED)
    assert not put(bucket).created
    assert aws.operations.count("AssumeRole") == 2
    aws.faults.always("PutObject", REVOKED)
    for _ in range(5):
        with pytest.raises(AccessDeniedError):
            put(bucket)
    assert aws.operations.count("AssumeRole") == 2
    aws.clock.advance(600)
    with pytest.raises(AccessDeniedError):
        put(bucket)
    assert aws.operations.count("AssumeRole") == 3


@pytest.mark.parametrize(
    "answer", [faults.sts_refusal(503, "ServiceUnavailable"), faults.sts_refusal(403, "AccessDenied")]
)
def test_a_denial_is_told_whatever_sts_says_to_it(
    aws: FakeAws, bucket_of: Callable[..., Bucket], answer: faults.Fault
) -> None:
    """The old session is valid; and STS is not asked for each denial."""
    bucket = bucket_of()
    assert put(bucket).created
    aws.clock.advance(600)
    aws.faults.always("PutObject", REVOKED)
    aws.faults.always("AssumeRole", answer)
    for _ in range(5):
        with pytest.raises(AccessDeniedError) as caught:
            put(bucket)
        assert caught.value.code == "denied_by_identity_policy"
    assert aws.operations.count("AssumeRole") == 2
    assert aws.operations.count("PutObject") == 6


def test_who_waits_for_a_lane_has_its_whole_deadline(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """Where many writers commit at once, the last of them would have no try to lose."""
    bucket = bucket_of(options=TransferOptions(concurrency=1, deadline=timedelta(minutes=1)))
    bucket.open_session()
    aws.faults.next("PutObject", faults.INTERNAL_ERROR)
    lanes = bucket._wire._lanes
    with ThreadPoolExecutor(1) as pool:
        with lanes.taken():
            waiting = pool.submit(put, bucket)
            while not lanes._free._waiters:  # type: ignore[attr-defined]  # Condition's own
                time.sleep(0.001)
            aws.clock.advance(600)
        assert waiting.result(20).created


def test_a_deadline_ends_the_tries(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """All tries of one request together; the last error is raised."""
    aws.faults.always("PutObject", faults.CONNECT_TIMED_OUT.after(10))
    with pytest.raises(TransportError) as caught:
        put(bucket_of(options=TransferOptions(deadline=timedelta(seconds=60))))
    began = aws.clock.now()
    assert caught.value.code == "connect_timed_out"
    assert began - 1000 <= 60 + 10
    assert 3 <= len(aws.requests("PutObject")) <= 7


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
    upload_id = bucket.create_upload(KEY, content_type="x")
    aws.faults.next("UploadPart", fault)
    assert bucket.upload_part(KEY, upload_id, 1, DATA).etag == hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    assert len(aws.requests("UploadPart")) == 2


@pytest.mark.parametrize("code", [b"<Code>SlowDown</Code><Code>Other</Code>", b"<Code><a>x</a></Code>"])
@pytest.mark.parametrize("status", [403, 503])
def test_a_code_that_is_no_text_is_a_fault_of_the_answer(
    aws: FakeAws, bucket_of: Callable[..., Bucket], status: int, code: bytes
) -> None:
    """Botocore cannot look it up; the request is tried again, and its frames hold the token, and are left behind."""
    bucket = bucket_of(options=TransferOptions(deadline=timedelta(seconds=1)))
    aws.faults.always("PutObject", faults.bare(status, b"<Error>" + code + b"</Error>", content_type="application/xml"))
    with pytest.raises(RequestError) as caught:
        put(bucket)
    error = caught.value
    assert (error.code, error.owner, error.retryable, error.ambiguous) == ("answer_lost", "network", True, True)
    assert error.__cause__ is None
    assert len(aws.requests("PutObject")) > 1
