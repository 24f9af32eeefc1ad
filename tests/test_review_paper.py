"""How the linter takes what was pasted for a policy: JSON or values, its length, and what AWS's tools wrap it in."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import pytest
from reviewing import BUCKET, KEYED, KINDS, codes_of, own

from s3dest import policies
from s3dest.review.elements import Kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_longer_than_aws_takes_is_not_looked_at(kind: Kind) -> None:
    """White space does not count."""
    policy = own(kind)
    assert "policy_grammar" not in codes_of(kind, json.dumps(policy, indent=1000))
    policy["Statement"][0]["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": "x" * 32_768}}
    assert codes_of(kind, json.dumps(policy)) == {"policy_grammar"}


@pytest.mark.parametrize("kind", ["permission", "bucket"])
def test_nor_is_one_of_plain_values(kind: Kind) -> None:
    """Who parses a form's JSON hands over as much as the form takes."""
    policy = own(kind)
    statement = policy["Statement"][0]
    policy["Statement"] = [{**statement, "Effect": "Allow", "Resource": f"{BUCKET}/{n}/*"} for n in range(50_000)]
    assert codes_of(kind, policy) == {"policy_grammar"}
    assert codes_of(kind, MappingProxyType(policy)) == {"policy_grammar"}


RING: dict[str, object] = {"Version": "2012-10-17"}
RING["Statement"] = [RING]


@pytest.mark.parametrize("value", [RING, {"Statement": [{"Condition": {"StringEquals": {"aws:x": 10**5000}}}]}])
def test_values_that_are_no_json_are_told(value: Any) -> None:
    """Plain values can be what no text is."""
    assert codes_of("permission", value) == {"policy_grammar"}


WRAPPINGS: list[tuple[Kind, Callable[[Any], Any]]] = [
    ("trust", lambda it: {"Role": {"RoleName": "x", "AssumeRolePolicyDocument": it}}),
    ("trust", lambda it: json.dumps({"Role": {"AssumeRolePolicyDocument": quote(json.dumps(it))}})),
    ("permission", lambda it: {"RoleName": "x", "PolicyName": "y", "PolicyDocument": it}),
    ("permission", lambda it: {"PolicyVersion": {"Document": it, "VersionId": "v1"}}),
    ("permission", lambda it: quote(json.dumps(it))),
    ("permission", lambda it: quote(json.dumps(it)).replace("%7B", "%7b")),
    ("bucket", lambda it: json.dumps({"Policy": json.dumps(it)})),
    ("bucket", lambda it: json.dumps(json.dumps(it))),
    ("key", lambda it: {"Policy": json.dumps(it), "PolicyName": "default"}),
]


@pytest.mark.parametrize(("kind", "wrap"), WRAPPINGS)
def test_a_policy_is_taken_out_of_what_the_aws_cli_prints(kind: Kind, wrap: Callable[[Any], Any]) -> None:
    """It was asked for by get-role, get-policy-version, get-bucket-policy, and is right."""
    assert codes_of(kind, wrap(own(kind))) == set()
    wrong = own(kind)
    wrong["Statement"][0]["Effect"] = "allow"
    assert codes_of(kind, wrap(wrong)) == {"policy_grammar"}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda it: it["Statement"],
        lambda it: it["Statement"][0],
        lambda _: {"Policy": {"Arn": "arn:aws:iam::111122223333:policy/x"}},
        lambda _: {"Role": {"AssumeRolePolicyDocument": None}},
        lambda it: {**it, "Statement": []},
    ],
)
def test_statements_without_their_policy_are_told_what_to_be(wrap: Callable[[Any], Any]) -> None:
    """IAM takes none of them alone."""
    for pasted in (wrap(own("permission")), json.dumps(wrap(own("permission")))):
        (finding,) = policies.review(KEYED, permission=pasted)
        assert finding.code == "policy_grammar"
        assert finding.remedy.startswith('Write it as {"Version": "2012-10-17", "Statement": [')


def test_a_key_stands_once() -> None:
    """Python keeps the last one in silence, and IAM takes neither."""
    text = json.dumps(own("permission")).replace('"Effect"', '"Action": "s3:GetObject", "Effect"', 1)
    (finding,) = policies.review(KEYED, permission=text)
    assert (finding.code, finding.message) == (
        "policy_grammar",
        "The permission policy has Action twice in one place, which IAM refuses.",
    )
