"""The linter of guards against overwriting: whom they are about, what they cover, what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from reviewing import BUCKET, KEYS, OTHER_ROLE, OUR_ROLE, OUR_USER, ROOT, SESSION, TARGET, codes, make, policy

from s3dest import policies

GUARDS: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "other role": ({"Principal": {"AWS": OTHER_ROLE}}, [("warning", "guard_elsewhere")]),
    "all but the role": ({"NotPrincipal": {"AWS": [OUR_ROLE, SESSION, ROOT]}}, [("warning", "guard_elsewhere")]),
    "all but the role, not its session": ({"NotPrincipal": {"AWS": OUR_ROLE}}, []),
    "the role": ({"Principal": {"AWS": OUR_ROLE}}, []),
    "the account": ({"Principal": {"AWS": ROOT}}, []),
    "other caller": ({"ArnEquals": {"aws:PrincipalArn": OTHER_ROLE}}, [("warning", "guard_conditional")]),
    "own caller": ({"ArnEquals": {"aws:PrincipalArn": OUR_ROLE}}, []),
    "network": ({"StringEquals": {"aws:SourceVpc": "vpc-1"}}, [("warning", "guard_conditional")]),
}


@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_that_is_not_about_who_writes_is_named(name: str) -> None:
    """It looks right, and refuses others alone."""
    change, expected = GUARDS[name]
    guard: Any = policies.bucket_guard(make())["Statement"][0]
    if change.keys() & {"Principal", "NotPrincipal"}:
        del guard["Principal"]
        guard |= change
    else:
        guard["Condition"] |= change
    assert codes(make(), bucket=policy(guard)) == expected


@pytest.mark.parametrize("principal", [OUR_USER, "111122223333", ROOT])
def test_a_guard_may_be_about_a_user_by_name(principal: str) -> None:
    """Whose the access key is, the customer knows."""
    guard = {**policies.bucket_guard(make())["Statement"][0], "Principal": {"AWS": principal}}
    assert codes(make(auth=KEYS), bucket=policy(guard)) == []


def test_a_guard_about_roles_is_none_for_a_user() -> None:
    """It blocks no part of the vendor's, whatever it lacks."""
    given: Any = policies.permission(make(auth=KEYS))
    condition = {"Null": {"s3:if-none-match": "true"}, "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}
    given["Statement"].append({"Effect": "Deny", "Action": "s3:PutObject", "Resource": TARGET, "Condition": condition})
    assert codes(make(auth=KEYS), permission=given) == [("warning", "guard_conditional")]


def test_a_guard_with_two_tests_of_who_writes_needs_both() -> None:
    """The second must not hide that the first never holds."""
    guard: Any = policies.bucket_guard(make())["Statement"][0]
    guard["Condition"] |= {"StringEquals": {"aws:PrincipalArn": OTHER_ROLE}, "StringLike": {"aws:PrincipalArn": "*"}}
    assert codes(make(), bucket=policy(guard)) == [("warning", "guard_conditional")]


def test_a_further_condition_hides_no_error_of_a_guard() -> None:
    """Where it may hold for the vendor, its large uploads fail."""
    guard: Any = policies.bucket_guard(make())["Statement"][0]
    guard["Condition"] = {"Null": {"s3:if-none-match": "true"}, "StringEquals": {"aws:SourceVpc": "vpc-1"}}
    assert codes(make(), bucket=policy(guard)) == [("error", "guard_blocks_multipart")]


NO_HEADER = {"Null": {"s3:if-none-match": "true"}}
ELSEWHERE = [("warning", "guard_elsewhere")]
PARTIAL: list[tuple[Any, Any, list[tuple[str, str]]]] = [
    (f"{TARGET[:-1]}orders/*", NO_HEADER, [("warning", "guard_blocks_multipart")]),
    (f"{TARGET[:-1]}*.parquet", NO_HEADER, [("warning", "guard_blocks_multipart")]),
    (f"{TARGET[:-1]}*/dt=*", NO_HEADER, [("error", "guard_blocks_multipart")]),
    (f"{TARGET[:-1]}orders/*", {"StringEquals": {"s3:if-none-match": "*"}}, [("warning", "guard_inverted")]),
    (f"{TARGET[:-1]}_manifests/*", {"StringEquals": {"s3:if-none-match": "*"}}, [("error", "guard_inverted")]),
    (f"{TARGET[:-1]}_manifests/*", NO_HEADER, ELSEWHERE),
    (f"{BUCKET}/finance/*", NO_HEADER, ELSEWHERE),
    (f"{TARGET[:-1]}orders/*", {**NO_HEADER, "ArnEquals": {"aws:PrincipalArn": OTHER_ROLE}}, ELSEWHERE),
]


@pytest.mark.parametrize(("resource", "condition", "expected"), PARTIAL)
def test_a_guard_of_some_of_what_is_written_is_judged(resource: str, condition: Any, expected: Any) -> None:
    """Manifests come in one piece; where a guard refuses what s3dest writes, that is worse than what it leaves out."""
    guard: Any = {**policies.bucket_guard(make())["Statement"][0], "Resource": resource, "Condition": condition}
    assert codes(make(), bucket=policy(guard)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Resource": f"{BUCKET}/finance/*"}, []),
        ({"Principal": {"AWS": OTHER_ROLE}}, []),
        ({"Action": "s3:PutObjectAcl"}, []),
        ({"Condition": NO_HEADER}, [("error", "guard_blocks_multipart")]),
    ],
)
def test_beside_a_guard_another_may_guard_what_it_likes(changes: Any, expected: Any) -> None:
    """What is written cannot be overwritten, whatever the other leaves out; it may still refuse too much."""
    guard: Any = policies.bucket_guard(make())["Statement"][0]
    for statements in ([guard, {**guard, **changes}], [{**guard, **changes}, guard]):
        assert codes(make(), bucket=policy(*statements)) == expected
    half = {**guard, "Effect": "Allow", "Principal": {"AWS": OUR_ROLE}}
    assert codes(make(), bucket=policy({**guard, "Resource": f"{BUCKET}/finance/*"}, half)) == ELSEWHERE
