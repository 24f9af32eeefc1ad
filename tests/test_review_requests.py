"""What the linter knows of s3dest's requests: which keys they write, who sends them, and what they carry."""

from __future__ import annotations

from typing import Any

import pytest
from reviewing import BUCKET, KEYS, OTHER_ROLE, OUR_ROLE, OUR_USER, TARGET, codes, deny, make, policy

from s3dest import policies

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
