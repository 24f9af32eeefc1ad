"""What the linter makes of a pasted text before it knows what it is about: JSON, IAM's grammar, wildcards."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3dest import policies
from s3dest.config import DestinationConfig
from s3dest.review.grammar import like
from s3dest.vendor import AwsPrincipal

ROLE = {"role_arn": "arn:aws:iam::111122223333:role/transfer-role", "external_id": "acme-7f3c"}
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CONFIG = DestinationConfig.model_validate(
    {"bucket": "acme-lake", "region": "eu-west-1", "auth": ROLE, "encryption": {"key_arn": KEY_ARN}}
)

Kind = Literal["permission", "trust", "bucket", "key"]


def own(kind: Kind) -> Any:
    """Make a policy that is right."""
    made: dict[Kind, object] = {
        "permission": policies.permission(CONFIG),
        "trust": policies.trust(CONFIG, AwsPrincipal(arn="arn:aws:iam::444455556666:role/sync")),
        "bucket": policies.bucket_guard(CONFIG),
        "key": {"Version": "2012-10-17", "Statement": [policies.kms_key_statement(CONFIG)]},
    }
    return json.loads(json.dumps(made[kind]))


def codes(kind: Kind, pasted: Any) -> set[str]:
    """Review one policy, and list what was found."""
    given: dict[str, Any] = {kind: pasted}
    return {finding.code for finding in policies.review(CONFIG, **given)}


KINDS: tuple[Kind, ...] = ("permission", "trust", "bucket", "key")


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
    assert "action_too_wide" in codes("permission", policy)


HEAD = "arn:aws:s3:::acme-lake/"
LONG: list[list[dict[str, Any]]] = [
    [{"Resource": [f"arn:*{number}" for number in range(2000)]}],
    [{"Resource": [f"{HEAD}{number}/*" for number in range(800)]}],
    [{"Resource": f"{HEAD}{number}/*"} for number in range(100)],
    [{"Resource": f"{HEAD}{number}*?*?*z", "Action": "s3:*?*?z"} for number in range(100)],
]


@pytest.mark.parametrize("changes", LONG, ids=["stars", "tables", "statements", "both"])
@pytest.mark.parametrize("kind", ["permission", "bucket"])
def test_the_longest_policy_takes_no_time(kind: Kind, changes: list[dict[str, Any]]) -> None:
    """As much as AWS takes, written to be slow."""
    policy = own(kind)
    policy["Statement"] = [{**policy["Statement"][0], **change, "Effect": "Allow"} for change in changes]
    assert codes(kind, json.dumps(policy)) != {"policy_grammar"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_longer_than_aws_takes_is_not_looked_at(kind: Kind) -> None:
    """White space does not count."""
    policy = own(kind)
    assert "policy_grammar" not in codes(kind, json.dumps(policy, indent=1000))
    policy["Statement"][0]["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": "x" * 32_768}}
    assert codes(kind, json.dumps(policy)) == {"policy_grammar"}


@pytest.mark.parametrize("kind", ["permission", "bucket"])
def test_nor_is_one_of_plain_values(kind: Kind) -> None:
    """Who parses a form's JSON hands over as much as the form takes."""
    policy = own(kind)
    statement = policy["Statement"][0]
    policy["Statement"] = [{**statement, "Effect": "Allow", "Resource": f"{HEAD}{n}/*"} for n in range(50_000)]
    assert codes(kind, policy) == {"policy_grammar"}
    assert codes(kind, MappingProxyType(policy)) == {"policy_grammar"}


def test_more_statements_than_are_remembered_take_no_time() -> None:
    """Each is compared with all that is written, table by table."""
    rights = [{"Effect": "Allow", "Action": "*", "Resource": f"arn:*{n}"} for n in range(450)]
    rights += [{"Effect": "Allow", "Action": "*", "Resource": f"{HEAD}{n}/*"} for n in range(100)]
    policy = json.dumps({"Version": "2012-10-17", "Statement": rights}, separators=(",", ":"))
    begin = time.process_time()
    assert "other_prefix" in codes("permission", policy)
    assert time.process_time() - begin < 1  # second; it took three


RING: dict[str, object] = {"Version": "2012-10-17"}
RING["Statement"] = [RING]


@pytest.mark.parametrize("value", [RING, {"Statement": [{"Condition": {"StringEquals": {"aws:x": 10**5000}}}]}])
def test_values_that_are_no_json_are_told(value: Any) -> None:
    """Plain values can be what no text is."""
    assert codes("permission", value) == {"policy_grammar"}


def test_half_a_character_does_not_keep_a_finding_from_being_sent() -> None:
    """A cut emoji is JSON; no encoding has it."""
    policy = own("permission")
    policy["Statement"][0]["Resource"] = f"{HEAD}\ud83d/*"
    found = policies.review(CONFIG, permission=json.dumps(policy))
    assert any("\\ud83d" in finding.message for finding in found)
    assert all(finding.model_dump_json() for finding in found)


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
    assert codes(kind, wrap(own(kind))) == set()
    wrong = own(kind)
    wrong["Statement"][0]["Effect"] = "allow"
    assert codes(kind, wrap(wrong)) == {"policy_grammar"}


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
        (finding,) = policies.review(CONFIG, permission=pasted)
        assert finding.code == "policy_grammar"
        assert finding.remedy.startswith('Write it as {"Version": "2012-10-17", "Statement": [')


@pytest.mark.parametrize("name", ["\ud800", "ä", "%FF", "%", "a/b", "_a", ".a", "a?"])
def test_odd_names_of_tables_are_read(name: str) -> None:
    """Half a surrogate pair is JSON, too."""
    policy = own("permission")
    policy["Statement"][0]["Resource"] = [f"{HEAD}{name}/*", f"{HEAD}_manifests/{name}/*"]
    assert "other_prefix" in codes("permission", json.dumps(policy))


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
    codes(kind, policy)
    codes(kind, {**policy, "Version": value, "Statement": [*policy["Statement"], value]})


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
    assert "policy_grammar" in codes(kind, policy)


@pytest.mark.parametrize("kind", ["trust", "bucket", "key"])
@pytest.mark.parametrize("value", [5, ["*"], {"AWS": 444455556666}, {"AWS": None}, {5: "x"}, None])
def test_a_principal_of_a_wrong_type_is_a_finding(kind: Kind, value: object) -> None:
    """A number, too: twelve digits without quotes may have lost a zero in front."""
    policy = own(kind)
    policy["Statement"][0]["Principal"] = value
    assert codes(kind, policy) == {"policy_grammar"}


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
    assert "policy_grammar" in codes(kind, policy)


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
    found = policies.review(CONFIG, **{kind: policy})
    assert [finding.remedy for finding in found if finding.code == "policy_grammar"] == [remedy]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("place", "value"), [("Sid", 5), ("Principal", 5), ("Action", []), ("Condition", 5)])
def test_no_problem_of_a_statement_is_without_a_remedy(kind: Kind, place: str, value: object) -> None:
    """Also where it cannot be guessed what was meant."""
    policy = own(kind)
    policy["Statement"][0][place] = value
    found = policies.review(CONFIG, **{kind: {**policy, "Id": 5, "Version": "2012"}})  # type: ignore[arg-type]
    refused = [finding for finding in found if finding.code == "policy_grammar"]
    assert len(refused) == 3  # the version, the id and the statement
    assert all(finding.remedy for finding in refused)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "change", [{"Id": 5}, {"Statements": []}, {5: "x"}, {"Version": "2012-10-18"}, {"Version": None}], ids=str
)
def test_what_stands_around_the_statements_is_read(kind: Kind, change: dict[Any, object]) -> None:
    """Beside them there is a version and a name, and nothing else."""
    assert "policy_grammar" in codes(kind, {**own(kind), **change})
    assert codes(kind, {**own(kind), "Id": "Delivery"}) == set()


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
    assert "policy_grammar" not in codes("bucket", policy)


@pytest.mark.parametrize("kind", ["permission", "bucket", "key"])
def test_a_resource_must_be_named(kind: Kind) -> None:
    """But in a trust policy, which is about its role."""
    policy = own(kind)
    del policy["Statement"][0]["Resource"]
    assert codes(kind, policy) >= {"policy_grammar"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_statement_that_cannot_be_read_is_not_missed(kind: Kind) -> None:
    """It may be the one that allows what the others do not."""
    policy = own(kind)
    policy["Statement"] = [{**policy["Statement"][-1], "Sid": "A"}, {**policy["Statement"][0], "Effect": "allow"}]
    assert codes(kind, policy) == {"policy_grammar"}


def test_s3_and_kms_take_any_sid() -> None:
    """KMS's own default policy has one with spaces."""
    for kind in ("bucket", "key"):
        policy = own(kind)
        policy["Statement"][0]["Sid"] = "Enable IAM User Permissions"
        assert codes(kind, policy) == set()


@pytest.mark.parametrize("kind", ["permission", "trust"])
def test_a_sid_stands_once(kind: Kind) -> None:
    """IAM refuses the second."""
    policy = own(kind)
    policy["Statement"] = [{**policy["Statement"][0], "Sid": sid} for sid in ("A", "A")]
    assert "policy_grammar" in codes(kind, policy)


def test_a_key_stands_once() -> None:
    """Python keeps the last one in silence, and IAM takes neither."""
    text = json.dumps(own("permission")).replace('"Effect"', '"Action": "s3:GetObject", "Effect"', 1)
    (finding,) = policies.review(CONFIG, permission=text)
    assert (finding.code, finding.message) == (
        "policy_grammar",
        "The permission policy has Action twice in one place, which IAM refuses.",
    )
