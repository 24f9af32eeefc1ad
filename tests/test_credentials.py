"""Sessions of the customer's role: how many, how long, with which words, and what happens when STS fails."""

from __future__ import annotations

import json
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.credentials import Credentials, ReadOnlyCredentials
from fake import FakeAws, faults
from fake.world import EXTERNAL_ID, ROLE_ARN

from s3dest import AmbientIdentity, CredentialsError, Destination, TransferOptions, WebIdentity, policies
from s3dest.answer_time import _LIMIT
from s3dest.body import Body
from s3dest.credentials import KeyProvider, RoleCredentials
from s3dest.retry import Clock
from s3dest.role_sessions import Keys, RoleSessions
from s3dest.s3 import Bucket
from s3dest.sdk import session_with

MINUTES = 60.0
BODY = Body.of(b"x")
DENIED = faults.sts_refusal(403, "AccessDenied", "User: X is not authorized to perform: sts:AssumeRole")


@pytest.fixture
def bucket_of(aws: FakeAws) -> Iterator[Callable[..., Bucket]]:
    """Make buckets, and close them afterwards."""
    made = []

    def make(identity: Any = None, *, purpose: Any = "append", **auth: Any) -> Bucket:
        config = aws.config(auth={"role_arn": ROLE_ARN, "external_id": EXTERNAL_ID, **auth})
        options = TransferOptions(deadline=timedelta(seconds=5))
        bucket = Bucket(config, identity or aws.vendor, options, purpose=purpose, clock=aws.clock.injected)
        made.append(bucket)
        return bucket

    yield make
    for bucket in made:
        bucket.close()


def put(bucket: Bucket) -> None:
    """Put the same object once more, as a request that needs keys."""
    bucket.put("vendor/exports/x", BODY, content_type="text/plain")


def sessions(aws: FakeAws) -> int:
    """Count the sessions opened, and the attempts at it."""
    return sum(operation.startswith("AssumeRole") for operation in aws.operations)


@pytest.mark.parametrize("minutes", [15, 60, 720])
def test_many_puts_share_one_session(aws: FakeAws, bucket_of: Callable[..., Bucket], minutes: int) -> None:
    """Also with the shortest sessions, for which botocore's own windows would ask STS for each request."""
    aws.sts.longest = 43_200
    bucket = bucket_of(duration=timedelta(minutes=minutes))
    for _ in range(20):
        put(bucket)
    assert sessions(aws) == 1
    assert aws.requests("AssumeRole")[0].form["DurationSeconds"] == str(minutes * 60)


@pytest.mark.parametrize(
    ("life", "quiet", "renewed"),
    [(15 * MINUTES, 11.2 * MINUTES, 12.1 * MINUTES), (60 * MINUTES, 44.9 * MINUTES, 48.1 * MINUTES)],
)
def test_a_session_is_renewed_in_its_last_quarter(
    aws: FakeAws, bucket_of: Callable[..., Bucket], life: float, quiet: float, renewed: float
) -> None:
    """The window is scaled to the session's life, at most a quarter of an hour, and begins at random within a fifth."""
    bucket = bucket_of(duration=timedelta(seconds=life))
    put(bucket)
    aws.clock.advance(quiet)
    put(bucket)
    assert sessions(aws) == 1
    aws.clock.advance(renewed - quiet)
    put(bucket)
    put(bucket)
    assert sessions(aws) == 2


def test_twenty_threads_open_one_session(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """At first use, and again when the keys have died."""
    bucket = bucket_of()
    for expected in (1, 2):
        barrier = threading.Barrier(20)

        def use(barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            put(bucket)

        threads = [threading.Thread(target=use) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sessions(aws) == expected
        assert {request.status for request in aws.requests("PutObject")} <= {200, 412}
        aws.clock.advance(3600)


def test_others_go_on_with_the_old_keys_while_one_renews(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """A slow STS holds up one thread, not all of them."""
    bucket = bucket_of()
    put(bucket)
    aws.clock.advance(50 * MINUTES)
    aws.faults.next("AssumeRole", faults.meanwhile(lambda: put(bucket)))  # would hang if it had to wait
    put(bucket)
    old, new, _ = (request.access_key for request in aws.requests("PutObject"))
    assert old == new  # the one sent meanwhile
    assert sessions(aws) == 2


def test_valid_keys_are_used_to_their_end(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """While STS fails it is asked again after waits that double, and only dead keys are an error."""
    bucket = bucket_of()
    put(bucket)
    aws.faults.always("AssumeRole", DENIED)
    aws.clock.advance(48.1 * MINUTES)
    for _ in range(11 * 60):
        put(bucket)
        aws.clock.advance(1)
    assert 5 <= sessions(aws) <= 25
    aws.clock.advance(60)
    with pytest.raises(CredentialsError) as caught:
        put(bucket)
    assert caught.value.code == "role_not_assumable"
    aws.faults.clear()
    put(bucket)


def test_a_failed_renewal_is_a_warning(
    aws: FakeAws, bucket_of: Callable[..., Bucket], caplog: pytest.LogCaptureFixture
) -> None:
    """With the time that is left."""
    bucket = bucket_of()
    put(bucket)
    aws.faults.always("AssumeRole", DENIED)
    aws.clock.advance(50 * MINUTES)
    with caplog.at_level(logging.DEBUG, "s3dest"):
        put(bucket)
    (message,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert message.startswith("no new session (role_not_assumable); the keys in use are valid for 600 s, next try in ")


def test_waiting_threads_share_a_failure() -> None:
    """Those that waited for a session that was refused do not ask once more each; all are told."""
    calls: list[int] = []
    others = 5

    def refuse() -> Keys:
        calls.append(1)
        while lock.waiting < others:
            waited.wait(0.01)
        raise CredentialsError(code="role_not_assumable")

    class Lock:
        """A lock that counts who waits for it."""

        def __init__(self) -> None:
            self.real = threading.Lock()
            self.waiting = -1

        def __enter__(self) -> None:
            self.waiting += 1
            self.real.acquire()

        def __exit__(self, *_: object) -> None:
            self.real.release()

    lock, waited = Lock(), threading.Event()
    credentials = RoleCredentials(refuse, clock=Clock())
    credentials.__dict__["_lock"] = lock
    errors: list[BaseException] = []

    def use() -> None:
        try:
            credentials.get_frozen_credentials()
        except CredentialsError as error:
            errors.append(error)

    threads = [threading.Thread(target=use) for _ in range(others + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(calls) == 1
    assert len(set(map(id, errors))) == others + 1  # each its own, with its own traceback


def test_a_refused_duration_is_lowered_once_and_for_good(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """To the hour that every role grants, also under role chaining."""
    for text in (
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    ):
        aws.log.clear()
        aws.sts.too_long = text
        bucket = bucket_of(duration=timedelta(hours=12))
        put(bucket)
        aws.clock.advance(3600)
        put(bucket)
        asked = [request.form["DurationSeconds"] for request in aws.requests("AssumeRole")]
        assert asked == ["43200", "3600", "3600"]


@pytest.mark.parametrize(("refusals", "code"), [(1, None), (2, "sts_refused")])
def test_a_refusal_without_words_may_be_the_durations(
    aws: FakeAws, bucket_of: Callable[..., Bucket], refusals: int, code: str | None
) -> None:
    """As Ceph's is, where a session is to be longer than the role's maximum."""
    aws.faults.next("AssumeRole", *[faults.sts_refusal(400, "InvalidArgument")] * refusals)
    bucket = bucket_of(duration=timedelta(hours=12))
    if code is None:
        put(bucket)
    else:
        with pytest.raises(CredentialsError) as caught:
            put(bucket)
        assert caught.value.code == code
    assert [request.form["DurationSeconds"] for request in aws.requests("AssumeRole")] == ["43200", "3600"]


def test_an_hour_that_is_refused_is_an_error(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """There is nothing less to ask for."""
    aws.sts.longest = 900
    with pytest.raises(CredentialsError) as caught:
        bucket_of().open_session()
    assert caught.value.code == "session_duration"
    assert sessions(aws) == 1


def test_what_assume_role_is_asked(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """Role, session name, external id and the narrowing policy; no tags, no source identity."""
    bucket_of().open_session()
    (request,) = aws.requests("AssumeRole")
    assert {name: value for name, value in request.form.items() if name != "Policy"} == {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": ROLE_ARN,
        "RoleSessionName": "s3dest-acme-lake",
        "DurationSeconds": "3600",
        "ExternalId": EXTERNAL_ID,
    }


def test_no_external_id_is_none_at_all(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """An empty one would be refused."""
    aws.sts.external_id = None
    bucket_of(external_id=None).open_session()
    assert "ExternalId" not in aws.requests("AssumeRole")[0].form


@pytest.mark.parametrize("purpose", ["append", "setup-check"])
def test_a_session_is_narrowed_to_its_purpose(aws: FakeAws, bucket_of: Callable[..., Bucket], purpose: Any) -> None:
    """Only the set-up check's session may delete, and only in the probe folder."""
    bucket_of(purpose=purpose).open_session()
    policy = json.loads(aws.requests("AssumeRole")[0].form["Policy"])
    assert policy == policies.session(aws.config(), purpose=purpose)
    deleting = [statement for statement in policy["Statement"] if "s3:DeleteObject" in statement["Action"]]
    assert bool(deleting) is (purpose == "setup-check")


def test_a_session_need_not_be_narrowed(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """For stores that know no session policies."""
    bucket_of(session_policy=False).open_session()
    assert "Policy" not in aws.requests("AssumeRole")[0].form


def test_a_session_name_can_be_given(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """So that the customer's CloudTrail shows the vendor's own words."""
    bucket_of(session_name="acme@vendor").open_session()
    assert aws.requests("AssumeRole")[0].form["RoleSessionName"] == "acme@vendor"


@pytest.mark.parametrize(
    ("own", "bucket", "host"),
    [
        ("eu-central-1", "eu-west-1", "sts.eu-central-1.amazonaws.com"),
        (None, "eu-west-1", "sts.eu-west-1.amazonaws.com"),
        (None, "us-east-1", "sts.us-east-1.amazonaws.com"),
        ("us-east-1", "cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_sts_is_regional(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, own: str | None, bucket: str, host: str
) -> None:
    """The vendor's own region where that can serve the role, never the global host, whatever the environment says."""
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    if own:
        monkeypatch.setenv("AWS_DEFAULT_REGION", own)
    partition = "aws-cn" if bucket.startswith("cn-") else "aws"
    auth = {"role_arn": ROLE_ARN.replace("arn:aws:", f"arn:{partition}:"), "external_id": EXTERNAL_ID}
    hosts_own = boto3.Session(aws_access_key_id="AKIAHOST", aws_secret_access_key="host")
    aws.destination(region=bucket, auth=auth, identity=AmbientIdentity(hosts_own)).check()
    assert aws.log[0].host == host


def test_sts_is_regional_for_a_token_too(
    aws: FakeAws, bucket_of: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before botocore 1.40, and by the environment's word, the default is global."""
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    bucket_of(WebIdentity(lambda: "token")).open_session()
    assert aws.log[0].host == "sts.eu-west-1.amazonaws.com"


def test_the_ambient_session_is_the_environments(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an identity boto3's default session signs the call to STS, and no other."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAAMBIENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ambient")
    destination = Destination(aws.config())
    assert destination.check().ok
    signers = {request.operation == "AssumeRole": request.access_key for request in aws.log}
    assert signers == {True: "AKIAAMBIENT", False: "ASIAFAKE000000000001"}


def test_a_users_keys_win_over_the_environments(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor's own keys must never sign a request to a customer's bucket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAAMBIENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ambient")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "ambient")
    assert aws.destination(auth=aws.user).check().ok
    assert {request.access_key for request in aws.log} == {aws.user.access_key_id}
    assert not any("x-amz-security-token" in request.headers for request in aws.log)


@pytest.fixture(
    params=[
        ("AWS_CONFIG_FILE", "[default\nfoo"),
        ("AWS_SHARED_CREDENTIALS_FILE", "[default\nfoo"),
        ("AWS_ACCOUNT_ID_ENDPOINT_MODE", "bogus"),
        ("AWS_DEFAULTS_MODE", "bogus"),
        ("AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", "bogus"),
        ("AWS_STS_REGIONAL_ENDPOINTS", "bogus"),
    ],
    ids=lambda param: param[0],
)
def _broken_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Set a variable of AWS's to what botocore does not take, or to a file that holds that."""
    name, value = request.param
    if name.endswith("_FILE"):
        (tmp_path / "settings").write_text(value)
        value = str(tmp_path / "settings")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_broken_settings")
@pytest.mark.parametrize("way", ["user", "token"])
def test_who_needs_no_ambient_keys_minds_no_broken_settings(aws: FakeAws, way: str) -> None:
    """A config file that cannot be parsed, a variable with a typing error: they are about other sessions."""
    identity = WebIdentity(lambda: "token") if way == "token" else None
    assert Destination(aws.config(**({"auth": aws.user} if way == "user" else {})), identity=identity).check().ok


@pytest.mark.parametrize("way", ["user", "token"])
@pytest.mark.parametrize("odd", ["s3 = foo", "sso_session = x\nsso_account_id = 1\nsso_role_name = r"])
def test_the_config_files_profile_is_the_hosts(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str, odd: str
) -> None:
    """What is in it matters to sessions of the host's, but for the certificates that it trusts."""
    (tmp_path / "config").write_text(f"[default]\nca_bundle = mine.pem\n{odd}\n[profile other]\nca_bundle = x.pem\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    identity = WebIdentity(lambda: "token") if way == "token" else None
    assert Destination(aws.config(**({"auth": aws.user} if way == "user" else {})), identity=identity).check().ok
    assert session_with(None)._session.get_config_variable("ca_bundle") == "mine.pem"


def test_sts_has_little_time_while_the_old_keys_are_valid(aws: FakeAws) -> None:
    """A request waits for it, which could go with them; without any it waits as long as the options say."""
    ends: list[float | None] = []

    def open_session() -> Keys:
        ends.append(_LIMIT.end)
        return Keys(ReadOnlyCredentials("AKID", "secret", "token"), 1000.0, aws.clock.now() + 1000)

    credentials = RoleCredentials(open_session, clock=aws.clock.injected)
    credentials.current()
    aws.clock.advance(900)
    credentials.current()
    first, early = ends
    assert first is None
    assert early is not None
    assert early - time.monotonic() <= 5


@pytest.mark.usefixtures("_broken_settings")
def test_broken_settings_are_the_vendors_affair(aws: FakeAws) -> None:
    """Where the host's own session signs the call to STS: a check tells it, and no other exception comes out."""
    destination = Destination(aws.config())
    (finding,) = destination.check().findings
    assert (finding.code, finding.owner) == ("vendor_settings_wrong", "vendor")
    with pytest.raises(CredentialsError) as caught, destination.append("orders") as append:
        append.write({"id": 1})
    assert caught.value.code == "vendor_settings_wrong"


def test_missing_vendor_credentials_are_the_vendors_affair(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The customer is not blamed."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    report = Destination(aws.config()).check()
    assert [(finding.code, finding.owner) for finding in report.findings] == [("vendor_keys_missing", "vendor")]
    assert aws.log == []


SECRET_TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwb2QifQ.c2lnbmF0dXJl"


def refused(code: str, message: str, status: int = 400) -> Callable[[FakeAws, Path], None]:
    """Let STS refuse the vendor's own role."""

    def befall(aws: FakeAws, _token: Path) -> None:
        aws.faults.always("AssumeRoleWithWebIdentity", faults.sts_refusal(status, code, message))

    return befall


@pytest.mark.parametrize(
    ("befall", "told"),
    [
        (
            refused("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403),
            "vendor_keys_missing",
        ),
        (refused("InvalidIdentityToken", "No OpenIDConnect provider found in your account"), "vendor_keys_missing"),
        (refused("InvalidIdentityToken", "Incorrect token audience"), "vendor_keys_missing"),
        (refused("ValidationError", "DurationSeconds exceeds the MaxSessionDuration"), "vendor_keys_missing"),
        (refused("IDPCommunicationError", "Try again"), "issuer_unreachable"),
        (lambda _, token: token.unlink(), "vendor_keys_missing"),
        (lambda _, token: token.write_bytes(b"\xff" + SECRET_TOKEN.encode()), "vendor_keys_missing"),
    ],
    ids=["denied", "no provider", "audience", "duration", "unreachable", "no file", "no text"],
)
def test_a_role_of_the_vendors_own_is_not_taken_for_the_customers(
    aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    befall: Callable[[FakeAws, Path], None],
    told: str,
) -> None:
    """Botocore asks STS for the vendor's own keys, on EKS say; the customer can do nothing about what it answers."""
    token = tmp_path / "token"
    token.write_text(SECRET_TOKEN)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::999988887777:role/pod")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    befall(aws, token)
    destination = Destination(aws.config(), options=TransferOptions(deadline=timedelta(milliseconds=1)))
    with pytest.raises(CredentialsError) as caught:
        destination.append("orders").commit()
    assert (caught.value.code, caught.value.owner, caught.value.statement) == (told, "vendor", None)
    report = destination.check()
    assert [(finding.code, finding.owner) for finding in report.findings] == [(told, "vendor")]
    shown = "".join(traceback.format_exception(caught.value)) + report.to_markdown() + repr(caught.value.__cause__)
    assert "c2lnbmF0dXJl" not in shown
    destination.close()


def test_the_session_of_the_first_call_stays(
    aws: FakeAws, bucket_of: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever becomes boto3's default one meanwhile."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session_with(KeyProvider(Credentials("AKID", "secret"))))
    bucket = bucket_of(AmbientIdentity())
    put(bucket)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session_with(KeyProvider(Broken("AKID", "secret"))))
    aws.clock.advance(3600)
    put(bucket)
    assert aws.operations == ["AssumeRole", "PutObject"] * 2


class Broken(Credentials):
    """Keys that cannot be had."""

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Fail."""
        raise LookupError


def test_a_web_identity_needs_no_account(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """The call is unsigned and has no external id; the token comes fresh from its source for each session."""
    tokens = iter(["token-one", "token-two"])
    bucket = bucket_of(WebIdentity(lambda: next(tokens)))
    put(bucket)
    aws.clock.advance(3600)
    put(bucket)
    first, second = aws.requests("AssumeRoleWithWebIdentity")
    assert (first.form["WebIdentityToken"], second.form["WebIdentityToken"]) == ("token-one", "token-two")
    for request in (first, second):
        assert "authorization" not in request.headers
        assert not {"ExternalId", "Tags", "SourceIdentity"} & request.form.keys()
    assert json.loads(first.form["Policy"]) == policies.session(aws.config())
    assert first.host == "sts.eu-west-1.amazonaws.com"


def test_a_token_file_is_read_again(aws: FakeAws, bucket_of: Callable[..., Bucket], tmp_path: Path) -> None:
    """Kubernetes writes a new one into the same file."""
    path = tmp_path / "token"
    path.write_text("token-one\n")
    bucket = bucket_of(WebIdentity(path))
    put(bucket)
    path.write_text("token-two\n")
    aws.clock.advance(3600)
    put(bucket)
    asked = [request.form["WebIdentityToken"] for request in aws.requests("AssumeRoleWithWebIdentity")]
    assert asked == ["token-one", "token-two"]


def fails() -> str:
    """Be a token source that is broken."""
    raise LookupError


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (fails, "The source said: LookupError."),
        (lambda: "", "The source said: ValueError."),
        (lambda: 7, "The source said: ValueError."),
        (Path("/nowhere/token"), "The token file said: No such file or directory."),
        ("opaque-c2ln", "The token file said: No such file or directory."),
    ],
)
def test_a_broken_token_source_is_the_vendors_affair(
    aws: FakeAws, bucket_of: Callable[..., Bucket], source: Any, said: str
) -> None:
    """The cause is chained; nobody is asked. A token in the place of a path is not repeated."""
    with pytest.raises(CredentialsError) as caught:
        put(bucket_of(WebIdentity(source)))
    assert (caught.value.code, caught.value.owner) == ("token_source", "vendor")
    assert caught.value.message.endswith(said)
    assert "c2ln" not in str(caught.value)
    assert caught.value.__cause__ is not None
    assert aws.log == []


@pytest.mark.parametrize("token", ["eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "opaque-c2ln"])
def test_a_refused_token_is_not_repeated(aws: FakeAws, bucket_of: Callable[..., Bucket], token: str) -> None:
    """STS may quote it; our text does not, nor does the traceback."""
    fault = faults.sts_refusal(400, "ValidationError", f"the token {token} is odd")
    aws.faults.always("AssumeRoleWithWebIdentity", fault)
    with pytest.raises(CredentialsError) as caught:
        put(bucket_of(WebIdentity(lambda: token)))
    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert not any("c2ln" in str(error) or "c2ln" in repr(error) for error in chain)
    assert "(hidden)" in str(caught.value)


def test_a_cut_answer_is_not_repeated(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """Botocore's parser quotes what it cannot read, and in STS's answers that is keys."""
    cut = faults.bare(200, b"<AssumeRoleResponse><SecretAccessKey>session-SECRETKEY</SecretAccessKey><SessionTok")
    aws.faults.always("AssumeRole", cut)
    with pytest.raises(CredentialsError) as caught:
        bucket_of().open_session()
    text = "".join(traceback.format_exception(caught.value))
    assert "SECRETKEY" not in text
    assert caught.value.code == "sts_answer"


def require_life_of_an_hour(aws: FakeAws, bucket: Bucket) -> None:
    """Get keys, and see when they are renewed."""
    bucket.open_session()
    aws.clock.advance(44.9 * MINUTES)
    bucket.open_session()
    assert sessions(aws) == 1
    aws.clock.advance(15 * MINUTES)
    bucket.open_session()
    assert sessions(aws) == 2


@pytest.mark.parametrize("hours", [-26, -1, 1, 26])
def test_a_wrong_clock_of_the_host_matters_not(
    aws: FakeAws, bucket_of: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """A session's life is counted by STS's own clock, from its answer."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return aws.clock.utc.astimezone(tz) + timedelta(hours=hours)

    monkeypatch.setattr("s3dest.role_sessions.datetime", Wrong)
    require_life_of_an_hour(aws, bucket_of())


def session_of(**changes: str) -> faults.Fault:
    """Answer AssumeRole with a session of one's own making."""
    values = {
        "AccessKeyId": "ASIAODD",
        "SecretAccessKey": "odd-SECRETKEY",
        "SessionToken": "odd-SECRETTOKEN",
        "Expiration": "2126-11-23T12:00:00Z",
    }
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in (values | changes).items())
    whole = "AssumeRoleResponse", "AssumeRoleResult", "Credentials"
    text = "".join(f"<{tag}>" for tag in whole) + inner + "".join(f"</{tag}>" for tag in reversed(whole))
    return faults.bare(200, text.encode())


@pytest.mark.usefixtures("far_from_utc")
def test_a_date_without_a_zone_is_utc(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """By the letter of HTTP's grammar, -0000 is no zone."""
    odd = {"date": "Mon, 23 Nov 2026 12:00:00 -0000"}
    aws.faults.always("AssumeRole", faults.Fault("odd date", lambda _, answer: answer.with_headers(**odd), effect=True))
    require_life_of_an_hour(aws, bucket_of())


@pytest.mark.usefixtures("far_from_utc")
def test_an_expiration_without_a_zone_is_utc(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """Some stores write it so; and nothing of the keys comes into a traceback."""
    aws.faults.always("AssumeRole", session_of(Expiration="2026-11-23T13:00:00"))
    require_life_of_an_hour(aws, bucket_of())


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (faults.bare(200), "sts_answer"),
        *((session_of(**{name: ""}), "sts_answer") for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")),
        (faults.bare(200, b"<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"), "sts_answer"),
        (
            faults.bare(
                200,
                b"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId></Credentials>"
                b"</AssumeRoleResult></AssumeRoleResponse>",
            ),
            "sts_answer",
        ),
        (faults.bare(200, faults.HTML), "sts_answer"),
        (faults.bare(403), "sts_answer"),
        (faults.bare(502, faults.HTML), "gateway_failed"),
        (faults.bare(500), "gateway_failed"),
        (faults.sts_refusal(500, "InternalFailure"), "sts_unavailable"),
        (faults.sts_refusal(400, "Throttling", "Rate exceeded"), "sts_unavailable"),
        (faults.UNREACHABLE, "endpoint_unreachable"),
        (faults.ANSWER_TIMED_OUT, "answer_lost"),
        (faults.sts_refusal(418, "Teapot", "short and stout"), "sts_refused"),
    ],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
def test_a_malformed_or_missing_answer_has_a_code(
    aws: FakeAws, bucket_of: Callable[..., Bucket], fault: faults.Fault, code: str
) -> None:
    """No KeyError, no parser's error; what may pass is tried again until the deadline."""
    aws.faults.always("AssumeRole", fault)
    with pytest.raises(CredentialsError) as caught:
        bucket_of().open_session()
    assert caught.value.code == code
    assert (sessions(aws) > 1) is caught.value.retryable
    passing = {"sts_answer", "sts_unavailable", "gateway_failed", "endpoint_unreachable", "answer_lost"}
    assert caught.value.retryable or code not in passing


def test_sts_may_lie_elsewhere(aws: FakeAws) -> None:
    """Beside a store of its own, at the store's address or at one of its own; durations below 900 s pass through."""
    where: dict[str, Any] = {"endpoint_url": "https://s3.example.com", "region": "eu-west-1"}
    auth = {"role_arn": ROLE_ARN, "external_id": EXTERNAL_ID, "duration": 60}
    for url, host in ((None, "s3.example.com"), ("http://sts.example.com:7", "sts.example.com")):
        aws.log.clear()
        assert aws.destination(**where, sts_endpoint_url=url, auth=auth).check().ok
        assert aws.log[0].host == host
        assert aws.log[0].form["DurationSeconds"] == "60"


def test_a_new_destination_is_light() -> None:
    """Sessions share the descriptions of AWS's services, and do not add to each other's search paths."""
    one, two = (session_with(KeyProvider(Credentials("A", "B")))._session for _ in range(2))
    assert one.get_component("data_loader") is two.get_component("data_loader")
    paths = list(one.get_component("data_loader").search_paths)
    for _ in range(3):
        session_with(None)
    assert one.get_component("data_loader").search_paths == paths


def test_the_vendors_own_token_is_hidden_where_sts_repeats_it(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """A report goes to the customer."""
    session = session_with(KeyProvider(Credentials("ASIAOTHER", "other", "session-opaque")))
    aws.faults.always("AssumeRole", faults.sts_refusal(403, "Odd", "You sent session-opaque."))
    with pytest.raises(CredentialsError) as caught:
        bucket_of(AmbientIdentity(session)).open_session()
    assert "You sent (hidden)." in str(caught.value)
    assert "opaque" not in "".join(traceback.format_exception(caught.value))


def test_an_identity_with_a_session_uses_it(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """Not the default session."""
    session = session_with(KeyProvider(Credentials("AKIAOTHER", "other")))
    bucket_of(AmbientIdentity(session)).open_session()
    assert aws.log[0].access_key == "AKIAOTHER"


def test_the_connections_to_sts_are_closed(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the destination with it, those of a check's strangers with the check."""
    made: list[object] = []
    closed: list[object] = []
    create, close = RoleSessions._create_client, BaseClient.close

    def create_and_tell(sessions: RoleSessions) -> object:
        made.append(create(sessions))
        return made[-1]

    def close_and_tell(client: BaseClient) -> None:
        closed.append(client)
        close(client)

    monkeypatch.setattr(RoleSessions, "_create_client", create_and_tell)
    monkeypatch.setattr(BaseClient, "close", close_and_tell)
    with aws.destination() as destination:
        assert destination.check(audit=True).ok
        with destination.append("orders") as append:
            append.write({"id": 1})
    assert len(made) >= 4
    assert not [client for client in made if client not in closed]
