"""How long an answer may take, whether it is one, and whether anything was sent: servers that hold back or break."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

import boto3
import pytest
from fake.clock import ManualClock
from one_object import DATA, put

from s3dest import AmbientIdentity, DestinationConfig, S3DestError, TransferOptions, TransportError
from s3dest.errors import CredentialsError
from s3dest.options import MIB
from s3dest.retry import Clock
from s3dest.s3 import Bucket

GOOD: Final = b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\n\r\n'
LONG: Final = b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 60\r\n\r\n' + b" " * 60
CUT: Final = b'HTTP/1.1 200 OK\r\nETag: "e"\r\nx-amz-version-id: 3HL4'
ANNOUNCED: Final = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 199\r\n\r\n"
REFUSALS: Final = {
    "refusal": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1\r\n\r\nx",
    "curt": b"HTTP/1.1 403\r\nContent-Length: 1\r\n\r\nx",
    "foreign": b"HTTP/1.1 403 Acc\xe8s refus\xe9\r\nContent-Length: 1\r\n\r\nx",
}
CLEAR: Final = b"HTTP/1.1 504 Gateway Timeout\r\n\r\n"
"""In the middle of TLS, as of something in between that gives up."""
ANSWERS: Final = {
    "cut": CUT,
    "processing": ANNOUNCED + GOOD,
    "half": b"HTTP/1.1 100 Continue\r\n",
    "switching": b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + GOOD,
}
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
PATIENCE: Final = 2.5
"""Seconds after which the server has sent all, or sends the rest at once: a client without a limit sees a success."""

Trickling = Literal["head", "body", "continue", "flood"]
Expecting = Literal["whole", "silent", "late", "announced", "refusal", "curt", "foreign", "half"]
Ending = Literal["closed", "nonsense", "tunnel", "cut", "processing", "switching", "clear", "mutual"]
Kind = Trickling | Expecting | Ending


def answer(kind: Kind, connection: socket.socket) -> None:
    """Send an answer little by little."""
    end = time.monotonic() + PATIENCE
    if kind in {"continue", "flood"}:
        while time.monotonic() < end:
            connection.sendall(CONTINUE)
            time.sleep(0.05 if kind == "continue" else 0)
        connection.sendall(GOOD)
        return
    whole, at_once = (GOOD, 0) if kind == "head" else (LONG, LONG.index(b"\r\n\r\n") + 4)
    connection.sendall(whole[:at_once])
    for place in range(at_once, len(whole)):
        connection.sendall(whole[place : place + 1])
        time.sleep(max(0.0, min(0.1, end - time.monotonic())))


class Trickle:
    """A server that answers each request in its own time."""

    def __init__(self, kind: Kind, context: ssl.SSLContext | None) -> None:
        self._kind: Kind = kind
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self.requests = 0
        self.answers = 0  # that somebody has waited for
        self.received = 0  # bytes of a body after a refusal

    @property
    def url(self) -> str:
        """Where it listens."""
        scheme = "http" if self._context is None else "https"
        return f"{scheme}://127.0.0.1:{self._listening.getsockname()[1]}"

    def start(self) -> None:
        """Begin to listen."""
        self._threads[0].start()

    def stop(self) -> None:
        """Listen no more, and wait for what is being sent."""
        with suppress(OSError):  # stopped already
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if self._kind in {"closed", "nonsense"}:
                self.requests += 1
                connection.recv(4096)
                connection.sendall(b"SSH-2.0-x\r\n" if self._kind == "nonsense" else b"")
                return
            if self._kind == "tunnel":
                while not connection.recv(4096).endswith(b"\r\n\r\n"):
                    pass
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            if self._context is None:
                self._speak(connection)
                return
            with self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as spoken:
                if self._kind == "mutual":
                    refuse(spoken)
                else:
                    self._speak(spoken)

    def _speak(self, spoken: socket.socket) -> None:
        reading = spoken.makefile("rb")
        head = list(iter(lambda: reading.readline().strip().lower(), b""))
        size = sum(int(line.split()[1]) for line in head if line.startswith(b"content-length:"))
        self.requests += 1
        if self._kind in {"whole", "silent", "late", "announced"}:
            if self._kind != "silent":
                time.sleep(1.5 if self._kind == "late" else 0)
                spoken.sendall(ANNOUNCED * (self._kind == "announced") + CONTINUE)
            time.sleep(PATIENCE if self._kind == "whole" else 0)
            if len(reading.read(size)) == size:
                spoken.sendall(GOOD)
                self.answers += 1
        elif self._kind == "tunnel":
            reading.read(size)
        elif self._kind in ANSWERS:
            if self._kind != "half":  # what is unread when a connection is closed resets it, answer and all
                reading.read(size)
            spoken.sendall(ANSWERS[self._kind])
            self.answers += 1
        elif self._kind == "clear":
            reading.read(size)
            os.write(spoken.fileno(), CLEAR)
        elif self._kind in REFUSALS:
            is_announced = b"expect: 100-continue" in head
            reading.read(0 if is_announced else size)
            spoken.sendall(REFUSALS[self._kind])
            self.received += len(reading.read()) if is_announced else 0
        else:
            answer(self._kind, spoken)
            self.answers += 1


def refuse(connection: ssl.SSLSocket) -> None:
    """Agree on no TLS, and read what comes all the same: a reset would overtake what TLS has said."""
    with suppress(ssl.SSLError):
        connection.do_handshake()
    while os.read(connection.fileno(), 4096):
        pass


@pytest.fixture
def trickle(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Kind, str], Trickle]]:
    """Start servers, and stop them afterwards."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    mutual = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    mutual.load_cert_chain(certificate)
    mutual.load_verify_locations(certificate)
    mutual.verify_mode = ssl.CERT_REQUIRED
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    started: list[Trickle] = []

    def start(kind: Kind, scheme: str) -> Trickle:
        spoken = mutual if kind == "mutual" else context
        started.append(Trickle(kind, spoken if scheme == "https" else None))
        started[-1].start()
        return started[-1]

    yield start
    for server in started:
        server.stop()


USER = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "secret-of-the-customers-user"}
ROLE = {"role_arn": "arn:aws:iam::111122223333:role/transfer-role", "external_id": None}


def bucket_at(
    url: str,
    auth: dict[str, str | None] | dict[str, str] = USER,
    *,
    read_timeout: float = 0.5,
    clock: Clock | None = None,
) -> Bucket:
    """Make the bucket of a server, with little patience."""
    config = DestinationConfig.model_validate(
        {"bucket": "acme-lake", "region": "eu-west-1", "endpoint_url": url, "auth": auth}
    )
    options = TransferOptions(deadline=timedelta(seconds=0.3), read_timeout=timedelta(seconds=read_timeout))
    session = boto3.Session(aws_access_key_id="AKIAIOSFODNN7VENDOR", aws_secret_access_key="secret")
    return Bucket(config, AmbientIdentity(session), options, clock=clock)


def failure_of(
    url: str, *, data: bytes = DATA, read_timeout: float = 0.5, clock: Clock | None = None
) -> tuple[str, bool]:
    """Put an object, which fails: tell its code, and whether it may have taken effect.

    Whoever counts tries brings a clock that stands still in between: the first may take long on a busy machine.
    """
    bucket = bucket_at(url, read_timeout=read_timeout, clock=clock)
    with pytest.raises(TransportError) as caught:
        put(bucket, data)
    bucket.close()
    return caught.value.code, caught.value.ambiguous


SCHEMES = [pytest.param("http", marks=pytest.mark.slow), "https"]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    "kind", ["head", "continue", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("body", "flood"))]
)
def test_an_answer_that_trickles_in_is_given_up(
    trickle: Callable[[Kind, str], Trickle], kind: Kind, scheme: str
) -> None:
    """As one that does not come at all: it may have taken effect."""
    server = trickle(kind, scheme)
    assert failure_of(server.url) == ("answer_lost", True)
    assert server.requests == 1


@pytest.mark.parametrize(
    "call", [Bucket.open_session, pytest.param(put, marks=pytest.mark.slow)], ids=["open_session", "put"]
)
def test_so_is_one_of_sts(trickle: Callable[[Kind, str], Trickle], call: Callable[[Bucket], object]) -> None:
    """All threads wait for it."""
    server = trickle("head", "http")
    bucket = bucket_at(server.url, ROLE)
    with pytest.raises(CredentialsError) as caught:
        call(bucket)
    bucket.close()
    server.stop()
    assert caught.value.code == "answer_lost"
    assert (server.requests, server.answers) == (1, 0)


def test_so_is_one_of_a_proxy(trickle: Callable[[Kind, str], Trickle], monkeypatch: pytest.MonkeyPatch) -> None:
    """To the request for a way through, before TLS begins; nothing was sent to the store."""
    server = trickle("head", "http")
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    ended = failure_of("https://s3.example.com")
    server.stop()
    assert ended == ("connect_timed_out", False)
    assert (server.requests, server.answers) == (1, 0)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_body_that_takes_longer_to_go_has_its_answer(trickle: Callable[[Kind, str], Trickle], scheme: str) -> None:
    """The limit is not for what we send, here to a server that takes it late."""
    server = trickle("whole", scheme)
    bucket = bucket_at(server.url, read_timeout=1.5)
    assert put(bucket, bytes(16 * MIB)).created
    bucket.close()
    assert server.requests == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", ["silent", "announced", pytest.param("late", marks=pytest.mark.slow)])
def test_a_server_need_not_say_go_on(trickle: Callable[[Kind, str], Trickle], kind: Kind, scheme: str) -> None:
    """A large body goes after a second; over TLS the server's session tickets are no answer."""
    server = trickle(kind, scheme)
    bucket = bucket_at(server.url, read_timeout=4)
    assert put(bucket, bytes(2 * MIB)).created
    bucket.close()
    server.stop()
    assert (server.requests, server.answers) == (1, 1)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", list(REFUSALS))
def test_a_refusal_comes_in_the_place_of_go_on(
    trickle: Callable[[Kind, str], Trickle], kind: Kind, scheme: str
) -> None:
    """Then the body is not sent at all, nor anything else in its place; a reason may be any, or none."""
    server = trickle(kind, scheme)
    bucket = bucket_at(server.url, read_timeout=4)
    for data in (bytes(2 * MIB), DATA):
        with pytest.raises(S3DestError) as caught:
            put(bucket, data)
        assert caught.value.status == 403
    bucket.close()
    server.stop()
    assert (server.requests, server.received) == (2, 0)


@pytest.mark.parametrize(
    ("proxy", "kind"),
    [(False, "closed"), (True, "closed"), (True, "nonsense")],
    ids=["by the store", "by a proxy", "by what is no proxy"],
)
def test_a_connection_that_breaks_before_tls_stands_has_sent_nothing(
    trickle: Callable[[Kind, str], Trickle],
    monkeypatch: pytest.MonkeyPatch,
    proxy: bool,  # noqa: FBT001  # the table's column
    kind: Kind,
) -> None:
    """It is tried again, and what comes afterwards is not taken for the end of an earlier try."""
    server = trickle(kind, "http")
    if proxy:
        monkeypatch.setenv("HTTPS_PROXY", server.url)
    url = "https://s3.example.com" if proxy else server.url.replace("http", "https")
    ended = failure_of(url, clock=ManualClock().injected)
    server.stop()
    assert ended == ("tls_broken_off", False)
    assert server.requests > 1


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", ["cut", "switching"])
def test_what_is_no_whole_answer_is_none(trickle: Callable[[Kind, str], Trickle], kind: Kind, scheme: str) -> None:
    """Half a version would be told as the object's, and what comes late be taken for the next request's answer."""
    server = trickle(kind, scheme)
    ended = failure_of(server.url, clock=ManualClock().injected)
    server.stop()
    assert ended == ("answer_lost", True)
    assert server.answers > 1


def test_what_is_no_tls_any_more_is_a_lost_answer(trickle: Callable[[Kind, str], Trickle]) -> None:
    """The request has arrived by then: this is no connection that TLS refuses."""
    server = trickle("clear", "https")
    ended = failure_of(server.url, clock=ManualClock().injected)
    server.stop()
    assert ended == ("answer_lost", True)
    assert server.requests > 1


def test_a_server_that_refuses_who_connects_may_say_so_late(trickle: Callable[[Kind, str], Trickle]) -> None:
    """By TLS 1.3 a request may have gone by then, and nobody has read it."""
    server = trickle("mutual", "https")
    ended = failure_of(server.url)
    server.stop()
    assert ended == ("tls_failed", False)
    assert server.requests == 0


def test_an_answer_that_is_lost_behind_a_proxy_is_lost(
    trickle: Callable[[Kind, str], Trickle], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request has gone through, and may have taken effect: the proxy is there."""
    server = trickle("tunnel", "https")
    monkeypatch.setenv("HTTPS_PROXY", server.url.replace("https", "http"))
    ended = failure_of(server.url, clock=ManualClock().injected)
    server.stop()
    assert ended == ("answer_lost", True)
    assert server.requests > 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_announces_an_answer_is_skipped(trickle: Callable[[Kind, str], Trickle], scheme: str) -> None:
    """Python knows 100 alone, and would take others for the answer, and the answer for that of the next request."""
    server = trickle("processing", scheme)
    bucket = bucket_at(server.url, read_timeout=5)
    assert put(bucket).etag == "e"
    bucket.close()
    server.stop()
    assert (server.requests, server.answers) == (1, 1)


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETDOWN])
def test_a_way_that_ends_before_tls_stands_is_none(
    trickle: Callable[[Kind, str], Trickle], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The system says so; nothing was sent."""

    def gone(_socket: object) -> None:
        raise OSError(number, "gone")

    server = trickle("whole", "https")
    monkeypatch.setattr(ssl.SSLSocket, "do_handshake", gone)
    assert failure_of(server.url) == ("tls_broken_off", False)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_that_is_closed_in_the_middle_of_go_on_is_closed(
    trickle: Callable[[Kind, str], Trickle], scheme: str
) -> None:
    """Botocore would look for the end of the head until the deadline, with all the processor's power."""
    server = trickle("half", scheme)
    ended = failure_of(server.url, read_timeout=3, data=bytes(2 * MIB), clock=ManualClock().injected)
    server.stop()
    assert ended == ("answer_lost", True)
    assert server.requests > 1
