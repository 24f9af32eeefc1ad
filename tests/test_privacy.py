"""Nothing secret is logged by our calls at any level, and the host's own calls log as before."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from fake import Answer, FakeAws, Request, faults
from fake.world import BUCKET, USER_SECRET, VENDOR_SECRET

from s3dest import S3DestError, StateError, TransferOptions, WebIdentity

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJTRUNSRVQifQ.c2lnbmF0dXJl"
HALF_A_SESSION = (
    b"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId>"
    b"<SecretAccessKey>SECRETKEY</SecretAccessKey></Credentials></AssumeRoleResult></AssumeRoleResponse>"
)
WAYS = pytest.mark.parametrize("way", ["role", "token", "user"])


def destination_of(aws: FakeAws, way: str) -> Any:
    """Make a destination that gets in one way or another; each object beyond the first goes up in parts."""
    options = TransferOptions(object_rows=1, max_memory=1)
    if way == "user":
        return aws.destination(auth=aws.user, options=options)
    return aws.destination(identity=WebIdentity(lambda: TOKEN) if way == "token" else None, options=options)


def secrets_of(aws: FakeAws) -> set[str]:
    """Collect everything that must be in no text: keys, tokens, signatures."""
    signatures = {match[1] for request in aws.log for match in re.finditer(r"Signature=(\w+)", str(request.headers))}
    sessions = {session.token for session in aws.sts.sessions.values() if session.token}
    return {USER_SECRET, VENDOR_SECRET, TOKEN, "SECRETKEY", "SECRETTOKEN", *sessions, *signatures}


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Write out everything that was logged, arguments and tracebacks included."""
    lines = [f"{record.getMessage()} {record.args!r} {record.exc_text}" for record in caplog.records]
    return caplog.text + "\n".join(lines)


def with_locals(error: S3DestError) -> str:
    """Write a traceback as crash reporters do, with the local variables of each frame but those of tests."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    for link in links_of(told):
        for frame in link.stack:
            if f"{os.sep}tests{os.sep}" in frame.filename:
                frame.locals = None
    return "".join(told.format())


def links_of(told: traceback.TracebackException | None) -> Iterator[traceback.TracebackException]:
    """Yield a traceback and all that are chained to it."""
    if told is not None:
        yield told
        yield from links_of(told.__cause__)
        yield from links_of(told.__context__)


@WAYS
def test_no_log_line_holds_a_secret(aws: FakeAws, caplog: pytest.LogCaptureFixture, way: str) -> None:
    """At DEBUG on the root logger botocore would write out whole requests and answers."""
    caplog.set_level(logging.DEBUG)
    destination = destination_of(aws, way)
    assert destination.check().ok
    assert destination.check(mode="recheck").ok
    for _ in range(2):
        with destination.append("orders") as append:
            append.write_many([{"id": 1}, {"id": 2}])
        aws.clock.advance(3600)
    destination.close()
    assert len(aws.log) > 15
    assert "botocore" in caplog.text  # it did log
    text = logged(caplog)
    assert [secret for secret in secrets_of(aws) if secret in text] == []


def quote(request: Request, _: Answer) -> Answer:
    """Refuse a session's token, and repeat it."""
    return Answer.error(400, "InvalidToken", f"The token {request.headers.get('x-amz-security-token')} is odd.")


def betray(request: Request, _: Answer) -> Answer:
    """Refuse a session, and repeat its secret key, as only who sits between us and STS can."""
    of_session = str(request.access_key).startswith("ASIA")
    said = f"The key session-SECRETKEY-{int(str(request.access_key)[-1])} is odd." if of_session else "No."
    return Answer.error(403, "AccessDenied", said)


TROUBLE = [
    faults.Fault("secret key quoted", betray),
    faults.DENIED,
    faults.EXPIRED_TOKEN,
    faults.UNREACHABLE,
    faults.ANSWER_TIMED_OUT.after(60),
    faults.INTERNAL_ERROR.after(60),
    faults.HTML_200.after(60),
    faults.WRONG_ETAG,
    faults.moved("eu-north-1"),
    faults.bare(200, b"<Result><SecretAccessKey>SECRETKEY</SecretAccessKey><Session").after(60),
    faults.bare(200, HALF_A_SESSION).after(60),
    faults.Fault("token quoted", quote),
]


@pytest.mark.parametrize(
    ("way", "operation"),
    [
        ("role", "AssumeRole"),
        ("token", "AssumeRoleWithWebIdentity"),
        *((way, "PutObject") for way in ("role", "token", "user")),
    ],
)
@pytest.mark.parametrize("fault", TROUBLE, ids=lambda value: repr(value).partition(" at 0x")[0])
def test_no_failure_tells_a_secret(
    aws: FakeAws, caplog: pytest.LogCaptureFixture, way: str, fault: faults.Fault, operation: str
) -> None:
    """Neither its log lines nor its traceback, with all that is chained and every local variable."""
    caplog.set_level(logging.DEBUG)
    aws.faults.always(operation, fault)
    text = ""
    with destination_of(aws, way) as destination:
        append = destination.append("orders")
        try:
            append.write({"id": 1})
            append.commit()
        except S3DestError as error:
            text = with_locals(error)
        with contextlib.suppress(StateError):  # it may have been committed
            append.abort()
    text += logged(caplog)
    assert [secret for secret in secrets_of(aws) if secret in text] == []


def test_the_hosts_own_calls_log_as_before(aws: FakeAws, caplog: pytest.LogCaptureFixture) -> None:
    """Before, after, and in another thread while one of ours is under way."""
    caplog.set_level(logging.DEBUG)
    with aws.destination(auth=aws.user) as destination:
        client = destination.client()  # what its holder sends is the holder's

        def own() -> None:
            client.put_object(Bucket=BUCKET, Key="vendor/exports/own", Body=b"x")

        def lines() -> int:
            return sum(record.name == "botocore.endpoint" for record in caplog.records)

        own()  # the first of a client logs more than the next
        before = lines()
        own()
        each = lines() - before
        assert each > 0
        with destination.append("orders") as append:
            append.write({"id": 1})
        assert lines() == before + each
        own()
        assert lines() == before + 2 * each

        def in_a_thread() -> None:
            thread = threading.Thread(target=own)
            thread.start()
            thread.join(120)

        aws.faults.next("PutObject", faults.meanwhile(in_a_thread))
        with destination.append("orders") as append:
            append.write({"id": 1})
        assert lines() == before + 3 * each


def test_warnings_of_botocore_are_not_dropped(aws: FakeAws, caplog: pytest.LogCaptureFixture) -> None:
    """Only its debug lines are."""
    aws.faults.next("PutObject", faults.meanwhile(lambda: logging.getLogger("botocore.endpoint").warning("look out")))
    with aws.destination() as destination, destination.append("orders") as append:
        append.write({"id": 1})
    assert "look out" in caplog.text


def test_the_handlers_of_the_host_are_left_alone(aws: FakeAws) -> None:
    """No level, handler or propagation is changed; one filter on four loggers, however many calls."""
    names = ("botocore.auth", "botocore.endpoint", "botocore.handlers", "botocore.parsers")
    with aws.destination() as destination:
        for _ in range(3):
            destination.append("orders").commit()
    for name in names:
        logger = logging.getLogger(name)
        assert (logger.level, logger.handlers, logger.propagate) == (logging.NOTSET, [], True)
        assert len(logger.filters) == 1
    for name in ("", "botocore", "boto3", "s3dest", "urllib3"):
        assert logging.getLogger(name).filters == []
