"""What the policies of the bucket and of its key give away: to everybody, to others, to the vendor beyond need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.findings import Finding
from s3dest.review.facts import CREATES, IF_NONE_MATCH, TLS_VERSION
from s3dest.review.grammar import Clause, finding, like
from s3dest.review.principals import accounts, is_everybody, narrowed, own_role, vendor_account, vendor_in
from s3dest.review.requests import objects, probes, reach
from s3dest.review.width import ABORT, DELETE, KMS, PUT
from s3dest.vendor import AwsPrincipal, VendorIdentity

_MET_BY_ANYBODY: Final = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:referer",
        "aws:securetransport",
        "aws:useragent",
        "s3:authtype",
        "s3:signatureversion",
        "s3:x-amz-acl",
        "s3:x-amz-server-side-encryption",
        "s3:x-amz-storage-class",
        CREATES,
        IF_NONE_MATCH,
        TLS_VERSION,
    }
)
"""Conditions on what each caller may choose: none makes a bucket less public (S3 user guide, "Blocking public access
to your Amazon S3 storage: the meaning of 'public'")."""


def bucket_shared(given: Clause, config: DestinationConfig, vendor: VendorIdentity | None) -> Iterator[Finding]:
    """Say what a statement of the bucket's policy allows beyond need."""
    clause = narrowed(given)
    yield from _to_everybody(clause, config)
    yield from _to_others(clause, config, vendor)
    yield from _to_the_role(clause, config)
    if name := vendor_in(clause, config, vendor):
        message = f"Statement {clause.name} of the bucket policy lets {name} do {_what(clause)} without the role."
        yield finding("bucket_too_wide", "warning", message, "Take it away: the vendor comes in by the role.")


def key_shared(given: Clause, config: DestinationConfig, vendor: VendorIdentity | None) -> Iterator[Finding]:
    """Say what a statement of the key's policy allows beyond need; all of the account is what AWS begins with."""
    clause = narrowed(given)
    which = f"Statement {clause.name} of the key's policy lets"
    if is_everybody(clause) and _is_open(clause):
        message = f"{which} everybody do {_what(clause)}."
        yield finding("key_public", "warning", message, "Name who is meant.")
    if (role := own_role(clause, config)) and (more := _beyond(clause, KMS)):
        message = f"{which} {role} do more than encrypt what it writes: {more}."
        yield finding("key_policy_too_wide", "warning", message, f"Allow {' and '.join(KMS)} alone.")
    if name := vendor_in(clause, config, vendor):
        message = f"{which} {name} do {_what(clause)} without the role."
        yield finding("key_policy_too_wide", "warning", message, "Take it away: the vendor comes in by the role.")


def _is_open(clause: Clause) -> bool:
    """Tell whether anybody can meet the conditions; one that is not known may narrow them to anything."""
    return all(test.key in _MET_BY_ANYBODY for test in clause.conditions)


def _to_everybody(clause: Clause, config: DestinationConfig) -> Iterator[Finding]:
    if is_everybody(clause) and _is_open(clause) and reach(clause, config) != "nothing":
        message = f"Statement {clause.name} of the bucket policy lets everybody do {_what(clause)}"
        remedy = "Name who is meant, and see that public access is blocked."
        yield finding("bucket_public", "warning", f"{message} with what is delivered.", remedy)


def _to_others(clause: Clause, config: DestinationConfig, vendor: VendorIdentity | None) -> Iterator[Finding]:
    """Say which accounts beside the customer's may change what is delivered; who reads it is the customer's affair."""
    own = {config.expected_bucket_owner, config.auth.role.account if isinstance(config.auth, RoleAuth) else None}
    said = {vendor_account(vendor)[0]} if isinstance(vendor, AwsPrincipal) else set()
    changes = (clause.acts(PUT) or clause.acts(DELETE)) and reach(clause, config) != "nothing"
    if own == {None} or not changes:
        return
    for account in sorted(accounts(clause) - own - said):
        message = f"Statement {clause.name} of the bucket policy lets account {account} do {_what(clause)}"
        remedy = "Take it away unless it is meant."
        yield finding("bucket_others", "warning", f"{message} with what is delivered.", remedy)


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
