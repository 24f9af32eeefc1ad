"""What the linter makes of a policy before it knows what it is about: IAM's grammar, and wildcards."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reviewing import BUCKET, KEYED, KINDS, codes_of, own

from s3dest import policies
from s3dest.review.elements import Kind
from s3dest.review.grammar import like


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("*", "", True),
        ("a*c", "abbc", True),
        ("a*c", "abbcd", False),
        ("*ab*ab", "abab", True),
        ("*ab*ab", "ab", False),
        ("a?c", "a\nc", True),
        ("a?", "a", False),
        ("a/?", "a/*", False),
        ("a/?*", "a/*", False),
        ("a/*", "a/?*", True),
        ("[ab]", "a", False),
        ("a.c", "abc", False),
    ],
)
def test_wildcards_are_those_of_iam(pattern: str, text: str, matches: object) -> None:
    """A star is any text, a question mark any character, and nothing else is special."""
    assert like(pattern, text) is matches


@pytest.mark.parametrize("pattern", ["*?" * 1000 + "z", "*a" * 1000 + "z", "*" * 5000 + "z"])
def test_wildcards_take_no_time(pattern: str) -> None:
    """However many there are: each is tried once, where it fits first."""
    policy = own("permission")
    policy["Statement"][0].update(Action=f"s3:{pattern}", Resource=f"arn:{pattern}")
    assert "action_too_wide" in codes_of("permission", policy)


LONG: list[list[dict[str, Any]]] = [
    [{"Resource": [f"arn:*{number}" for number in range(2000)]}],
    [{"Resource": [f"{BUCKET}/{number}/*" for number in range(800)]}],
    [{"Resource": f"{BUCKET}/{number}/*"} for number in range(100)],
    [{"Resource": f"{BUCKET}/{number}*?*?*z", "Action": "s3:*?*?z"} for number in range(100)],
]


@pytest.mark.parametrize("changes", LONG, ids=["stars", "tables", "statements", "both"])
@pytest.mark.parametrize("kind", ["permission", "bucket"])
def test_the_longest_policy_takes_no_time(kind: Kind, changes: list[dict[str, Any]]) -> None:
    """As much as AWS takes, written to be slow."""
    policy = own(kind)
    policy["Statement"] = [{**policy["Statement"][0], **change, "Effect": "Allow"} for change in changes]
    assert codes_of(kind, json.dumps(policy)) != {"policy_grammar"}


def test_more_statements_than_are_remembered_take_no_time() -> None:
    """Each is compared with all that is written, table by table."""
    rights = [{"Effect": "Allow", "Action": "*", "Resource": f"arn:*{n}"} for n in range(450)]
    rights += [{"Effect": "Allow", "Action": "*", "Resource": f"{BUCKET}/{n}/*"} for n in range(100)]
    policy = json.dumps({"Version": "2012-10-17", "Statement": rights}, separators=(",", ":"))
    begin = time.process_time()
    assert "other_prefix" in codes_of("permission", policy)
    assert time.process_time() - begin < 1  # second; it took three


def test_half_a_character_does_not_keep_a_finding_from_being_sent() -> None:
    """A cut emoji is JSON; no encoding has it."""
    policy = own("permission")
    policy["Statement"][0]["Resource"] = f"{BUCKET}/\ud83d/*"
    found = policies.review(KEYED, permission=json.dumps(policy))
    assert any("\\ud83d" in finding.message for finding in found)
    assert all(finding.model_dump_json() for finding in found)


@pytest.mark.parametrize("name", ["\ud800", "ä", "%FF", "%", "a/b", "_a", ".a", "a?"])
def test_odd_names_of_tables_are_read(name: str) -> None:
    """Half a surrogate pair is JSON, too."""
    policy = own("permission")
    policy["Statement"][0]["Resource"] = [f"{BUCKET}/{name}/*", f"{BUCKET}/_manifests/{name}/*"]
    assert "other_prefix" in codes_of("permission", json.dumps(policy))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
PLACES = ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"]


@given(kind=st.sampled_from(KINDS), place=st.sampled_from(PLACES), value=JSON)
def test_no_value_in_any_place_raises(kind: Kind, place: str, value: Any) -> None:
    """Whatever was pasted, somebody is told what is wrong with it."""
    policy = own(kind)
    policy["Statement"][0][place] = value
    codes_of(kind, policy)
    codes_of(kind, {**policy, "Version": value, "Statement": [*policy["Statement"], value]})


DEEP: list[object] = []
for _ in range(5000):
    DEEP = [DEEP]
WRONG: list[tuple[str, object]] = [
    ("Sid", ["A"]),
    ("Sid", DEEP),
    ("Effect", ["Allow"]),
    ("Effect", {"Allow": "Allow"}),
    ("Action", 5),
    ("Action", [["s3:PutObject"]]),
    ("Action", {"s3:PutObject": True}),
    ("Condition", []),
    ("Condition", {"StringEquals": {"aws:PrincipalArn": {"a": "b"}}}),
    ("Condition", {"StringEquals": {"aws:PrincipalArn": None}}),
    ("Condition", {"StringEquals": {5: "x"}}),
    ("Condition", {5: {"aws:PrincipalArn": "x"}}),
    (5, "x"),  # type: ignore[list-item]  # plain values may hold what JSON cannot
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("place", "value"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_type_is_a_finding(kind: Kind, place: str, value: object) -> None:
    """In each kind of policy, and never an error of Python's."""
    policy = own(kind)
    policy["Statement"][0][place] = value
    assert "policy_grammar" in codes_of(kind, policy)


@pytest.mark.parametrize("kind", ["trust", "bucket", "key"])
@pytest.mark.parametrize("value", [5, ["*"], {"AWS": 444455556666}, {"AWS": None}, {5: "x"}, None])
def test_a_principal_of_a_wrong_type_is_a_finding(kind: Kind, value: object) -> None:
    """A number, too: twelve digits without quotes may have lost a zero in front."""
    policy = own(kind)
    policy["Statement"][0]["Principal"] = value
    assert codes_of(kind, policy) == {"policy_grammar"}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("trust", {"Resource": "*"}),
        ("trust", {"NotResource": "*"}),
        ("trust", {"Sid": "let the vendor in"}),
        ("permission", {"Sid": "put-objects"}),
        ("permission", {"Sid": "ä"}),
        ("bucket", {"NotPrincipal": "*"}),
        ("trust", {"NotPrincipal": {"AWS": "444455556666"}, "Effect": "Deny"}),
        ("bucket", {"NotPrincipal": {"AWS": "444455556666"}, "Effect": "Allow"}),
        ("bucket", {"NotResource": "*"}),
        ("bucket", {"Principal": {"AWS": "arn:aws:iam::111122223333:role/*"}}),
        ("trust", {"Principal": {"AWS": ["444455556666", "arn:aws:iam::44445555666?:root"]}}),
        ("trust", {"Principal": {"AWS": []}}),
        ("trust", {"Action": ["sts:AssumeRole", "s3:PutObject"]}),
        ("trust", {"Action": "*"}),
        ("permission", {"Action": "PutObject"}),
        ("permission", {"Action": "s3:PutObject "}),
        ("permission", {"Action": []}),
        ("permission", {"Resource": []}),
        ("permission", {"Resource": ["acme-lake/vendor/exports/*", "arn:aws:s3:::acme-lake/*"]}),
        ("bucket", {"Resource": "*acme-lake/*"}),
        ("bucket", {"NotResource": "s3://acme-lake"}),
        ("permission", {"Condition": {"StringEqual": {"aws:SecureTransport": "true"}}}),
        ("bucket", {"Condition": {"BoolEquals": {"aws:SecureTransport": "true"}}}),
        ("bucket", {"Condition": {"NullIfExists": {"s3:if-none-match": "true"}}}),
        ("bucket", {"Condition": {"ForSomeValues:StringEquals": {"aws:PrincipalArn": "x"}}}),
    ],
)
def test_what_iam_refuses_is_told_before(kind: Kind, change: dict[str, object]) -> None:
    """It would say so in the console, of a policy that looks right."""
    policy = own(kind)
    if "NotPrincipal" in change and "Effect" in change:
        del policy["Statement"][0]["Principal"]
    policy["Statement"][0].update(change)
    assert "policy_grammar" in codes_of(kind, policy)


REMEDIES: list[tuple[Kind, dict[str, object], str]] = [
    ("permission", {"Effect": "allow"}, "Write Allow or Deny, with a capital letter."),
    ("permission", {"Action": "PutObject"}, "Write it as s3:PutObject."),
    ("permission", {"Action": "s3:PutObject "}, "Write it as s3:PutObject."),
    ("permission", {"Action": "Decrypt"}, "Write it as kms:Decrypt."),
    ("permission", {"Action": "put an object"}, "Write it like s3:PutObject."),
    ("key", {"Action": "GenerateDataKey"}, "Write it as kms:GenerateDataKey."),
    ("trust", {"Action": "AssumeRole"}, "Write it as sts:AssumeRole."),
    ("permission", {"Resource": "s3://acme-lake/x/*"}, "Write it as arn:aws:s3:::acme-lake/x/*."),
    ("permission", {"Resource": "acme-lake"}, "Write it as arn:aws:s3:::acme-lake."),
    ("permission", {"Resource": "*acme*"}, "Write its ARN."),
    ("permission", {"Resources": "*"}, "Write it as Resource."),
    ("permission", {"Remark": "x"}, "Take it away."),
    ("bucket", {"Condition": {"StringEqual": {"aws:x": "1"}}}, "Write it as StringEquals."),
    ("bucket", {"Condition": {"BoolEquals": {"aws:x": "1"}}}, "Write it as Bool."),
    ("bucket", {"Condition": {"NullIfExists": {"aws:x": "1"}}}, "Write it as Null."),
    (
        "bucket",
        {"Condition": {"StringMatches": {"aws:x": "1"}}},
        "Write one that the IAM user guide lists.",
    ),
    ("bucket", {"Condition": {"ForAnyValue:StringLikes": {"aws:x": "1"}}}, "Write it as StringLike."),
]


@pytest.mark.parametrize(("kind", "change", "remedy"), REMEDIES)
def test_what_was_meant_is_told(kind: Kind, change: dict[str, object], remedy: str) -> None:
    """The nearest name that IAM knows."""
    policy = own(kind)
    policy["Statement"][0].update(change)
    found = policies.review(KEYED, **{kind: policy})
    assert [finding.remedy for finding in found if finding.code == "policy_grammar"] == [remedy]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("place", "value"), [("Sid", 5), ("Principal", 5), ("Action", []), ("Condition", 5)])
def test_no_problem_of_a_statement_is_without_a_remedy(kind: Kind, place: str, value: object) -> None:
    """Also where it cannot be guessed what was meant."""
    policy = own(kind)
    policy["Statement"][0][place] = value
    found = policies.review(KEYED, **{kind: {**policy, "Id": 5, "Version": "2012"}})  # type: ignore[arg-type]
    refused = [finding for finding in found if finding.code == "policy_grammar"]
    assert len(refused) == 3  # the version, the id and the statement
    assert all(finding.remedy for finding in refused)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "change", [{"Id": 5}, {"Statements": []}, {5: "x"}, {"Version": "2012-10-18"}, {"Version": None}], ids=str
)
def test_what_stands_around_the_statements_is_read(kind: Kind, change: dict[Any, object]) -> None:
    """Beside them there is a version and a name, and nothing else."""
    assert "policy_grammar" in codes_of(kind, {**own(kind), **change})
    assert codes_of(kind, {**own(kind), "Id": "Delivery"}) == set()


OPERATORS = [
    "StringEquals",
    "stringequals",
    "StringNotEqualsIgnoreCaseIfExists",
    "ForAnyValue:StringLike",
    "ForAllValues:ArnNotLike",
    "NumericLessThanEquals",
    "DateGreaterThan",
    "NotIpAddress",
    "BinaryEquals",
    "Null",
]


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_operators_of_iam_are_known(operator: str) -> None:
    """However they are written: whether AWS minds the case is not documented."""
    policy = own("bucket")
    policy["Statement"][0]["Condition"] = {operator: {"aws:PrincipalTag/x": "1"}}
    assert "policy_grammar" not in codes_of("bucket", policy)


@pytest.mark.parametrize("kind", ["permission", "bucket", "key"])
def test_a_resource_must_be_named(kind: Kind) -> None:
    """But in a trust policy, which is about its role."""
    policy = own(kind)
    del policy["Statement"][0]["Resource"]
    assert codes_of(kind, policy) >= {"policy_grammar"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_statement_that_cannot_be_read_is_not_missed(kind: Kind) -> None:
    """It may be the one that allows what the others do not."""
    policy = own(kind)
    policy["Statement"] = [{**policy["Statement"][-1], "Sid": "A"}, {**policy["Statement"][0], "Effect": "allow"}]
    assert codes_of(kind, policy) == {"policy_grammar"}


def test_s3_and_kms_take_any_sid() -> None:
    """KMS's own default policy has one with spaces."""
    for kind in ("bucket", "key"):
        policy = own(kind)
        policy["Statement"][0]["Sid"] = "Enable IAM User Permissions"
        assert codes_of(kind, policy) == set()


@pytest.mark.parametrize("kind", ["permission", "trust"])
def test_a_sid_stands_once(kind: Kind) -> None:
    """IAM refuses the second."""
    policy = own(kind)
    policy["Statement"] = [{**policy["Statement"][0], "Sid": sid} for sid in ("A", "A")]
    assert "policy_grammar" in codes_of(kind, policy)
