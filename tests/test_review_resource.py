"""The linter of the policies of the bucket and the key: what they deny to the role, and what they must allow."""

from __future__ import annotations

from typing import Any

import pytest
from reviewing import OTHER_ROLE, OUR_ROLE, ROOT, SESSION, TARGET, allow, codes, deny, make, policy

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
