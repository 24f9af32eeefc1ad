"""What botocore makes of a PutObject, with places for what differs from one to the next.

botocore builds each request anew from its description of the API, which for a small object takes longer than sending
it. Of equal parameters it makes equal requests, but for key, body, digest and signature: so two are made, and not
sent, and a template of the first must give the second.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from s3dest.canonical import DATE, PAYLOAD, TOKEN, CanonicalForm
from s3dest.payload_hash import UNSIGNED
from s3dest.quiet_request import Fields, QuietRequest

Sign = Callable[[QuietRequest, CanonicalForm, str, str], None]
"""Signs a request of a form, given the key in its address and what stands for its body."""

DIGESTS: Final = {"ChecksumSHA256": "x-amz-checksum-sha256", "ContentMD5": "content-md5"}
"""The parameters of botocore that tell a body's digest, and their headers; a request has one of them."""

_TRIALS: Final = (("s3dest/a", b"a", "YQ=="), ("s3dest/b é~%+=:/.b", b"another", "Yg=="))
"""Key, body and digest of the requests that are made for a template; the digests need only be Base64."""

_CALL: Final = "amz-sdk-invocation-id"
_OTHER_EACH_TIME: Final = frozenset({_CALL, DATE, TOKEN})
_OWN: Final = _OTHER_EACH_TIME | {"authorization", PAYLOAD, "content-length", *DIGESTS.values()}
"""Headers that each request gets anew."""

_OF_ONE_CALL: Final = frozenset({"x-amzn-trace-id", "transfer-encoding", "expect"})
"""Headers of which a second request would have others, though two in a row have the same; or another way of sending."""

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=\w+"
)


class TrialBody(BytesIO):
    """The body of a request that must not be sent."""


@dataclass(frozen=True, slots=True)
class Template:
    """Requests that differ in key, body and digest."""

    url: str
    """Of the bucket, with a slash at its end."""
    headers: Mapping[str, str]
    """Those that are the same, by their names in lower case."""
    form: CanonicalForm
    digest: str | None
    """The header that tells the body's digest."""
    has_call: bool
    """Whether each call has an id."""
    is_body_signed: bool

    def request(
        self, key: str, body: bytes, digest: str | None, sign: Sign, *, sha256: bytes | None = None
    ) -> QuietRequest:
        """Make and sign a request.

        Args:
            key: The object's.
            body: All of it.
            digest: As the header has it.
            sign: Signs it.
            sha256: The body's, if it is known.
        """
        end = quote(key)
        request = QuietRequest("PUT", self.url + end, Fields(self.headers), body)
        request.headers["content-length"] = str(len(body))
        if self.digest and digest:
            request.headers[self.digest] = digest
        if self.has_call:
            request.headers[_CALL] = str(uuid4())
        payload = UNSIGNED
        if self.is_body_signed:
            payload = (sha256 or hashlib.sha256(body).digest()).hex()
        sign(request, self.form, end, payload)
        return request


def find_template(
    make: Callable[[dict[str, Any]], QuietRequest | None],
    same: dict[str, Any],
    digest: str | None,
    sign: Sign,
) -> Template | None:
    """Find what requests have in common; ``None`` if there is more to them than a template knows.

    Args:
        make: Lets botocore make and sign a request of parameters.
        same: botocore's parameters that are the same for all of them.
        digest: The parameter that tells the body's digest.
        sign: Signs one, with the same keys.
    """
    first, second = (make({**same, **_parameters(key, body, value, digest)}) for key, body, value in _TRIALS)
    if first is None or second is None:
        return None
    template = _read(first, _TRIALS[0][0], DIGESTS[digest] if digest else None)
    if template is None:
        return None
    key, body, value = _TRIALS[1]
    again = template.request(key, body, value, sign)
    is_same = _essence(again) == _essence(second)
    return template if is_same and template.form.is_botocores(again.url, quote(key), again.headers) else None


def _parameters(key: str, body: bytes, value: str, digest: str | None) -> dict[str, Any]:
    return {"Key": key, "Body": TrialBody(body), **({digest: value} if digest else {})}


def _read(request: QuietRequest, key: str, digest: str | None) -> Template | None:
    names = {name.lower() for name in request.headers}
    url, end = request.url, quote(key)
    signed = _AUTHORIZATION.fullmatch(_text(request.headers.get("authorization", "")))
    if not url.endswith(f"/{end}") or signed is None or not names.isdisjoint(_OF_ONE_CALL):
        return None
    same = {name.lower(): _text(value) for name, value in request.headers.items() if name.lower() not in _OWN}
    if not "".join(same.values()).isascii():  # they are signed as UTF-8, and would be sent as Latin-1
        return None
    folder = url.removesuffix(end)
    region, service, first = signed.groups()
    common = {name: value for name, value in same.items() if name in first.split(";")}
    return Template(
        url=folder,
        headers=same,
        form=CanonicalForm.of(folder, common, digest, service=service, region=region),
        digest=digest,
        has_call=_CALL in names,
        is_body_signed=request.headers.get(PAYLOAD) != UNSIGNED,
    )


def _essence(request: QuietRequest) -> list[object]:
    """Tell what is the same each time that a request is made."""
    return [request.method, request.url, _bytes(request.body), sorted(_lasting(request))]


def _lasting(request: QuietRequest) -> Iterator[tuple[str, object]]:
    for name in request.headers:
        known = name.lower()
        if known == "authorization":
            signed = _AUTHORIZATION.fullmatch(_text(request.headers[name]))
            yield known, signed.groups() if signed else None
        else:
            yield known, None if known in _OTHER_EACH_TIME else _text(request.headers[name])


def _bytes(body: Any) -> object:  # noqa: ANN401  # bytes, or botocore's file of them
    return body.getvalue() if hasattr(body, "getvalue") else body


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
