"""The linter of trust policies: further conditions, other ways to write the right ones, and no vendor at hand."""

from __future__ import annotations

from typing import Any

import pytest
from reviewing import GOOGLE, OIDC, ROLE, VENDOR, codes, make, policy

from s3dest import policies
from s3dest.vendor import VendorIdentity

ID = "acme-7f3c"
KEY = "sts:ExternalId"
EXACT = {"StringEquals": {KEY: ID}}


def way(condition: Any, **changes: Any) -> dict[str, Any]:
    """Write a trust policy of one statement, which lets the vendor in under a condition."""
    statement = {"Effect": "Allow", "Principal": {"AWS": VENDOR.arn}, "Action": "sts:AssumeRole"}
    return policy({**statement, "Condition": condition, **changes})


OTHER = "arn:aws:iam::444455556666:role/other"
CONDITIONS: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "mfa": ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, [("warning", "trust_conditional")]),
    "address": ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, [("warning", "trust_conditional")]),
    "organisation": ({"StringLike": {"aws:PrincipalOrgID": "o-1"}}, [("warning", "trust_conditional")]),
    "tls": ({"Bool": {"aws:SecureTransport": "true"}}, []),
    "clear text": ({"Bool": {"aws:SecureTransport": "false"}}, [("error", "trust_condition_unmet")]),
    "caller": ({"ArnEquals": {"aws:PrincipalArn": VENDOR.arn}}, []),
    "other caller": ({"ArnEquals": {"aws:PrincipalArn": OTHER}}, [("error", "trust_condition_unmet")]),
    "another caller, like any": (
        {"ArnEquals": {"aws:PrincipalArn": OTHER}, "StringLike": {"aws:PrincipalArn": "*"}},
        [("error", "trust_condition_unmet")],
    ),
    "other account": (
        {"StringNotEquals": {"aws:PrincipalAccount": "444455556666"}},
        [("error", "trust_condition_unmet")],
    ),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_beside_the_external_id_is_judged(name: str) -> None:
    """What only AWS can judge may keep the vendor out: a warning, as in the permission policy."""
    condition, expected = CONDITIONS[name]
    assert codes(make(), VENDOR, trust=way({**EXACT, **condition})) == expected


EXTERNAL_IDS: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "must be there, too": ({**EXACT, "Null": {KEY: "false"}}, []),
    "any of": ({"ForAnyValue:StringEquals": {KEY: ID}}, []),
    "all of": ({"ForAllValues:StringEquals": {KEY: ID}}, [("warning", "external_id_optional")]),
    "if sent, and must be": ({"StringEqualsIfExists": {KEY: ID}, "Null": {KEY: "false"}}, []),
    "must be there alone": ({"Null": {KEY: "false"}}, [("warning", "external_id_missing")]),
    "all but another": ({"StringNotEquals": {KEY: "beta"}}, [("warning", "external_id_missing")]),
    "all but some": ({"StringNotLike": {KEY: "beta-*"}}, [("warning", "external_id_missing")]),
    "all but another, and ours": ({**EXACT, "StringNotEquals": {KEY: "beta"}}, []),
    "as an ARN": ({"ArnLike": {KEY: ID}}, [("error", "external_id_operator")]),
    "must not be there": ({"Null": {KEY: "true"}}, [("error", "external_id_operator")]),
    "other case": ({"StringEqualsIgnoreCase": {KEY: ID.upper()}}, []),
    "other case, exactly": ({"StringEquals": {KEY: ID.upper()}}, [("error", "external_id_mismatch")]),
    "like": ({"StringLike": {KEY: "acme-*"}}, [("warning", "external_id_wildcard")]),
    "like another": ({"StringLike": {KEY: "beta-*"}}, [("error", "external_id_mismatch")]),
    "like, and exactly": ({**EXACT, "StringLike": {KEY: "acme-*"}}, []),
    "if sent, another": ({"StringEqualsIfExists": {KEY: "beta"}}, [("error", "external_id_mismatch")]),
}


@pytest.mark.parametrize("name", EXTERNAL_IDS)
def test_an_external_id_can_be_demanded_in_several_ways(name: str) -> None:
    """What lets in the vendor's and no other is no finding, however it is written."""
    condition, expected = EXTERNAL_IDS[name]
    assert codes(make(), VENDOR, trust=way(condition)) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"Null": {KEY: "true"}}, []),
        ({"StringEqualsIfExists": {KEY: ID}}, []),
        ({"Null": {KEY: "false"}}, [("error", "external_id_mismatch")]),
        ({"ForAnyValue:StringEquals": {KEY: ID}}, [("error", "external_id_mismatch")]),
    ],
)
def test_without_an_external_id_none_may_be_demanded(condition: Any, expected: Any) -> None:
    """The config says that there is none; what lets in who sends none is right."""
    assert codes(make(auth={**ROLE, "external_id": None}), VENDOR, trust=way(condition)) == expected


CALLERS: list[tuple[Any, list[tuple[str, str]]]] = [
    ({"ArnEquals": {"aws:PrincipalArn": VENDOR.arn}}, []),
    ({"StringEquals": {"aws:PrincipalArn": VENDOR.arn, KEY: ID}}, []),
    ({"StringLike": {"aws:PrincipalAccount": "444455556666"}}, [("note", "trust_account")]),
    ({"ArnEquals": {"aws:PrincipalArn": [VENDOR.arn, "arn:aws:iam::1:role/x"]}}, [("warning", "trust_others")]),
    ({"ArnNotEquals": {"aws:PrincipalArn": OTHER}}, [("warning", "trust_everybody")]),
    ({"ArnEqualsIfExists": {"aws:PrincipalArn": VENDOR.arn}}, [("warning", "trust_everybody")]),
    ({"ArnLike": {"aws:PrincipalArn": "*"}}, [("warning", "trust_everybody")]),
    (
        {"ArnEquals": {"aws:PrincipalArn": OTHER}},
        [("error", "trust_principal"), ("error", "trust_condition_unmet")],
    ),
]


@pytest.mark.parametrize(("condition", "expected"), CALLERS)
@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}])
def test_everybody_may_be_narrowed_by_a_condition(principal: Any, condition: Any, expected: Any) -> None:
    """A condition on who calls is as good as a principal."""
    trust = way({**EXACT, **condition}, Principal=principal)
    assert codes(make(), VENDOR, trust=trust) == expected


GITHUB = "token.actions.githubusercontent.com"
PROVIDER = f"arn:aws:iam::111122223333:oidc-provider/{GITHUB}"
BY_TOKEN = "sts:AssumeRoleWithWebIdentity"
UNTESTED = [("warning", "claim_missing")] * 2
EVERYBODY = [("warning", "trust_everybody")]
OF_GITHUB = {f"{GITHUB}:sub": "repo:acme/x:ref:refs/heads/main", f"{GITHUB}:aud": "sts.amazonaws.com"}


def door(principal: Any, action: Any = BY_TOKEN, condition: Any = None) -> dict[str, Any]:
    """Write a statement that lets somebody in."""
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition or {}}


STRANGERS: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "google": (door({"Federated": "accounts.google.com"}), UNTESTED),
    "any repository": (door({"Federated": PROVIDER}), UNTESTED),
    "any subject": (
        door({"Federated": PROVIDER}, condition={"StringLike": {**OF_GITHUB, f"{GITHUB}:sub": "*"}}),
        UNTESTED[1:],
    ),
    "if there": (door({"Federated": PROVIDER}, condition={"StringEqualsIfExists": OF_GITHUB}), UNTESTED),
    "one repository": (
        door({"Federated": PROVIDER}, condition={"StringEquals": OF_GITHUB}),
        [("note", "trust_others")],
    ),
    "nobody": (
        door({"Federated": PROVIDER}, condition={"StringEquals": {"oidc.example.org:sub": "x"}}),
        [("note", "trust_others")],
    ),
    "by SAML": (
        door({"Federated": "arn:aws:iam::111122223333:saml-provider/x"}, "sts:AssumeRoleWithSAML"),
        [("note", "trust_others")],
    ),
    "everybody by token": (door("*"), EVERYBODY),
    "session tags alone": (door({"AWS": OTHER}, "sts:TagSession"), []),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_who_else_comes_in_by_another_action_is_told(name: str) -> None:
    """Google and GitHub give a token to whoever asks: of such an issuer one workload must be meant."""
    statement, expected = STRANGERS[name]
    trust = policy(way(EXACT)["Statement"][0], statement)
    assert codes(make(), VENDOR, trust=trust) == expected
    # whom the customer trusts besides is no business of who does not say who it is
    assert codes(make(), trust=trust) == [each for each in expected if each[1] != "trust_others"]


BY_KEYS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    (door("*", "sts:AssumeRole"), EVERYBODY),
    (door({"AWS": "*"}, "sts:AssumeRole", {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), EVERYBODY),
    (door({"AWS": OTHER}, "sts:AssumeRole"), [("warning", "trust_others")]),
    (door("*", "sts:AssumeRole", {"ArnEquals": {"aws:PrincipalArn": OTHER}}), [("warning", "trust_others")]),
    (door({"AWS": "arn:aws:iam::111122223333:role/admin"}, "sts:AssumeRole"), [("note", "trust_others")]),
]


@pytest.mark.parametrize("vendor", [GOOGLE, OIDC], ids=["google", "oidc"])
@pytest.mark.parametrize(("statement", "expected"), BY_KEYS)
def test_who_comes_in_by_keys_beside_a_vendor_with_a_token_is_told(
    statement: Any, expected: Any, vendor: VendorIdentity
) -> None:
    """A second door that stands open makes the first one worthless."""
    config = make(auth={**ROLE, "external_id": None})
    trust: Any = policies.trust(config, vendor)
    trust["Statement"].append(statement)
    assert codes(config, vendor, trust=trust) == expected


def test_one_statement_may_be_two_doors() -> None:
    """Google's tokens, and everybody's keys."""
    config = make(auth={**ROLE, "external_id": None})
    trust: Any = policies.trust(config, GOOGLE)
    trust["Statement"][0] |= {
        "Principal": {"Federated": "accounts.google.com", "AWS": "*"},
        "Action": ["sts:AssumeRole", BY_TOKEN],
    }
    assert codes(config, GOOGLE, trust=trust) == EVERYBODY


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
    "no external id": (
        {"StringEquals": {SUB: GOOGLE.subject, KEY: ID}},
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


SECOND: dict[str, tuple[Any, list[str]]] = {
    "another customer's id": ({"StringEquals": {KEY: "beta"}}, ["external_id_several"]),
    "ids of other customers": ({"StringEquals": {KEY: ["beta", "gamma"]}}, ["external_id_several"]),
    "another id, and it must be": (
        {"StringEqualsIfExists": {KEY: "beta"}, "Null": {KEY: "false"}},
        ["external_id_several"],
    ),
    "another id, or none": ({"StringEqualsIfExists": {KEY: "beta"}}, ["external_id_optional"]),
    "like others": ({"StringLike": {KEY: "beta-*"}}, ["external_id_wildcard"]),
    "all but one": ({"StringNotEquals": {KEY: "beta"}}, ["external_id_missing"]),
    "all but ours": ({"StringNotEquals": {KEY: ID}}, ["external_id_missing"]),
    "no id": ({"Null": {KEY: "true"}}, ["external_id_missing"]),
    "ours, from elsewhere": ({**EXACT, "Bool": {"aws:SecureTransport": "false"}}, []),
    "nobody's": ({"StringEquals": {KEY: "beta"}, "StringNotEquals": {KEY: "beta"}}, []),
    "two at once": ({"StringEquals": {KEY: "beta"}, "StringEqualsIgnoreCase": {KEY: "gamma"}}, []),
}


@pytest.mark.parametrize("name", SECOND)
def test_one_way_in_is_enough_and_a_second_may_let_others_in(name: str) -> None:
    """What a second statement about the vendor lacks keeps nobody out; whom it lets in besides is told."""
    condition, expected = SECOND[name]
    first, second = way(EXACT)["Statement"][0], way(condition)["Statement"][0]
    for vendor in (VENDOR, None):
        found = codes(make(), vendor, trust=policy(second, first))
        assert found == [("warning", code) for code in expected]


def test_alone_it_is_an_error_that_another_id_is_demanded() -> None:
    """Then nobody lets the vendor in."""
    assert codes(make(), VENDOR, trust=way({"StringEquals": {KEY: "beta"}})) == [("error", "external_id_mismatch")]


def test_a_statement_about_another_partner_is_theirs() -> None:
    """As long as nobody says who the vendor is, each statement may be about it, but one that lets it in is enough."""
    given = policy(
        *way(EXACT)["Statement"], *way({"StringEquals": {KEY: "beta"}}, Principal={"AWS": OTHER})["Statement"]
    )
    assert codes(make(), trust=given) == []


SUBJECT, AUDIENCE = "accounts.google.com:sub", "accounts.google.com:oaud"
SECOND_TOKEN: dict[str, tuple[Any, list[str]]] = {
    "another account": ({"StringEquals": {SUBJECT: "999999999999", AUDIENCE: "acme"}}, ["claim_several"]),
    "another customer": ({"StringEquals": {SUBJECT: GOOGLE.subject, AUDIENCE: "beta"}}, ["claim_several"]),
    "like others": ({"StringLike": {SUBJECT: "9*"}, "StringEquals": {AUDIENCE: "acme"}}, ["claim_wildcard"]),
    "all but one": ({"StringNotEquals": {SUBJECT: "9"}, "StringEquals": {AUDIENCE: "acme"}}, ["claim_missing"]),
    "the account's id for the audience": (
        {"StringEquals": {SUBJECT: GOOGLE.subject, "accounts.google.com:aud": "acme"}},
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


def test_a_policy_with_no_way_in_is_told_without_the_vendor() -> None:
    """Neither by keys nor by token."""
    assert codes(make(), trust=way(EXACT, Action="sts:TagSession")) == [("error", "trust_action")]


DENIALS: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "all but the vendor": ({"ArnNotEquals": {"aws:PrincipalArn": VENDOR.arn}}, []),
    "all but others": ({"ArnNotEquals": {"aws:PrincipalArn": OTHER}}, [("error", "trust_denied")]),
    "this id": ({"StringEquals": {KEY: ID}}, [("error", "trust_denied")]),
    "without id": ({"Null": {KEY: "true"}}, []),
}


@pytest.mark.parametrize("name", DENIALS)
def test_a_denial_of_who_calls_is_decided(name: str) -> None:
    """Who the vendor is, and which id it sends, is known."""
    condition, expected = DENIALS[name]
    denial = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": condition}
    assert codes(make(), VENDOR, trust=policy(way(EXACT)["Statement"][0], denial)) == expected
