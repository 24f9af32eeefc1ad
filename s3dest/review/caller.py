"""Who comes in by a trust policy, as far as it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.names import session_name
from s3dest.review.claims import Issuer
from s3dest.review.external_id import EXTERNAL_ID
from s3dest.review.grammar import Clause, like
from s3dest.review.principals import CALLER, CALLERS_ACCOUNT, vendor_account
from s3dest.vendor import AwsPrincipal, VendorIdentity

ASSUME: Final = "sts:AssumeRole"
BY_TOKEN: Final = "sts:AssumeRoleWithWebIdentity"  # noqa: S105  # the name of an action

_MFA: Final = "aws:multifactorauthpresent"
"""Is there in each request with a session's keys (IAM user guide, "AWS global condition context keys")."""

_MFA_AGE: Final = "aws:multifactorauthage"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who comes in, as far as it is known."""

    config: DestinationConfig
    auth: RoleAuth
    vendor: AwsPrincipal | None
    issuer: Issuer | None
    """Of the vendor's tokens, if it comes with one."""

    @classmethod
    def of(cls, config: DestinationConfig, auth: RoleAuth, vendor: VendorIdentity | None) -> Self:
        """Tell who comes in for a config."""
        if vendor is None or isinstance(vendor, AwsPrincipal):
            return cls(config, auth, vendor, None)
        return cls(config, auth, None, Issuer.of(auth, vendor))

    @property
    def names(self) -> set[str]:
        """List what a principal may say that means the vendor, alone or with others."""
        if self.vendor is not None:
            return {"*", self.vendor.arn, *vendor_account(self.vendor)}
        return {"*", self.issuer.principal} if self.issuer else {"*"}

    @property
    def known(self) -> bool:
        """Whether it is known at all."""
        return self.vendor is not None or self.issuer is not None

    @property
    def facts(self) -> Mapping[str, str | None]:
        """List what is known of the request for a session, by condition keys."""
        over_tls = not (self.config.sts_url or "").startswith("http:")
        known: dict[str, str | None] = {
            "aws:securetransport": "true" if over_tls else "false",
            "sts:rolesessionname": self.auth.session_name or session_name(self.config.bucket),
            # no service of AWS calls for somebody
            "aws:sourceaccount": None,
            "aws:sourcearn": None,
        }
        if self.issuer is not None or (self.vendor is not None and ":role/" in self.vendor.arn):
            # a service shows no device, which its session says; a token has no such field
            known |= {_MFA: None if self.vendor is None else "false", _MFA_AGE: None}
        if self.vendor is not None:
            known[CALLERS_ACCOUNT] = vendor_account(self.vendor)[0]
            if not self.vendor.arn.endswith(":root"):
                known[CALLER] = self.vendor.arn
        if self.issuer is not None:
            # a token is no caller of AWS, and its request has no field for an external id
            known |= {CALLER: None, CALLERS_ACCOUNT: None, EXTERNAL_ID: None}
        return known

    @property
    def own(self) -> dict[str, str | None]:
        """List what the vendor is told from others by, which is judged by itself."""
        if self.issuer is not None:
            return {key.lower(): value for key, value in self.issuer.claims.items()}
        return {EXTERNAL_ID: self.auth.external_id}

    def is_named(self, clause: Clause) -> bool:
        """Tell whether a statement is about the vendor, alone or with others."""
        return any(self.means(name) for some in clause.principals.values() for name in some)

    def means(self, name: str) -> bool:
        """Tell whether a principal, or a pattern of them, means the vendor, alone or with others."""
        return name in self.names or (self.vendor is not None and like(name, self.vendor.arn))
