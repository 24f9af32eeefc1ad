"""The linter of what stands beside the right to put: denials, guards, the policies of the bucket and the key."""

from __future__ import annotations

from typing import Any

import pytest
from reviewing import BUCKET, KEY_ARN, KEYS, OTHER_ROLE, OUR_ROLE, ROLE, ROOT, TARGET, allow, codes, make, policy

from s3dest import policies

SESSION = "arn:aws:sts::111122223333:assumed-role/transfer-role/s3dest"


def deny(**changes: Any) -> dict[str, Any]:
    """Write a statement of a bucket policy that denies to put anything to anybody."""
    return {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"{BUCKET}/*", **changes}


REACHES: list[tuple[Any, list[tuple[str, str]]]] = [
    ({"Resource": f"{BUCKET}/*.json"}, [("error", "put_denied")]),
    ({"Resource": f"{BUCKET}/*/_manifests/*"}, [("error", "put_denied")]),
    ({"Resource": f"{BUCKET}/*/.s3dest-probe/*"}, [("error", "put_denied")]),
    ({"Resource": f"{BUCKET}/vendor/*/dt=*"}, [("error", "put_denied")]),
    ({"Resource": f"{TARGET[:-1]}orders/*"}, [("warning", "put_denied_partly")]),
    ({"Resource": f"{BUCKET}/*.parquet"}, [("warning", "put_denied_partly")]),
    ({"Resource": f"{BUCKET}/*/secret/*"}, [("warning", "put_denied_partly")]),
    ({"Resource": f"{BUCKET}/other/*"}, []),
    ({"Resource": f"{BUCKET}/vendor/exports"}, []),
]


@pytest.mark.parametrize("kind", ["permission", "bucket"])
@pytest.mark.parametrize(("change", "expected"), REACHES, ids=lambda value: str(value)[:50])
def test_a_denial_is_judged_by_the_keys_that_it_hits(change: Any, expected: Any, kind: str) -> None:
    """Each manifest ends in .json and lies in a folder that no table names: without them nothing is delivered."""
    statement = deny(**change)
    given = policy(statement)
    if kind == "permission":
        del statement["Principal"]
        given["Statement"] += policies.permission(make())["Statement"]
    assert codes(make(), **{kind: given}) == expected


@pytest.mark.parametrize(
    ("resource", "expected"), [(TARGET, []), (f"{BUCKET}/other/*", [("error", "put_denied")])], ids=["ours", "others"]
)
def test_a_denial_of_all_but_a_folder_is_judged(resource: str, expected: Any) -> None:
    """One that leaves out what is written does not hit it."""
    statement = deny(NotResource=resource)
    del statement["Resource"]
    assert codes(make(), bucket=policy(statement)) == expected


def test_a_denial_to_delete_leaves_the_checks_probe() -> None:
    """Nothing else: it keeps what is there."""
    kept = [("note", "delete_denied")]
    assert codes(make(), bucket=policy(deny(Action=["s3:DeleteObject", "s3:DeleteObjectVersion"]))) == kept
    in_clear = deny(Action="s3:Delete*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    assert codes(make(), bucket=policy(in_clear)) == []
    assert codes(make(), bucket=policy(deny(Action="s3:DeleteObject", Resource=f"{BUCKET}/other/*"))) == []
    assert codes(make(), bucket=policy(deny(Action="s3:*"))) == [("error", "put_denied")]


def test_the_policy_of_another_bucket_is_told() -> None:
    """S3 takes no policy that is about others, so it was pasted from there."""
    assert codes(make(), bucket=policy(deny(Resource="arn:aws:s3:::payroll/*"))) == [("warning", "other_bucket")]
    both = [deny(Resource="arn:aws:s3:::payroll/*"), deny(Resource=f"{BUCKET}/other/*")]
    assert codes(make(), bucket=policy(*both)) == []
    for resource in ("arn:aws:s3:::acme-*", "*"):
        assert codes(make(), bucket=policy(allow({"AWS": OTHER_ROLE}, "s3:GetObject", Resource=resource))) == []


DENIED, MAYBE = [("error", "put_denied")], [("warning", "put_denied_sometimes")]
OUR_USER = "arn:aws:iam::111122223333:user/x"
PRINCIPALS: list[tuple[Any, list[tuple[str, str]], list[tuple[str, str]]]] = [
    ({"ArnNotEquals": {"aws:PrincipalArn": [OUR_ROLE, OTHER_ROLE]}}, [], DENIED),
    ({"ArnNotEquals": {"aws:PrincipalArn": [OTHER_ROLE]}}, DENIED, DENIED),
    ({"ArnNotEquals": {"aws:PrincipalArn": [OUR_ROLE, OUR_USER]}}, [], MAYBE),
    ({"StringNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/transfer-*"}}, [], DENIED),
    ({"ArnEquals": {"aws:PrincipalArn": OUR_ROLE}}, DENIED, []),
    ({"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}, [], MAYBE),
]


@pytest.mark.parametrize(("condition", "role", "user"), PRINCIPALS)
def test_a_denial_by_who_writes_is_decided_as_far_as_it_can_be(condition: Any, role: Any, user: Any) -> None:
    """The role's ARN is in the config; whose an access key is, is not, but no role's."""
    bucket = policy(deny(Condition=condition))
    assert codes(make(), bucket=bucket) == role
    assert codes(make(auth=KEYS), bucket=bucket) == user


HARMLESS: list[Any] = [
    {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
    {"NumericLessThan": {"s3:TlsVersion": 1.2}},
    {"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}},
    {"StringNotEquals": {"s3:authType": "REST-HEADER"}},
    {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
]


@pytest.mark.parametrize("condition", HARMLESS)
def test_a_denial_of_what_no_request_is_hits_none(condition: Any) -> None:
    """Old TLS and old signatures are denied by many; S3 knows no key of KMS."""
    assert codes(make(), bucket=policy(deny(Action="s3:*", Condition=condition))) == []


def test_a_denial_of_tls_that_may_be_spoken_is_told() -> None:
    """Which version is agreed on is not known."""
    assert codes(make(), bucket=policy(deny(Condition={"NumericLessThan": {"s3:TlsVersion": "1.3"}}))) == MAYBE


@pytest.mark.parametrize(
    ("element", "name", "expected"),
    [
        ("Principal", OTHER_ROLE, []),
        ("Principal", "arn:aws:iam::111122223333:user/x", [("warning", "put_denied_sometimes")]),
        ("Principal", "*", [("error", "put_denied")]),
        ("NotPrincipal", OTHER_ROLE, [("error", "put_denied")]),
        ("NotPrincipal", "arn:aws:iam::111122223333:user/x", [("warning", "put_denied_sometimes")]),
    ],
)
def test_whether_a_denial_means_a_user_is_said_as_far_as_it_is_known(element: str, name: str, expected: Any) -> None:
    """A role is no user; another user may be ours."""
    statement = deny()
    del statement["Principal"]
    assert codes(make(auth=KEYS), bucket=policy({**statement, element: {"AWS": name}})) == expected


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


@pytest.mark.parametrize(("auth", "expected"), [({}, DENIED), ({"session_name": "acme"}, [])], ids=["default", "given"])
def test_a_denial_of_the_very_session_hits_it(auth: Any, expected: Any) -> None:
    """A session is a principal, too, and its name is in the config."""
    statement = deny(Principal={"AWS": f"{SESSION}-acme-lake"})
    assert codes(make(auth={**ROLE, **auth}), bucket=policy(statement)) == expected


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


NOT_SHARED = [("error", "bucket_not_shared")]
OURS = {"AWS": OUR_ROLE}
IF_NONE_MATCH = {"Null": {"s3:if-none-match": "false"}}
PARTS = {"Bool": {"s3:ObjectCreationOperation": "false"}}
PROBES = f"{TARGET[:-1]}.s3dest-probe/*"
ACROSS: list[tuple[list[dict[str, Any]], list[tuple[str, str]]]] = [
    ([deny(Condition={"Bool": {"aws:SecureTransport": "false"}})], NOT_SHARED),
    ([allow({"AWS": OTHER_ROLE}, "s3:PutObject")], NOT_SHARED),
    ([allow(OURS, "s3:PutObject", Resource=f"{TARGET[:-1]}x/*")], NOT_SHARED),
    ([allow(OURS, "s3:PutObject", Resource=PROBES)], NOT_SHARED),
    ([allow(OURS, "s3:PutObject", Resource=TARGET)], []),
    ([allow(OURS, "s3:PutObject", Resource=f"{TARGET}/*")], []),
    ([allow({"AWS": ROOT}, "s3:PutObject")], []),
    (
        [allow("*", "s3:PutObject", Resource=TARGET, Condition={"ArnEquals": {"aws:PrincipalArn": OUR_ROLE}})],
        [],
    ),
    ([allow("*", "s3:PutObject", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})], []),
    ([allow(OURS, "s3:PutObject", Resource=TARGET, Condition=each) for each in (IF_NONE_MATCH, PARTS)], []),
    ([allow(OURS, "s3:PutObject", Resource=TARGET, Condition=IF_NONE_MATCH)], NOT_SHARED),
    ([allow(OURS, "s3:PutObject", Resource=TARGET, Condition=PARTS)], NOT_SHARED),
]


@pytest.mark.parametrize(("statements", "expected"), ACROSS)
def test_across_accounts_the_bucket_must_allow_it_too(statements: Any, expected: Any) -> None:
    """Where its policy was given; in one account the role's own is enough."""
    elsewhere = make(expected_bucket_owner="222233334444")
    assert codes(elsewhere, bucket=policy(*statements)) == expected
    assert codes(make(), bucket=policy(*statements)) == []


def test_a_bucket_shared_under_a_condition_that_is_not_met_names_it() -> None:
    """The role is named, and the action: it is the ACL that s3dest never sends."""
    condition = {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}, "Bool": {"aws:SecureTransport": "true"}}
    bucket = policy(allow(OURS, "s3:PutObject", Resource=TARGET, Condition=condition))
    (found,) = policies.review(make(expected_bucket_owner="222233334444"), bucket=bucket)
    assert (found.code, found.remedy) == ("bucket_not_shared", "Remove the condition.")
    assert found.message.endswith("not each request of s3dest meets: s3:x-amz-acl.")


def test_a_bucket_shared_for_some_tables_is_told() -> None:
    """They may be all that there are."""
    elsewhere = make(expected_bucket_owner="222233334444")
    bucket = policy(allow(OURS, "s3:PutObject", Resource=per_table("orders")))
    assert codes(elsewhere, bucket=bucket) == [("warning", "bucket_shared_partly")]
    conditional = allow(OURS, "s3:PutObject", Resource=TARGET, Condition=IF_NONE_MATCH)
    assert codes(elsewhere, bucket=policy(allow(OURS, "s3:PutObject", Resource=PROBES), conditional)) == NOT_SHARED


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([OUR_ROLE], [("warning", "put_denied_sometimes")]),
        ([OUR_ROLE, ROOT], [("warning", "put_denied_sometimes")]),
        ([ROOT], [("error", "put_denied")]),
        ([OUR_ROLE, SESSION, "111122223333"], []),
    ],
)
def test_who_exempts_a_role_must_name_its_session_and_its_account(names: list[str], expected: Any) -> None:
    """Without, all of the account is locked out, says AWS."""
    statement = deny(NotPrincipal={"AWS": names})
    del statement["Principal"]
    assert codes(make(), bucket=policy(statement)) == expected


OWN: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "any key": (
        {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": "*"},
        [("warning", "key_too_wide")],
    ),
    "keys of the account": (
        {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "arn:aws:kms:eu-west-1:111122223333:key/*"},
        [("warning", "key_too_wide")],
    ),
    "this key": ({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY_ARN}, []),
    "abort anywhere": (
        {"Effect": "Allow", "Action": "s3:AbortMultipartUpload", "Resource": "*"},
        [("warning", "resource_too_wide")],
    ),
    "abort": ({"Effect": "Allow", "Action": "s3:AbortMultipartUpload", "Resource": TARGET}, []),
    "delete anywhere": (
        {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": f"{BUCKET}/*"},
        [("warning", "delete_too_wide")],
    ),
    "no key": ({"Effect": "Deny", "Action": "kms:*", "Resource": "*"}, [("error", "key_denied")]),
    "no decryption": ({"Effect": "Deny", "Action": "kms:Decrypt", "Resource": KEY_ARN}, [("error", "key_denied")]),
    "other key": ({"Effect": "Deny", "Action": "kms:Decrypt", "Resource": f"{KEY_ARN[:-1]}c"}, []),
    "not by S3": (
        {
            "Effect": "Deny",
            "Action": "kms:*",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
        },
        [],
    ),
    "network": (
        {
            "Effect": "Deny",
            "Action": "kms:*",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}},
        },
        [("warning", "key_denied_sometimes")],
    ),
}


@pytest.mark.parametrize("name", OWN)
def test_a_statement_beside_the_right_ones_is_judged(name: str) -> None:
    """The role's own policy is right; what is added is too wide, takes away, or does neither."""
    statement, expected = OWN[name]
    config = make(encryption={"key_arn": KEY_ARN})
    given: Any = policies.permission(config)
    given["Statement"].append(statement)
    assert codes(config, permission=given) == expected


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
