"""From what botocore raises to what s3dest raises: which problem of the catalogue an answer is.

The error code decides before the status. What is not in the catalogue is shown whole and never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from botocore import exceptions as botocore_errors
from botocore.parsers import ResponseParserError

from s3dest import problems
from s3dest.auth import HmacAuth, RoleAuth
from s3dest.config import DestinationConfig
from s3dest.errors import RequestError, S3DestError, WrongRegionError
from s3dest.problems import Problem

_THROTTLES: Final = frozenset(
    "SlowDown SlowDownRead SlowDownWrite Throttling ThrottlingException ThrottledException RequestThrottled "
    "RequestThrottledException TooManyRequests TooManyRequestsException RequestLimitExceeded BandwidthLimitExceeded "
    "LimitExceededException PriorRequestNotComplete EC2ThrottledException 429".split()
)
REGION_CODES: Final = frozenset(
    "PermanentRedirect TemporaryRedirect Redirect AuthorizationHeaderMalformed IllegalLocationConstraintException "
    "301 302 307".split()
)
"""Codes by which S3 says that a bucket lives elsewhere."""

EXPIRED_CODES: Final = frozenset("ExpiredToken ExpiredTokenException TokenRefreshRequired InvalidToken".split())
"""Codes by which S3 refuses a session's keys that a new session would mend."""

_S3_CODES: Final = {
    "InvalidAccessKeyId": problems.KEY_UNKNOWN,
    "SignatureDoesNotMatch": problems.SECRET_WRONG,
    "NoSuchBucket": problems.BUCKET_NOT_FOUND,
    "InternalError": problems.UNAVAILABLE,
    "ServiceUnavailable": problems.UNAVAILABLE,
    "RequestTimeout": problems.REQUEST_TIMEOUT,
    "ConditionalRequestConflict": problems.CONFLICT,
    "OperationAborted": problems.CONFLICT,
    "PreconditionFailed": problems.KEY_EXISTS,
    "412": problems.KEY_EXISTS,
    "NoSuchUpload": problems.UPLOAD_LOST,
    "BadDigest": problems.BODY_ALTERED,
    "XAmzContentSHA256Mismatch": problems.BODY_ALTERED,
    "IncompleteBody": problems.BODY_ALTERED,
    "RequestTimeTooSkewed": problems.CLOCK_SKEWED,
    "NotImplemented": problems.NOT_IMPLEMENTED,
    "AllAccessDisabled": problems.ACCOUNT_PROBLEM,
    "AccountProblem": problems.ACCOUNT_PROBLEM,
    "NotSignedUp": problems.ACCOUNT_PROBLEM,
    **dict.fromkeys(_THROTTLES, problems.THROTTLED),
    **dict.fromkeys(REGION_CODES, problems.WRONG_REGION),
    **dict.fromkeys(EXPIRED_CODES, problems.SESSION_EXPIRED),
}
_STS_CODES: Final = {
    "RegionDisabledException": problems.STS_REGION_DISABLED,
    "MalformedPolicyDocument": problems.SESSION_POLICY_REFUSED,
    "PackedPolicyTooLarge": problems.SESSION_POLICY_REFUSED,
    "InvalidClientTokenId": problems.VENDOR_KEYS_REFUSED,
    "InvalidAccessKeyId": problems.VENDOR_KEYS_REFUSED,
    "SignatureDoesNotMatch": problems.VENDOR_KEYS_REFUSED,
    "UnrecognizedClientException": problems.VENDOR_KEYS_REFUSED,
    "ExpiredToken": problems.VENDOR_KEYS_EXPIRED,
    "InvalidIdentityToken": problems.TOKEN_REFUSED,
    "ExpiredTokenException": problems.TOKEN_REFUSED,
    "IDPRejectedClaim": problems.TOKEN_REFUSED,
    "IDPCommunicationError": problems.STS_UNAVAILABLE,
    **dict.fromkeys(_THROTTLES, problems.STS_UNAVAILABLE),
}
_STS_OPERATIONS: Final = frozenset({"AssumeRole", "AssumeRoleWithWebIdentity"})
_SKEW: Final = re.compile(r"signature (expired|not yet current)", re.IGNORECASE)
_TOKEN: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=Value ').*?(?=' at ')", re.DOTALL)
_LONGEST_MESSAGE: Final = 600


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered, taken out of botocore's exception."""

    operation: str
    code: str
    message: str
    status: int | None
    request_id: str | None
    region: str | None

    @classmethod
    def of(cls, error: botocore_errors.ClientError) -> Answer:
        """Read a `ClientError`."""
        said = error.response.get("Error", {})
        about = error.response.get("ResponseMetadata", {})
        headers = about.get("HTTPHeaders") or {}
        region = headers.get("x-amz-bucket-region") or said.get("Region")
        return cls(
            operation=error.operation_name,
            code=str(said.get("Code") or ""),
            message=str(said.get("Message") or ""),
            status=about.get("HTTPStatusCode"),
            request_id=about.get("RequestId") or headers.get("x-amz-request-id"),
            region=str(region) if region else None,
        )


def explain(
    error: Exception,
    config: DestinationConfig,
    *,
    operation: str,
    key: str | None = None,
    hide: Iterable[str | None] = (),
) -> S3DestError:
    """Turn what botocore raised during ``operation`` into an error of s3dest.

    Args:
        error: The exception; one of s3dest comes back as it is. Raise the result outside the ``except`` block, so that
            the exception does not follow it as its context.
        config: The destination concerned, for the values in the text.
        operation: ``PutObject``, ``AssumeRole`` …
        key: The object key concerned.
        hide: Tokens that must not appear in the text, should a service repeat them.
    """
    if isinstance(error, S3DestError):
        return error
    hide = list(hide)
    if isinstance(error, botocore_errors.ClientError):
        answer = Answer.of(error)
        problem = _sts_problem(answer) if operation in _STS_OPERATIONS else _s3_problem(answer, config)
        explained = describe(problem, config, answer=answer, operation=operation, key=key, hide=hide)
    else:
        problem = _local_problem(error, sts=operation in _STS_OPERATIONS)
        # the parser's error repeats the answer, in which STS hands out keys
        said = type(error).__name__ + ("" if isinstance(error, ResponseParserError) else f": {error}")
        explained = describe(problem, config, said=said, operation=operation, key=key, hide=hide)
    # A traceback prints the cause as well: it comes along only where it repeats no token.
    repeats_token = isinstance(error, ResponseParserError) or _hidden(str(error), hide) != str(error)
    explained.__cause__ = None if repeats_token else error
    return explained


def describe(
    problem: Problem,
    config: DestinationConfig,
    *,
    operation: str,
    key: str | None = None,
    answer: Answer | None = None,
    said: str = "",
    hide: Iterable[str | None] = (),
) -> S3DestError:
    """Build the error for a problem, with the destination's values filled in."""
    values = _values(config, key)
    message = problem.title.format_map(values)
    if answer and answer.code:
        said = f"{answer.code}: {answer.message}" if answer.message else answer.code
    if said:
        speaker = "botocore" if not answer else "AWS" if config.on_aws else "The store"
        message = f"{message} {speaker} said: {_scrub(said, hide)}"
    remedy = problem.remedy.format_map(values)
    if problem is problems.WRONG_REGION and answer and answer.region:
        remedy = f"The bucket is in {answer.region!r}: set that as the region."
    error = problem.error(
        message,
        code=problem.code,
        owner=problem.owner,
        remedy=remedy,
        operation=operation,
        bucket=None if operation in _STS_OPERATIONS else config.bucket,
        key=key,
        aws_code=(answer.code or None) if answer else None,
        status=answer.status if answer else None,
        request_id=answer.request_id if answer else None,
        retryable=problem.retryable,
    )
    if isinstance(error, RequestError):
        # a 503 may come after the effect, whatever its code
        error.ambiguous = problem.ambiguous or (problem is problems.THROTTLED and (error.status or 0) >= 500)  # noqa: PLR2004  # HTTP
    if isinstance(error, WrongRegionError) and answer:
        error.region = answer.region
    return error


def _values(config: DestinationConfig, key: str | None) -> dict[str, str]:
    role = config.auth if isinstance(config.auth, RoleAuth) else None
    return {
        "bucket": config.bucket,
        "region": config.region,
        "uri": config.uri,
        "partition": config.partition.name,
        "key_prefix": config.key_prefix,
        "key": key or "",
        "role_arn": role.role_arn if role else "",
        "external_id": repr(role.external_id) if role and role.external_id else "none",
    }


def _scrub(text: str, hide: Iterable[str | None]) -> str:
    """Take tokens out of what a service said, and keep it to a readable length."""
    text = _hidden(text, hide)
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"


def _hidden(text: str, hide: Iterable[str | None]) -> str:
    for secret in hide:
        if secret:
            text = text.replace(secret, "(hidden)")
    return _TOKEN.sub("(hidden)", text)


def _sts_problem(answer: Answer) -> Problem:
    if _SKEW.search(answer.message):
        return problems.CLOCK_SKEWED
    if answer.code in {"AccessDenied", "NoSuchEntity"}:  # Ceph says that there is no such role
        by_token = answer.operation == "AssumeRoleWithWebIdentity"
        return problems.ROLE_NOT_ASSUMABLE_BY_TOKEN if by_token else problems.ROLE_NOT_ASSUMABLE
    if answer.code == "ValidationError" and "DurationSeconds" in answer.message:
        return problems.SESSION_DURATION
    if answer.code == "InvalidIdentityToken" and "No OpenIDConnect provider" in answer.message:
        return problems.OIDC_PROVIDER_MISSING
    if answer.code == "InvalidIdentityToken" and "audience" in answer.message:
        return problems.TOKEN_AUDIENCE
    if problem := _STS_CODES.get(answer.code):
        return problem
    return problems.STS_UNAVAILABLE if (answer.status or 0) >= 500 else problems.STS_REFUSED  # noqa: PLR2004  # HTTP's server errors


def _s3_problem(answer: Answer, config: DestinationConfig) -> Problem:
    status = answer.status or 0
    if answer.code == "AccessDenied" or (status == 403 and answer.code == "403" and answer.request_id):  # noqa: PLR2004
        return _denial(answer)
    if answer.code in {"InvalidAccessKeyId", "SignatureDoesNotMatch"} and not isinstance(config.auth, HmacAuth):
        return problems.SESSION_EXPIRED
    if answer.code == "AuthorizationHeaderMalformed" and not answer.region and "region" not in answer.message:
        return problems.REFUSED
    if problem := _S3_CODES.get(answer.code):
        return problem
    if answer.code.startswith("KMS."):
        return problems.KMS_KEY_UNUSABLE
    if status >= 500 or status == 200:  # noqa: PLR2004  # an error inside a 200 is shown as 500 by botocore
        return problems.UNAVAILABLE
    if (not answer.code or answer.code.isdigit()) and not answer.request_id:
        return problems.NOT_S3
    return problems.REFUSED


def _denial(answer: Answer) -> Problem:
    if "kms:" in answer.message:
        return problems.KMS_DENIED
    return {"DeleteObject": problems.DELETE_DENIED, "AbortMultipartUpload": problems.ABORT_DENIED}.get(
        answer.operation, problems.PUT_DENIED
    )


def _local_problem(error: Exception, *, sts: bool) -> Problem:
    """Name what went wrong without an answer."""
    if isinstance(error, botocore_errors.SSLError):
        return problems.TLS_UNTRUSTED
    if isinstance(error, botocore_errors.ProxyConnectionError):
        return problems.PROXY_UNREACHABLE
    if isinstance(error, (botocore_errors.EndpointConnectionError, botocore_errors.ConnectTimeoutError)):
        return problems.STS_UNREACHABLE if sts else problems.UNREACHABLE
    cut_off = (botocore_errors.HTTPClientError, botocore_errors.ConnectionError, botocore_errors.IncompleteReadError)
    if isinstance(error, cut_off):
        return problems.STS_UNREACHABLE if sts else problems.ANSWER_LOST
    if isinstance(error, ResponseParserError):
        return problems.STS_UNAVAILABLE if sts else problems.ANSWER_LOST
    if isinstance(error, KeyError) and sts:  # botocore's parser, of XML that is no answer of STS
        return problems.NO_SESSION
    if isinstance(error, botocore_errors.BotoCoreError) and sts:
        return problems.VENDOR_KEYS_MISSING
    return problems.STS_REFUSED if sts else problems.UNUSABLE_REQUEST
