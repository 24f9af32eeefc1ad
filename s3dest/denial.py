"""AWS's words for a refusal, taken apart: who may not do what, and which kind of policy says so.

The wording is that of the IAM user guide, "Troubleshoot access denied error messages", and of the S3 user guide,
"Troubleshoot access denied (403 Forbidden) errors". In other accounts and organisations, and from other stores, it is a
bare "Access Denied": then all fields are empty, and nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

PolicyType = Literal[
    "identity-based",
    "resource-based",
    "service control",
    "resource control",
    "VPC endpoint",
    "permissions boundary",
    "session",
    "role trust",
]
"""AWS's names for the kinds of policies."""

_TYPES: Final[dict[str, PolicyType]] = {
    "identity-based": "identity-based",
    "resource-based": "resource-based",
    "service control": "service control",
    "resource control": "resource control",
    "vpc endpoint": "VPC endpoint",
    "permissions boundary": "permissions boundary",
    "session": "session",
    "sessions": "session",  # as the IAM user guide has it once
    "role trust": "role trust",
}
_WHO: Final = re.compile(r"User: (?P<principal>\S+) is not authorized", re.IGNORECASE)
_ACTION: Final = re.compile(r"not authorized to perform:? (?P<action>[a-z0-9-]+:[A-Za-z*]+)", re.IGNORECASE)
_RESOURCE: Final = re.compile(r"on (?:the )?resource:? \"?(?P<resource>arn:[^\s\"]+)")
_IMPLICIT: Final = re.compile(
    r"because no (?P<type>[\w -]+?)(?: policy| policies)? allows? the (?P<action>[a-z0-9-]+:[A-Za-z*]+)", re.IGNORECASE
)
# "… in a VPC endpoint policy transitively through a service control policy": it is the latter that denies
_EXPLICIT: Final = re.compile(
    r"explicit deny in (?:an?|the) (?:.*?transitively through an? )?"
    r"(?P<type>[\w -]+?)(?: policy)?(?=[:.,;]|\s*$|\s\(|\sarn)",
    re.IGNORECASE,
)
# KMS, of a key in another account: which of the three it is, the asker is not told
_UNSEEN: Final = re.compile(r"does not exist in this Region, no resource-based policies allow access", re.IGNORECASE)
_ARN: Final = re.compile(r'"arn:[^"]*"|\barn:\S+')  # of a key with spaces, too, where it is quoted
_POLICY: Final = re.compile(r"(?:explicit deny in|because no) .*?(?P<arn>arn:[a-z0-9-]+:[^\s\"',;)]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Denial:
    """One refusal, as far as AWS explains it."""

    principal: str | None = None
    """ARN of who asked, as AWS sees it."""
    action: str | None = None
    """What is not allowed: ``s3:PutObject``, ``kms:Decrypt`` …"""
    resource: str | None = None
    policy_type: PolicyType | None = None
    """Which kind of policy says no."""
    explicit: bool | None = None
    """Whether a statement denies it (else none allows it); ``None`` where AWS does not say."""
    policy_arn: str | None = None
    """The very policy, where AWS names it."""

    @classmethod
    def of(cls, message: str) -> Denial:
        """Read AWS's words; what they do not tell is left empty."""
        implicit, explicit = _IMPLICIT.search(message), _EXPLICIT.search(message)
        reason = explicit or implicit
        kind = _TYPES.get(reason["type"].strip().lower()) if reason else None
        policy = _POLICY.search(message) if reason else None
        action = _ACTION.search(message) or implicit
        return cls(
            principal=_group(_WHO.search(message), "principal"),
            action=_group(action, "action"),
            resource=_group(_RESOURCE.search(message), "resource"),
            policy_type="resource-based" if _UNSEEN.search(message) else kind,
            explicit=None if reason is None else explicit is not None,
            policy_arn=policy["arn"].rstrip(".") if policy else None,
        )

    @property
    def role_arn(self) -> str | None:
        """The IAM ARN behind the principal, for a policy: a session's role, or the user itself."""
        session = re.fullmatch(
            r"arn:(?P<partition>[^:]+):sts::(?P<account>\d+):assumed-role/(?P<role>.+)/[^/]+", self.principal or ""
        )
        if session:
            return f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}"
        return self.principal if re.match(r"arn:[^:]+:iam::\d+:(user|role)/", self.principal or "") else None


def without_arns(message: str) -> str:
    """Take names out of AWS's words: those of a bucket, a key or a role may be words of another reason."""
    return _ARN.sub(" ", message)


def _group(match: re.Match[str] | None, name: str) -> str | None:
    return match[name] if match else None
