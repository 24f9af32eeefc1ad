"""The permission policy of the role or user: can it put under the prefix, and what else can it do?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from s3dest.config import DestinationConfig
from s3dest.encryption import SseKms
from s3dest.findings import Finding
from s3dest.review.grammar import Clause, Reading, finding, like
from s3dest.review.guard import review_guard
from s3dest.review.requests import IF_NONE_MATCH, meets, objects, probes, unsure

_PUT: Final = "s3:PutObject"
_DELETE: Final = "s3:DeleteObject"
_KMS: Final = ("kms:GenerateDataKey", "kms:Decrypt")
_NEEDED: Final = frozenset({_PUT, _DELETE, "s3:AbortMultipartUpload", *_KMS})
_NOT_NEEDED: Final = {
    "s3:PutObjectAcl": "s3dest never sends an ACL.",
    "s3:PutObjectTagging": "s3dest never sends tags.",
    "s3:ListBucket": "s3dest never lists or asks for the bucket.",
    "s3:GetObject": "s3dest never reads.",
    "s3:GetBucketLocation": "the region is in the config.",
}


def review_permission(policy: Reading, config: DestinationConfig) -> Iterator[Finding]:
    """Say what is too narrow, then what is too wide."""
    if not policy.clauses:
        return
    allowing = [clause for clause in policy.clauses if clause.allows]
    if policy.whole:
        yield from _missing(allowing, config)
    for clause in policy.clauses:
        if clause.allows:
            continue
        if any(test.key == IF_NONE_MATCH for test in clause.conditions):
            yield from review_guard(clause, config, which="permission policy")
        else:
            yield from denied(clause, config, which="The permission policy")
    enough = any(clause.acts(_PUT) and clause.covers(objects(config)) for clause in allowing)
    for clause in allowing:
        yield from _too_wide(clause, config, enough=enough)


def _missing(allowing: Sequence[Clause], config: DestinationConfig) -> Iterator[Finding]:
    yield from _puts(allowing, config)
    yield from _deletes(allowing, config)
    if isinstance(config.encryption, SseKms):
        yield from _uses_key(allowing, config, config.encryption.key_arn)


def denied(clause: Clause, config: DestinationConfig, *, which: str) -> Iterator[Finding]:
    """Say whether a statement refuses what is written."""
    target = objects(config)
    near = clause.covers(target) or any(resource.startswith(target[:-1]) for resource in clause.resources)
    if not clause.acts(_PUT) or not near:
        return
    met = meets(clause, config)
    if met is None:
        keys = ", ".join(unsure(clause, config))
        message = f"{which} denies s3:PutObject under a condition that only AWS can judge: {keys}."
        yield finding("put_denied_sometimes", "warning", message, "Make sure that it does not hit the vendor.")
    elif met:
        keys = ", ".join(sorted({test.key for test in clause.conditions}))
        message = f"{which} denies s3:PutObject on {target} (statement {clause.name})"
        remedy = "Remove the statement, or exempt the role from it."
        if "s3:x-amz-server-side-encryption" in keys:
            remedy = "Set `encryption` in the config, so that each request says how to encrypt."
        yield finding("put_denied", "error", f"{message}{f', by {keys}' if keys else ''}.", remedy)


def _puts(allowing: Sequence[Clause], config: DestinationConfig) -> Iterator[Finding]:
    target = objects(config)
    putting = [clause for clause in allowing if clause.acts(_PUT)]
    if not putting:
        yield finding("put_not_allowed", "error", "Nothing allows s3:PutObject.", f"Allow it on {target}.")
        return
    covering = [clause for clause in putting if clause.covers(target)]
    if not covering:
        yield from _missed([resource for clause in putting for resource in clause.resources], config)
        return
    met = [meets(clause, config) for clause in covering]
    if True in met:
        return
    worst = covering[0]
    keys = ", ".join(sorted({test.key for test in worst.conditions}))
    if None in met:
        message = f"s3:PutObject is allowed under a condition that only AWS can judge: {keys}."
        yield finding("put_conditional", "warning", message, "Make sure that the vendor meets it.")
    else:
        message = f"s3:PutObject is allowed only under a condition that no request of s3dest meets: {keys}."
        remedy = "Remove the condition."
        if "server-side-encryption" in keys:
            remedy = "Set `encryption` in the config to what the condition asks for, or remove the condition."
        yield finding("put_condition_unmet", "error", message, remedy)


def _missed(resources: Sequence[str], config: DestinationConfig) -> Iterator[Finding]:
    """Say why no resource covers what is written."""
    target = objects(config)
    remedy = f"Write it as {target}."
    bucket = target.partition("/")[0]
    for resource in resources:
        partition = resource.split(":")[1] if resource.startswith("arn:") else ""
        name = resource.rpartition(":::")[2].partition("/")[0]
        if partition and not like(partition, config.partition.name):
            code, why = (
                "partition",
                f"is of partition {partition!r}, but {config.region} is in {config.partition.name!r}",
            )
        elif resource in {bucket, f"{bucket}/"}:
            code, why = "resource_without_star", "names the bucket, and not the objects in it"
        elif not like(name, config.bucket):
            code, why = "other_bucket", f"is about another bucket than {config.bucket!r}"
        elif resource.rstrip("/") == target[:-2]:
            code, why = "resource_without_star", "names one object, and not the folder"
        else:
            code, why = "other_prefix", f"does not cover the prefix {config.prefix!r}"
        yield finding(code, "error", f"s3:PutObject is allowed on {resource}, which {why}.", remedy)
    if not resources:
        yield finding("put_not_allowed", "error", "s3:PutObject is allowed on no resource.", remedy)


def _deletes(allowing: Sequence[Clause], config: DestinationConfig) -> Iterator[Finding]:
    if not any(clause.acts(_DELETE) and clause.covers(probes(config)) for clause in allowing):
        message = (
            "s3:DeleteObject is not allowed: the set-up check leaves its probe behind. Appending does not need it."
        )
        yield finding("delete_not_allowed", "note", message, 'Check with mode="recheck", which leaves nothing.')


def _uses_key(allowing: Sequence[Clause], config: DestinationConfig, key_arn: str) -> Iterator[Finding]:
    reasons = {_KMS[0]: "no object can be encrypted", _KMS[1]: "small objects pass and multipart uploads fail"}
    for action, reason in reasons.items():
        acting = [clause for clause in allowing if clause.acts(action)]
        covering = [clause for clause in acting if clause.covers(key_arn)]
        message = f"{action} is not allowed on {key_arn}: {reason}."
        code = f"{action.removeprefix('kms:').lower()}_not_allowed"
        if not covering:
            yield finding(code, "error", message, f"Allow {action} on that ARN.")
        elif all(meets(clause, config) is False for clause in covering):
            remedy = f"Write kms:ViaService as s3.{config.region}.{config.partition.dns_suffix}."
            yield finding(code, "error", f"{message[:-1]}, under a condition that is not met.", remedy)


def _too_wide(clause: Clause, config: DestinationConfig, *, enough: bool) -> Iterator[Finding]:
    target = objects(config)
    if "NotAction" in clause.negated or "NotResource" in clause.negated:
        message = f"Statement {clause.name} allows everything but what it lists."
        yield finding("allows_all_but", "warning", message, "List what is needed: s3:PutObject on the prefix.")
        return
    for action in clause.actions:
        if "*" in action or "?" in action:
            message = f"{action} is wider than needed: it is for appending, and s3:PutObject is enough."
            yield finding("action_too_wide", "warning", message, "Name the actions without wildcards.")
        elif action.lower() not in {needed.lower() for needed in _NEEDED}:
            reason = next((text for name, text in _NOT_NEEDED.items() if name.lower() == action.lower()), "")
            message = f"{action} is not needed{f': {reason}' if reason else '.'}"
            yield finding("action_not_needed", "warning", message, "Take it away.")
    yield from _deletes_data(clause, config)
    if not clause.acts(_PUT):
        return
    for resource in clause.resources:
        if like(resource, target) and resource != target:
            message = f"{resource} is more than s3dest writes to."
            yield finding("resource_too_wide", "warning", message, f"Write it as {target}.")
        elif enough and ":s3:::" in resource and not like(target, resource):
            message = f"{resource} is not where s3dest writes, and statement {clause.name} allows it, too."
            yield finding("resource_elsewhere", "warning", message, f"Take it away: {target} is enough.")


def _deletes_data(clause: Clause, config: DestinationConfig) -> Iterator[Finding]:
    """Say where a statement lets more than probes be deleted; of an action with wildcards more is said."""
    if _DELETE.lower() not in {action.lower() for action in clause.actions}:
        return
    for resource in clause.resources:
        if not like(probes(config), resource):
            message = f"s3:DeleteObject is allowed on {resource}, and the set-up check deletes its probe alone."
            yield finding("delete_too_wide", "warning", message, f"Write it as {probes(config)}.")
