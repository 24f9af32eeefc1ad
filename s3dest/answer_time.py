"""How long an answer may take, to its last byte: a server that sends one now and then must not keep us for ever.

A read timeout bounds one wait for bytes, and nothing in urllib3 bounds all of them together. So botocore's connections
get sockets that know an end: of the thread that reads, as it is of a request, and connections serve many.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from botocore.httpsession import URLLib3Session


class _Limit(threading.local):
    end: float | None = None  # by the monotonic clock
    patience = 0.0


_LIMIT: Final = _Limit()

_CONSENT: Final = 1.0
"""Seconds that a server has for an answer to ``Expect``, as botocore gives it before there is anything to be read."""


@contextmanager
def answers_within(left: float, *, patience: float) -> Iterator[None]:
    """Let this thread read answers for so many seconds and its patience; an inner limit goes before an outer one.

    A body may take longer to go: its answer has that patience from there on, too.
    """
    before = _LIMIT.end, _LIMIT.patience
    _LIMIT.end, _LIMIT.patience = time.monotonic() + left + patience, patience
    try:
        yield
    finally:
        _LIMIT.end, _LIMIT.patience = before


def _body_has_gone() -> None:
    if _LIMIT.end is not None:
        _LIMIT.end = max(_LIMIT.end, time.monotonic() + _LIMIT.patience)


def limit_time(session: URLLib3Session) -> None:
    """Let a session of botocore's that has sent nothing yet know these limits; it has no setting for connections."""
    session._pool_classes_by_scheme.update(http=_Pool, https=_TlsPool)  # type: ignore[attr-defined]  # noqa: SLF001


class _Reader(io.RawIOBase):
    """Reads from a socket until the end of the thread's limit."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        usual = self._socket.gettimeout()
        left = None if _LIMIT.end is None else _LIMIT.end - time.monotonic()
        if left is None or (usual is not None and usual <= left):
            return self._raw.readinto(buffer)
        if left <= 0:
            message = "the answer takes too long"
            raise TimeoutError(message)
        self._socket.settimeout(left)
        try:
            return self._raw.readinto(buffer)
        finally:
            self._socket.settimeout(usual)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Consent(_Reader):
    """Reads what a server says to ``Expect: 100-continue``; if it says nothing, it is taken to have said: go on.

    botocore waits for a second until the socket can be read, and then for an answer. But what can be read may be none:
    over TLS 1.3 a server sends tickets for later sessions after the handshake.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._said: io.BytesIO | None = None
        self._has_begun = False

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        if self._said is not None:
            return self._said.readinto(buffer)
        usual = self._socket.gettimeout()
        try:
            if not self._has_begun:
                self._socket.settimeout(_CONSENT if usual is None else min(_CONSENT, usual))
            count = super().readinto(buffer)
        except TimeoutError:
            if self._has_begun:
                raise
            self._said = io.BytesIO(b"HTTP/1.1 100 Continue\r\n\r\n")
            return self._said.readinto(buffer)
        finally:
            self._socket.settimeout(usual)
        self._has_begun = True
        return count


class _Socket:
    """A socket whose files are such readers."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever a socket has
        return getattr(self._socket, name)

    def makefile(self, _mode: str, buffering: int = -1) -> io.RawIOBase | io.BufferedReader:
        # botocore reads without a buffer what a server says to Expect, and nothing else
        return io.BufferedReader(_Reader(self._socket)) if buffering else _Consent(self._socket)


class _Connection(AWSHTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = _Socket(self.sock)

    def getresponse(self) -> Any:  # noqa: ANN401  # urllib3's, of whichever version
        _body_has_gone()
        return super().getresponse()


class _TlsConnection(AWSHTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = _Socket(self.sock)

    def _tunnel(self) -> None:
        # the proxy's answer to CONNECT is read in here; what begins TLS afterwards must be the socket itself
        plain, self.sock = self.sock, _Socket(self.sock)
        try:
            super()._tunnel()
        finally:
            if self.sock is not None:
                self.sock = plain

    def getresponse(self) -> Any:  # noqa: ANN401
        _body_has_gone()
        return super().getresponse()


class _Pool(AWSHTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(AWSHTTPSConnectionPool):
    ConnectionCls = _TlsConnection
