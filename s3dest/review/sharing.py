"""What the policies of the bucket and of its key give away: to everybody, to others, to the vendor beyond need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.encryption import SseKms
from s3dest.findings import Finding
from s3dest.review.actions import CHANGE_BUCKET, CHANGE_OBJECTS, CONTROL_KEY, LIST_BUCKET
from s3dest.review.grammar import Clause, finding, like
from s3dest.review.narrowing import is_open, narrowed
from s3dest.review.principals import accounts, is_everybody, own_role, vendor_account, vendor_in
from s3dest.review.requests import objects, probes, reach
from s3dest.review.width import ABORT, DELETE, KMS, PUT
from s3dest.vendor import AwsPrincipal, VendorIdentity


def bucket_shared(given: Clause, config: DestinationConfig, vendor: VendorIdentity | None) -> Iterator[Finding]:
    """Say what a statement of the bucket's policy allows beyond need."""
    clause = narrowed(given)
    whose = vendor_in(clause, config, vendor)
    which = f"Statement {clause.name} of the bucket policy lets"
    if (what := _touched(clause, config)) and is_everybody(clause) and is_open(clause):
        message = f"{which} everybody do {_what(clause)} {what}{_met(clause)}."
        yield finding("bucket_public", "warning", message, "Name who is meant, and see that public access is blocked.")
    if what := _changed(clause, config):
        for stranger in _strangers(clause, config, vendor if whose else None):
            message = f"{which} account {stranger} do {_what(clause)} {what}."
            yield finding("bucket_others", "warning", message, "Take it away unless it is meant.")
    yield from _to_the_role(clause, config)
    if whose:
        message = f"{which} {whose} do {_what(clause)} without the role."
        yield finding("bucket_too_wide", "warning", message, "Take it away: the vendor comes in by the role.")


def key_shared(given: Clause, config: DestinationConfig, vendor: VendorIdentity | None) -> Iterator[Finding]:
    """Say what a statement of the key's policy allows beyond need; all of the account is what AWS begins with."""
    clause = narrowed(given)
    whose = vendor_in(clause, config, vendor)
    which = f"Statement {clause.name} of the key's policy lets"
    if is_everybody(clause) and is_open(clause):
        message = f"{which} everybody do {_what(clause)}{_met(clause)}."
        yield finding("key_public", "warning", message, "Name who is meant.")
    if any(map(clause.acts, CONTROL_KEY)):
        for stranger in _strangers(clause, config, vendor if whose else None):
            message = f"{which} account {stranger} do {_what(clause)}."
            yield finding("key_others", "warning", message, "Take it away unless it is meant.")
    if (role := own_role(clause, config)) and (more := _beyond(clause, KMS)):
        message = f"{which} {role} do more than encrypt what it writes: {more}."
        yield finding("key_policy_too_wide", "warning", message, f"Allow {' and '.join(KMS)} alone.")
    if whose:
        message = f"{which} {whose} do {_what(clause)} without the role."
        yield finding("key_policy_too_wide", "warning", message, "Take it away: the vendor comes in by the role.")


def _met(clause: Clause) -> str:
    """Say that the conditions of a statement about everybody keep nobody out."""
    keys = sorted({test.key for test in clause.conditions})
    return f", under conditions that strangers can meet, too: {', '.join(keys)}" if keys else ""


def _strangers(clause: Clause, config: DestinationConfig, said: VendorIdentity | None) -> list[str]:
    """List the accounts that a statement names beside the customer's, and the vendor's if more is said of that.

    None where no account is known to be the customer's: who reads or uses what is the customer's affair.
    """
    own = {config.expected_bucket_owner, config.auth.role.account if isinstance(config.auth, RoleAuth) else None}
    if isinstance(config.encryption, SseKms):
        own.add(config.encryption.key_arn.split(":")[4])
    own -= {None}
    vendors = {vendor_account(said)[0]} if isinstance(said, AwsPrincipal) else set()
    return sorted(accounts(clause) - own - vendors) if own else []


def _touched(clause: Clause, config: DestinationConfig) -> str:
    """Say in words what a statement is about that nobody but the customer should touch; nothing, if it is not."""
    if reach(clause, config) != "nothing":
        return "with what is delivered"
    return "with the bucket" if _on_bucket(clause, config, (*LIST_BUCKET, *CHANGE_BUCKET)) else ""


def _changed(clause: Clause, config: DestinationConfig) -> str:
    """Say in words what a statement lets be changed; nothing, if it does not: who reads is the customer's affair."""
    if reach(clause, config) != "nothing" and any(map(clause.acts, CHANGE_OBJECTS)):
        return "with what is delivered"
    return "with the bucket" if _on_bucket(clause, config, CHANGE_BUCKET) else ""


def _on_bucket(clause: Clause, config: DestinationConfig, actions: Sequence[str]) -> bool:
    return clause.covers(objects(config).partition("/")[0]) and any(map(clause.acts, actions))


def _to_the_role(clause: Clause, config: DestinationConfig) -> Iterator[Finding]:
    if (role := own_role(clause, config)) is None:
        return
    which, target = f"Statement {clause.name} of the bucket policy lets {role}", objects(config)
    needed = [PUT, ABORT]
    if "NotResource" not in clause.negated and all(like(probes(config), resource) for resource in clause.resources):
        needed.append(DELETE)
    if more := _beyond(clause, needed):
        message = f"{which} do more than append: {more}."
        yield finding("bucket_too_wide", "warning", message, f"Allow s3:PutObject on {target} alone.")
    elif outside := _outside(clause, target):
        message = f"{which} write more than s3dest does: {outside}."
        yield finding("bucket_too_wide", "warning", message, f"Allow s3:PutObject on {target} alone.")


def _outside(clause: Clause, target: str) -> str:
    """List what a statement is about beyond what is written; the bucket itself is no object."""
    if "NotResource" in clause.negated:
        return f"all but {', '.join(clause.resources)}"
    bucket = target.partition("/")[0]
    return ", ".join(each for each in clause.resources if each != bucket and not like(target, each))


def _beyond(clause: Clause, needed: Sequence[str]) -> str:
    """List what a statement allows beyond some actions."""
    if "NotAction" in clause.negated:
        return _what(clause)
    known = {action.lower() for action in needed}
    return ", ".join(action for action in clause.actions if action.lower() not in known)


def _what(clause: Clause) -> str:
    return "all but a few actions" if "NotAction" in clause.negated else ", ".join(clause.actions)
