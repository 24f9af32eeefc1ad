"""The policies of the bucket and of its KMS key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.findings import Finding
from s3dest.review.grammar import Clause, Reading, finding, like
from s3dest.review.guard import review_guard
from s3dest.review.permission import denied
from s3dest.review.principals import is_everybody, is_meant, own_role, vendor_in
from s3dest.review.requests import IF_NONE_MATCH, applies, meets, objects, probes
from s3dest.review.width import ABORT, DELETE, KMS, PUT
from s3dest.vendor import AwsPrincipal, VendorIdentity


def review_bucket(policy: Reading, config: DestinationConfig, vendor: VendorIdentity | None) -> Iterator[Finding]:
    """Say what refuses the vendor's puts, what lets others or the vendor do more, and whether a guard guards."""
    if policy.whole:
        yield from _not_shared(policy, config)
    for clause in policy.clauses:
        if clause.allows:
            yield from _to_everybody(clause, config)
            yield from _to_the_role(clause, config)
            yield from _to_the_vendor(clause, vendor)
        elif any(test.key == IF_NONE_MATCH for test in clause.conditions):
            yield from review_guard(clause, config, which="bucket policy")
        else:
            yield from denied(clause, config, which="The bucket policy")


def _not_shared(policy: Reading, config: DestinationConfig) -> Iterator[Finding]:
    """Say where the bucket is another account's, and its policy does not let the role write, which both must."""
    auth, owner = config.auth, config.expected_bucket_owner
    if not isinstance(auth, RoleAuth) or not config.on_aws or owner in {None, auth.role.account}:
        return
    for clause in policy.clauses:
        if (
            clause.allows
            and clause.acts(PUT)
            and clause.covers(objects(config))
            and applies(clause, config) is not False
        ):
            return
    message = f"The bucket is of account {owner}, and its policy does not let {auth.role_arn} write."
    remedy = (
        f'Allow {{"AWS": "{auth.role_arn}"}} s3:PutObject on {objects(config)}: across accounts both must allow it.'
    )
    yield finding("bucket_not_shared", "error", message, remedy)


def _to_everybody(clause: Clause, config: DestinationConfig) -> Iterator[Finding]:
    """Say what a statement lets everybody do with what is written; conditions may narrow that to anything."""
    if is_everybody(clause) and not clause.conditions and clause.covers(objects(config)):
        message = (
            f"Statement {clause.name} of the bucket policy lets everybody do {_what(clause)} with what is delivered."
        )
        yield finding("bucket_public", "warning", message, "Name who is meant, and see that public access is blocked.")


def _to_the_role(clause: Clause, config: DestinationConfig) -> Iterator[Finding]:
    """Say what a statement lets the role do beyond need."""
    if (role := own_role(clause, config)) is None:
        return
    needed = [PUT, ABORT]
    if all(like(probes(config), resource) for resource in clause.resources):
        needed.append(DELETE)
    more = _beyond(clause, needed)
    if more:
        message = f"Statement {clause.name} of the bucket policy lets {role} do more than append: {more}."
        yield finding("bucket_too_wide", "warning", message, f"Allow s3:PutObject on {objects(config)} alone.")


def _to_the_vendor(clause: Clause, vendor: VendorIdentity | None) -> Iterator[Finding]:
    """Say what a statement lets the vendor do without the role."""
    if isinstance(vendor, AwsPrincipal) and (name := vendor_in(clause, vendor)):
        message = f"Statement {clause.name} of the bucket policy lets {name} do {_what(clause)} without the role."
        yield finding("bucket_too_wide", "warning", message, "Take it away: the vendor comes in by the role.")


def review_key(policy: Reading, config: DestinationConfig) -> Iterator[Finding]:
    """Say whether the key may be used by the role, through S3, and by whom and how beyond that."""
    for clause in policy.clauses:
        if clause.allows:
            yield from _key_too_wide(clause, config)
    if not policy.clauses or not isinstance(config.auth, RoleAuth):
        return
    for action in KMS:
        meant = [clause for clause in policy.clauses if clause.acts(action) and is_meant(clause, config)]
        allowing = [clause for clause in meant if clause.allows]
        met = [meets(clause, config, "kms") for clause in allowing]
        if policy.whole and not any(each is not False for each in met):
            why = ", under a condition that is not met" if allowing else ""
            message = f"The key's policy does not let {config.auth.role_arn} use {action}{why}."
            yield finding("key_policy", "error", message, "Add the statement of policies.kms_key_statement.")
        if any(not clause.allows and meets(clause, config, "kms") for clause in meant):
            message = f"The key's policy denies {action} to {config.auth.role_arn}."
            yield finding("key_policy", "error", message, "Remove the statement, or exempt the role from it.")


def _key_too_wide(clause: Clause, config: DestinationConfig) -> Iterator[Finding]:
    """Say what a statement lets everybody or the role do; all of the account is what AWS begins with."""
    which = f"Statement {clause.name} of the key's policy lets"
    if is_everybody(clause) and not clause.conditions:
        message = f"{which} everybody do {_what(clause)}."
        yield finding("key_public", "warning", message, "Name who is meant.")
    elif (role := own_role(clause, config)) and (more := _beyond(clause, KMS)):
        message = f"{which} {role} do more than encrypt what it writes: {more}."
        yield finding("key_policy_too_wide", "warning", message, f"Allow {' and '.join(KMS)} alone.")


def _beyond(clause: Clause, needed: Sequence[str]) -> str:
    """List what a statement allows beyond some actions."""
    if "NotAction" in clause.negated:
        return _what(clause)
    known = {action.lower() for action in needed}
    return ", ".join(action for action in clause.actions if action.lower() not in known)


def _what(clause: Clause) -> str:
    return "all but a few actions" if "NotAction" in clause.negated else ", ".join(clause.actions)
