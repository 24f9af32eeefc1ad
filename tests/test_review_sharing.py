"""The linter of what the policies of the bucket and the key give away: to everybody, to others, beyond need."""

from __future__ import annotations

from typing import Any

import pytest
from reviewing import BUCKET, KEY_ARN, KEYS, OTHER_ROLE, OUR_ROLE, ROOT, TARGET, VENDOR, allow, codes, make, policy

from s3dest import policies
from s3dest.vendor import AwsPrincipal

WIDE: list[tuple[Any, Any, list[str]]] = [
    ({"AWS": OUR_ROLE}, "s3:*", ["bucket_too_wide"]),
    ({"AWS": OUR_ROLE}, ["s3:PutObject", "s3:GetObject"], ["bucket_too_wide"]),
    ({"AWS": OUR_ROLE}, ["s3:PutObject", "s3:DeleteObject"], ["bucket_too_wide"]),
    ({"AWS": OUR_ROLE}, ["s3:PutObject", "s3:AbortMultipartUpload"], ["bucket_too_wide"]),
    ({"AWS": "444455556666"}, "s3:GetObject", ["bucket_too_wide"]),
    ({"AWS": [OTHER_ROLE, VENDOR.arn]}, "s3:PutObject", ["bucket_too_wide"]),
    ({"AWS": OTHER_ROLE}, "s3:*", []),
    ({"AWS": ROOT}, "s3:*", []),
    ({"AWS": "555566667777"}, "s3:*", ["bucket_others"]),
    ({"AWS": "arn:aws:iam::555566667777:role/x"}, "s3:DeleteObject", ["bucket_others"]),
    ({"AWS": "arn:aws:iam::555566667777:root"}, "s3:GetObject", []),
]


@pytest.mark.parametrize(("principal", "action", "expected"), WIDE)
def test_what_a_bucket_policy_gives_the_vendor_beyond_need_is_told(principal: Any, action: Any, expected: Any) -> None:
    """By the role more than to append, without the role anything; whom else the customer lets in is theirs."""
    found = codes(make(), VENDOR, bucket=policy(allow(principal, action)))
    assert found == [("warning", code) for code in expected]


NARROW = {"ArnEquals": {"aws:PrincipalArn": OUR_ROLE}}
PLACES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "the prefix": (allow({"AWS": OUR_ROLE}, "s3:PutObject", Resource=[BUCKET, TARGET]), []),
    "a table": (allow({"AWS": OUR_ROLE}, "s3:PutObject", Resource=f"{TARGET[:-1]}orders/*"), []),
    "all but": (
        {
            "Effect": "Allow",
            "Principal": {"AWS": OUR_ROLE},
            "Action": ["s3:PutObject", "s3:DeleteObject"],
            "NotResource": f"{TARGET[:-1]}.s3dest-probe/*",
        },
        ["bucket_too_wide"],
    ),
    "all but, to put": (
        {"Effect": "Allow", "Principal": {"AWS": OUR_ROLE}, "Action": "s3:PutObject", "NotResource": BUCKET},
        ["bucket_too_wide"],
    ),
    "by a condition": (allow("*", "s3:*", Condition=NARROW), ["bucket_too_wide"]),
    "over TLS": (allow("*", "s3:GetObject", Condition={"Bool": {"aws:SecureTransport": "true"}}), ["bucket_public"]),
    "one table": (allow("*", "s3:GetObject", Resource=f"{TARGET[:-1]}orders/*"), ["bucket_public"]),
    "elsewhere": (allow("*", "s3:GetObject", Resource=f"{BUCKET}/www/*"), []),
    "if there is a caller": (
        allow("*", "s3:GetObject", Condition={"ArnEqualsIfExists": {"aws:PrincipalArn": OUR_ROLE}}),
        ["bucket_public"],
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_what_a_bucket_policy_gives_is_judged_by_place_and_condition(name: str) -> None:
    """The role has nothing to do beside the prefix, and what anybody can meet is no condition."""
    statement, expected = PLACES[name]
    assert codes(make(), VENDOR, bucket=policy(statement)) == [("warning", code) for code in expected]


CHANGE = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
PUBLIC: list[dict[str, Any]] = [
    {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
    {"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "128.0.0.0/1"]}},
    {"IpAddress": {"aws:SourceIp": "::/0"}},
    {"IpAddress": {"aws:SourceIp": "anywhere"}},
    {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
    {"StringLike": {"aws:PrincipalArn": "*"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}},
    {"ArnLike": {"aws:PrincipalArn": [OUR_ROLE, "arn:aws:iam::*:role/transfer-role"]}},
    {"ArnEqualsIfExists": {"aws:PrincipalArn": OUR_ROLE}},
    {"ArnNotEquals": {"aws:PrincipalArn": OTHER_ROLE}},
    {"Null": {"aws:PrincipalArn": "false"}},
    {"StringLike": {"aws:PrincipalAccount": "*"}},
    {"StringNotEquals": {"aws:PrincipalAccount": "555566667777"}},
    {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
    {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1"}},
    {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-*/r-1/*"}},
    {"StringLike": {"aws:userid": "*:s3dest"}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::acme-*"}},
    {"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}},
    {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}},
    {"StringEquals": {"aws:PrincipalType": "AssumedRole"}},
    {"Bool": {"aws:ViaAWSService": "false"}},
    {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
    {"StringEquals": {"s3:ResourceAccount": "111122223333"}},
    {"NumericLessThan": {"s3:signatureAge": "600000"}},
]


@pytest.mark.parametrize("condition", PUBLIC, ids=str)
def test_a_condition_that_strangers_can_meet_makes_nothing_private(condition: Any) -> None:
    """Only a test of who calls, or from where, that holds for some and for no others does."""
    (found,) = policies.review(make(), bucket=policy(allow("*", CHANGE, Condition=condition)))
    assert (found.severity, found.code) == ("warning", "bucket_public")
    (tests,) = condition.values()
    assert all(key.lower() in found.message for key in tests)


PRIVATE: list[tuple[dict[str, Any], list[str]]] = [
    ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]}}, []),
    ({"StringEquals": {"aws:SourceVpce": "vpce-1"}}, []),
    ({"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}}, []),
    ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/r-1/*"}}, []),
    ({"StringLike": {"aws:userid": "AROAEXAMPLE:*"}}, []),
    ({"ArnLike": {"aws:SourceArn": "arn:aws:cloudfront::111122223333:distribution/*"}}, []),
    ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::acme-source"}}, []),
    ({"StringEquals": {"aws:PrincipalAccount": "111122223333"}, "Bool": {"aws:SecureTransport": "true"}}, []),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/admin-*"}}, []),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/transfer-*"}}, ["bucket_too_wide"]),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/*"}}, ["bucket_too_wide"]),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/x*"}}, ["bucket_others"]),
    ({"StringEquals": {"aws:PrincipalAccount": ["111122223333", "555566667777"]}}, ["bucket_others"]),
]


@pytest.mark.parametrize(("condition", "expected"), PRIVATE)
def test_a_condition_on_who_calls_is_as_good_as_a_principal(condition: Any, expected: list[str]) -> None:
    """The account tells whose a pattern is."""
    given = policy(allow("*", CHANGE, Condition=condition))
    assert codes(make(), VENDOR, bucket=given) == [("warning", code) for code in expected]


STRANGER = {"AWS": "555566667777"}
TAKEN: list[tuple[Any, Any, Any, list[str]]] = [
    (STRANGER, "s3:PutBucketPolicy", BUCKET, ["bucket_others"]),
    (STRANGER, ["s3:PutLifecycleConfiguration"], "*", ["bucket_others"]),
    (STRANGER, "s3:PutObjectAcl", TARGET, ["bucket_others"]),
    (STRANGER, "s3:DeleteObjectVersion", f"{BUCKET}/*", ["bucket_others"]),
    (STRANGER, ["s3:Replicate*"], f"{BUCKET}/*", ["bucket_others"]),
    (STRANGER, ["s3:GetObject", "s3:ListBucket"], [BUCKET, f"{BUCKET}/*"], []),
    (STRANGER, "s3:PutObject", f"{BUCKET}/inbox/*", []),
    ({"AWS": "arn:aws:iam::444455556666:role/other"}, "s3:DeleteObject", TARGET, ["bucket_others"]),
    ({"CanonicalUser": "79a59df900b949e55d96a1e698fbaced"}, "s3:*", f"{BUCKET}/*", ["bucket_others"]),
    ({"CanonicalUser": "79a59df900b949e55d96a1e698fbaced"}, "s3:GetObject", f"{BUCKET}/*", []),
    ("*", "s3:PutBucketPolicy", BUCKET, ["bucket_public"]),
    ("*", "s3:ListBucket", BUCKET, ["bucket_public"]),
    ("*", "s3:GetBucketLocation", BUCKET, []),
    ("*", "s3:GetObject", [BUCKET, f"{BUCKET}/www/*"], []),
]


@pytest.mark.parametrize(("principal", "action", "resource", "expected"), TAKEN)
def test_who_may_take_the_bucket_over_is_told(principal: Any, action: Any, resource: Any, expected: list[str]) -> None:
    """Whoever writes its policy or its lifecycle rules needs no right to the objects."""
    given = policy(allow(principal, action, Resource=resource))
    assert codes(make(), VENDOR, bucket=given) == [("warning", code) for code in expected]


def test_another_account_is_only_told_from_a_known_one() -> None:
    """A user's account is not in the config, but for the bucket's owner."""
    bucket = policy(allow({"AWS": ROOT}, "s3:*"))
    assert codes(make(auth=KEYS), bucket=bucket) == []
    elsewhere = make(auth=KEYS, expected_bucket_owner="222233334444")
    assert codes(elsewhere, bucket=bucket) == [("warning", "bucket_others")]


def test_the_vendors_account_may_be_the_customers() -> None:
    """Then all of it is nobody else."""
    vendor = AwsPrincipal(arn="arn:aws:iam::111122223333:role/sync")
    given = policy(allow({"AWS": ROOT}, "s3:*"))
    assert codes(make(), vendor, bucket=given) == []
    assert codes(make(), vendor, bucket=policy(allow({"AWS": vendor.arn}, "s3:PutObject"))) == [
        ("warning", "bucket_too_wide")
    ]


def test_a_bucket_policy_may_let_the_role_delete_its_probes() -> None:
    """Across accounts it must, for the set-up check."""
    statement = allow({"AWS": OUR_ROLE}, "s3:DeleteObject", Resource=f"{TARGET[:-1]}.s3dest-probe/*")
    assert codes(make(), VENDOR, bucket=policy(statement)) == []


@pytest.mark.parametrize(
    ("principal", "action", "expected"),
    [
        ({"AWS": OUR_ROLE}, "kms:*", ["key_policy_too_wide"]),
        ({"AWS": OUR_ROLE}, ["kms:GenerateDataKey", "kms:Decrypt", "kms:PutKeyPolicy"], ["key_policy_too_wide"]),
        ("*", "kms:*", ["key_public"]),
        ({"AWS": "*"}, ["kms:GenerateDataKey", "kms:Decrypt"], ["key_public"]),
        ({"AWS": ROOT}, "kms:*", []),
    ],
)
def test_what_a_key_policy_gives_beyond_need_is_told(principal: Any, action: Any, expected: Any) -> None:
    """All of the own account is what AWS begins each key's policy with."""
    config = make(encryption={"key_arn": KEY_ARN})
    statement = allow(principal, action, Resource="*")
    assert codes(config, VENDOR, key=policy(statement)) == [("warning", code) for code in expected]
    statement["Condition"] = {"Bool": {"aws:SecureTransport": "true"}}
    assert codes(config, VENDOR, key=policy(statement)) == [("warning", code) for code in expected]


KEY_ONLY: list[tuple[dict[str, Any], list[str]]] = [
    (allow({"AWS": VENDOR.arn}, "kms:*"), ["key_policy_too_wide"]),
    (allow({"AWS": "444455556666"}, "kms:*"), ["key_policy_too_wide"]),
    (allow(STRANGER, "kms:*"), ["key_others"]),
    (allow({"AWS": "arn:aws:iam::555566667777:role/x"}, "kms:PutKeyPolicy"), ["key_others"]),
    (allow({"AWS": "arn:aws:iam::555566667777:root"}, ["kms:Decrypt", "kms:DescribeKey"]), []),
    (allow("*", "kms:*", Condition=NARROW), ["key_policy_too_wide"]),
    (allow("*", "kms:*", Condition={"StringEquals": {"kms:CallerAccount": "111122223333"}}), []),
    (
        allow("*", "kms:Decrypt", Condition={"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}),
        ["key_public"],
    ),
    (allow("*", "kms:*", Condition={"StringEquals": {"kms:CallerAccount": "444455556666"}}), ["key_policy_too_wide"]),
    (allow("*", "kms:*", Condition={"StringEquals": {"kms:CallerAccount": "555566667777"}}), ["key_others"]),
    (allow("*", "kms:*", Condition={"StringEqualsIfExists": {"kms:CallerAccount": "111122223333"}}), ["key_public"]),
    (
        {**allow("*", "kms:*", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}), "Effect": "Deny"},
        ["key_policy_sometimes"] * 2,
    ),
    ({**allow("*", "kms:*", Condition={"Null": {"kms:ViaService": "true"}}), "Effect": "Deny"}, []),
]


@pytest.mark.parametrize(("statement", "expected"), KEY_ONLY)
def test_a_statement_beside_the_right_one_of_a_key_policy_is_judged(statement: Any, expected: list[str]) -> None:
    """The role's own is right."""
    config = make(encryption={"key_arn": KEY_ARN})
    given = policy(policies.kms_key_statement(config), {**statement, "Resource": "*"})
    assert codes(config, VENDOR, key=given) == [("warning", code) for code in expected]


def test_the_owner_of_the_key_is_no_stranger() -> None:
    """It may be another account than the bucket's; with an access key no account is known but by it."""
    key = KEY_ARN.replace("111122223333", "222233334444")
    given = policy(allow({"AWS": ["222233334444", "111122223333"]}, "kms:*", Resource="*"))
    assert codes(make(encryption={"key_arn": key}), key=given) == []
    assert codes(make(auth=KEYS, encryption={"key_arn": key}), key=given) == [("warning", "key_others")]
    assert codes(make(auth=KEYS), key=given) == []


def test_a_key_given_under_a_condition_of_aws_is_told() -> None:
    """It may keep the role from the key, as it may from the bucket."""
    config = make(encryption={"key_arn": KEY_ARN})
    statement: Any = policies.kms_key_statement(config)
    statement["Condition"] = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    assert codes(config, key=policy(statement)) == [("warning", "key_policy_sometimes")] * 2
