"""The linter of how trust policies test the claims of tokens."""

from __future__ import annotations

from typing import Any

import pytest
from reviewing import GOOGLE, ID, ID_KEY, OIDC, ROLE, VENDOR, codes, make

from s3dest import policies
from s3dest.vendor import VendorIdentity

SUB = "accounts.google.com:sub"
TWICE: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "exactly, and any": ({"StringEquals": {SUB: GOOGLE.subject}, "StringLike": {SUB: "*"}}, []),
    "another, and any": (
        {"StringEquals": {SUB: "999"}, "StringLike": {SUB: "*"}},
        [("error", "claim_mismatch")],
    ),
    "if there, and it must be": ({"StringEqualsIfExists": {SUB: GOOGLE.subject}, "Null": {SUB: "false"}}, []),
    "must be there alone": ({"Null": {SUB: "false"}}, [("warning", "claim_missing")]),
    "no caller": (
        {"StringEquals": {SUB: GOOGLE.subject, "aws:PrincipalArn": VENDOR.arn}},
        [("error", "trust_condition_unmet")],
    ),
    "no device": (
        {"StringEquals": {SUB: GOOGLE.subject}, "Bool": {"aws:MultiFactorAuthPresent": "true"}},
        [("error", "trust_condition_unmet")],
    ),
    "no external id": (
        {"StringEquals": {SUB: GOOGLE.subject, ID_KEY: ID}},
        [("error", "trust_condition_unmet")],
    ),
}


@pytest.mark.parametrize("name", TWICE)
def test_all_tests_of_a_claim_count(name: str) -> None:
    """Each must hold; what a token never brings, such as the caller's ARN, cannot."""
    condition, expected = TWICE[name]
    config = make(auth={**ROLE, "external_id": None})
    trust: Any = policies.trust(config, GOOGLE)
    condition = {**condition, "StringEqualsIgnoreCase": {"accounts.google.com:oaud": "acme"}}
    trust["Statement"][0]["Condition"] = condition
    assert codes(config, GOOGLE, trust=trust) == expected


AUDIENCE = "accounts.google.com:oaud"
SECOND_TOKEN: dict[str, tuple[Any, list[str]]] = {
    "another account": ({"StringEquals": {SUB: "999999999999", AUDIENCE: "acme"}}, ["claim_several"]),
    "another customer": ({"StringEquals": {SUB: GOOGLE.subject, AUDIENCE: "beta"}}, ["claim_several"]),
    "like others": ({"StringLike": {SUB: "9*"}, "StringEquals": {AUDIENCE: "acme"}}, ["claim_wildcard"]),
    "all but one": ({"StringNotEquals": {SUB: "9"}, "StringEquals": {AUDIENCE: "acme"}}, ["claim_missing"]),
    "the account's id for the audience": (
        {"StringEquals": {SUB: GOOGLE.subject, "accounts.google.com:aud": "acme"}},
        [],
    ),
}


@pytest.mark.parametrize("name", SECOND_TOKEN)
def test_a_second_statement_may_let_other_tokens_in(name: str) -> None:
    """The right one beside it hides nothing."""
    condition, expected = SECOND_TOKEN[name]
    config = make(auth={**ROLE, "external_id": None})
    trust: Any = policies.trust(config, GOOGLE)
    trust["Statement"].append({**trust["Statement"][0], "Sid": "Second", "Condition": condition})
    assert codes(config, GOOGLE, trust=trust) == [("warning", code) for code in expected]


@pytest.mark.parametrize("vendor", [GOOGLE, OIDC], ids=["google", "oidc"])
def test_our_own_policies_for_tokens_pass_without_the_vendor(vendor: VendorIdentity) -> None:
    """A way in by token is known by its action, and looked at as far as it can be without the vendor."""
    config = make(auth={**ROLE, "external_id": None})
    trust: Any = policies.trust(config, vendor)
    assert codes(config, trust=trust) == []
    (tests,) = trust["Statement"][0]["Condition"].values()
    subject, audience = tests
    del tests[audience]
    assert codes(config, trust=trust) == [("warning", "claim_missing")]
    tests[audience] = "acme"
    trust["Statement"][0]["Condition"] = {"StringLike": {**tests, subject: "*"}}
    assert codes(config, trust=trust) == [("warning", "claim_wildcard")]
