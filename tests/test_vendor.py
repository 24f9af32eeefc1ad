"""Who the vendor is: exact values, never wildcards."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from s3dest.auth import RoleAuth
from s3dest.vendor import AwsPrincipal, GoogleServiceAccount, OidcSubject, new_external_id

ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::444455556666:root",
        "arn:aws:iam::444455556666:role/service/sync",
        "arn:aws-cn:iam::444455556666:user/sync",
        "arn:aws:iam:::user/tenant-user",
    ],
)
def test_principals_are_accounts_roles_and_users(arn: str) -> None:
    """In every partition, and as other stores write them."""
    assert AwsPrincipal(arn=arn).partition == arn.split(":")[1]


@pytest.mark.parametrize(
    "arn",
    [
        "*",
        "444455556666",
        "arn:aws:iam::444455556666:role/*",
        "arn:aws:iam::*:role/sync",
        "arn:aws:sts::444455556666:assumed-role/sync/s",
        "arn:aws:iam::444455556666:group/sync",
    ],
)
def test_wildcards_and_sessions_are_no_principals(arn: str) -> None:
    """A wildcard in a trust policy would let everybody in."""
    with pytest.raises(ValidationError, match="a wildcard would let everybody in"):
        AwsPrincipal(arn=arn)


def test_google_accounts_are_named_by_their_number() -> None:
    """AWS compares the token's sub, which is no e-mail address."""
    assert GoogleServiceAccount(subject="104029292853099978293", audience="acme").audience == "acme"
    with pytest.raises(ValidationError, match="not its e-mail address"):
        GoogleServiceAccount(subject="sync@vendor.iam.gserviceaccount.com", audience="acme")


@pytest.mark.parametrize("value", ["", "*", "acme-*", "${aws:username}", "a b", "ä"])
def test_claims_are_exact(value: str) -> None:
    """No wildcard, no variable, nothing that a token could not hold."""
    with pytest.raises(ValidationError) as caught:
        OidcSubject(issuer=ISSUER, subject=value, audience=value)
    assert [line["loc"] for line in caught.value.errors()] == [("subject",), ("audience",)]
    with pytest.raises(ValidationError):
        GoogleServiceAccount(subject="104029292853099978293", audience=value)


@pytest.mark.parametrize("issuer", [ISSUER, "https://acme.eu.auth0.com/", "http://127.0.0.1:8080"])
def test_an_issuer_is_kept_to_the_letter(issuer: str) -> None:
    """IAM compares it with the token's: Auth0's slash at the end counts."""
    oidc = OidcSubject(issuer=issuer, subject="s", audience="a")
    assert f"{issuer.split(':', maxsplit=1)[0]}://{oidc.provider}" == issuer


@pytest.mark.parametrize("issuer", ["issuer.example.com", "https://", "https://u:p@h", "https://h/*", "https://h?x=1"])
def test_other_issuers_are_refused(issuer: str) -> None:
    """An issuer is a plain URL."""
    with pytest.raises(ValidationError, match="issuer's URL"):
        OidcSubject(issuer=issuer, subject="s", audience="a")


def test_external_ids_have_one_stable_format() -> None:
    """Customers' trust policies hold them for years: prefix, alphabet and length are a promise."""
    made = [new_external_id() for _ in range(200)]
    assert len(set(made)) == 200
    assert all(re.fullmatch(r"s3dest-[a-z2-7]{26}", external_id) for external_id in made)
    assert {letter for external_id in made for letter in external_id[7:]} == set("abcdefghijklmnopqrstuvwxyz234567")
    assert RoleAuth(role_arn="arn:aws:iam::111122223333:role/r", external_id=made[0]).external_id == made[0]
