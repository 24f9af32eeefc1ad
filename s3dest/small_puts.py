"""PutObject of small bodies, in less time than botocore takes to make one.

The requests are botocore's own (see `template`) and signed by its own class, over connections that its own session has
opened (see `exchange`); what is saved is making each of them anew, looking for its connection, and reading an answer of
headers only as if it were XML.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from botocore.awsrequest import AWSResponse
from botocore.endpoint import convert_to_response_dict
from botocore.hooks import first_non_none_response
from botocore.parsers import ResponseParserFactory

from s3dest.answer_limit import limit_answers
from s3dest.bystanders import Bystanders
from s3dest.client import SMALL_BODY
from s3dest.credentials import KeyProvider
from s3dest.exchange import Done, exchange
from s3dest.payload_hash import sign_form
from s3dest.piece import Piece
from s3dest.quiet_request import QuietRequest
from s3dest.template import DIGESTS, Template, TrialBody, find_template

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest
    from types_boto3_s3 import S3Client

OPERATION: Final = "PutObject"

_KINDS_AT_MOST: Final = 16
"""Templates that are kept: a destination has two, of data and manifests."""

_TOLD: Final = {
    "etag": "ETag",
    "x-amz-checksum-sha256": "ChecksumSHA256",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-version-id": "VersionId",
}
"""What s3dest reads in the headers of an answer, and botocore's names for it (S3 API reference, "PutObject")."""


class _Made(Exception):  # noqa: N818  # no error: it breaks off before a request is sent
    def __init__(self, request: AWSRequest) -> None:
        super().__init__("made, and not sent")
        self.request = request


class SmallPuts:
    """Puts small objects with a client's connections. Safe to share between threads."""

    def __init__(self, client: S3Client, provider: KeyProvider) -> None:
        self._client = client
        self._sign = partial(sign_form, provider)
        self._session = limit_answers(client)
        self._model = client.meta.service_model.operation_model(OPERATION)
        self._templates: dict[frozenset[tuple[str, object]], Template | None] = {}
        self._bystanders = Bystanders()
        # of the most general event, which comes last: botocore signs before, and adds headers that are not signed
        client.meta.events.register_last("request-created", _break_off)

    def put(self, parameters: dict[str, Any]) -> dict[str, Any] | None:
        """Put an object; ``None`` if the client is to do it, and nothing was done.

        Args:
            parameters: botocore's, with the body.

        Returns:
            The fields of botocore's answer that s3dest reads; all of them if it is none of the usual.

        Raises:
            Exception: What the client's own method would raise.
        """
        body = parameters["Body"]
        if len(body) > SMALL_BODY or self._bystanders.are_about:
            return None
        digest = next((name for name in DIGESTS if name in parameters), None)
        same = {name: value for name, value in parameters.items() if name not in {"Key", "Body", digest}}
        template = self._template(same, digest)
        if template is None:
            return None
        sha256 = body.sha256 if isinstance(body, Piece) else None
        data = body if isinstance(body, bytes) else body.read()
        if len(data) < len(body):  # the client finds that out, too, and nothing is stored
            body.fresh()
            return None
        told = parameters[digest] if digest else None
        return self._answer(self._send(template.request(parameters["Key"], data, told, self._sign, sha256=sha256)))

    def _template(self, same: dict[str, Any], digest: str | None) -> Template | None:
        kind = frozenset([*same.items(), ("", digest)])
        try:
            return self._templates[kind]
        except KeyError:
            if len(self._templates) >= _KINDS_AT_MOST:
                self._templates.clear()
            template = self._templates[kind] = find_template(self._try, same, digest, self._sign)
            return template

    def _try(self, parameters: dict[str, Any]) -> QuietRequest | None:
        try:
            self._client.put_object(**parameters)
        except _Made as made:
            return QuietRequest.of(made.request)
        return None  # somebody has answered before it was made

    def _send(self, request: QuietRequest) -> AWSResponse | Done:
        """Send as botocore does: whoever answers in the place of the network is asked first."""
        answers = self._client.meta.events.emit(f"before-send.s3.{OPERATION}", request=request)
        answer: AWSResponse | Done | None = first_non_none_response(answers)
        pool = self._session.pools.of(request.url)
        if answer is None and pool is not None and not self._bystanders.are_on_the_wire:
            answer = exchange(pool, request)
        return self._session.send(request) if answer is None else answer

    def _answer(self, http: AWSResponse | Done) -> dict[str, Any]:
        if isinstance(http, AWSResponse) and (http.status_code != HTTPStatus.OK or http.content):
            return self._parsed(http)
        told = {_TOLD[name.lower()]: value for name, value in http.headers.items() if name.lower() in _TOLD}
        return {**told, "ResponseMetadata": {"HTTPStatusCode": HTTPStatus.OK}}

    def _parsed(self, http: AWSResponse) -> dict[str, Any]:
        """Read any answer, as botocore does."""
        answer = convert_to_response_dict(http, self._model)
        customized: dict[str, Any] = {}
        self._client.meta.events.emit(
            f"before-parse.s3.{OPERATION}",
            operation_model=self._model,
            response_dict=answer,
            customized_response_dict=customized,
        )
        parser: Any = ResponseParserFactory().create_parser(self._model.service_model.resolved_protocol)
        parsed: dict[str, Any] = {**parser.parse(answer, self._model.output_shape), **customized}
        if answer["status_code"] >= HTTPStatus.MULTIPLE_CHOICES:
            exceptions: Any = self._client.exceptions
            raise exceptions.from_code(parsed.get("Error", {}).get("Code"))(parsed, OPERATION)
        return parsed


def _break_off(request: AWSRequest, **_: object) -> None:
    """Let no trial be sent: it is known by its body, whatever else is under way."""
    if isinstance(request.data, TrialBody):
        raise _Made(request)
