"""How a trust policy tests the claims of a vendor's identity token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from s3dest.auth import RoleAuth
from s3dest.findings import Finding
from s3dest.review.comparison import EXACT, demands_any, is_strict, is_wild, takes
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


def review_claims(way: Clause, issuer: Issuer) -> Iterator[Finding]:
    """Say what of a way in keeps the vendor's token out, then what lets others in."""
    if issuer.principal not in way.principals.get("Federated", ()):
        message = f"The trust policy does not name {issuer.principal} under Federated."
        remedy = f'Set the principal to {{"Federated": "{issuer.principal}"}}.'
        yield finding("trust_principal", "error", message, remedy)
    azp = f"{_GOOGLE}:aud"
    other = {value for test in way.conditions if issuer.google and test.key == azp for value in test.values}
    for key, value in issuer.claims.items():
        remedy = f'Demand "StringEquals": {{"{key}": "{value or "VALUE"}"}}.'
        tests = [test for test in way.conditions if test.key == key.lower()]
        compared = [test for test in tests if not demands_any(test)]
        if compared:
            yield from _claim(compared, key, value, remedy, sent=len(compared) < len(tests))
        elif not (key.endswith(":oaud") and value in other):  # said better, at the end
            yield _missing(key, remedy)
    if other and issuer.subject is not None and issuer.subject not in other:
        message = "accounts.google.com:aud is compared with the service account's id; the token's audience is :oaud."
        remedy = f'Demand "{_GOOGLE}:oaud": "{issuer.audience}" in its place.'
        yield finding("aud_for_oaud", "error", message, remedy)


def _claim(tests: Sequence[Test], key: str, value: str | None, remedy: str, *, sent: bool) -> Iterator[Finding]:
    strict = any(is_strict(test, sent=sent) for test in tests)
    found = [each for test in tests for each in _one_test(test, key, value, remedy, sent=sent)]
    # all tests must hold: one that is strict makes up for those that are not
    yield from (each for each in found if each.severity == "error" or not strict)


def _one_test(test: Test, key: str, value: str | None, remedy: str, *, sent: bool) -> Iterator[Finding]:
    if test.comparison not in EXACT:
        yield finding("claim_operator", "error", f"{key} is tested by {test.operator}.", remedy)
    elif value is not None and not takes(test, value):
        yield finding("claim_mismatch", "error", f"{key} is not the vendor's {value!r}.", remedy)
    elif test.optional and not sent:
        message = f"{key} is tested only if the token has it: a token without gets in."
        yield finding("claim_optional", "warning", message, remedy)
    elif is_wild(test):
        yield finding("claim_wildcard", "warning", f"{key} may be like {test.values[0]!r}.", remedy)
    elif value is not None and len(test.values) > 1:
        yield finding("claim_several", "warning", f"{key} may be another than the vendor's {value!r}, too.", remedy)


def _missing(key: str, remedy: str) -> Finding:
    whom = "any workload of the issuer" if key.endswith(":sub") else "the same workload in another customer's name"
    return finding("claim_missing", "warning", f"The trust policy does not test {key}: {whom} gets in.", remedy)
