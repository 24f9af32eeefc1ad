"""What happens between botocore and moto: every request is logged, and answered as AWS would where moto would not.

Knows HTTP and IAM's answers; who the customers are and what they grant is for embedded.py and customer.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from typing import Final
from unittest.mock import patch
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from moto.core.authorization import disable_iam_authentication
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber
from moto.iam.access_control import IAMPolicy, IAMPolicyStatement, PermissionResult, create_access_key
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from s3dest.errors import StateError

_ACTIONS: Final = {
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "CopyObject": "s3:PutObject",
    "UploadPartCopy": "s3:PutObject",
    "ListParts": "s3:ListMultipartUploadParts",
    "HeadObject": "s3:GetObject",
    "DeleteObjects": "s3:DeleteObject",
    "HeadBucket": "s3:ListBucket",
    "ListObjects": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
}
"""Operations whose action has another name (S3 user guide, "Required permissions for Amazon S3 API operations")."""

_CREATES: Final = frozenset({"PutObject", "CopyObject", "CompleteMultipartUpload"})
"""The operations with ``s3:ObjectCreationOperation``, which the bucket guard is about."""

_ASSUMES: Final = frozenset({"AssumeRole", "AssumeRoleWithWebIdentity"})
_SESSION_HEADER: Final = "X-Amz-Security-Token"
_ACCESS_KEY: Final = re.compile(r"Credential=([^/]+)/")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who an access key belongs to."""

    arn: str
    session_policy: str | None = None
    """The inline policy that narrows a role's session, as JSON."""


class Gate:
    """A handler of botocore's ``before-send`` event that stands in front of moto's own.

    Attributes:
        requests: Operation names in the order of sending, each try counted, without the customer's own.
        customer_keys: Access keys whose requests are not logged.
        guarded: ARN prefixes under which nothing is created without ``If-None-Match``.
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.customer_keys: set[str] = set()
        self.guarded: set[str] = set()
        self._principals: dict[str, Principal] = {}
        self._open = True

    def introduce(self, access_key: str, arn: str, session_policy: str | None = None) -> None:
        """Note whose an access key is."""
        self._principals[access_key] = Principal(arn, session_policy)

    def close(self) -> None:
        """Answer no more."""
        self._open = False

    def before_send(self, event_name: str, request: AWSPreparedRequest, **_event: object) -> AWSResponse | None:
        """Answer one request; ``None`` leaves it to others, as botocore's protocol has it."""
        if not self._open:
            # moto is off by now, and the next handler is the real network
            message = "This client was made inside an EmbeddedS3 that has ended."
            raise StateError(message, remedy="Make a new client, or a new destination.")
        service, operation = event_name.split(".", 2)[1:]
        access_key = _access_key(request)
        if access_key not in self.customer_keys:
            self.requests.append(operation)
        if service == "sts" and operation in _ASSUMES:
            return self._assume(operation, access_key, request)
        if service == "s3":
            return self._store(operation, access_key, request)
        return botocore_stubber(event_name, request)

    def _assume(self, operation: str, access_key: str, request: AWSPreparedRequest) -> AWSResponse:
        given = {name: values[0] for name, values in parse_qs(_text(request.body)).items()}
        action = f"sts:{operation}"
        by_token = operation == "AssumeRoleWithWebIdentity"
        # moto's IAM looks for a signature, which requests with a token have none of, and crashes
        with disable_iam_authentication() if by_token else nullcontext():
            answer = botocore_stubber("before-send.sts", request) if _lets_in(operation, given) else None
        if answer is None or b"<Code>AccessDenied</Code>" in answer.content:
            message = f"Not authorized to perform {action}"  # to a token, STS says no more
            if not by_token:
                who, role_arn = self._arn(access_key), given.get("RoleArn")
                message = f"User: {who} is not authorized to perform: {action} on resource: {role_arn}"
            return _sts_refusal(request, message)
        if answer.status_code == 200:  # noqa: PLR2004  # HTTP: OK
            session_key, arn = (_between(answer.content, name) for name in ("AccessKeyId", "Arn"))
            self.introduce(session_key, arn, given.get("Policy"))
        return answer

    def _store(self, operation: str, access_key: str, request: AWSPreparedRequest) -> AWSResponse | None:
        action, resource = _ACTIONS.get(operation, f"s3:{operation}"), _resource(request)
        who = (
            f"User: {self._arn(access_key)} is not authorized to perform: {action} on resource: {json.dumps(resource)}"
        )
        narrowed = self._narrowed(access_key, action, resource)
        if narrowed != PermissionResult.PERMITTED:
            return _s3_refusal(request, f"{who} {_reason('session', narrowed, action)}")
        if operation in _CREATES and "If-None-Match" not in request.headers and self._is_guarded(resource):
            return _s3_refusal(request, f"{who} with an explicit deny in a resource-based policy")
        try:
            answer = botocore_stubber("before-send.s3", request)
        except KeyError:
            if "uploadId" not in parse_qs(urlsplit(request.url).query):
                raise
            return _s3_answer(request, 404, "NoSuchUpload", "The specified multipart upload does not exist.")
        if answer is None:
            return None
        if answer.status_code == 403 and b"<Code>AccessDenied</Code>" in answer.content:  # noqa: PLR2004  # Forbidden
            allowed = _permission(_identity_policies(access_key, request), action, resource)
            return _s3_refusal(request, f"{who} {_reason('identity-based', allowed, action)}")
        if answer.headers.get("x-amz-version-id") == "null":  # on a bucket without versions AWS sends none
            del answer.headers["x-amz-version-id"]
        return answer

    def _arn(self, access_key: str) -> str:
        principal = self._principals.get(access_key)
        return principal.arn if principal else f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:user/unknown"

    def _narrowed(self, access_key: str, action: str, resource: str) -> PermissionResult:
        principal = self._principals.get(access_key)
        if principal is None or principal.session_policy is None:
            return PermissionResult.PERMITTED
        return _permission([principal.session_policy], action, resource)

    def _is_guarded(self, resource: str) -> bool:
        return resource.startswith(tuple(self.guarded))


def matching_as_iam() -> AbstractContextManager[object]:
    """Let moto's policies match as IAM's do: it takes them for regular expressions, ``a.b/*`` for ``axb/…`` too."""
    return patch.object(IAMPolicyStatement, "_match", staticmethod(_match))


def _match(pattern: str, text: str) -> re.Match[str] | None:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL)


def _lets_in(operation: str, given: dict[str, str]) -> bool:
    """Refuse what moto lets pass: a role that is not there, the wrong way in, an external id left out."""
    try:
        role = iam_backends[DEFAULT_ACCOUNT_ID]["aws"].get_role_by_arn(given.get("RoleArn", ""))
    except NotFoundException:
        return False
    statements = json.loads(role.assume_role_policy_document)["Statement"]
    ways = [statement for statement in statements if f"sts:{operation}" in _listed(statement["Action"])]
    demands = any("sts:ExternalId" in test for way in ways for test in way.get("Condition", {}).values())
    return bool(ways) and (not demands or "ExternalId" in given)


def _listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions


def _identity_policies(access_key: str, request: AWSPreparedRequest) -> Iterable[object]:
    """Collect the policies of a user or role, in any form of moto's, as moto does to judge its request."""
    token = request.headers.get(_SESSION_HEADER)
    headers = {_SESSION_HEADER: _text(token)} if token else {}
    return create_access_key(DEFAULT_ACCOUNT_ID, "aws", access_key, headers).collect_policies()


def _permission(policies: Iterable[object], action: str, resource: str) -> PermissionResult:
    results = {IAMPolicy(policy).is_action_permitted(action, resource) for policy in policies}
    decisive = (PermissionResult.DENIED, PermissionResult.PERMITTED)
    return next((result for result in decisive if result in results), PermissionResult.NEUTRAL)


def _reason(kind: str, result: PermissionResult, action: str) -> str:
    """Word a refusal as AWS does, by the kind of policy that it comes from."""
    if result == PermissionResult.DENIED:
        return f"with an explicit deny in a{'n' if kind[0] in 'aeiou' else ''} {kind} policy"
    return f"because no {kind} policy allows the {action} action"


def _access_key(request: AWSPreparedRequest) -> str:
    match = _ACCESS_KEY.search(_text(request.headers.get("Authorization", "")))
    return match[1] if match else ""


def _resource(request: AWSPreparedRequest) -> str:
    """Name the bucket or object in a URL of either style."""
    url = urlsplit(request.url)
    host, path = url.hostname or "", unquote(url.path).lstrip("/")
    bucket, separator, _ = host.rpartition(".s3.")
    return f"arn:aws:s3:::{f'{bucket}/{path}' if separator else path}".rstrip("/")


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _between(content: bytes, name: str) -> str:
    return content.partition(f"<{name}>".encode())[2].partition(b"</")[0].decode()


def _s3_refusal(request: AWSPreparedRequest, message: str) -> AWSResponse:
    return _s3_answer(request, 403, "AccessDenied", message)


def _s3_answer(request: AWSPreparedRequest, status: int, code: str, message: str) -> AWSResponse:
    xml = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message><RequestId>EMBEDDED</RequestId></Error>"
    return _answer(request, status, xml)


def _sts_refusal(request: AWSPreparedRequest, message: str) -> AWSResponse:
    xml = f"<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{escape(message)}</Message></Error>"
    return _answer(request, 403, f"<ErrorResponse>{xml}<RequestId>EMBEDDED</RequestId></ErrorResponse>")


def _answer(request: AWSPreparedRequest, status: int, xml: str) -> AWSResponse:
    headers = HTTPHeaders.from_dict({"x-amz-request-id": "EMBEDDED"})
    body = b"" if request.method == "HEAD" else xml.encode()
    return AWSResponse(request.url, status, headers, _Raw(body))


class _Raw(BytesIO):
    """A body as botocore reads it from urllib3."""

    def stream(self, **_event: object) -> Iterator[bytes]:
        yield self.read()
