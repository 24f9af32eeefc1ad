"""Which problem of the catalogue an answer of STS is; for S3's, and the lack of one, see `verdicts`."""

from __future__ import annotations

import re
import time
from typing import Final

from s3dest import problems, sts_problems
from s3dest.answer import Answer
from s3dest.claims import Claims
from s3dest.config import DestinationConfig
from s3dest.denial import Denial
from s3dest.errors import TransportError
from s3dest.problem import Problem
from s3dest.verdicts import THROTTLES, of_nobody

_CODES: Final = {
    "RegionDisabledException": sts_problems.STS_REGION_DISABLED,
    "MalformedPolicyDocument": sts_problems.SESSION_POLICY_REFUSED,
    "PackedPolicyTooLarge": sts_problems.SESSION_POLICY_REFUSED,
    "InvalidClientTokenId": sts_problems.VENDOR_KEYS_REFUSED,
    "InvalidAccessKeyId": sts_problems.VENDOR_KEYS_REFUSED,
    "SignatureDoesNotMatch": sts_problems.VENDOR_KEYS_REFUSED,
    "UnrecognizedClientException": sts_problems.VENDOR_KEYS_REFUSED,
    "ExpiredToken": sts_problems.VENDOR_KEYS_EXPIRED,
    "ExpiredTokenException": sts_problems.TOKEN_REFUSED,
    "IDPRejectedClaim": sts_problems.TOKEN_REFUSED,
    "IDPCommunicationError": sts_problems.IDP_UNREACHABLE,
    **dict.fromkeys(THROTTLES, sts_problems.STS_UNAVAILABLE),
}
_TOKEN_WORDS: Final = {
    "No OpenIDConnect provider": sts_problems.OIDC_PROVIDER_MISSING,
    "thumbprint": sts_problems.OIDC_PROVIDER_THUMBPRINT,
    "audience": sts_problems.TOKEN_AUDIENCE,
    "verification key": sts_problems.IDP_UNREACHABLE,  # often for a moment: the issuer answered too late
}
"""What STS says under InvalidIdentityToken that is not the token's fault."""

_OF_ANY_KEYS: Final = (
    problems.CLOCK_SKEWED,
    sts_problems.VENDOR_KEYS_EXPIRED,
    sts_problems.VENDOR_KEYS_MALFORMED,
    sts_problems.VENDOR_KEYS_OF_ROOT,
    sts_problems.VENDOR_KEYS_REFUSED,
    sts_problems.VENDOR_SETTINGS_WRONG,
)
"""What is said of the vendor's own keys as of any others."""

_SKEW: Final = re.compile(r"signature (expired|not yet current)", re.IGNORECASE)


def of_sts(answer: Answer, config: DestinationConfig, claims: Claims | None = None) -> Problem:
    """Name what STS's refusal is; ``claims`` are those of the token that it was sent."""
    by_token = answer.operation == "AssumeRoleWithWebIdentity"
    if answer.anonymous:
        return of_nobody(answer) or sts_problems.NOT_STS
    if _SKEW.search(answer.message) or answer.code == "RequestTimeTooSkewed":
        return problems.CLOCK_SKEWED
    if "may not be assumed by root accounts" in answer.message:
        return sts_problems.VENDOR_KEYS_OF_ROOT
    if answer.code == "AccessDenied" and by_token and claims is None and not config.on_aws:
        return sts_problems.TOKEN_REFUSED  # Ceph has the same word for what is no token at all
    if answer.code in {"AccessDenied", "NoSuchEntity"}:  # Ceph says that there is no such role
        return _not_assumable(Denial.of(answer.message), claims, by_token=by_token)
    if answer.code == "ValidationError" and "role chaining" in answer.message:
        return sts_problems.SESSION_CHAINED
    if answer.code == "ValidationError" and "DurationSeconds" in answer.message:
        return sts_problems.SESSION_DURATION
    if answer.code == "InvalidIdentityToken":
        found = (problem for words, problem in _TOKEN_WORDS.items() if words in answer.message)
        return next(found, sts_problems.TOKEN_REFUSED)
    if problem := _CODES.get(answer.code):
        return problem
    return sts_problems.STS_UNAVAILABLE if (answer.status or 0) >= 500 else sts_problems.STS_REFUSED  # noqa: PLR2004  # HTTP's server errors


def of_own_keys(usual: Problem) -> Problem:
    """Name what went wrong while botocore fetched the vendor's own keys, from STS perhaps.

    Args:
        usual: What it would be if it was about the customer's role.
    """
    of_any = usual.retryable or usual.error is TransportError or usual in _OF_ANY_KEYS
    return usual if of_any else sts_problems.VENDOR_KEYS_MISSING


def _not_assumable(denial: Denial, claims: Claims | None, *, by_token: bool) -> Problem:
    """Tell apart whose policy keeps the role from being assumed."""
    if denial.action in {"sts:TagSession", "sts:SetSourceIdentity"}:
        return sts_problems.SESSION_TAGS_DENIED
    if denial.policy_type == "resource control":
        return sts_problems.ASSUMING_DENIED_BY_RCP
    if not by_token and denial.policy_type is not None:
        by_trust = denial.policy_type in {"role trust", "resource-based"}  # the latter is a role's only one
        return sts_problems.ASSUMING_DENIED_BY_TRUST if by_trust else sts_problems.CALLER_MAY_NOT_ASSUME
    if claims and claims.expires is not None and claims.expires < time.time():
        return sts_problems.TOKEN_REFUSED  # Ceph says no more of a token that has expired
    return sts_problems.ROLE_NOT_ASSUMABLE_BY_TOKEN if by_token else sts_problems.ROLE_NOT_ASSUMABLE
