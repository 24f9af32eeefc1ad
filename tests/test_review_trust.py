"""The linter of trust policies: who is named, further conditions, further statements, and no vendor at hand."""

from __future__ import annotations

from typing import Any

import pytest
from reviewing import EXACT, GOOGLE, ID, ID_KEY, OIDC, OTHER, ROLE, VENDOR, codes, make, policy, way

from s3dest import policies
from s3dest.vendor import AwsPrincipal, VendorIdentity

CONDITIONS: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "mfa": ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, [("error", "trust_condition_unmet")]),
    "mfa, if it can be": ({"BoolIfExists": {"aws:MultiFactorAuthPresent": True}}, [("error", "trust_condition_unmet")]),
    "mfa of today": (
        {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}},
        [("error", "trust_condition_unmet")],
    ),
    "for an account": ({"StringLike": {"aws:SourceAccount": "444455556666"}}, [("error", "trust_condition_unmet")]),
    "for a resource": (
        {"ArnLike": {"aws:SourceArn": "arn:aws:*:*:444455556666:*"}},
        [("error", "trust_condition_unmet")],
    ),
    "our sessions": ({"StringLike": {"sts:RoleSessionName": "s3dest-*"}}, []),
    "other sessions": ({"StringLike": {"sts:RoleSessionName": "acme-*"}}, [("error", "trust_condition_unmet")]),
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


@pytest.mark.parametrize("addresses", [{"sts_endpoint_url": "http://a.example"}, {"endpoint_url": "http://a.example"}])
def test_who_asks_sts_in_clear_text_is_kept_out_by_a_demand_for_tls(addresses: dict[str, str]) -> None:
    """STS is asked where S3 is, unless the config says otherwise."""
    condition, _ = CONDITIONS["tls"]
    found = codes(make(**addresses), VENDOR, trust=way({**EXACT, **condition}))
    assert found == [("error", "trust_condition_unmet")]


@pytest.mark.parametrize("arn", ["arn:aws:iam::444455556666:user/sync", "arn:aws:iam::444455556666:root"])
def test_a_user_may_have_shown_a_device(arn: str) -> None:
    """Its session does not come from s3dest."""
    condition, vendor = CONDITIONS["mfa"][0], AwsPrincipal(arn=arn)
    found = codes(make(), vendor, trust=way({**EXACT, **condition}, Principal={"AWS": arn}))
    assert found == [("warning", "trust_conditional")]


def test_a_session_has_the_name_that_the_config_gives_it() -> None:
    """Else it is s3dest's own."""
    trust = way({**EXACT, "StringEquals": {ID_KEY: ID, "sts:RoleSessionName": "acme@vendor"}})
    assert codes(make(auth={**ROLE, "session_name": "acme@vendor"}), VENDOR, trust=trust) == []
    assert codes(make(), VENDOR, trust=trust) == [("error", "trust_condition_unmet")]


CALLERS: list[tuple[Any, list[tuple[str, str]]]] = [
    ({"ArnEquals": {"aws:PrincipalArn": VENDOR.arn}}, []),
    ({"StringEquals": {"aws:PrincipalArn": VENDOR.arn, ID_KEY: ID}}, []),
    ({"StringLike": {"aws:PrincipalAccount": "444455556666"}}, [("note", "trust_account")]),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/*"}}, [("note", "trust_account")]),
    ({"ArnLike": {"aws:PrincipalArn": "arn:*:iam::444455556666:role/s?nc"}}, [("note", "trust_account")]),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/sync"}}, [("warning", "trust_everybody")]),
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


ALONE = "is the external id alone"
NOTHING = "nothing keeps strangers out"
BARRIERS: dict[str, tuple[Any, Any, str]] = {
    "this id": (EXACT, ID, ALONE),
    "if sent, and must be": ({"StringEqualsIfExists": {ID_KEY: ID}, "Null": {ID_KEY: "false"}}, ID, ALONE),
    "like ours": ({"StringLike": {ID_KEY: "acme-*"}}, ID, ALONE),
    "like any": ({"StringLike": {ID_KEY: "*"}}, ID, NOTHING),
    "if sent": ({"StringEqualsIfExists": {ID_KEY: ID}}, ID, NOTHING),
    "all but one": ({"StringNotEquals": {ID_KEY: "beta"}}, ID, NOTHING),
    "none": ({}, ID, NOTHING),
    "none in the config": ({}, None, NOTHING),
    "network": ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, ID, "is aws:sourceip alone"),
    "caller, if there is one": (
        {"ArnEqualsIfExists": {"aws:PrincipalArn": VENDOR.arn}},
        ID,
        "is aws:principalarn alone",
    ),
    "any network": ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, ID, NOTHING),
    "organisation": (
        {"StringEquals": {ID_KEY: ID, "aws:PrincipalOrgID": "o-1"}},
        ID,
        "is the external id and aws:principalorgid alone",
    ),
}


@pytest.mark.parametrize("name", BARRIERS)
def test_what_keeps_strangers_out_of_a_role_for_everybody_is_said(name: str) -> None:
    """Often nothing does."""
    condition, external_id, expected = BARRIERS[name]
    config = make(auth={**ROLE, "external_id": external_id})
    found = policies.review(config, trust=way(condition, Principal="*"), vendor=VENDOR)
    (everybody,) = (each for each in found if each.code == "trust_everybody")
    assert expected in everybody.message


SESSION = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_1/bob"
NAMED: list[tuple[Any, list[tuple[str, str]]]] = [
    ([VENDOR.arn, SESSION], [("note", "trust_others")]),
    ([SESSION], [("error", "trust_principal")]),
    ([VENDOR.arn, "444455556666"], [("note", "trust_account")]),
    (["arn:aws:sts::444455556666:assumed-role/sync/s", SESSION], [("error", "trust_session")]),
]


@pytest.mark.parametrize(("names", "expected"), NAMED)
def test_who_is_named_beside_the_vendor_keeps_it_from_nothing(names: list[str], expected: Any) -> None:
    """A session of the customer's is no mistake about the vendor."""
    assert codes(make(), VENDOR, trust=way(EXACT, Principal={"AWS": names})) == expected


def test_a_session_is_told_without_the_vendor_if_nobody_else_is_named() -> None:
    """Who else is named may be the vendor."""
    assert codes(make(), trust=way(EXACT, Principal={"AWS": [SESSION]})) == [("error", "trust_session")]
    assert codes(make(), trust=way(EXACT, Principal={"AWS": [SESSION, VENDOR.arn]})) == []


def test_an_account_can_be_named_in_two_ways() -> None:
    """Its number is its root."""
    vendor = AwsPrincipal(arn="arn:aws:iam::444455556666:root")
    for name in (vendor.arn, "444455556666"):
        assert codes(make(), vendor, trust=way(EXACT, Principal={"AWS": name})) == []


def test_who_comes_in_in_the_place_of_the_vendor_is_said() -> None:
    """It may be a slip, or a stranger."""
    (found,) = policies.review(make(), trust=way(EXACT, Principal={"AWS": OTHER}), vendor=VENDOR)
    assert found.message == f"The trust policy does not name {VENDOR.arn}: it lets in {OTHER}."


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


def test_a_policy_with_no_way_in_is_told_without_the_vendor() -> None:
    """Neither by keys nor by token."""
    assert codes(make(), trust=way(EXACT, Action="sts:TagSession")) == [("error", "trust_action")]


DENIALS: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "all but the vendor": ({"ArnNotEquals": {"aws:PrincipalArn": VENDOR.arn}}, []),
    "all but others": ({"ArnNotEquals": {"aws:PrincipalArn": OTHER}}, [("error", "trust_denied")]),
    "this id": ({"StringEquals": {ID_KEY: ID}}, [("error", "trust_denied")]),
    "without id": ({"Null": {ID_KEY: "true"}}, []),
}


def test_a_denial_of_all_but_the_vendor_narrows_everybody() -> None:
    """The two together name one."""
    condition = {"ArnNotEquals": {"aws:PrincipalArn": VENDOR.arn}}
    denial = {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition": condition}
    assert codes(make(), VENDOR, trust=policy(way(EXACT, Principal="*")["Statement"][0], denial)) == []


@pytest.mark.parametrize("name", DENIALS)
def test_a_denial_of_who_calls_is_decided(name: str) -> None:
    """Who the vendor is, and which id it sends, is known."""
    condition, expected = DENIALS[name]
    denial = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": condition}
    assert codes(make(), VENDOR, trust=policy(way(EXACT)["Statement"][0], denial)) == expected
