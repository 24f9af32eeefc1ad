"""From what botocore raises to what s3dest raises: the problem, with the destination's own values filled in.

verdicts.py and sts_verdicts.py decide which problem it is. No token is in any text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from botocore import exceptions as botocore_errors

from s3dest import problems, sts_problems, sts_verdicts, verdicts
from s3dest.answer import Answer
from s3dest.auth import HmacAuth, RoleAuth
from s3dest.claims import Claims
from s3dest.config import DestinationConfig
from s3dest.denial import Denial
from s3dest.errors import CredentialsError, RequestError, S3DestError, WrongRegionError
from s3dest.layout import PROBE_FOLDER
from s3dest.privacy import without_frames
from s3dest.problem import Problem
from s3dest.statements import statement

_STS_OPERATIONS: Final = frozenset({"AssumeRole", "AssumeRoleWithWebIdentity"})
_TOKEN: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=Value ').*?(?=' at ')", re.DOTALL)
_SIGNATURE: Final = re.compile(
    r"(?i)((?:X-Amz-(?:Signature|Security-Token|Credential)|Signature)(?:=|: ?))[^&\s,\"'<]+"
)
# of a proxy, say; botocore masks it in addresses of http only, and this leaves its mask as it is
_USER_INFO: Final = re.compile(r"(?<=://)[^\s\"<>]*@")
# SignatureDoesNotMatch of STS repeats what was to be signed, the caller's session token included
_CANONICAL: Final = re.compile(r"\s*The Canonical String for this request should have been.*", re.DOTALL)
_LONGEST_MESSAGE: Final = 800
_LONGEST_FACT: Final = 200
"""Characters of a code or a request id, at most: the real ones are far shorter."""

_VENDORS_POLICIES: Final[dict[str | None, str]] = {
    "service control": "the service control policies of the vendor's own organisation",
    "VPC endpoint": "the policy of the VPC endpoint for STS on the vendor's side",
    "permissions boundary": "the permissions boundary of the vendor's identity",
    "session": "the session policy of the vendor's own session",
}
"""What else than its identity's policy keeps the vendor from assuming a role."""


def explain(
    error: Exception,
    config: DestinationConfig,
    *,
    operation: str,
    key: str | None = None,
    hide: Iterable[str | None] = (),
    claims: Claims | None = None,
    own_keys: bool = False,
) -> S3DestError:
    """Turn what botocore raised during ``operation`` into an error of s3dest.

    Args:
        error: The exception; one of s3dest comes back as it is. Raise the result outside the ``except`` block, so that
            the exception does not follow it as its context.
        config: The destination concerned, for the values in the text.
        operation: ``PutObject``, ``AssumeRole`` …
        key: The object key concerned.
        hide: Tokens that must not appear in the text, should a service repeat them.
        claims: Those of the vendor's identity token, if one was sent.
        own_keys: Whether this was about the vendor's own keys, for which botocore may ask STS, too.
    """
    # botocore wraps what reading a body raised
    inner = error.kwargs.get("error") if isinstance(error, botocore_errors.HTTPClientError) else error
    if isinstance(inner, S3DestError):
        return inner
    hide = [*hide, config.auth.secret_access_key.get_secret_value()] if isinstance(config.auth, HmacAuth) else [*hide]
    if isinstance(error, botocore_errors.ClientError):
        answer = Answer.of(error)
        of_sts = operation in _STS_OPERATIONS
        problem = sts_verdicts.of_sts(answer, config, claims) if of_sts else verdicts.of_s3(answer, config)
        problem = sts_verdicts.of_own_keys(problem) if own_keys else problem
        explained = describe(problem, config, answer=answer, operation=operation, key=key, hide=hide, claims=claims)
    else:
        problem = verdicts.of_exception(error, config, sts=operation in _STS_OPERATIONS)
        problem = sts_verdicts.of_own_keys(problem) if own_keys else problem
        # the parser's errors repeat the answer, in which STS hands out keys; others a header, or a proxy's password
        said = type(error).__name__ + ("" if _is_secret(error) else f": {error}")
        explained = describe(problem, config, said=said, operation=operation, key=key, hide=hide)
    # A traceback prints the cause as well: it comes along only where it repeats no token.
    kept = f"{error} {getattr(error, 'response', '')}"
    repeats_token = _is_secret(error) or "SecretAccessKey" in kept or _hidden(kept, hide) != kept
    explained.__cause__ = None if repeats_token else error
    understood = (botocore_errors.BotoCoreError, botocore_errors.ClientError)
    if isinstance(error, understood) or problem is sts_problems.NO_SESSION:
        without_frames(error)  # anything else is perhaps a mistake in somebody's code, for which they are needed
    elif operation not in _STS_OPERATIONS and not type(error).__module__.startswith("botocore"):
        explained.ambiguous = True  # or it is a signal handler's, which came in the place of the answer
    return explained


def _is_secret(error: Exception) -> bool:
    if isinstance(error, UnicodeError):  # it has all of the text that it could not read
        return True
    return verdicts.is_of_answer(error) or verdicts.is_of_header(error) or verdicts.is_of_proxys_address(error)


def describe(
    problem: Problem,
    config: DestinationConfig,
    *,
    operation: str | None,
    key: str | None = None,
    answer: Answer | None = None,
    said: str = "",
    hide: Collection[str | None] = (),
    claims: Claims | None = None,
    mend: Mapping[str, object] | None = None,
    more: Mapping[str, str] | None = None,
    speaker: str | None = None,
) -> S3DestError:
    """Build the error for a problem, with the destination's values filled in.

    Args:
        problem: Which.
        config: The destination concerned.
        operation: ``PutObject``, ``AssumeRole`` …
        key: The object key concerned.
        answer: What AWS or the store answered.
        said: What botocore said, without an answer.
        hide: Tokens that must not appear in the text.
        claims: Those of the vendor's identity token.
        mend: The fields of the config that mend it, for ``config.model_copy(update=…)``.
        more: Values of further placeholders.
        speaker: Who said it, if neither botocore nor the answer.
    """
    denial = Denial.of(answer.message) if answer else None
    right_region = answer.region if answer and problem is problems.WRONG_REGION else None
    if right_region and right_region != config.region:
        mend = {"region": right_region}
    of_sts = operation in _STS_OPERATIONS
    values = _values(config, key) | _values_of_answer(answer, denial, claims) | dict(more or {})
    if of_sts:
        values |= {"service": "STS"} | _address_of_sts(config)
    if mend:
        values["mend"] = repr(dict(mend))
    message = _sentence(problem.title.format_map(values))
    if answer:
        said = _said(answer, hide)
    if said:
        said = _ended(f"{speaker or _speaker(answer, config)} said: {_scrub(said, hide)}")
        message = f"{message} {said}"
    remedy = problem.remedy if config.on_aws else f"{problem.remedy} {problem.elsewhere}".rstrip()
    if right_region and mend:
        remedy = f"The bucket is in {right_region!r}: config.model_copy(update={{mend}})."
    error = (CredentialsError if of_sts else problem.error)(
        message,
        code=problem.code,
        owner=problem.owner,
        remedy=remedy.format_map(values),
        operation=operation,
        bucket=None if of_sts else config.bucket,
        key=key,
        retryable=problem.retryable,
        **_facts(answer, hide),
    )
    if problem.statement:
        error.statement = statement(problem.statement, config, denial=denial, claims=claims)
    error.mend = dict(mend) if mend else None
    error.said = said
    if isinstance(error, RequestError):
        # a 503 may come after the effect, whatever its code
        error.ambiguous = problem.ambiguous or (problem is problems.THROTTLED and (error.status or 0) >= 500)  # noqa: PLR2004  # HTTP
    if isinstance(error, WrongRegionError) and answer:
        error.region = answer.region
    return error


def _facts(answer: Answer | None, hide: Collection[str | None]) -> dict[str, Any]:
    if answer is None:
        return {}
    return {
        "aws_code": _fact(answer.code, hide) or None,
        "status": answer.status,
        "request_id": _fact(answer.request_id or "", hide) or None,
    }


def _fact(text: str, hide: Collection[str | None]) -> str:
    return _hidden(text, hide)[:_LONGEST_FACT]  # in this order: of a token that is cut already, no more is known


def _sentence(text: str) -> str:
    return text if text.startswith("s3dest") else text[:1].upper() + text[1:]


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _speaker(answer: Answer | None, config: DestinationConfig) -> str:
    if answer is None:
        return "botocore"
    return "It" if answer.anonymous else "AWS" if config.on_aws else "The store"


def _said(answer: Answer, hide: Collection[str | None]) -> str:
    code = _fact(answer.code, hide)
    if not code:
        return f"HTTP status {answer.status}, without an error code"
    return f"{code}: {answer.message}" if answer.message else code


def _values(config: DestinationConfig, key: str | None) -> dict[str, str]:
    """Fill the placeholders that every title and remedy may name: those of catalogue.PLACEHOLDERS."""
    role = config.auth if isinstance(config.auth, RoleAuth) else None
    user = config.auth.access_key_id if isinstance(config.auth, HmacAuth) else ""
    return {
        "action": "s3:PutObject",
        "address": "endpoint_url" if config.endpoint_url else "region",
        "bucket": config.bucket,
        "caller": "",
        "claims": "",
        "clock": "",
        "encryption": "encryption",
        "endpoint": "endpoint_url",
        "external_id": repr(role.external_id) if role and role.external_id else "none",
        "key": key or "",
        "key_prefix": config.key_prefix,
        "kms_action": "",
        "mend": "…",
        "objects_arn": f"arn:{config.partition.name}:s3:::{config.bucket}/{config.key_prefix}*",
        "owner": config.expected_bucket_owner or "(none given)",
        "partition": config.partition.name,
        "policy_arn": "",
        "principal": f"the role {role.role_arn}" if role else f"the user of key {user}",
        "probes_arn": f"arn:{config.partition.name}:s3:::{config.bucket}/{config.key_prefix}{PROBE_FOLDER}/*",
        "region": config.region,
        "right": "do that",
        "service": "the store",
        "role_arn": role.role_arn if role else "",
        "storage_class": config.storage_class or "that was asked for",
        "stranger": "others",
        "uri": config.uri,
        "vendors_policy": "the policy of the vendor's identity",
        "waited": "a while",
        "weakness": "see its capabilities",
    }


def _address_of_sts(config: DestinationConfig) -> dict[str, str]:
    """Name the field that says where STS is: elsewhere than on AWS the store's own is its default."""
    if config.sts_endpoint_url is None and config.sts_url is not None:
        return {"endpoint": "endpoint_url", "address": "endpoint_url"}
    return {"endpoint": "sts_endpoint_url", "address": "sts_endpoint_url" if config.sts_endpoint_url else "region"}


def _values_of_answer(answer: Answer | None, denial: Denial | None, claims: Claims | None) -> dict[str, str]:
    """Fill the placeholders that depend on what was answered."""
    values = {}
    if denial and denial.action:
        values["action"] = denial.action
        if denial.action.startswith("kms:"):
            values["kms_action"] = f" ({denial.action})"
            values["objects_arn"] = denial.resource or "the KMS key"
    if denial and denial.policy_arn:
        values["policy_arn"] = f" ({denial.policy_arn})"
    if denial and denial.principal:
        values["caller"] = f" by {denial.principal}"
    if denial and denial.policy_type in _VENDORS_POLICIES:
        values["vendors_policy"] = _VENDORS_POLICIES[denial.policy_type]
    if claims:
        values["claims"] = f" (sub {claims.subject!r}, audience {claims.audience!r})"
    if answer and answer.skew is not None:
        values["clock"] = f": it is {abs(answer.skew):.0f} s {'ahead' if answer.skew > 0 else 'behind'}"
    return values


def _scrub(text: str, hide: Iterable[str | None]) -> str:
    """Take tokens and control characters out of what a service said, and keep it to a readable length."""
    text = "".join(char if char.isprintable() else " " for char in _hidden(text, hide))
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"


def _hidden(text: str, hide: Iterable[str | None]) -> str:
    for secret in hide:
        if secret:
            text = text.replace(secret, "(hidden)")
    text = _USER_INFO.sub("***:***@", _CANONICAL.sub(" (hidden)", text))
    return _SIGNATURE.sub(r"\1(hidden)", _TOKEN.sub("(hidden)", text))
