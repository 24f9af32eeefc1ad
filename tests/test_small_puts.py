"""Small puts: what botocore's own way would send, answer and raise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.client import BaseClient
from fake import FakeAws, faults
from one_object import DATA, KEY, put

from s3dest import S3DestError, TransferOptions
from s3dest.body import Body
from s3dest.options import MIB
from s3dest.piece import Piece
from s3dest.s3 import Bucket


def test_what_is_only_made_is_not_sent(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """One put is one request, from the first on."""
    bucket = bucket_of()
    put(bucket)
    put(bucket)
    assert aws.operations == ["AssumeRole", "PutObject", "PutObject"]


def outcome(bucket: Bucket, fault: faults.Fault, aws: FakeAws) -> object:
    """Put an object while something goes wrong."""
    aws.store.objects.clear()
    aws.faults.clear()
    aws.faults.always("PutObject", fault)
    before = len(aws.log)
    try:
        ended: object = put(bucket)
    except S3DestError as error:
        ended = {name: getattr(error, name) for name in vars(error)}
        ended["text"] = str(error)
    return ended, [request.operation for request in aws.log[before:]]


@pytest.mark.parametrize(
    "fault",
    [
        faults.meanwhile(lambda: None),
        faults.bare(200, b"", etag='"x"'),
        faults.bare(201, b"", etag='"x"'),
        faults.bare(202, b"", etag='"x"'),
        faults.bare(204, b"", etag='"x"'),
        faults.bare(200, b"not XML", etag='"x"'),
        faults.error_in_200("InternalError"),
        faults.error_in_200("AccessDenied"),
        faults.moved("eu-north-1"),
        faults.bare(301),
        faults.bare(307, b"", location="https://elsewhere.example.com/"),
        faults.bare(400),
        faults.bare(400, faults.HTML),
        faults.refusal(400, "AuthorizationHeaderMalformed", "expecting 'eu-north-1'", Region="eu-north-1"),
        faults.DENIED,
        faults.refusal(404, "NoSuchBucket", "The specified bucket does not exist"),
        faults.bare(412),
        faults.refusal(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"),
        faults.CONFLICT,
        faults.INTERNAL_ERROR,
        faults.BAD_GATEWAY,
        faults.SLOW_DOWN,
        faults.GATEWAY_TIMEOUT,
        faults.NO_ETAG,
        faults.CUT_ETAG,
        faults.WRONG_ETAG,
        faults.WRONG_CHECKSUM,
        faults.LOST_REQUEST,
        faults.CONNECTION_CLOSED,
        faults.NO_NAME,
        faults.UNTRUSTED,
        faults.NO_HTTP,
    ],
    ids=str,
)
@pytest.mark.parametrize("encryption", [None, {"type": "sse-s3"}])
def test_an_answer_means_what_it_means_to_botocore(
    aws: FakeAws, bucket_of: Callable[..., Bucket], fault: faults.Fault, encryption: object
) -> None:
    """The same result or error, text and all, after as many requests."""
    options = TransferOptions(deadline=timedelta(microseconds=1))
    ours, botocores = (bucket_of(options=options, encryption=encryption) for _ in range(2))
    assert botocores.client is not None  # whoever has it may change what it sends
    for bucket in (ours, botocores):
        bucket.open_session()
    assert outcome(ours, fault, aws) == outcome(botocores, fault, aws)


def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let somebody stand between callers and botocore, as tracers do."""
    seen: list[str] = []
    inner: Any = BaseClient._make_api_call  # type: ignore[attr-defined]  # unknown to the stubs

    def traced(self: BaseClient, operation: str, given: dict[str, Any]) -> Any:
        seen.append(given.get("Key", operation))
        return inner(self, operation, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", traced)
    return seen


def test_a_tracer_sees_each_call(
    aws: FakeAws, bucket_of: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that comes later, and none that is not sent."""
    bucket = bucket_of()
    put(bucket)
    seen = calls(monkeypatch)
    put(bucket)
    put(bucket_of())
    assert seen.count(KEY) == len(seen) - seen.count("AssumeRole") == 2
    assert len(aws.requests("PutObject")) == 3


def test_who_has_the_client_may_change_what_it_sends(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """Handlers of botocore's events are asked each time, as they are on any client."""
    bucket = bucket_of()
    put(bucket)

    def add(params: dict[str, Any], **_: object) -> None:
        params["headers"]["x-added"] = "1"

    bucket.client.meta.events.register("before-call.s3.PutObject", add)
    put(bucket)
    assert ["x-added" in request.headers for request in aws.requests("PutObject")] == [False, True]


@pytest.mark.parametrize("size", [0, 1, MIB, MIB + 1])
def test_bodies_of_any_size_arrive(aws: FakeAws, bucket_of: Callable[..., Bucket], size: int) -> None:
    """From memory and from a piece; what is larger goes botocore's way."""
    data = bytes(range(251)) * (size // 251 + 1)
    whole = Body.of(data[:size])
    bucket = bucket_of()
    for body in (whole, Body(Piece.of(data[:size]), whole.sha256)):
        aws.store.objects.clear()
        assert bucket.put(KEY, body, content_type="text/plain").created
        assert aws.log[-1].body == data[:size]
        assert int(aws.log[-1].headers["content-length"]) == size


def test_a_session_that_ends_is_renewed(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """Templates hold no keys and no token."""
    bucket = bucket_of()
    put(bucket)
    aws.clock.advance(3600)
    put(bucket)
    tokens = [request.headers["x-amz-security-token"] for request in aws.requests("PutObject")]
    assert aws.operations == ["AssumeRole", "PutObject"] * 2
    assert tokens[0] != tokens[1]
    assert tokens[0] not in repr(vars(bucket._wire._small_puts))


def test_a_client_for_many_kinds_of_objects_forgets_some(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """Media types are a format's own, which may have a new one each time."""
    bucket = bucket_of()
    for number in range(40):
        assert bucket.put(f"{KEY}{number}", Body.of(DATA), content_type=f"x/{number}").created
    small_puts = bucket._wire._small_puts
    assert small_puts
    assert len(small_puts._templates) <= 16
    assert {request.headers["content-type"] for request in aws.requests("PutObject")} == {f"x/{n}" for n in range(40)}
