"""The policies of the bucket and of its KMS key."""

from __future__ import annotations

from collections.abc import Iterator

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.findings import Finding
from s3dest.review.grammar import Clause, Reading, finding
from s3dest.review.guard import review_guard
from s3dest.review.permission import denied
from s3dest.review.requests import IF_NONE_MATCH, meets, objects


def review_bucket(policy: Reading, config: DestinationConfig) -> Iterator[Finding]:
    """Say what refuses the vendor's puts, and whether a guard guards."""
    for clause in policy.clauses:
        if clause.allows:
            yield from _to_everybody(clause, config)
            continue
        if any(test.key == IF_NONE_MATCH for test in clause.conditions):
            yield from review_guard(clause, config, which="bucket policy")
        elif _is_meant(clause, config):
            yield from denied(clause, config, which="The bucket policy")


def _to_everybody(clause: Clause, config: DestinationConfig) -> Iterator[Finding]:
    """Say what a statement lets everybody do with what is written; conditions may narrow that to anything."""
    everybody = any("*" in clause.principals.get(kind, ()) for kind in ("AWS", "*")) or "NotPrincipal" in clause.negated
    if everybody and not clause.conditions and clause.covers(objects(config)):
        what = "all but a few actions" if "NotAction" in clause.negated else ", ".join(clause.actions)
        message = f"Statement {clause.name} of the bucket policy lets everybody do {what} with what is delivered."
        yield finding("bucket_public", "warning", message, "Name who is meant, and see that public access is blocked.")


def review_key(policy: Reading, config: DestinationConfig) -> Iterator[Finding]:
    """Say whether the key may be used by the role, through S3."""
    if not policy.clauses or not isinstance(config.auth, RoleAuth):
        return
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        meant = [clause for clause in policy.clauses if clause.acts(action) and _is_meant(clause, config)]
        allowing = [clause for clause in meant if clause.allows]
        if policy.whole and not any(meets(clause, config) is not False for clause in allowing):
            why = ", under a condition that is not met" if allowing else ""
            message = f"The key's policy does not let {config.auth.role_arn} use {action}{why}."
            yield finding("key_policy", "error", message, "Add the statement of policies.kms_key_statement.")
        if any(not clause.allows and meets(clause, config) for clause in meant):
            message = f"The key's policy denies {action} to {config.auth.role_arn}."
            yield finding("key_policy", "error", message, "Remove the statement, or exempt the role from it.")


def _is_meant(clause: Clause, config: DestinationConfig) -> bool:
    """Tell whether a statement is about the role; what it says of an account is about its roles."""
    names = {name for kind in ("AWS", "*") for name in clause.principals.get(kind, ())}
    if not isinstance(config.auth, RoleAuth):
        return True
    role = config.auth.role
    root = f"arn:{role.partition}:iam::{role.account}:root"
    hit = bool(names & {"*", config.auth.role_arn, role.account, root})
    return hit is not ("NotPrincipal" in clause.negated)
