"""The linter of what several statements allow together."""

from __future__ import annotations

from typing import Any

import pytest
from reviewing import OTHER_ROLE, OUR_ROLE, PROBES, ROOT, TARGET, allow, codes, make, policy

from s3dest import policies

WITH_HEADER = {"Condition": {"Null": {"s3:if-none-match": "false"}}}
PARTS = {"Condition": {"Bool": {"s3:ObjectCreationOperation": "false"}}}
ACL = {"Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}}
NETWORK = {"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}
RECORDS = {"Resource": [f"{TARGET[:-1]}_manifests/*", PROBES]}
ORDERS = {"Resource": f"{TARGET[:-1]}orders/*"}
STANDARD = {"Condition": {"StringEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}}
TOGETHER: dict[str, tuple[list[dict[str, Any]], list[tuple[str, str]]]] = {
    "objects, and parts": ([WITH_HEADER, PARTS], []),
    "objects": ([WITH_HEADER], [("error", "put_condition_unmet")]),
    "parts": ([PARTS], [("error", "put_condition_unmet")]),
    "folders, and the rest unmet": ([{"Resource": f"{TARGET}/*"}, ACL], []),
    "manifests, and the rest unmet": ([RECORDS, ACL], [("error", "put_condition_unmet")]),
    "manifests, and the rest sometimes": ([RECORDS, NETWORK], [("warning", "put_conditional")]),
    "manifests and a table, and the rest unmet": ([RECORDS, ORDERS, ACL], [("warning", "put_some_tables")]),
    "manifests and a table, and the rest sometimes": ([RECORDS, ORDERS, NETWORK], [("warning", "put_conditional")]),
    "manifests, and the rest by storage class": ([RECORDS, STANDARD], [("warning", "put_conditional")]),
    "manifests, parts, and the rest by storage class": ([RECORDS, PARTS, STANDARD], []),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_statements_that_allow_together_what_is_written_are_enough(name: str) -> None:
    """The S3 user guide enforces conditional writes by two: of what creates an object, and of what does not."""
    changes, expected = TOGETHER[name]
    config = make(storage_class="STANDARD_IA")
    put = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": TARGET}
    probes = {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": PROBES}
    statements = [probes, *({**put, **change} for change in changes)]
    assert codes(config, permission=policy(*statements)) == expected


@pytest.mark.parametrize(
    ("statement", "owner", "expected"),
    [
        (allow({"AWS": OUR_ROLE}, "s3:PutObject", Resource=TARGET), "111122223333", []),
        (allow("*", "s3:PutObject", Resource=TARGET, **NETWORK), "111122223333", ["put_conditional"]),
        (allow({"AWS": ROOT}, "s3:PutObject", Resource=TARGET), "111122223333", ["put_not_allowed"]),
        (allow({"AWS": OTHER_ROLE}, "s3:PutObject", Resource=TARGET), "111122223333", ["put_not_allowed"]),
        (allow({"AWS": OUR_ROLE}, "s3:GetObject", Resource=TARGET), "111122223333", ["put_not_allowed"]),
        (allow({"AWS": OUR_ROLE}, "s3:PutObject", Resource=TARGET), "222233334444", ["put_not_allowed"]),
    ],
)
def test_the_bucket_may_give_what_the_roles_own_policy_does_not(statement: Any, owner: str, expected: Any) -> None:
    """In one account either is enough, if the bucket names the role and not its account."""
    probes = {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": PROBES}
    found = codes(make(expected_bucket_owner=owner), permission=policy(probes), bucket=policy(statement))
    assert [code for _, code in found if code.startswith("put_")] == expected


def per_table(*tables: str) -> list[str]:
    """List what a grant for some tables names."""
    head = TARGET[:-1]
    names = [f"{head}{folder}{table}/*" for table in tables for folder in ("", "_manifests/")]
    return [*names, f"{head}.s3dest-probe/*"]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        (per_table("orders"), [("warning", "put_some_tables")]),
        (per_table("orders", "a%20b"), [("warning", "put_some_tables")]),
        ([*per_table("orders"), f"{TARGET[:-1]}_manifests/*"], [("warning", "put_some_tables")]),
        (per_table("orders")[::2], [("error", "other_prefix")] * 2),
        (per_table("orders")[:2], [("error", "other_prefix")] * 2),
        (
            [*per_table("orders"), "arn:aws:s3:::payroll/*"],
            [("warning", "put_some_tables"), ("warning", "resource_elsewhere")],
        ),
        (["*.gz", "*.json", ".s3dest-probe/*"], [("warning", "put_some_formats")]),
        (["*.gz", "*.parquet", "*.json", ".s3dest-probe/*"], []),
        (["*/*"], []),
        (["*.gz", "*.json"], [("error", "other_prefix")] * 2),
    ],
    ids=[
        "one",
        "two",
        "all manifests",
        "no manifests",
        "no probe",
        "another bucket",
        "a format",
        "all formats",
        "all folders",
        "a format, no probe",
    ],
)
def test_grants_for_each_table_are_read_together(resources: list[str], expected: Any) -> None:
    """Objects, manifests and probe: a table that has all three can be written, and others cannot."""
    given: Any = policies.permission(make())
    head = TARGET[:-1]
    given["Statement"][0]["Resource"] = [
        resource if resource.startswith("arn:") else f"{head}{resource}" for resource in resources
    ]
    assert codes(make(), permission=given) == expected
