"""How a trust policy tests the claims of a vendor's identity token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from s3dest.auth import RoleAuth
from s3dest.findings import Finding
from s3dest.review.comparison import Verdict, judge, severity_of
from s3dest.review.grammar import Clause, Test, finding
from s3dest.vendor import GoogleServiceAccount, OidcSubject

_GOOGLE: Final = "accounts.google.com"
_OWN_PROVIDER: Final = ":oidc-provider/"

_BUILT_IN: Final = frozenset({_GOOGLE, "cognito-identity.amazonaws.com"})
"""Issuers that need no provider in the account (IAM user guide, "AWS JSON policy elements: Principal")."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens a role takes, and what they are to say; ``None`` where the vendor is not known."""

    principal: str
    """As a trust policy names it under Federated."""
    name: str
    """What the keys of its claims begin with."""
    subject: str | None = None
    audience: str | None = None

    @classmethod
    def of(cls, auth: RoleAuth, vendor: GoogleServiceAccount | OidcSubject) -> Self:
        """Tell the issuer of a vendor's tokens."""
        if isinstance(vendor, GoogleServiceAccount):
            return cls(_GOOGLE, _GOOGLE, vendor.subject, vendor.audience)
        principal = f"arn:{auth.role.partition}:iam::{auth.role.account}{_OWN_PROVIDER}{vendor.provider}"
        return cls(principal, vendor.provider, vendor.subject, vendor.audience)

    @classmethod
    def named(cls, principal: str) -> Self:
        """Read the issuer out of a trust policy, where the vendor is not known."""
        return cls(principal, principal.partition(_OWN_PROVIDER)[2] or principal)

    @property
    def google(self) -> bool:
        """Whether it is Google's, which is built into AWS."""
        return self.name == _GOOGLE

    @property
    def is_open(self) -> bool:
        """Whether it gives tokens to strangers, too, such as GitHub to each repository."""
        return self.principal in _BUILT_IN or _OWN_PROVIDER in self.principal

    @property
    def claims(self) -> dict[str, str | None]:
        """What the token says, by the keys that tell one workload and one customer from others."""
        # Google's :aud would be the token's azp, the service account once more
        audience = "oaud" if self.google else "aud"
        return {f"{self.name}:sub": self.subject, f"{self.name}:{audience}": self.audience}


def review_claims(way: Clause, issuer: Issuer, *, beside: bool) -> Iterator[Finding]:
    """Say what of a way in keeps the vendor's token out, then what lets others in.

    Args:
        way: The statement.
        issuer: Of the vendor's tokens.
        beside: Whether another statement lets the vendor in.
    """
    if issuer.principal not in way.principals.get("Federated", ()):
        message = f"The trust policy does not name {issuer.principal} under Federated."
        remedy = f'Set the principal to {{"Federated": "{issuer.principal}"}}.'
        yield finding("trust_principal", "error", message, remedy)
    azp = f"{_GOOGLE}:aud"
    other = {value for test in way.conditions if issuer.google and test.key == azp for value in test.values}
    policy = f"Statement {way.name} of the trust policy" if beside else "The trust policy"
    for key, value in issuer.claims.items():
        tests = [test for test in way.conditions if test.key == key.lower()]
        if not tests and key.endswith(":oaud") and value in other:  # said better, at the end
            continue
        for verdict, test in judge(tests, value, beside=beside):
            message = f"{policy} {_what(verdict, test, key, value)}"
            remedy = f'Demand "StringEquals": {{"{key}": "{value or "VALUE"}"}}.'
            yield finding(f"claim_{verdict}", severity_of(verdict), message, remedy)
    if other and issuer.subject is not None and issuer.subject not in other:
        message = "accounts.google.com:aud is compared with the service account's id; the token's audience is :oaud."
        remedy = f'Demand "{_GOOGLE}:oaud": "{issuer.audience}" in its place.'
        yield finding("aud_for_oaud", "error", message, remedy)


def _what(verdict: Verdict, test: Test | None, key: str, value: str | None) -> str:
    """Say in words what a trust policy does with a claim."""
    if test is None:
        whom = "any workload of the issuer" if key.endswith(":sub") else "the same workload in another customer's name"
        return f"demands no {key}: {whom} gets in."
    texts: dict[Verdict, str] = {
        "mismatch": f"demands another {key} than the vendor's {value!r}.",
        "operator": f"tests {key} by {test.operator}, which the vendor's {value!r} does not pass.",
        "optional": f"demands {key} only if the token has it: a token without gets in.",
        "wildcard": f"takes any {key} like {test.values[0]!r}.",
        "several": f"takes another {key} than the vendor's {value!r}, too.",
    }
    return texts[verdict]
