"""Who the vendor is to the customer's trust policy: an AWS principal, a Google service account, an OIDC subject."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Discriminator, Tag, field_validator

from s3dest.model import Written, untagged

_PRINCIPAL: Final = re.compile(r"arn:aws[a-z0-9-]*:iam::[A-Za-z0-9]*:(root|(user|role)/[\x21-\x7e]+)", re.ASCII)
_ISSUER: Final = re.compile(r"[a-z0-9.-]+(:\d+)?(/[\w./~-]*)?", re.ASCII)


_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"
_RANDOM_LETTERS: Final = 26


def new_external_id() -> str:
    """Make the external id of a new customer: ``s3dest-`` and 26 random letters ``a-z2-7``, 130 bits.

    Make one for each customer, store it with them, and never change it: it goes into the kit that they get and into
    their trust policy before anything exists. The format is stable; a pattern for it is
    ``s3dest-[a-z2-7]{26}``. It is no secret, yet nobody guesses another customer's.
    """
    return "s3dest-" + "".join(secrets.choice(_BASE32) for _ in range(_RANDOM_LETTERS))


class AwsPrincipal(Written):
    """An AWS account, role or user of the vendor, which calls `sts:AssumeRole`."""

    arn: str
    """ARN of the role or user, or `arn:aws:iam::ACCOUNT:root` for all of an account."""

    @property
    def partition(self) -> str:
        """AWS's partition in the ARN, such as ``aws-us-gov``."""
        return self.arn.split(":")[1]

    @field_validator("arn")
    @classmethod
    def _arn(cls, arn: str) -> str:
        if not _PRINCIPAL.fullmatch(arn) or "*" in arn:
            msg = "must be the ARN of a role, a user or an account's root; a wildcard would let everybody in"
            raise ValueError(msg)
        return arn


class GoogleServiceAccount(Written):
    """A Google service account of the vendor, which calls `sts:AssumeRoleWithWebIdentity` with a Google ID token."""

    subject: str
    """The account's numeric unique id: the token's `sub`."""

    audience: str
    """The token's `aud`, one for each customer: it takes the part of an external id."""

    @field_validator("subject")
    @classmethod
    def _subject(cls, subject: str) -> str:
        if not re.fullmatch(r"\d{5,30}", subject, re.ASCII):
            msg = "must be the numeric unique id of the service account, not its e-mail address"
            raise ValueError(msg)
        return subject

    @field_validator("audience")
    @classmethod
    def _audience(cls, audience: str) -> str:
        return _exact(audience)


class OidcSubject(Written):
    """A workload known to any other OpenID Connect provider, Kubernetes say.

    The customer's account needs an IAM OIDC provider for the issuer.
    """

    issuer: str
    """The token's `iss`, to the letter (Auth0's ends in a slash), such as
    `https://oidc.eks.eu-west-1.amazonaws.com/id/ABC`."""

    subject: str
    """The token's `sub`, such as `system:serviceaccount:sync:writer`."""

    audience: str
    """The token's `aud`, one for each customer where the provider can: it takes the part of an external id."""

    @property
    def provider(self) -> str:
        """The issuer as IAM names it: without its scheme."""
        return self.issuer.partition("://")[2]

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, issuer: str) -> str:
        scheme, _, rest = issuer.partition("://")
        if scheme not in {"http", "https"} or not _ISSUER.fullmatch(rest):
            msg = "must be the issuer's URL, such as 'https://issuer.example.com/path'"
            raise ValueError(msg)
        return issuer

    @field_validator("subject", "audience")
    @classmethod
    def _text(cls, text: str) -> str:
        return _exact(text)


def _exact(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]+", text) or "*" in text or "${" in text:
        msg = "must be the exact value in the token, without wildcards"
        raise ValueError(msg)
    return text


VendorIdentity = AwsPrincipal | GoogleServiceAccount | OidcSubject

_TAGS: Final = ((AwsPrincipal, "aws"), (GoogleServiceAccount, "google"), (OidcSubject, "oidc"))


def _kind(value: object) -> str | None:
    """Infer the kind from the keys present."""
    if not isinstance(value, Mapping):
        return next((tag for kind, tag in _TAGS if isinstance(value, kind)), None)
    if "arn" in value or "issuer" in value:
        return "aws" if "arn" in value else "oidc"
    return "google" if {"subject", "audience"} & value.keys() else None


WrittenVendor = Annotated[
    Annotated[AwsPrincipal, Tag("aws")]
    | Annotated[GoogleServiceAccount, Tag("google")]
    | Annotated[OidcSubject, Tag("oidc")],
    Discriminator(
        _kind,
        custom_error_type="vendor",
        custom_error_message="needs an arn, or subject and audience, and with these perhaps an issuer",
    ),
    untagged("aws", "google", "oidc"),
]
"""One of them, in a model; an error is that of the kind that was meant, and of no other."""
