"""AWS's words for a refusal: each kind of policy, explicit and implicit, and words that say nothing."""

from __future__ import annotations

import pytest

from s3dest.denial import Denial, PolicyType

WHO = "arn:aws:sts::111122223333:assumed-role/transfer-role/s3dest-acme-lake"
WHAT = f'User: {WHO} is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::acme-lake/vendor/a b"'

WORDS: list[tuple[str, PolicyType, bool, str | None]] = [
    ("because no identity-based policy allows the s3:PutObject action", "identity-based", False, None),
    ("with an explicit deny in an identity-based policy", "identity-based", True, None),
    (
        "with an explicit deny in an identity-based policy: arn:aws:iam::111122223333:policy/team/No-Writes",
        "identity-based",
        True,
        "arn:aws:iam::111122223333:policy/team/No-Writes",
    ),
    ("because no resource-based policy allows the s3:PutObject action", "resource-based", False, None),
    ("with an explicit deny in a resource-based policy.", "resource-based", True, None),
    ("because no service control policy allows the s3:PutObject action", "service control", False, None),
    (
        "with an explicit deny in a service control policy: arn:aws:organizations::999988887777:policy/o-1/p-1",
        "service control",
        True,
        "arn:aws:organizations::999988887777:policy/o-1/p-1",
    ),
    ("with an explicit deny in a resource control policy", "resource control", True, None),
    ("because no VPC endpoint policy allows the s3:PutObject action", "VPC endpoint", False, None),
    ("with an explicit deny in a VPC endpoint policy", "VPC endpoint", True, None),
    ("because no permissions boundary allows the s3:PutObject action", "permissions boundary", False, None),
    ("with an explicit deny in a permissions boundary", "permissions boundary", True, None),
    ("because no session policy allows the s3:PutObject action", "session", False, None),
    ("with an explicit deny in a session policy", "session", True, None),
    ("with an explicit deny in a sessions policy", "session", True, None),
    ("because no role trust policy allows the sts:AssumeRole action", "role trust", False, None),
    ("with an explicit deny in the role trust policy", "role trust", True, None),
    (
        "with an explicit deny in a VPC endpoint policy transitively through a service control policy",
        "service control",
        True,
        None,
    ),
]


@pytest.mark.parametrize(("words", "kind", "explicit", "arn"), WORDS, ids=[words[0] for words in WORDS])
def test_the_policy_is_named(*, words: str, kind: PolicyType, explicit: bool, arn: str | None) -> None:
    """Which kind it is, whether it denies or only does not allow, and which very one."""
    denial = Denial.of(f"{WHAT} {words}")
    assert (denial.policy_type, denial.explicit, denial.policy_arn) == (kind, explicit, arn)
    assert (denial.principal, denial.action) == (WHO, "s3:PutObject")
    assert denial.resource == "arn:aws:s3:::acme-lake/vendor/a"


def test_a_key_of_another_account_may_be_anything() -> None:
    """KMS names three causes at once; that it is the key's own policy is the likely one, and nothing is explicit."""
    denial = Denial.of(
        f"User: {WHO} is not authorized to perform: kms:Decrypt on this resource because the resource does not exist "
        "in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access"
    )
    assert (denial.action, denial.policy_type, denial.explicit) == ("kms:Decrypt", "resource-based", None)


def test_the_role_behind_a_session_is_named() -> None:
    """A policy names roles, not sessions; users and other principals stay what they are."""
    assert Denial(principal=WHO).role_arn == "arn:aws:iam::111122223333:role/transfer-role"
    user = "arn:aws:iam::111122223333:user/sync"
    assert Denial(principal=user).role_arn == user
    assert Denial(principal="arn:aws:sts::111122223333:federated-user/x").role_arn is None
    assert Denial().role_arn is None


def test_a_missing_action_is_found_in_either_half() -> None:
    """Texts are cut and reworded; the action is what matters."""
    assert Denial.of("because no session policy allows the kms:Decrypt action").action == "kms:Decrypt"
    assert Denial.of("is not authorized to perform: kms:GenerateDataKey on resource: x").action == "kms:GenerateDataKey"


@pytest.mark.parametrize(
    "words",
    ["", "Access Denied", "Access Denied.", "explicit deny", "because no", "<html>403</html>", "é" * 5000, "{}[]()\\"],
)
def test_words_that_say_nothing_are_not_guessed_at(words: str) -> None:
    """A bare refusal leaves every field empty."""
    assert Denial.of(words) == Denial()


def test_an_unknown_kind_of_policy_stays_unknown() -> None:
    """AWS will think of another; that it denies explicitly is told all the same."""
    denial = Denial.of(f"{WHAT} with an explicit deny in a galactic policy")
    assert (denial.policy_type, denial.explicit) == (None, True)
