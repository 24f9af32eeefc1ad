"""How long an answer may take, to its last byte: a server that sends one now and then must not keep us for ever.

A read timeout bounds one wait for bytes, and nothing in urllib3 bounds all of them together. So connections get sockets
that know an end: of the thread that reads, as it is of a request, and connections serve many.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class _Limit(threading.local):
    end: float | None = None  # by the monotonic clock
    patience = 0.0


_LIMIT: Final = _Limit()

_CONSENT: Final = 1.0
"""Seconds that a server has for an answer to ``Expect``, as botocore gives it before there is anything to be read."""

_GO_ON: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_LONGEST_LINE: Final = 65536
"""Bytes, as in Python's own client."""


def is_interim(status: int) -> bool:
    """Tell a status that says no more than that the answer is to come (RFC 9110, section 15.2)."""
    return status // 100 == 1 and status != HTTPStatus.SWITCHING_PROTOCOLS


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


def body_has_gone() -> None:
    """Give this thread's answer its patience from now on, whatever the body took."""
    if _LIMIT.end is not None:
        _LIMIT.end = max(_LIMIT.end, time.monotonic() + _LIMIT.patience)


class _Reader(io.RawIOBase):
    """Reads from a socket until the end of the thread's limit."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._raw = sock.makefile("rb", buffering=0)
        self.has_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        usual = self._socket.gettimeout()
        left = None if _LIMIT.end is None else _LIMIT.end - time.monotonic()
        if left is None or (usual is not None and usual <= left):
            return self._read(buffer)
        if left <= 0:
            message = "the answer takes too long"
            raise TimeoutError(message)
        self._socket.settimeout(left)
        try:
            return self._read(buffer)
        finally:
            self._socket.settimeout(usual)

    def _read(self, buffer: WriteableBuffer) -> int | None:
        count = self._raw.readinto(buffer)
        self.has_ended = self.has_ended or count == 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Consent(io.RawIOBase):
    """Reads what a server says to ``Expect: 100-continue``; if it says nothing, it is taken to have said: go on.

    botocore waits for a second until the socket can be read, and then for an answer. But what can be read may be none:
    over TLS 1.3 a server sends tickets for later sessions after the handshake. And it knows two words, "100" and
    answers with a reason, of which HTTP has more (RFC 9110, section 15.2; RFC 9112, section 4).
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._reader = _Reader(sock)
        self._said: io.BytesIO | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        if self._said is None:
            self._said = io.BytesIO(self._word())
        return self._said.readinto(buffer) or self._reader.readinto(buffer)

    def _word(self) -> bytes:
        """Read up to the end of an answer's first line, or of a word to go on."""
        while (begun := self._first()) is not None:
            line = begun + self._line()
            kind, number, *_ = *line.split(None, 2), b"", b""
            if not kind.startswith(b"HTTP/"):
                return line
            if not (number.isdigit() and is_interim(int(number))):
                return b"%b %b -\r\n" % (kind, number)  # a reason, in ASCII
            while self._line().strip():  # its headers
                pass
            if int(number) == HTTPStatus.CONTINUE:
                break
        return _GO_ON

    def _first(self) -> bytes | None:
        """Wait for the first byte of what is said; ``None`` if nothing is."""
        usual = self._socket.gettimeout()
        self._socket.settimeout(_CONSENT if usual is None else min(_CONSENT, usual))
        try:
            return self._some(self._reader.read(1))
        except TimeoutError:
            return None
        finally:
            self._socket.settimeout(usual)

    def _line(self) -> bytes:
        return self._some(self._reader.readline(_LONGEST_LINE))

    def _some(self, data: bytes | None) -> bytes:
        if not data:  # or botocore would look for the end of a head for ever
            message = "the connection was closed in the place of an answer to Expect"
            raise ConnectionResetError(message)
        return data

    def close(self) -> None:
        self._reader.close()
        super().close()


class TimedSocket:
    """A socket whose files are such readers."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.settimeout, self.sendall = sock.settimeout, sock.sendall  # with each request
        self._reader: _Reader | None = None

    @property
    def has_ended(self) -> bool:
        """Whether somebody has read up to the end of the connection, by the last of the files."""
        return self._reader is not None and self._reader.has_ended

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever a socket has
        return getattr(self._socket, name)

    def makefile(self, _mode: str, buffering: int = -1) -> io.RawIOBase | io.BufferedReader:
        """Return a file of it to read from."""
        if not buffering:  # botocore reads so what a server says to Expect, and nothing else
            return _Consent(self._socket)
        self._reader = _Reader(self._socket)
        return io.BufferedReader(self._reader)
