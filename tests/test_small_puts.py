"""Small puts: what botocore's own way would send, answer and raise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial, wraps
from importlib.util import find_spec, module_from_spec
from pkgutil import resolve_name
from traceback import walk_tb
from types import FunctionType
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.client import BaseClient
from botocore.endpoint import Endpoint
from botocore.handlers import BUILTIN_HANDLERS
from fake import FakeAws, faults
from one_object import DATA, KEY, elsewhere, put
from test_payload_hash import is_signed

from s3dest import S3DestError, TransferOptions
from s3dest.body import Body
from s3dest.bystanders import Bystanders
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
def test_an_answer_means_what_it_means_to_botocore(
    aws: FakeAws, bucket_of: Callable[..., Bucket], fault: faults.Fault
) -> None:
    """The same result or error, text and all, after as many requests."""
    options = TransferOptions(deadline=timedelta(microseconds=1))
    ours, botocores = (bucket_of(options=options) for _ in range(2))
    assert botocores.client is not None  # whoever has it may change what it sends
    for bucket in (ours, botocores):
        bucket.open_session()
    assert outcome(ours, fault, aws) == outcome(botocores, fault, aws)


class Wrapper:
    """What stands for a function in every respect, as those of the wrapt library do."""

    def __init__(self, inner: Any, seen: list[str]) -> None:
        self.inner = inner
        self.seen = seen
        self.__module__ = inner.__module__

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return FunctionType

    def __eq__(self, other: object) -> bool:
        return self is other or bool(self.inner == other)

    def __hash__(self) -> int:
        return hash(self.inner)

    def __get__(self, instance: object, owner: type) -> Any:
        return partial(self, instance)

    def __call__(self, *args: Any, **more: Any) -> Any:
        """See the call, and let it through."""
        self.seen.append(self.inner.__name__)
        return self.inner(*args, **more)


def wrapped(inner: Any, seen: list[str]) -> Any:
    """Wrap a function as decorators do."""

    @wraps(inner)
    def wrapper(*args: Any, **more: Any) -> Any:
        seen.append(inner.__name__)
        return inner(*args, **more)

    return wrapper


@pytest.mark.parametrize("wrap", [Wrapper, wrapped])
@pytest.mark.parametrize(
    "place",
    [
        (BaseClient, "_make_api_call"),
        (BaseClient, "_make_request"),
        (Endpoint, "make_request"),
        (Endpoint, "_send_request"),
        (Endpoint, "create_request"),
        (Endpoint, "prepare_request"),
        (Endpoint, "_send"),
    ],
    ids=lambda place: place[1],
)
def test_a_tracer_sees_each_call(
    aws: FakeAws, bucket_of: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch, place: tuple[type, str], wrap: Any
) -> None:
    """Also one that comes later, and none that is not sent; when it has gone, all is as before."""
    owner, method = place
    bucket, other = bucket_of(), bucket_of()
    for one in (bucket, other):
        one.open_session()
    put(bucket)
    seen: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(owner, method, wrap(getattr(owner, method), seen))
        if method == "_send":  # the fake answers in its place
            assert bucket._wire._small_puts
            assert bucket._wire._small_puts._bystanders.are_about
        put(bucket)
        put(other)
        assert len(seen) == (0 if method == "_send" else 2)
    put(bucket)
    assert len(seen) == (0 if method == "_send" else 2)
    assert len(aws.requests("PutObject")) == 4


def test_a_tracer_that_comes_with_the_client_sees_each_call(
    aws: FakeAws, bucket_of: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By events, which botocore tells nobody of: it is known by how it got at the client."""
    seen: list[str] = []
    inner = BaseClient.__init__

    def begin(self: Any, *args: Any, **more: Any) -> None:
        inner(self, *args, **more)
        self.meta.events.register("request-created.s3", lambda request, **_: seen.append(request.url))

    monkeypatch.setattr(BaseClient, "__init__", begin)
    bucket = bucket_of()
    put(bucket)
    put(bucket)
    assert seen == [request.url for request in aws.requests("PutObject")]


def test_a_session_class_in_the_place_of_boto3s_sees_each_call(
    aws: FakeAws, bucket_of: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And none that is not sent; its clients are told from others by nothing."""
    seen: list[str] = []

    class Traced(boto3.session.Session):
        def client(self, *args: Any, **more: Any) -> Any:
            client = super().client(*args, **more)
            client.meta.events.register("before-call.s3", lambda params, **_: seen.append(params["url"]))
            return client

    monkeypatch.setattr(boto3, "Session", Traced)
    bucket = bucket_of()
    put(bucket)
    put(bucket)
    assert seen == [request.url for request in aws.requests("PutObject")]


@pytest.mark.parametrize("make", [lambda own: type("Silent", (own,), {"__module__": own.__module__}), Mock])
@pytest.mark.parametrize(
    "place",
    [
        "boto3.Session",
        "boto3.session.Session",
        "botocore.client.BaseClient",
        "botocore.client.ClientCreator",
        "botocore.endpoint.Endpoint",
        "botocore.session.Session",
    ],
)
def test_a_class_in_the_place_of_another_is_a_bystander(monkeypatch: pytest.MonkeyPatch, place: str, make: Any) -> None:
    """Whatever it says of itself, for as long as it is there, and also where it came first."""
    bystanders = Bystanders()
    assert not bystanders.are_about
    with monkeypatch.context() as patched:
        patched.setattr(place, make(resolve_name(place)))
        assert bystanders.are_about
        assert _loaded_anew().Bystanders().are_about
    assert not bystanders.are_about


def _loaded_anew() -> Any:
    spec = find_spec("s3dest.bystanders")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("event", ["before-call.s3.PutObject", "provide-client-params.s3.PutObject", "after-call.s3"])
def test_a_handler_of_all_clients_sees_each_call(aws: FakeAws, bucket_of: Callable[..., Bucket], event: str) -> None:
    """Those of botocore's own list, which a host may lengthen; none is asked about a key that is not put."""
    seen: list[str] = []

    def see(event_name: str, **_: object) -> None:
        seen.append(event_name)

    BUILTIN_HANDLERS.append((event, see))
    try:
        bucket = bucket_of()
        put(bucket)
        put(bucket)
    finally:
        BUILTIN_HANDLERS.remove((event, see))
    assert len(seen) == len(aws.requests("PutObject")) == 2


def test_a_lambda_sends_the_traces_id_of_each_call(
    aws: FakeAws, bucket_of: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By which AWS breaks functions off that call each other without end."""
    bucket = bucket_of()
    put(bucket)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    put(bucket)
    for number in range(2):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={number}")
        put(bucket)
    traces = [request.headers.get("x-amzn-trace-id") for request in aws.requests("PutObject")]
    assert traces == [None, None, "Root=0", "Root=1"]


@pytest.mark.parametrize("operation", [put, lambda bucket: bucket.delete(KEY)], ids=["a put", "another operation"])
def test_calls_in_the_middle_of_a_trial_are_calls(
    aws: FakeAws, bucket_of: Callable[..., Bucket], operation: Callable[[Bucket], object]
) -> None:
    """Out of a signal handler, say: they are sent, and the trial is not."""
    bucket = bucket_of(auth=aws.user, prefix="", expected_bucket_owner=None)
    aws.store.allowed.add("s3:DeleteObject")
    done: list[object] = []

    def meanwhile(**_: object) -> None:
        if not done:
            done.append(None)
            done.append(operation(bucket))

    bucket._wire.client.meta.events.register("before-call.s3.PutObject", meanwhile)
    put(bucket)
    assert len(done) == 2
    assert {request.key for request in aws.log} == {KEY}


@pytest.mark.parametrize("kind", ["é", "STANDARD €"])
def test_headers_that_are_not_ascii_are_sent_as_they_are_signed(
    aws: FakeAws, bucket_of: Callable[..., Bucket], kind: str
) -> None:
    """As UTF-8; stores other than AWS have storage classes of their own."""
    bucket = bucket_of(**elsewhere(aws, "http://s3.example.com:9000"), storage_class=kind)
    put(bucket)
    assert aws.log[-1].headers["x-amz-storage-class"] == kind
    assert is_signed(aws.log[-1])


def test_a_piece_that_has_become_shorter_is_as_long_as_it_was(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """A length that fits what is left would hide it from any store that looks at no digest."""
    body = Body(Piece(lambda offset, size: DATA[offset : offset + size], 0, 2 * len(DATA)), Body.of(DATA).sha256)
    bucket_of().put(KEY, body, content_type="text/plain")
    assert aws.log[-1].headers["content-length"] == str(2 * len(DATA))


def test_no_frame_shows_a_session_token(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """To whoever prints the local variables of a traceback."""
    bucket = bucket_of()
    bucket.open_session()
    aws.faults.next("PutObject", faults.meanwhile(_interrupt))
    with pytest.raises(KeyboardInterrupt) as caught:
        put(bucket)
    token = aws.log[-1].headers["x-amz-security-token"]
    frames = [frame for frame, _ in walk_tb(caught.value.__traceback__) if "s3dest/" in frame.f_code.co_filename]
    assert any(frame.f_code.co_filename.endswith("small_puts.py") for frame in frames)
    assert not [frame for frame in frames if token in repr(frame.f_locals)]


def _interrupt() -> None:
    raise KeyboardInterrupt


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
