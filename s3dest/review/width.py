"""What the role's or user's own policy allows beyond need: each a warning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from s3dest.config import DestinationConfig
from s3dest.encryption import SseKms
from s3dest.findings import Finding
from s3dest.review.grammar import Clause, finding, like
from s3dest.review.requests import objects, probes

PUT: Final = "s3:PutObject"
DELETE: Final = "s3:DeleteObject"
ABORT: Final = "s3:AbortMultipartUpload"
KMS: Final = ("kms:GenerateDataKey", "kms:Decrypt")

_NEEDED: Final = frozenset(action.lower() for action in (PUT, DELETE, ABORT, *KMS))
_NOT_NEEDED: Final = {
    "s3:PutObjectAcl": "s3dest never sends an ACL.",
    "s3:PutObjectTagging": "s3dest never sends tags.",
    "s3:ListBucket": "s3dest never lists or asks for the bucket.",
    "s3:GetObject": "s3dest never reads.",
    "s3:GetBucketLocation": "the region is in the config.",
}


def too_wide(clause: Clause, config: DestinationConfig, *, enough: bool, keyed: bool) -> Iterator[Finding]:
    """Say what a statement allows beyond need.

    Args:
        clause: A statement that allows something.
        config: The destination.
        enough: Whether the statements allow to put all that is written.
        keyed: Whether they allow to use the config's key.
    """
    if "NotAction" in clause.negated or "NotResource" in clause.negated:
        listed = clause.actions if "NotAction" in clause.negated else clause.resources
        message = f"Statement {clause.name} allows everything but what it lists: {', '.join(listed)}."
        yield finding("allows_all_but", "warning", message, "List what is needed: s3:PutObject on the prefix.")
        return
    yield from _actions(clause)
    if _names(clause, DELETE):
        yield from _deletes_data(clause, config)
    if any(_names(clause, action) for action in KMS):
        yield from _any_key(clause, config, keyed=keyed)
    if clause.acts(PUT) or _names(clause, ABORT):
        yield from _elsewhere(clause, config, enough=enough)


def _names(clause: Clause, action: str) -> bool:
    """Tell whether a statement names an action outright; of one with wildcards more is said."""
    return action.lower() in {name.lower() for name in clause.actions}


def _actions(clause: Clause) -> Iterator[Finding]:
    for action in clause.actions:
        if is_wild(action):
            enough = f"{' and '.join(KMS)} are" if action.lower().startswith("kms:") else f"{PUT} is"
            message = f"{action} is wider than needed: it is for appending, and {enough} enough."
            yield finding("action_too_wide", "warning", message, "Name the actions without wildcards.")
        elif action.lower() not in _NEEDED:
            reason = next((text for name, text in _NOT_NEEDED.items() if name.lower() == action.lower()), "")
            message = f"{action} is not needed{f': {reason}' if reason else '.'}"
            yield finding("action_not_needed", "warning", message, "Take it away.")


def _deletes_data(clause: Clause, config: DestinationConfig) -> Iterator[Finding]:
    for resource in clause.resources:
        if is_of(resource, "s3") and not is_bucket(resource) and not like(probes(config), resource):
            message = f"s3:DeleteObject is allowed on {resource}, and the set-up check deletes its probe alone."
            yield finding("delete_too_wide", "warning", message, f"Write it as {probes(config)}.")


def _any_key(clause: Clause, config: DestinationConfig, *, keyed: bool) -> Iterator[Finding]:
    """Say where a statement is about keys that it does not name, or about another beside the config's."""
    key = config.encryption.key_arn if isinstance(config.encryption, SseKms) else "the ARN of the bucket's key"
    for resource in clause.resources:
        if is_of(resource, "kms") and (is_wild(resource) or (keyed and resource != key)):
            message = f"Statement {clause.name} lets other KMS keys than the bucket's be used: {resource}."
            yield finding("key_too_wide", "warning", message, f"Write it as {key}.")


def is_of(resource: str, service: str) -> bool:
    """Tell whether a resource may be of a service; a statement may name the key beside the objects."""
    head, *rest = resource.split(":")
    return like(rest[1], service) if len(rest) > 1 else is_wild(rest[-1] if rest else head)


def is_bucket(resource: str) -> bool:
    """Tell whether a resource is a bucket, in which no object is meant: nothing can be put to it or deleted."""
    return "/" not in resource and not is_wild(resource)


def is_wild(text: str) -> bool:
    """Tell whether a text is a pattern."""
    return "*" in text or "?" in text


def _elsewhere(clause: Clause, config: DestinationConfig, *, enough: bool) -> Iterator[Finding]:
    target = objects(config)
    for resource in clause.resources:
        if like(resource, target) and resource != target:
            message = f"{resource} is more than s3dest writes to."
            yield finding("resource_too_wide", "warning", message, f"Write it as {target}.")
        elif enough and is_of(resource, "s3") and not is_bucket(resource) and not like(target, resource):
            message = f"{resource} is not where s3dest writes, and statement {clause.name} allows it, too."
            yield finding("resource_elsewhere", "warning", message, f"Take it away: {target} is enough.")
