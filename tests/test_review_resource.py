"""The linter of the policies of the bucket and the key: what they deny to the role, and what they must allow."""

from __future__ import annotations

from typing import Any

import pytest
from reviewing import (
    BUCKET,
    OTHER_ROLE,
    OUR_ROLE,
    PROBES,
    ROLE,
    ROOT,
    SESSION,
    TARGET,
    allow,
    codes,
    deny,
    make,
    policy,
)

from s3dest import policies


@pytest.mark.parametrize("encryption", [None, {"type": "sse-s3"}])
def test_a_denial_of_another_encryption_is_mended_in_the_config(encryption: Any) -> None:
    """Also where the config names one already; a customer's own key in each request is none of its choices."""
    other = deny(Condition={"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}})
    (finding,) = policies.review(make(encryption=encryption), bucket=policy(other))
    assert finding.remedy.startswith("Set `encryption` in the config to what the policy asks for")
    own = deny(Condition={"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "true"}})
    (finding,) = policies.review(make(encryption=encryption), bucket=policy(own))
    assert finding.remedy == "Remove the statement, or exempt the role from it."


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


@pytest.mark.parametrize(
    ("auth", "expected"), [({}, [("error", "put_denied")]), ({"session_name": "acme"}, [])], ids=["default", "given"]
)
def test_a_denial_of_the_very_session_hits_it(auth: Any, expected: Any) -> None:
    """A session is a principal, too, and its name is in the config."""
    statement = deny(Principal={"AWS": f"{SESSION}-acme-lake"})
    assert codes(make(auth={**ROLE, **auth}), bucket=policy(statement)) == expected


NOT_SHARED = [("error", "bucket_not_shared")]
OURS = {"AWS": OUR_ROLE}
IF_NONE_MATCH = {"Null": {"s3:if-none-match": "false"}}
PARTS = {"Bool": {"s3:ObjectCreationOperation": "false"}}
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
    bucket = policy(
        allow(OURS, "s3:PutObject", Resource=[PROBES, f"{TARGET[:-1]}orders/*", f"{TARGET[:-1]}_manifests/orders/*"])
    )
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
