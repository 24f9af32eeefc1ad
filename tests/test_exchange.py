"""Small puts over connections that stand: what is sent, and what each answer means, as with botocore's own session."""

from __future__ import annotations

import errno
import logging
import re
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPConnection, HTTPSConnection
from inspect import getsource
from io import BytesIO
from itertools import takewhile
from pathlib import Path
from pkgutil import resolve_name
from traceback import walk_tb
from types import FrameType, SimpleNamespace
from typing import Any, Final

import boto3
import pytest
import urllib3
from botocore.awsrequest import AWSHTTPSConnection, AWSHTTPSConnectionPool
from botocore.httpsession import URLLib3Session
from one_object import DATA, put
from urllib3 import HTTPSConnectionPool

from s3dest import AmbientIdentity, DestinationConfig, S3DestError, TransferOptions
from s3dest.bystanders import Bystanders
from s3dest.connection import FinalResponse
from s3dest.exchange import _head, _text
from s3dest.quiet_request import Fields, QuietRequest
from s3dest.s3 import Bucket

GOOD: Final = b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\n\r\n'
ERROR: Final = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
HANG_UP, RESET, WAIT = b"<hang up>", b"<reset>", b"<wait>"
"""What the server does after what stands before."""


@dataclass
class Scripted:
    """A server that answers with what it is given, and well when that is used up."""

    answers: list[bytes] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        """Listen."""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._open: list[socket.socket] = []
        self._threads[0].start()

    @property
    def port(self) -> int:
        """Where."""
        return int(self._listening.getsockname()[1])

    @property
    def url(self) -> str:
        """Where, in full."""
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Close all connections."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.hang_up()
        for thread in self._threads:
            thread.join()

    def hang_up(self) -> None:
        """Close those that are idle."""
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                self._open.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        if self.context:
            connection = self.context.wrap_socket(connection, server_side=True)
        with connection, suppress(OSError), connection.makefile("rb") as reader:
            while head := b"".join(takewhile(lambda line: line != b"\r\n", reader)):
                size = re.search(rb"\ncontent-length: (\d+)", head, re.IGNORECASE)
                self.requests.append(head + b"\r\n" + reader.read(int(size[1]) if size else 0))
                for piece in re.split(b"(<[a-z ]+>)", self.answers.pop(0) if self.answers else GOOD):
                    if piece == HANG_UP:
                        return
                    if piece == RESET:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                    if piece == WAIT:
                        time.sleep(0.05)
                    elif piece == b"<stall>":
                        time.sleep(1)
                    else:
                        connection.sendall(piece)


@pytest.fixture
def server() -> Iterator[Scripted]:
    """Run a server."""
    server = Scripted()
    yield server
    server.stop()


@pytest.fixture
def bucket_at(server: Scripted) -> Iterator[Callable[..., Bucket]]:
    """Make the server's buckets, that try once."""
    made = []

    def make(url: str | None = None, **more: Any) -> Bucket:
        config = DestinationConfig.model_validate(
            {
                "bucket": "acme-lake",
                "region": "eu-west-1",
                "endpoint_url": url or server.url,
                "auth": {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "secret-of-the-customers-user"},
            }
        )
        more = {"deadline": timedelta(microseconds=1), "read_timeout": timedelta(seconds=0.5)} | more
        made.append(Bucket(config, AmbientIdentity(boto3.Session()), TransferOptions(**more)))
        return made[-1]

    yield make
    for bucket in made:
        bucket.close()


def by_urllib3(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all go botocore's own way."""
    monkeypatch.setattr(Bystanders, "are_on_the_wire", True)


def sent(request: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Take a request apart: its first line, its headers less what is new each time, and its body."""
    lines, reader = [], BytesIO(request)
    while line := reader.readline().removesuffix(b"\r\n"):
        lines.append(line)
    headers = {name.lower(): value for name, _, value in (line.partition(b": ") for line in lines[1:])}
    assert len(headers) == len(lines) - 1
    for name in (b"authorization", b"x-amz-date", b"amz-sdk-invocation-id"):
        headers[name] = re.sub(rb"\d{8}T\d{6}Z|Signature=\w+|^[\w-]{36}$", b"", headers[name])
    return lines[0], headers, reader.read()


@pytest.mark.parametrize("key", ["a", "a b/ü%2F/+?#&=~;:@!$'()*,.jsonl", "a/../b//c/./", "x" * 900])
def test_the_same_is_sent(
    server: Scripted, bucket_at: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Line by line, as botocore's session sends it."""
    bucket = bucket_at()
    for _ in range(2):
        put(bucket, key=key)
    by_urllib3(monkeypatch)
    put(bucket, key=key)
    first, ours, botocores = map(sent, server.requests)
    assert first == ours == botocores
    assert b"/".join(first[0].split(b"/")[1:]).startswith(b"acme-lake/")
    assert server.connections == 1


def test_one_connection_serves_many(server: Scripted, bucket_at: Callable[..., Bucket]) -> None:
    """The first request opens it; urllib3 has nothing more to do."""
    bucket = bucket_at()
    for _ in range(5):
        assert put(bucket).etag == "e"
    assert server.connections == 1
    assert len(server.requests) == 5


ANSWERS: Final = {
    "good": GOOD,
    "in pieces": b'HTTP/1.1 <wait>200 OK\r\nETag: <wait>"e"\r\nContent-Length: 0\r\n\r<wait>\n',
    "no reason": b'HTTP/1.1 200\r\nETag: "e"\r\nContent-Length: 0\r\n\r\n',
    "spaces": b'HTTP/1.1 200 OK\r\nETag:"e" \t\r\nContent-Length:  0\r\n\r\n',
    "upper case": b'HTTP/1.1 200 OK\r\nETAG: "e"\r\nCONTENT-LENGTH: 0\r\nCONNECTION: KEEP-ALIVE\r\n\r\n',
    "only newlines": b'HTTP/1.1 200 OK\nETag: "e"\nContent-Length: 0\n\n',
    "version": b'HTTP/1.1 200 OK\r\nETag: "e"\r\nx-amz-version-id: v1\r\nContent-Length: 0\r\n\r\n',
    "foreign": b'HTTP/1.1 200 OK\r\nETag: "e"\r\nServer: caf\xe9\r\nContent-Length: 0\r\n\r\n',
    "folded": b'HTTP/1.1 200 OK\r\nETag:\r\n "e"\r\nContent-Length: 0\r\n\r\n',
    "twice": b'HTTP/1.1 200 OK\r\nETag: "e"\r\nETag: "f"\r\nContent-Length: 0\r\n\r\n',
    "two lengths": b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\nContent-Length: 3\r\n\r\n',
    "body": b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 5\r\n\r\n<a />',
    "error in 200": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(ERROR), ERROR),
    "chunks": b'HTTP/1.1 200 OK\r\nETag: "e"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    "chunks and length": b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\n'
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "broken chunks": b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "no length": b'HTTP/1.1 200 OK\r\nETag: "e"\r\n\r\n<hang up>',
    "goodbye": b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n<hang up>',
    "goodbye, and stays": b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    "goodbye, with a body": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
    "chunks later": b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\n'
    b"Transfer-Encoding: chunked\r\n\r\n<wait>0\r\n\r\n",
    "old": b'HTTP/1.0 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\n\r\n<hang up>',
    "created": b'HTTP/1.1 201 Created\r\nETag: "e"\r\nContent-Length: 0\r\n\r\n',
    "accepted": b'HTTP/1.1 202 Accepted\r\nETag: "e"\r\nContent-Length: 0\r\n\r\n',
    "no content": b'HTTP/1.1 204 No Content\r\nETag: "e"\r\n\r\n',
    "announced": b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + GOOD,
    "continued": b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD,
    "switched": b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + GOOD,
    "denied": b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%b" % (len(ERROR), ERROR),
    "denied, cut": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 400\r\n\r\n%b<hang up>" % ERROR,
    "denied, reset": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 400\r\n\r\n%b<wait><reset>" % ERROR,
    "there": b"HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n",
    "busy": b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n",
    "moved": b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "endless": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9999999\r\n\r\n" + b" " * 1_100_000,
    "stalled": b"HTTP/1.1 200 OK\r\nETag: <stall>",
    "stalled in a body": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\n<stall>",
    "nothing": HANG_UP,
    "reset": RESET,
    "cut": b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\n<hang up>',
    "cut after a line": b"HTTP/1.1 200 OK\r\n<hang up>",
    "no HTTP": b"SSH-2.0-x\r\n<hang up>",
    "long line": b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
    "no ETag": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a hundred headers": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
    + b"".join(b"a-%d: b\r\n" % number for number in range(98))
    + b'ETag: "e"\r\n\r\n',
    "ninety-nine headers": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
    + b"".join(b"a-%d: b\r\n" % number for number in range(97))
    + b'ETag: "e"\r\n\r\n',
    "no header": b'HTTP/1.1 200 OK\r\nnonsense\r\nETag: "e"\r\nContent-Length: 0\r\n\r\n',
}


def outcome(server: Scripted, bucket: Bucket, answer: bytes) -> object:
    """Put an object over a connection that stands, and another one afterwards."""
    put(bucket)
    server.answers[:] = [answer]
    try:
        ended: object = put(bucket)
    except S3DestError as error:
        ended = [*((name, getattr(error, name)) for name in vars(error)), str(error)]
    assert put(bucket).etag == "e"
    return ended


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_means_what_it_means_to_botocore(
    server: Scripted, bucket_at: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """The same result or error, text and all; the next request has its own answer, over no more connections."""
    ours = outcome(server, bucket_at(), answer)
    if answer == ANSWERS["denied, cut"] and "enforce_content_length" not in getsource(URLLib3Session.send):
        assert "AccessDenied" in str(ours)  # as newer versions of botocore read it; older ones take it for no answer
        return
    connections, server.connections = server.connections, 0
    by_urllib3(monkeypatch)
    assert ours == outcome(server, bucket_at(), answer)
    assert connections == server.connections


def test_so_it_does_over_tls(
    server: Scripted, bucket_at: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch, certificate: Path
) -> None:
    """Which is agreed on once; what is signed of the body is another thing there."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(certificate)
    ours, botocores = bucket_at(), bucket_at()
    found = [outcome(server, ours, ANSWERS[name]) for name in ("good", "denied", "nothing", "stalled")]
    connections, server.connections = server.connections, 0
    requests, server.requests = server.requests, []
    by_urllib3(monkeypatch)
    assert found == [outcome(server, botocores, ANSWERS[name]) for name in ("good", "denied", "nothing", "stalled")]
    assert connections == server.connections == 3
    assert list(map(sent, requests)) == list(map(sent, server.requests))


def test_what_comes_too_much_is_nobodys_answer(server: Scripted, bucket_at: Callable[..., Bucket]) -> None:
    """A second answer in the same packet must not be that of the next request."""
    bucket = bucket_at()
    put(bucket)
    server.answers[:] = [GOOD + GOOD.replace(b'"e"', b'"false"')]
    put(bucket)
    assert put(bucket).etag == "e"


def test_a_connection_that_has_ended_is_replaced(server: Scripted, bucket_at: Callable[..., Bucket]) -> None:
    """As servers end idle ones: nothing fails."""
    bucket = bucket_at()
    put(bucket)
    server.hang_up()
    time.sleep(0.05)
    assert put(bucket).etag == "e"
    assert server.connections == 2


def test_many_threads_have_a_connection_each(server: Scripted, bucket_at: Callable[..., Bucket]) -> None:
    """At most; and each its own answer."""
    bucket = bucket_at(concurrency=4, deadline=timedelta(seconds=20), read_timeout=timedelta(seconds=20))
    etags: list[str] = []

    def some(number: int) -> None:
        etags.extend(put(bucket, b"%d-%d" % (number, each), key=f"{number}/{each}").etag for each in range(20))

    threads = [threading.Thread(target=some, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert etags == ["e"] * 160
    assert server.connections <= 4
    assert sorted(sent(request)[2] for request in server.requests) == sorted(
        b"%d-%d" % (number, each) for number in range(8) for each in range(20)
    )


def test_an_interrupted_request_takes_its_connection_along(
    server: Scripted, bucket_at: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer would be taken for that of the next."""
    bucket = bucket_at()
    put(bucket)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("s3dest.exchange._head", interrupted)
        with pytest.raises(KeyboardInterrupt):
            put(bucket)
    assert put(bucket).etag == "e"
    assert server.connections == 2


@pytest.mark.parametrize("place", ["s3dest.exchange.HTTPConnection.send", "s3dest.exchange._head"])
def test_no_frame_shows_what_is_sent(
    bucket_at: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A session's token is in it, and the signature."""
    bucket = bucket_at()
    put(bucket)
    add_header(bucket, "token-of-a-session")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("s3dest.exchange.HTTPConnection", SimpleNamespace(send=HTTPConnection.send))
    monkeypatch.setattr(place, interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        put(bucket)
    frames = [frame for frame, _ in walk_tb(caught.value.__traceback__) if "s3dest/" in frame.f_code.co_filename]
    assert any(frame.f_code.co_filename.endswith("exchange.py") for frame in frames)
    shown = "".join(repr(frame.f_locals) for frame in frames)
    assert "token-of-a-session" not in shown
    assert "Signature=" not in shown


def test_no_step_shows_what_is_sent(bucket_at: Callable[..., Bucket]) -> None:
    """A signal handler may raise anywhere, in the middle of a loop too."""
    bucket, shown, steps = bucket_at(), set[int](), set[int]()
    put(bucket)
    add_header(bucket, "token-of-a-session")

    def look(frame: FrameType, *_: object) -> Callable[..., Any]:
        if frame.f_code.co_filename.endswith("s3dest/exchange.py"):
            steps.add(frame.f_lineno)
            texts = [value for value in frame.f_locals.values() if isinstance(value, (str, bytes, list, dict, tuple))]
            shown.update(frame.f_lineno for text in texts if "token-of-a-session" in repr(text))
            frame.f_trace_opcodes = True
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        put(bucket)
    finally:
        sys.settrace(before)
    assert len(steps) > 20
    assert not shown


def test_what_a_signal_handler_raises_is_an_answer_lost(
    bucket_at: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with botocore's own session: the request may have arrived; and no frame below shows it."""
    bucket, here = bucket_at(), sys._getframe().f_code
    put(bucket)
    add_header(bucket, "token-of-a-session")

    def interrupted(connection: Any, text: bytes) -> None:
        connection.sock.sendall(text)
        raise LookupError

    monkeypatch.setattr("s3dest.exchange.HTTPConnection", SimpleNamespace(send=interrupted))
    with pytest.raises(S3DestError) as caught:
        put(bucket)
    assert (caught.value.code, caught.value.retryable) == ("answer_lost", True)
    error: BaseException | None = caught.value
    while error is not None:
        shown = "".join(repr(frame.f_locals) for frame, _ in walk_tb(error.__traceback__) if frame.f_code is not here)
        assert "token-of-a-session" not in shown
        error = error.__cause__ or error.__context__


def test_a_head_that_ends_badly_is_let_go_of_without_a_word(
    server: Scripted, bucket_at: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file is closed by then, which Python would complain of: to standard error, since nobody else is there."""
    heads, begin = [], FinalResponse.begin

    def noted(head: FinalResponse) -> None:
        heads.append(head)
        begin(head)

    monkeypatch.setattr(FinalResponse, "begin", noted)
    bucket = bucket_at()
    for name in ("nothing", "cut", "stalled", "two lengths"):
        outcome(server, bucket, ANSWERS[name])
    assert len(heads) >= 4
    for head in heads:
        head.close()


def test_a_server_that_refuses_who_connects_says_so_in_the_place_of_an_answer(
    bucket_at: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over TLS 1.3 its alert comes after the request."""
    bucket = bucket_at()
    put(bucket)
    alert = ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] certificate required")
    alert.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"

    def refused(*_: object) -> None:
        raise alert

    monkeypatch.setattr("s3dest.exchange._head", refused)
    with pytest.raises(S3DestError) as caught:
        put(bucket)
    assert caught.value.code == "tls_failed"


def test_a_closed_bucket_opens_connections_anew(server: Scripted, bucket_at: Callable[..., Bucket]) -> None:
    """As botocore's clients do."""
    bucket = bucket_at()
    put(bucket)
    bucket.close()
    for _ in range(2):
        assert put(bucket).etag == "e"
    assert server.connections == 2


@pytest.mark.parametrize(
    "place",
    [
        "botocore.httpsession:URLLib3Session.send",
        "urllib3.connectionpool:HTTPConnectionPool.urlopen",
        "urllib3.connectionpool:HTTPConnectionPool._make_request",
        "urllib3.connection:HTTPConnection.request",
        "http.client:HTTPConnection.putrequest",
        "urllib3.connection:HTTPConnection.send",
        "urllib3.connection:HTTPConnection.putheader",
        "http.client:HTTPConnection.getresponse",
        "botocore.awsrequest:AWSConnection.send",
        "botocore.awsrequest:AWSHTTPConnection.request",
        "botocore.awsrequest:AWSHTTPConnectionPool.urlopen",
        "botocore.awsrequest:AWSHTTPConnectionPool._validate_conn",
    ],
)
def test_who_traces_http_sees_each_request(
    server: Scripted, bucket_at: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Also one that comes later; when it has gone, all is as before."""
    bucket, seen = bucket_at(), []
    put(bucket)
    owner, method = place.rsplit(".", 1)
    inner: Any = resolve_name(place)

    def traced(*args: Any, **more: Any) -> Any:
        seen.append(place)
        return inner(*args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(resolve_name(owner), method, traced)
        put(bucket)
        once = len(seen)
        put(bucket)
    put(bucket)
    assert once > 0
    assert len(seen) == 2 * once
    assert len(server.requests) == 4


@pytest.mark.parametrize("pool", [HTTPSConnectionPool, AWSHTTPSConnectionPool])
@pytest.mark.parametrize("connection", [HTTPSConnection, urllib3.connection.HTTPSConnection, AWSHTTPSConnection])
def test_tls_is_traced_in_other_places(monkeypatch: pytest.MonkeyPatch, pool: type, connection: type) -> None:
    """Classes of its own, which inherit most and may have it replaced."""
    bystanders = Bystanders()
    assert not bystanders.are_on_the_wire
    for cls, method in ((pool, "urlopen"), (connection, "putheader")):
        with monkeypatch.context() as patched:
            patched.setattr(cls, method, lambda *_: None)
            assert bystanders.are_on_the_wire is (cls is not HTTPSConnection)  # none of urllib3's is one of Python's
        assert not bystanders.are_on_the_wire


def test_python_prints_each_request_to_whoever_asked_for_it(
    bucket_at: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the old way of finding out what is sent."""
    bucket = bucket_at()
    put(bucket)
    monkeypatch.setattr(HTTPConnection, "debuglevel", 1)
    put(bucket)
    assert "reply: 'HTTP/1.1 200 OK" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["urllib3", "urllib3.connectionpool"])
def test_urllib3s_log_has_each_request(
    bucket_at: Callable[..., Bucket], caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """For whoever looks at it."""
    bucket = bucket_at()
    put(bucket)
    with caplog.at_level(logging.DEBUG, name):
        put(bucket)
        put(bucket)
    assert sum('"PUT /' in record.getMessage() for record in caplog.records) == 2


def add_header(bucket: Bucket, value: str | bytes) -> None:
    """Let somebody add a header at the last moment."""

    def add(request: Any, **_: object) -> None:
        request.headers["x-amz-meta-a"] = value

    bucket._wire.client.meta.events.register("before-send.s3", add)


@pytest.mark.parametrize("value", ["caf\xe9", b"bytes", "plain"])
def test_any_header_is_sent(
    server: Scripted, bucket_at: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch, value: str | bytes
) -> None:
    """As botocore's session does."""
    bucket = bucket_at()
    put(bucket)
    add_header(bucket, value)
    put(bucket)
    by_urllib3(monkeypatch)
    put(bucket)
    _, ours, botocores = map(sent, server.requests)
    assert ours == botocores
    assert ours[1][b"x-amz-meta-a"] == (value if isinstance(value, bytes) else value.encode("latin-1"))


@pytest.mark.parametrize("value", ["b\r\nx-evil: c", "b\nx-evil: c", "b\rx-evil: c"])
def test_a_header_that_would_be_two_is_refused(server: Scripted, bucket_at: Callable[..., Bucket], value: str) -> None:
    """By botocore's session, as before: nothing is sent."""
    bucket = bucket_at()
    put(bucket)
    add_header(bucket, value)
    with pytest.raises(S3DestError) as caught:
        put(bucket)
    assert caught.value.code == "unusable_request"
    assert len(server.requests) == 1


def test_a_proxy_has_all_requests(
    server: Scripted, bucket_at: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the form that it knows, with the whole address."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.port}")
    bucket = bucket_at("http://s3.example.com:8333")
    for _ in range(3):
        assert put(bucket).etag == "e"
    assert [request.split(b"/acme-lake")[0] for request in server.requests] == [b"PUT http://s3.example.com:8333"] * 3


def test_so_has_a_proxy_that_is_the_store(
    server: Scripted, bucket_at: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever that is good for."""
    monkeypatch.setenv("HTTP_PROXY", server.url)
    bucket = bucket_at()
    for _ in range(3):
        put(bucket)
    assert [request.split(b"/acme-lake")[0] for request in server.requests] == [b"PUT " + server.url.encode()] * 3


def test_the_host_is_the_one_that_was_signed(server: Scripted, bucket_at: Callable[..., Bucket]) -> None:
    """With its port where that is none of the scheme's."""
    bucket = bucket_at(f"http://localhost:{server.port}")
    for _ in range(2):
        put(bucket)
    hosts = {sent(request)[1][b"host"] for request in server.requests}
    assert hosts == {b"localhost:%d" % server.port}


@pytest.mark.parametrize(("port", "host"), [(443, b"s3.example.com"), (8443, b"s3.example.com:8443")])
def test_the_port_of_the_scheme_is_not_told(port: int, host: bytes) -> None:
    """As it is not signed either."""
    connection = HTTPSConnection("s3.example.com", port)
    request = QuietRequest("PUT", f"https://s3.example.com:{port}/a", Fields({}), b"body")
    text = _text(connection, request)
    assert text == b"PUT /a HTTP/1.1\r\nHost: %b\r\nAccept-Encoding: identity\r\n\r\nbody" % host


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), None),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), None),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "answer_lost"),
        (TimeoutError("timed out"), "answer_lost"),
        (ssl.SSLError(1, "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca"), "tls_failed"),
    ],
    ids=str,
)
def test_a_refusal_may_come_before_the_whole_body_has_gone(
    bucket_at: Callable[..., Bucket],
    monkeypatch: pytest.MonkeyPatch,
    failure: OSError,
    code: str | None,
) -> None:
    """What else keeps it from going is a failure; each way has botocore's time for it."""
    bucket = bucket_at(connect_timeout=timedelta(seconds=3))
    put(bucket)
    patience = []

    class Sending:
        @staticmethod
        def send(connection: Any, text: bytes) -> None:
            patience.append(connection.sock.gettimeout())
            connection.sock.sendall(text)
            raise failure

    def head(reader: Any, method: str) -> object:
        patience.append(reader.raw._socket.gettimeout())
        return _head(reader, method)

    monkeypatch.setattr("s3dest.exchange.HTTPConnection", Sending)
    monkeypatch.setattr("s3dest.exchange._head", head)
    if code is None:
        assert put(bucket).etag == "e"
        assert patience == [3, 0.5]
        return
    with pytest.raises(S3DestError) as caught:
        put(bucket)
    assert caught.value.code == code
    assert patience == [3]


def test_the_body_is_whole(server: Scripted, bucket_at: Callable[..., Bucket]) -> None:
    """Of any size that a small one has."""
    bucket = bucket_at()
    for size in (0, 1, 70_000, 1024 * 1024):
        put(bucket, DATA[:1] * size)
    assert [len(sent(request)[2]) for request in server.requests] == [0, 1, 70_000, 1024 * 1024]


def test_pythons_own_client_sends_it(bucket_at: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever audits what a process sends hears of it."""
    bucket = bucket_at()
    put(bucket)
    heard = []
    monkeypatch.setattr("http.client.sys.audit", lambda event, *_: heard.append(event))
    put(bucket)
    assert heard == ["http.client.send"]
