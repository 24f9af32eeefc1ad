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
        [],
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_what_a_bucket_policy_gives_is_judged_by_place_and_condition(name: str) -> None:
    """The role has nothing to do beside the prefix, and what anybody can meet is no condition."""
    statement, expected = PLACES[name]
    assert codes(make(), VENDOR, bucket=policy(statement)) == [("warning", code) for code in expected]


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
    (allow("*", "kms:*", Condition=NARROW), ["key_policy_too_wide"]),
    (allow("*", "kms:*", Condition={"StringEquals": {"kms:CallerAccount": "111122223333"}}), []),
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


def test_a_key_given_under_a_condition_of_aws_is_told() -> None:
    """It may keep the role from the key, as it may from the bucket."""
    config = make(encryption={"key_arn": KEY_ARN})
    statement: Any = policies.kms_key_statement(config)
    statement["Condition"] = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    assert codes(config, key=policy(statement)) == [("warning", "key_policy_sometimes")] * 2
