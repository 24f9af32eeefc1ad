"""What can go wrong with a request, and the table that says at which call it does.

A fault says whether the request takes effect first, how long it takes, and what becomes of the answer.
"""

from __future__ import annotations

import base64
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)

from fake.messages import Answer, Request

Twist = Callable[[Request, Answer], Answer]
"""Makes the answer that arrives of the one that the service gave (a 200 without anything, if it was never asked)."""


_SHA256 = "x-amz-checksum-sha256"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    name: str
    twist: Twist
    effect: bool = False
    """Whether the service carries the request out first."""
    delay: float = 0.0
    """Seconds on the clock that it takes."""

    def __repr__(self) -> str:
        return self.name

    def after(self, seconds: float) -> Fault:
        """Let it take so long."""
        return replace(self, delay=seconds)

    def carried_out(self) -> Fault:
        """Let the request take effect first."""
        return replace(self, name=f"{self.name} (carried out)", effect=True)


def _raising(error: Callable[[str], Exception]) -> Twist:
    def twist(request: Request, answer: Answer) -> Answer:
        del answer
        raise error(request.url)

    return twist


def _instead(answer: Answer) -> Twist:
    return lambda _request, _answer: answer


def _stamped(answer: Answer) -> Answer:
    return answer.with_headers(x_amz_request_id="FAULT")


def refusal(status: int, code: str, message: str = "", /, **more: str) -> Fault:
    """Answer with an error of S3, without effect."""
    return Fault(f"{status} {code}", _instead(_stamped(Answer.error(status, code, message, **more))))


def sts_refusal(status: int, code: str, message: str = "") -> Fault:
    """Answer with an error of STS, without effect."""
    return Fault(f"STS {status} {code}", _instead(Answer.sts_error(status, code, message)))


def bare(status: int, body: bytes = b"", **headers: str) -> Fault:
    """Answer without effect, as a proxy or load balancer would; underscores in header names stand for hyphens."""
    return Fault(f"bare {status}", _instead(Answer(status, body=body).with_headers(**headers)))


def error_in_200(code: str, message: str = "") -> Fault:
    """Say 200, and then in the body that it failed."""
    return Fault(f"200 {code}", _instead(_stamped(replace(Answer.error(500, code, message), status=200))))


def moved(region: str | None) -> Fault:
    """Say 301: the bucket is elsewhere."""
    answer = Answer.error(301, "PermanentRedirect", "The bucket must be addressed using the specified endpoint.")
    return Fault("301", _instead(answer.with_headers(x_amz_bucket_region=region) if region else answer))


def slow(seconds: float) -> Fault:
    """Answer properly, but late."""
    return Fault(f"{seconds} s", lambda _request, answer: answer, effect=True, delay=seconds)


def meanwhile(action: Callable[[], object]) -> Fault:
    """Answer properly, after something else has happened; it may raise, KeyboardInterrupt say."""

    def twist(_request: Request, answer: Answer) -> Answer:
        action()
        return answer

    return Fault("meanwhile", twist, effect=True)


def _without_etag(_request: Request, answer: Answer) -> Answer:
    kept = {name: value for name, value in answer.headers.items() if name.lower() != "etag"}
    start, tag, rest = answer.body.partition(b"<ETag>")
    return replace(answer, headers=kept, body=start + rest.partition(b"</ETag>")[2] if tag else answer.body)


def _weak_etag(_request: Request, answer: Answer) -> Answer:
    weak = {name: f"W/{value}" if name.lower() == "etag" else value for name, value in answer.headers.items()}
    return replace(answer, headers=weak, body=answer.body.replace(b'<ETag>"', b'<ETag>W/"'))


def _cut_etag(_request: Request, answer: Answer) -> Answer:
    cut = {name: value[:9] if name.lower() == "etag" else value for name, value in answer.headers.items()}
    return replace(answer, headers=cut)


def _wrong_etag(request: Request, answer: Answer) -> Answer:
    answer = _wrong_etag_alone(request, answer)
    # as a store tells of other bytes
    return _wrong_checksum(request, answer) if _SHA256 in answer.headers else answer


def _wrong_etag_alone(_request: Request, answer: Answer) -> Answer:
    return answer.with_headers(ETag='"00000000000000000000000000000000"')


def _wrong_checksum(_request: Request, answer: Answer) -> Answer:
    return answer.with_headers(**{_SHA256: base64.b64encode(bytes(32)).decode()})


def _cut_checksum(_request: Request, answer: Answer) -> Answer:
    return answer.with_headers(**{_SHA256: answer.headers[_SHA256][:20]})


def _untold_checksum(request: Request, answer: Answer) -> Answer:
    return _wrong_etag_alone(request, answer.with_headers(**{_SHA256: ""}))


def _white_space(_request: Request, answer: Answer) -> Answer:
    declaration = b'<?xml version="1.0" encoding="UTF-8"?>\n'
    return replace(answer, body=declaration + b"\n" * 40 + answer.body.removeprefix(declaration))


HTML = b"<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>"

LOST_REQUEST = Fault("request lost", _raising(lambda url: ConnectionClosedError(endpoint_url=url)))
ANSWER_TIMED_OUT = Fault("answer timed out", _raising(lambda url: ReadTimeoutError(endpoint_url=url)), effect=True)
CONNECTION_CLOSED = Fault("answer cut", _raising(lambda url: ConnectionClosedError(endpoint_url=url)), effect=True)
UNREACHABLE = Fault("unreachable", _raising(lambda url: EndpointConnectionError(endpoint_url=url)))
CONNECT_TIMED_OUT = Fault("no connection", _raising(lambda url: ConnectTimeoutError(endpoint_url=url)))
PROXY_DOWN = Fault("proxy down", _raising(lambda url: ProxyConnectionError(proxy_url=url)))
TUNNEL_REFUSED = Fault(
    "tunnel refused",
    _raising(lambda url: ProxyConnectionError(proxy_url=url, error=OSError("Tunnel connection failed: 403 Forbidden"))),
)
NO_NAME = Fault(
    "no such name",
    _raising(
        lambda url: EndpointConnectionError(endpoint_url=url, error=OSError("[Errno -2] Name or service not known"))
    ),
)
REFUSED = Fault(
    "connection refused",
    _raising(lambda url: EndpointConnectionError(endpoint_url=url, error=OSError("[Errno 111] Connection refused"))),
)
NO_TLS = Fault(
    "no TLS",
    _raising(lambda url: SSLError(endpoint_url=url, error=OSError("[SSL: WRONG_VERSION_NUMBER] wrong version number"))),
)
NO_HTTP = Fault(
    "no HTTP",
    _raising(lambda url: ConnectionClosedError(endpoint_url=url, error=OSError("BadStatusLine('SSH-2.0-OpenSSH_9')"))),
)
UNTRUSTED = Fault(
    "untrusted", _raising(lambda url: SSLError(endpoint_url=url, error=OSError("certificate verify failed")))
)

INTERNAL_ERROR = refusal(500, "InternalError", "We encountered an internal error. Please try again.")
BAD_GATEWAY = bare(502, b"<html>502 Bad Gateway</html>")
SLOW_DOWN = refusal(503, "SlowDown", "Please reduce your request rate.")
GATEWAY_TIMEOUT = bare(504)
CONFLICT = refusal(409, "ConditionalRequestConflict", "A conflicting conditional operation is currently in progress.")
DENIED = refusal(403, "AccessDenied", "Access Denied")
NO_SUCH_UPLOAD = refusal(404, "NoSuchUpload", "The specified multipart upload does not exist.")
EXPIRED_TOKEN = refusal(400, "ExpiredToken", "The provided token has expired.")
EMPTY_200 = bare(200)
HTML_200 = bare(200, HTML, content_type="text/html")
ACCEPTED_202 = Fault("202 instead of 200", lambda _request, answer: replace(answer, status=202), effect=True)
NO_ETAG = Fault("200 without ETag", _without_etag, effect=True)
CUT_ETAG = Fault("answer cut in its ETag", _cut_etag, effect=True)
WEAK_ETAG = Fault("a weak ETag", _weak_etag, effect=True)
WRONG_ETAG = Fault("wrong ETag", _wrong_etag, effect=True)
WRONG_ETAG_ALONE = Fault("wrong ETag beside the right checksum", _wrong_etag_alone, effect=True)
WRONG_CHECKSUM = Fault("wrong checksum", _wrong_checksum, effect=True)
CUT_CHECKSUM = Fault("answer cut in its checksum", _cut_checksum, effect=True)
UNTOLD_CHECKSUM = Fault("wrong ETag without a checksum", _untold_checksum, effect=True)
WHITE_SPACE = Fault("white space first", _white_space, effect=True)


class Faults:
    """At which call of which operation what goes wrong. ``"*"`` stands for any operation; calls count from 1."""

    def __init__(self) -> None:
        self._at: dict[tuple[str, int], Fault] = {}
        self._always: dict[str, Fault] = {}
        self._calls: Counter[str] = Counter()
        self._lock = threading.Lock()

    def at(self, operation: str, call: int, fault: Fault) -> None:
        """Let the ``call``-th call of an operation fail, counted from the beginning of the test."""
        self._at[operation, call] = fault

    def next(self, operation: str, *faults: Fault) -> None:
        """Let the next calls of an operation fail, one after the other."""
        for place, fault in enumerate(faults, self._calls[operation] + 1):
            self._at[operation, place] = fault

    def always(self, operation: str, fault: Fault) -> None:
        """Let every call of an operation fail, from now on."""
        self._always[operation] = fault

    def clear(self) -> None:
        """Let everything work again."""
        self._at.clear()
        self._always.clear()

    def take(self, operation: str) -> Fault | None:
        """Count a call and return its fault, if it has one."""
        with self._lock:
            for name in (operation, "*"):
                self._calls[name] += 1
            for name in (operation, "*"):
                if fault := self._at.get((name, self._calls[name])) or self._always.get(name):
                    return fault
        return None
