"""Requests signed by a SHA-256 that is known already: botocore would read each body once more for it.

It has no setting for that, but asks events: one may leave a request unsigned, and another may sign it, here by
botocore's own class. Over https nothing of this is needed, as the body's digest is not signed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore import UNSIGNED as NOT_SIGNED
from botocore.auth import S3SigV4Auth

from s3dest.canonical import CanonicalForm
from s3dest.credentials import KeyProvider
from s3dest.piece import Piece

if TYPE_CHECKING:
    from http.client import HTTPMessage

    from botocore.awsrequest import AWSRequest
    from botocore.credentials import ReadOnlyCredentials
    from types_boto3_s3 import S3Client

UNSIGNED: Final = "UNSIGNED-PAYLOAD"
"""What is signed in the place of a body's digest over TLS."""

_KNOWN: Final = "s3dest_payload_hash"


class _KnownHashAuth(S3SigV4Auth):
    """S3's signature, version 4, of one request, whose body need not be read."""

    def __init__(self, credentials: ReadOnlyCredentials, service: str, region: str, payload: str) -> None:
        super().__init__(credentials, service, region)
        self._payload = payload
        self._headers: HTTPMessage | None = None

    def payload(self, request: AWSRequest) -> str:  # noqa: ARG002  # botocore's signature
        return self._payload

    def headers_to_sign(self, request: AWSRequest) -> HTTPMessage:
        # once: botocore asks for them twice, a third of what signing takes
        headers = self._headers
        if headers is None:
            headers = self._headers = super().headers_to_sign(request)
        return headers


class _KnownFormAuth(_KnownHashAuth):
    """The signature of a request of a known form."""

    def __init__(self, credentials: ReadOnlyCredentials, form: CanonicalForm, key: str, payload: str) -> None:
        super().__init__(credentials, form.service, form.region, payload)
        self._form = form
        self._key = key

    def canonical_request(self, request: Any) -> str:  # noqa: ANN401  # botocore's, or one that is as good
        return self._form.fill(self._key, request.headers)

    def headers_to_sign(self, request: Any) -> Any:  # noqa: ANN401
        return request.headers

    def signed_headers(self, headers_to_sign: Any) -> str:  # noqa: ANN401
        return self._form.names(headers_to_sign)


def sign_known_hashes(client: S3Client, provider: KeyProvider) -> None:
    """Let a client sign a `Piece` whose SHA-256 is known without reading it."""
    events = client.meta.events
    events.register_last("before-call.s3", _remember)
    events.register_first("choose-signer.s3", _leave_unsigned)  # type: ignore[arg-type]  # its answer counts
    events.register_last("before-sign.s3", partial(_sign, provider))


def _remember(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    body = params.get("body")
    if isinstance(body, Piece) and body.sha256 is not None:
        context[_KNOWN] = body.sha256


def _leave_unsigned(context: dict[str, Any], **_: object) -> object:
    return NOT_SIGNED if _KNOWN in context else None


def _sign(provider: KeyProvider, request: AWSRequest, signing_name: str, region_name: str, **_: object) -> None:
    context: dict[str, Any] = request.context
    if _KNOWN in context:
        chosen = context.get("signing", {})  # by the rules for endpoints
        service, region = chosen.get("signing_name") or signing_name, chosen.get("region") or region_name
        sign(provider, request, service, region, context[_KNOWN].hex())


def sign(provider: KeyProvider, request: AWSRequest, service: str, region: str, payload: str) -> None:
    """Sign a request for a service in a region, with what stands for its body: no frame of ours holds the keys."""
    _KnownHashAuth(provider.credentials.get_frozen_credentials(), service, region, payload).add_auth(request)


def sign_form(provider: KeyProvider, request: Any, form: CanonicalForm, key: str, payload: str) -> None:  # noqa: ANN401
    """Sign a prepared request of a known form, whose key stands so in its address; no frame of ours holds the keys."""
    _KnownFormAuth(provider.credentials.get_frozen_credentials(), form, key, payload).add_auth(request)
