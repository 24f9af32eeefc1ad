"""One request and its answer over a connection that stands, by Python's own HTTP client.

botocore's session and urllib3 look pools, addresses and options over with each request, which for a small one takes
longer than to send it. They open the connections all the same, and agree on TLS; whatever they look at there, and all
that goes through a proxy, is left to them.
"""

from __future__ import annotations

import errno
import re
import ssl
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from itertools import chain, starmap
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from botocore.awsrequest import AWSResponse
from botocore.exceptions import BotoCoreError, ConnectionClosedError, HTTPClientError, ReadTimeoutError, SSLError
from urllib3 import HTTPResponse
from urllib3 import exceptions as urllib3_errors

from s3dest.answer_limit import read_whole
from s3dest.connection import FinalResponse, read_head
from s3dest.pools import path_of

if TYPE_CHECKING:
    import io
    from collections.abc import Mapping

    from s3dest.answer_time import TimedSocket
    from s3dest.pools import LendingPool
    from s3dest.quiet_request import QuietRequest

_ANSWERED: Final = frozenset({errno.EPIPE, errno.ECONNRESET, errno.EPROTOTYPE})
"""What the system says where a server has answered before it had the whole request, and reads no more of it."""

_DONE: Final = re.compile(
    rb"HTTP/1\.1 200(?: [ -~]*)?\r\n((?:[\w!#$%&'*+.^`|~-]+:[\t -~]*(?<![\t ])\r\n)*)\r\n", re.ASCII
)
"""The whole of an answer that says no more than that all is well; what follows it would be none of HTTP's."""

_PLAIN: Final = re.compile(r"[\t -~]*")
"""What a header may have in it, of ASCII."""

_LINE: Final = "{}: {}\r\n".format
_VALUE: Final = itemgetter(1)
_TEXTS: Final = frozenset({str})

_HEADERS_AT_MOST: Final = 99
"""Python's client takes no more lines than 100, of which the last is empty."""

_LASTING: Final = "keep-alive"


@dataclass(frozen=True, slots=True)
class Done:
    """An answer of headers only."""

    headers: Mapping[str, str]
    """By their names in lower case."""
    status: int = HTTPStatus.OK


def exchange(pool: LendingPool, request: QuietRequest) -> Done | AWSResponse | None:
    """Send a request with its whole body, and read the whole answer.

    Args:
        pool: That leads to where the request goes.
        request: It; its body is bytes.

    Returns:
        ``None`` if nothing was sent: no connection stands, or there is something unusual about the request.

    Raises:
        Exception: What botocore's session would raise.
    """
    connection = pool.take() if _is_plain(request) else None
    if connection is None:
        return None
    is_open = False
    try:
        _send(connection, pool, request)
        answer, is_open = _answer(connection, pool, request)
        return answer
    except BotoCoreError:
        raise
    except Exception as error:  # of a signal handler, say; of botocore's own, frames below with the request are cut off
        raise HTTPClientError(error=error) from error
    finally:
        if not is_open:
            connection.close()
        pool.give_back(connection if is_open else None)


def _is_plain(request: QuietRequest) -> bool:
    """Tell whether there is nothing in a request that Python's client would refuse, or write in another way."""
    # no local variable holds the token, nor does one of a loop, which is a frame in some versions of Python
    return (
        isinstance(request.body, bytes)
        and set(map(type, map(_VALUE, request.headers.items()))) <= _TEXTS
        and _PLAIN.fullmatch("".join(chain.from_iterable(request.headers.items()))) is not None
    )


def _text(connection: Any, request: QuietRequest) -> bytes:  # noqa: ANN401  # urllib3's, of whichever version
    """Write a plain request as Python's client does."""
    host = connection.host if connection.port == connection.default_port else f"{connection.host}:{connection.port}"
    first = f"{request.method} {path_of(request.url)} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: identity\r\n"
    body: Any = request.body
    return b"".join([first.encode(), "".join(starmap(_LINE, request.headers.items())).encode(), b"\r\n", body])


def _send(connection: Any, pool: LendingPool, request: QuietRequest) -> None:  # noqa: ANN401
    connection.sock.settimeout(pool.timeout.connect_timeout)
    try:
        # no frame of ours holds the text, with a session's token in it
        HTTPConnection.send(connection, _text(connection, request))
    except ssl.SSLError as error:
        raise SSLError(endpoint_url=request.url, error=urllib3_errors.SSLError(error)) from error
    except OSError as error:
        if error.errno not in _ANSWERED:
            raise _closed(error, request) from error


def _answer(connection: Any, pool: LendingPool, request: QuietRequest) -> tuple[Done | AWSResponse, bool]:  # noqa: ANN401
    """Read an answer, and tell whether the connection can have another request."""
    sock = connection.sock
    sock.settimeout(pool.timeout.read_timeout)
    with sock.makefile("rb") as reader:
        head = _head_in_time(sock, reader, pool, request)
        if isinstance(head, Done):
            return head, True
        answer = _begun(pool, request.url, head)
        read_whole(answer)
    return answer, not head.will_close


def _head_in_time(
    sock: TimedSocket, reader: io.BufferedReader, pool: LendingPool, request: QuietRequest
) -> Done | FinalResponse:
    """Read as much as there is of an answer that is as usual, and the head of another."""
    url = request.url
    try:
        return read_head(sock, partial(_head, reader, request.method))
    except TimeoutError as error:
        told = urllib3_errors.ReadTimeoutError(pool, path_of(url), "Read timed out.")
        raise ReadTimeoutError(endpoint_url=url, error=told) from error
    except ssl.SSLError as error:
        raise SSLError(endpoint_url=url, error=urllib3_errors.SSLError(error)) from error
    except (OSError, HTTPException) as error:
        raise _closed(error, request) from error
    except urllib3_errors.ProtocolError as error:
        raise ConnectionClosedError(endpoint_url=url, request=request, error=error) from error


def _begun(pool: LendingPool, url: str, head: FinalResponse) -> AWSResponse:
    """Make of a head what botocore's session would give to botocore."""
    headers: Any = head.headers.items()  # urllib3 makes its own of them
    try:
        raw = HTTPResponse(
            head,
            headers,
            head.status,
            original_response=head,
            pool=pool,  # for its name in errors; the connection is not given back by it
            preload_content=False,
            decode_content=False,
            enforce_content_length=False,
        )
    except urllib3_errors.HTTPError as error:
        raise HTTPClientError(error=error) from error
    headers = raw.headers
    return AWSResponse(url, head.status, headers, raw)


def _closed(error: Exception, request: QuietRequest) -> ConnectionClosedError:
    told = urllib3_errors.ProtocolError("Connection aborted.", error)
    return ConnectionClosedError(endpoint_url=request.url, request=request, error=told)


def _head(reader: io.BufferedReader, method: str) -> Done | FinalResponse:
    """Read an answer if it is as usual and comes at once, else its head."""
    done = _DONE.fullmatch(reader.peek())
    headers = _headers(done[1].decode()) if done else None
    if headers is not None:
        return Done(headers)
    head = FinalResponse(_Begun(reader), method=method)  # type: ignore[arg-type]  # it only asks for a file
    head.begin()
    return head


def _headers(lines: str) -> dict[str, str] | None:
    """Read headers; ``None`` if they say more than that there is no body, and the connection stays."""
    pairs = [line.partition(":") for line in lines.split("\r\n")[:-1]]
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    is_usual = (
        len(headers) == len(pairs) <= _HEADERS_AT_MOST
        and headers.get("content-length") == "0"
        and "transfer-encoding" not in headers
        and headers.get("connection", _LASTING).lower() == _LASTING
    )
    return headers if is_usual else None


class _Begun:
    """A socket of which a reader has some bytes already."""

    def __init__(self, reader: io.BufferedReader) -> None:
        self._reader = reader

    def makefile(self, _mode: str) -> io.BufferedReader:
        return self._reader
