"""botocore's connections, and what they are to tell apart: whether anything was sent, and whether an answer is whole.

Their sockets know when an answer takes too long, see `answer_time`.
"""

from __future__ import annotations

import errno
import re
import ssl
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any, Final, Protocol, TypeVar

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPResponse,
    AWSHTTPSConnection,
)
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProtocolError

from s3dest.answer_time import TimedSocket, body_has_gone, is_interim


class _Head(Protocol):
    @property
    def status(self) -> int: ...


Head = TypeVar("Head", bound=_Head)

_NO_WAY: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EIO})
"""What the system says in the middle of a connection that leads nowhere any more."""

_NO_CLIENT: Final = re.compile("ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)")
"""OpenSSL's reasons where a server refuses who connects: over TLS 1.3 it says so after it may have had a request."""


class BrokenOffError(NewConnectionError):
    """Raised where a connection breaks while it is being made: nothing was sent, so nothing can have taken effect."""


def _has_broken(error: OSError | HTTPException) -> bool:
    """Tell a connection that broke from one that was refused: by TLS, or by a proxy."""
    if isinstance(error, (ConnectionError, HTTPException, ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return True
    return not isinstance(error, ssl.SSLError) and error.errno in _NO_WAY


def read_head(sock: TimedSocket, read: Callable[[], Head]) -> Head:
    """Read an answer's head.

    One that ends with the connection is none: a header may be cut off in the middle. Nor is one that says that the
    answer is still to come: the next request would have the answer of this one.

    Args:
        sock: Of the connection; the whole request has gone over it.
        read: Reads it.

    Raises:
        ProtocolError: What came is no head, or the connection broke.
        IncompleteRead: It is none of an answer.
        OSError: Nothing came in time, say.
    """
    body_has_gone()
    try:
        answer = read()
    except (ConnectionError, HTTPException, ssl.SSLError) as error:
        if isinstance(error, ssl.SSLError) and _NO_CLIENT.search(error.reason or ""):
            raise
        # as urllib3 says it of a connection without a proxy: with one it would say that there is none
        message = "Connection aborted."
        raise ProtocolError(message, error) from error
    if sock.has_ended or answer.status < HTTPStatus.OK:
        nothing = b""
        raise IncompleteRead(nothing)
    return answer


def _whole(connection: Any, getresponse: Callable[[], Any]) -> Any:  # noqa: ANN401  # urllib3's, of whichever version
    kind = connection.response_class
    if isinstance(kind, partial):  # it was given in the place of consent
        connection.response_class = partial(_EarlyResponse, **kind.keywords)
    return read_head(connection.sock, getresponse)


class FinalResponse(HTTPResponse):
    """Skips what only announces an answer, of which Python knows 100 alone."""

    def begin(self) -> None:
        """Read the head."""
        super().begin()
        while is_interim(self.status):
            self.headers = self.msg = None  # type: ignore[assignment]  # as if nothing was read yet
            super().begin()

    def flush(self) -> None:
        """Do nothing: of one that ended badly, whose file is closed, Python's own fails when it is let go of."""


class _EarlyResponse(AWSHTTPResponse):
    """The last on its connection: of a request whose body was announced and never sent.

    The server may wait for it, and would take the next request for it (RFC 9110, section 10.1.1).
    """

    def begin(self) -> None:
        """Read the head."""
        super().begin()
        self.will_close = True


class PlainConnection(AWSHTTPConnection):
    """A connection in clear text."""

    response_class = FinalResponse  # type: ignore[assignment]  # any response of Python's will do

    def connect(self) -> None:
        """Open it."""
        super().connect()
        self.sock = TimedSocket(self.sock)

    def getresponse(self) -> Any:  # noqa: ANN401
        """Read the head of an answer; see `read_head`."""
        return _whole(self, super().getresponse)


class TlsConnection(AWSHTTPSConnection):
    """A connection over TLS."""

    response_class = FinalResponse  # type: ignore[assignment]  # any response of Python's will do

    def connect(self) -> None:
        """Open it; raises what says that nothing was sent, if that is so."""
        try:
            super().connect()
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "TLS was not agreed in time") from error
        except (OSError, HTTPException) as error:
            if not _has_broken(error):
                raise
            raise BrokenOffError(self, str(error)) from error
        self.sock = TimedSocket(self.sock)

    def _tunnel(self) -> None:
        # the proxy's answer to CONNECT is read in here; what begins TLS afterwards must be the socket itself
        plain, self.sock = self.sock, TimedSocket(self.sock)
        try:
            super()._tunnel()
        finally:
            if self.sock is not None:
                self.sock = plain

    def getresponse(self) -> Any:  # noqa: ANN401
        """Read the head of an answer; see `read_head`."""
        return _whole(self, super().getresponse)
