"""One request and its tries: where it goes, whose keys it has, when it is sent again, and when no more."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from fake import Answer, FakeAws, Request, faults
from one_object import KEY, put, sent

from s3dest import AccessDeniedError, TransferOptions, WrongRegionError
from s3dest.creation import Creation
from s3dest.errors import CredentialsError, RequestError, ThrottledError, TransportError
from s3dest.retry import Clock
from s3dest.s3 import Bucket
from s3dest.version import __version__


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
    bucket.multipart.upload_part(KEY, bucket.multipart.create(KEY, content_type="x"), 1, bytes(size))
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


def test_a_dead_session_is_renewed_once_and_without_waiting(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """``ExpiredToken`` forces one new session and one more try; the second one is told, and may help its caller."""
    bucket = bucket_of()
    put(bucket)
    aws.faults.next("PutObject", faults.EXPIRED_TOKEN)
    assert not put(bucket).created
    assert aws.operations.count("AssumeRole") == 2
    aws.faults.next("PutObject", faults.EXPIRED_TOKEN, faults.EXPIRED_TOKEN)
    with pytest.raises(CredentialsError) as caught:
        put(bucket)
    assert (caught.value.code, caught.value.retryable) == ("session_expired", True)
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


def test_a_session_that_another_thread_has_replaced_is_taken(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """It was revoked for both: who is denied later needs no session more, and has the one there is."""
    bucket = bucket_of()
    assert put(bucket).created
    aws.clock.advance(600)

    def other(request: Request, answer: Answer) -> Answer:
        assert not put(bucket).created
        return REVOKED.twist(request, answer)

    aws.faults.next("PutObject", faults.Fault("another thread", other), REVOKED)
    assert not put(bucket).created
    assert aws.operations == ["AssumeRole", *["PutObject"] * 3, "AssumeRole", *["PutObject"] * 2]


def test_a_session_that_another_thread_is_replacing_is_waited_for(
    aws: FakeAws, bucket_of: Callable[..., Bucket]
) -> None:
    """All requests under way are denied at once."""
    bucket = bucket_of()
    assert put(bucket).created
    aws.clock.advance(600)
    others: list[Future[Creation]] = []
    aws.faults.next("PutObject", REVOKED, REVOKED)
    with ThreadPoolExecutor(1) as pool:

        def deny_another() -> None:
            others.append(pool.submit(put, bucket))
            while aws.operations.count("PutObject") < 3:
                time.sleep(0.001)
            time.sleep(0.02)

        aws.faults.next("AssumeRole", faults.meanwhile(deny_another))
        assert not put(bucket).created
        assert not others[0].result(20).created
    assert aws.operations.count("AssumeRole") == 2


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


def test_no_try_begins_after_the_deadline_for_want_of_a_lane(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """Other requests may keep all lanes; what the try before failed by is told."""
    bucket = bucket_of(options=TransferOptions(concurrency=2, deadline=timedelta(minutes=1)))
    lanes = bucket._wire._lanes
    limits: list[int] = []

    def wait(_seconds: float) -> None:
        """Let somebody take all lanes between two tries, for ten minutes."""
        taken = lanes._taken
        lanes._taken = lanes.limit
        limits.append(lanes.limit)

        def end() -> None:
            while not lanes._free._waiters:  # type: ignore[attr-defined]  # Condition's own
                time.sleep(0.001)
            aws.clock.advance(600)
            with lanes._free:
                lanes._taken = taken
                lanes._free.notify_all()

        pool.submit(end)

    aws.faults.always("PutObject", faults.SLOW_DOWN)
    bucket._wire._clock = replace(aws.clock.injected, sleep=wait)
    with ThreadPoolExecutor(1) as pool, pytest.raises(ThrottledError) as caught:
        put(bucket)
    assert isinstance(caught.value.__cause__, ClientError)
    assert caught.value.__context__ in {None, caught.value.__cause__}
    assert aws.operations.count("PutObject") == 1
    assert limits == [1]


def test_no_try_waits_for_a_lane_beyond_the_deadline(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """Requests that hang may keep all lanes for as long as they like."""
    bucket = bucket_of(options=TransferOptions(concurrency=2, deadline=timedelta(seconds=0.2)))
    lanes = bucket._wire._lanes

    def take_all(_seconds: float) -> None:
        lanes._taken = lanes.limit

    aws.faults.always("PutObject", faults.SLOW_DOWN)
    bucket._wire._clock = Clock(sleep=take_all)
    with pytest.raises(ThrottledError):
        put(bucket)
    assert aws.operations.count("PutObject") == 1


def test_a_deadline_ends_the_tries(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """All tries of one request together; the last error is raised."""
    aws.faults.always("PutObject", faults.CONNECT_TIMED_OUT.after(10))
    with pytest.raises(TransportError) as caught:
        put(bucket_of(options=TransferOptions(deadline=timedelta(seconds=60))))
    began = aws.clock.now()
    assert caught.value.code == "connect_timed_out"
    assert began - 1000 <= 60 + 10
    assert 3 <= len(aws.requests("PutObject")) <= 7


def test_a_deadline_counts_what_it_costs_to_get_keys(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """An STS that fails slowly has no tries beyond it, and the log says whose they are."""
    aws.faults.always("AssumeRole", faults.sts_refusal(503, "ServiceUnavailable").after(40))
    with pytest.raises(CredentialsError):
        put(bucket_of(options=TransferOptions(deadline=timedelta(seconds=60))))
    assert aws.operations == ["AssumeRole"] * 2


def test_a_renewed_session_that_comes_too_late_is_not_used(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """When the deadline is over, no request begins."""
    bucket = bucket_of(options=TransferOptions(deadline=timedelta(seconds=60)))
    bucket.open_session()
    aws.faults.next("PutObject", faults.EXPIRED_TOKEN.after(40))
    aws.faults.next("AssumeRole", faults.meanwhile(lambda: None).after(40))
    with pytest.raises(CredentialsError):
        put(bucket)
    assert aws.operations == ["AssumeRole", "PutObject", "AssumeRole"]


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
