"""The linter of what stands beside the right to put: denials, guards, the policies of the bucket and the key."""

from __future__ import annotations

from typing import Any

import pytest
from reviewing import BUCKET, KEY_ARN, KEYS, OTHER_ROLE, OUR_ROLE, ROOT, TARGET, allow, codes, make, policy

from s3dest import policies

KMS = ["kms:GenerateDataKey", "kms:Decrypt"]
PROBES = f"{TARGET[:-1]}.s3dest-probe/*"
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
    ({"Resource": f"{BUCKET}/*.csv.zst"}, [("warning", "put_denied_partly")]),
    ({"Resource": f"{BUCKET}/*0e"}, [("warning", "put_denied_partly")]),
    ({"Resource": f"{BUCKET}/*x/data.parquet"}, [("warning", "put_denied_partly")]),
    ({"Resource": f"{TARGET[:-1]}orders/?"}, [("warning", "put_denied_partly")]),
    ({"Resource": f"{BUCKET}/${{aws:PrincipalTag/team}}/*"}, [("warning", "put_denied_partly")]),
    ({"Resource": f"{BUCKET}/*.exe"}, []),
    ({"Resource": [f"{TARGET[:-1]}*.tmp", f"{TARGET[:-1]}*/", f"{TARGET[:-1]}orders"]}, []),
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


DENIED, MAYBE = [("error", "put_denied")], [("warning", "put_denied_sometimes")]
OUR_USER = "arn:aws:iam::111122223333:user/x"
PRINCIPALS: list[tuple[Any, list[tuple[str, str]], list[tuple[str, str]]]] = [
    ({"ArnNotEquals": {"aws:PrincipalArn": [OUR_ROLE, OTHER_ROLE]}}, [], DENIED),
    ({"ArnNotEquals": {"aws:PrincipalArn": [OTHER_ROLE]}}, DENIED, DENIED),
    ({"ArnNotEquals": {"aws:PrincipalArn": [OUR_ROLE, OUR_USER]}}, [], MAYBE),
    ({"StringNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/transfer-*"}}, [], DENIED),
    ({"ArnEquals": {"aws:PrincipalArn": OUR_ROLE}}, DENIED, []),
    ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:*:111122223333:role/transfer-*"}}, MAYBE, DENIED),
    ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:*::111122223333:role/transfer-*"}}, [], DENIED),
    ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x:*"}}, DENIED, DENIED),
    ({"ArnLike": {"aws:PrincipalArn": "*"}}, DENIED, MAYBE),
    ({"StringNotEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}, [], MAYBE),
    ({"StringNotLike": {"aws:PrincipalArn": "arn:aws:iam::${aws:principalaccount}:role/transfer-*"}}, [], DENIED),
    ({"StringEquals": {"aws:PrincipalArn": ["${aws:PrincipalTag/team}", OTHER_ROLE]}}, MAYBE, MAYBE),
    ({"StringEquals": {"aws:PrincipalArn": ["${aws:PrincipalTag/team}", OUR_ROLE]}}, DENIED, MAYBE),
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
    {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}},
    {"Null": {"s3:x-amz-copy-source": "false"}},
    {"Null": {"s3:x-amz-grant-read": "false"}},
    {"Null": {"s3:if-match": "false"}},
    {"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}},
    {"NumericGreaterThan": {"s3:signatureAge": 600_000}},
    {"StringEquals": {"aws:PrincipalType": "Anonymous"}},
    {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-west-2"]}},
    {"StringNotEquals": {"aws:ResourceAccount": "111122223333"}},
    {"StringNotEquals": {"s3:ResourceAccount": "111122223333"}},
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    {"Bool": {"aws:PrincipalIsAWSService": "true"}},
]


@pytest.mark.parametrize("condition", HARMLESS)
def test_a_denial_of_what_no_request_is_hits_none(condition: Any) -> None:
    """Old TLS and old signatures are denied by many; S3 knows no key of KMS."""
    assert codes(make(), bucket=policy(deny(Action="s3:*", Condition=condition))) == []


HARMFUL: list[Any] = [
    {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
    {"Null": {"s3:RequestObjectTag/owner": "true"}},
    {"Null": {"s3:if-match": "true"}},
    {"Null": {"s3:object-lock-mode": "true"}},
    {"StringNotLike": {"s3:prefix": "vendor/*"}},
    {"StringNotEquals": {"aws:RequestedRegion": "eu-west-2"}},
    {"StringNotEquals": {"aws:ResourceAccount": "999988887777"}},
    {"Bool": {"aws:PrincipalIsAWSService": "false"}},
    {"NumericLessThanEquals": {"s3:signatureAge": 60_000}},
    {"NumericGreaterThanEquals": {"s3:TlsVersion": "1.2"}},
]


@pytest.mark.parametrize("condition", HARMFUL)
def test_a_denial_of_what_each_request_is_hits_all(condition: Any) -> None:
    """No second factor, no tags, no lock, and never a list: the answer is known."""
    assert codes(make(), bucket=policy(deny(Condition=condition))) == DENIED


UNKNOWN: list[Any] = [
    {"NumericLessThan": {"s3:TlsVersion": "1.3"}},
    {"NumericLessThan": {"s3:TlsVersion": "newest"}},
    {"NumericEquals": {"s3:TlsVersion": "1.3"}},
    {"NumericGreaterThan": {"s3:signatureAge": 10}},
    {"Bool": {"aws:MultiFactorAuthPresent": "false"}},
    {"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}},
]


@pytest.mark.parametrize("condition", UNKNOWN)
def test_a_denial_of_what_may_be_is_told(condition: Any) -> None:
    """Which version of TLS is agreed on is not known, nor whether the session says that it has no second factor."""
    assert codes(make(), bucket=policy(deny(Condition=condition))) == MAYBE


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"aws:PrincipalType": "AssumedRole"}}, []),
        ({"StringEquals": {"aws:PrincipalType": "User"}}, MAYBE),
        ({"StringEquals": {"aws:username": "sync"}}, MAYBE),
    ],
)
def test_what_is_known_of_a_role_is_not_of_a_user(condition: Any, expected: Any) -> None:
    """An access key may be a user's or the account's own."""
    assert codes(make(auth=KEYS), bucket=policy(deny(Condition=condition))) == expected


CLASS = {"s3:x-amz-storage-class": "STANDARD_IA"}
CLASSES: list[tuple[Any, list[tuple[str, str]]]] = [
    ({"Condition": {"StringNotEquals": CLASS}}, DENIED),
    ({"Condition": {"StringNotEqualsIfExists": CLASS}}, DENIED),
    ({"Condition": {"StringNotEquals": CLASS}, "Resource": f"{BUCKET}/*.json"}, DENIED),
    ({"Condition": {"StringNotEquals": CLASS}, "Resource": f"{BUCKET}/*.parquet"}, MAYBE),
    ({"Condition": {"StringEquals": {"s3:x-amz-storage-class": "GLACIER"}}}, []),
    (
        {"Condition": {"StringEquals": CLASS}, "Resource": [f"{TARGET[:-1]}orders/*", f"{TARGET[:-1]}_manifests/*"]},
        DENIED,
    ),
]


@pytest.mark.parametrize(("change", "expected"), CLASSES)
def test_manifests_and_probes_have_no_storage_class(change: Any, expected: Any) -> None:
    """The config's is that of data: a bucket that demands one of everything gets no manifest."""
    config = make(storage_class="STANDARD_IA")
    assert codes(config, bucket=policy(deny(**change))) == expected


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


@pytest.mark.parametrize("encryption", [None, {"type": "sse-s3"}])
def test_a_denial_of_another_encryption_is_mended_in_the_config(encryption: Any) -> None:
    """Also where the config names one already; a customer's own key in each request is none of its choices."""
    other = deny(Condition={"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}})
    (finding,) = policies.review(make(encryption=encryption), bucket=policy(other))
    assert finding.remedy.startswith("Set `encryption` in the config to what the policy asks for")
    own = deny(Condition={"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "true"}})
    (finding,) = policies.review(make(encryption=encryption), bucket=policy(own))
    assert finding.remedy == "Remove the statement, or exempt the role from it."


ACROSS: list[tuple[list[dict[str, Any]], list[tuple[str, str]]]] = [
    ([deny(Condition={"Bool": {"aws:SecureTransport": "false"}})], [("error", "bucket_not_shared")]),
    ([allow({"AWS": OTHER_ROLE}, "s3:PutObject")], [("error", "bucket_not_shared")]),
    ([allow({"AWS": OUR_ROLE}, "s3:PutObject", Resource=f"{TARGET[:-1]}x/*")], [("error", "bucket_not_shared")]),
    ([allow({"AWS": OUR_ROLE}, "s3:PutObject", Resource=TARGET)], []),
    ([allow({"AWS": ROOT}, "s3:PutObject")], []),
    (
        [allow("*", "s3:PutObject", Resource=TARGET, Condition={"ArnEquals": {"aws:PrincipalArn": OUR_ROLE}})],
        [],
    ),
    ([allow("*", "s3:PutObject", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})], []),
]


@pytest.mark.parametrize(("statements", "expected"), ACROSS)
def test_across_accounts_the_bucket_must_allow_it_too(statements: Any, expected: Any) -> None:
    """Where its policy was given; in one account the role's own is enough."""
    elsewhere = make(expected_bucket_owner="222233334444")
    assert codes(elsewhere, bucket=policy(*statements)) == expected
    assert codes(make(), bucket=policy(*statements)) == []


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
    "another key": (
        {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": f"{KEY_ARN[:-1]}c"},
        [("warning", "key_too_wide")],
    ),
    "objects and key": (
        {"Effect": "Allow", "Action": ["s3:PutObject", *KMS], "Resource": [TARGET, KEY_ARN]},
        [],
    ),
    "bucket and objects": ({"Effect": "Allow", "Action": "s3:PutObject", "Resource": [BUCKET, TARGET]}, []),
    "probes, bucket and key": (
        {"Effect": "Allow", "Action": ["s3:DeleteObject", *KMS], "Resource": [PROBES, BUCKET, KEY_ARN]},
        [],
    ),
    "all of the bucket, and key": (
        {"Effect": "Allow", "Action": ["s3:DeleteObject", *KMS], "Resource": [f"{BUCKET}*", KEY_ARN]},
        [("warning", "delete_too_wide")],
    ),
    "anything": (
        {"Effect": "Allow", "Action": ["s3:DeleteObject", *KMS], "Resource": "arn:*"},
        [("warning", "delete_too_wide"), ("warning", "key_too_wide")],
    ),
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


@pytest.mark.parametrize(
    ("action", "enough"),
    [("kms:GenerateDataKey*", "kms:GenerateDataKey and kms:Decrypt are"), ("s3:Put*", "s3:PutObject is")],
)
def test_what_is_enough_is_said_by_service(action: str, enough: str) -> None:
    """Where there is a key, the right to put alone is not."""
    config = make(encryption={"key_arn": KEY_ARN})
    given: Any = policies.permission(config)
    given["Statement"].append(
        {"Effect": "Allow", "Action": action, "Resource": KEY_ARN if action.startswith("kms") else TARGET}
    )
    (finding,) = policies.review(config, permission=given)
    assert f"{enough} enough" in finding.message


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
