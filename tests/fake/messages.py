"""Requests as botocore sends them, and answers as it reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

_SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/")


@dataclass(slots=True)
class Request:
    """One request, as it would have gone over the wire."""

    operation: str
    """``PutObject``, ``AssumeRole`` …"""
    method: str
    url: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)
    bucket: str = ""
    key: str = ""
    status: int | None = None
    """What the client was told; ``None`` if it was told nothing."""
    effect: bool = False
    """Whether the request was carried out, whatever the client was told."""

    @classmethod
    def of(cls, operation: str, prepared: AWSPreparedRequest, *, bucket: str) -> Request:
        """Read botocore's request; ``bucket`` is the one that may stand in the host name."""
        headers = {name.lower(): _text(value) for name, value in prepared.headers.items()}
        request = cls(operation, prepared.method, prepared.url, headers, _bytes(prepared.body))
        host, path = request.host, unquote(urlsplit(prepared.url).path).removeprefix("/")
        named, _, _ = host.partition(".s3")
        if host.startswith(f"{bucket}."):
            request.bucket, request.key = bucket, path
        elif ".s3" in host:
            request.bucket, request.key = named, path
        else:
            request.bucket, _, request.key = path.partition("/")
        return request

    @property
    def host(self) -> str:
        """The host asked."""
        return urlsplit(self.url).hostname or ""

    @property
    def query(self) -> dict[str, str]:
        """The parameters in the URL."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The parameters in the body, as STS takes them."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def access_key(self) -> str | None:
        """Whose signature it carries; ``None`` for an unsigned request."""
        match = _SCOPE.search(self.headers.get("authorization", ""))
        return match["key"] if match else None

    @property
    def region(self) -> str | None:
        """The region in the signature."""
        match = _SCOPE.search(self.headers.get("authorization", ""))
        return match["region"] if match else None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def error(cls, status: int, code: str, message: str = "", /, **more: str) -> Answer:
        """Make an error as S3 words it."""
        extra = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in more.items())
        xml = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>{extra}</Error>"
        return cls(status, body=xml.encode())

    @classmethod
    def sts_error(cls, status: int, code: str, message: str = "") -> Answer:
        """Make an error as STS words it."""
        xml = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        return cls(status, body=f"<ErrorResponse>{xml}<RequestId>R1</RequestId></ErrorResponse>".encode())

    @property
    def ok(self) -> bool:
        """Whether the request was carried out."""
        return self.status < 300

    def with_headers(self, **headers: str) -> Answer:
        """Add headers; underscores stand for hyphens."""
        added = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **added})

    def sent(self, url: str) -> AWSResponse:
        """Make of it what botocore takes for the network's answer."""
        return AWSResponse(url, self.status, HTTPHeaders.from_dict(dict(self.headers)), _Raw(self.body))


class _Raw(BytesIO):
    """A body as botocore reads it from urllib3."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if hasattr(body, "read"):
        body = body.read()
    return body if isinstance(body, bytes) else str(body).encode() if isinstance(body, str) else bytes(body)
