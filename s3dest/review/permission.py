"""The permission policy of the role or user: can it put under the prefix? What else it can do is in width.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from s3dest.config import DestinationConfig
from s3dest.encryption import SseKms
from s3dest.findings import Finding
from s3dest.review.facts import ENCRYPTION, ENCRYPTION_KEY, IF_NONE_MATCH, STORAGE_CLASS
from s3dest.review.grammar import Clause, Reading, finding, like
from s3dest.review.grants import NAMED, POSSIBLE, SURE, Extent, extent
from s3dest.review.guard import review_guard
from s3dest.review.requests import always_written, answer, applies, meets, objects, probes, reach, unsure
from s3dest.review.width import DELETE, KMS, PUT, is_bucket, is_of, is_wild, too_wide


def review_permission(
    policy: Reading, config: DestinationConfig, *, beside: Sequence[Clause] = ()
) -> Iterator[Finding]:
    """Say what is too narrow, then what is too wide.

    Args:
        policy: The policy.
        config: The destination.
        beside: Statements of the bucket's policy that give the role what its own need not.
    """
    if not policy.clauses:
        return
    allowing = [clause for clause in policy.clauses if clause.allows]
    putting = [clause for clause in (*allowing, *beside) if clause.acts(PUT)]
    named = extent(putting, config, NAMED)
    if policy.whole:
        yield from _puts(putting, named, config)
        yield from _missing(allowing, config)
    for clause in policy.clauses:
        if clause.allows:
            continue
        if any(test.key == IF_NONE_MATCH for test in clause.conditions):
            yield from review_guard(clause, config, which="permission policy", among=policy.clauses)
        else:
            yield from denied(clause, config, which="The permission policy")
            yield from _key_denied(clause, config)
    key = config.encryption.key_arn if isinstance(config.encryption, SseKms) else None
    keyed = key is not None and any(clause.acts(KMS[0]) and clause.covers(key) for clause in allowing)
    for clause in allowing:
        yield from too_wide(clause, config, enough=named is not None, keyed=keyed)


def _missing(allowing: Sequence[Clause], config: DestinationConfig) -> Iterator[Finding]:
    yield from _deletes(allowing, config)
    if isinstance(config.encryption, SseKms):
        yield from _uses_key(allowing, config, config.encryption.key_arn)


def denied(clause: Clause, config: DestinationConfig, *, which: str) -> Iterator[Finding]:
    """Say whether a statement refuses what is written."""
    target, much, met = objects(config), reach(clause, config), applies(clause, config)
    if not clause.acts(PUT) or much == "nothing" or met is False:
        return
    keys = {test.key for test in clause.conditions}
    by = f", by {', '.join(sorted(keys))}" if keys else ""
    if met is None:
        open_ = ", ".join(unsure(clause, config))
        message = f"{which} denies s3:PutObject under a condition that only AWS can judge: {open_}."
        yield finding("put_denied_sometimes", "warning", message, "Make sure that it does not hit the vendor.")
    elif much == "part":
        what = ", ".join(clause.resources)
        message = f"{which} denies s3:PutObject on a part of {target} (statement {clause.name}): {what}{by}."
        yield finding("put_denied_partly", "warning", message, "Make sure that the vendor writes nothing there.")
    else:
        remedy = _way_out(keys, config) or "Remove the statement, or exempt the role from it."
        what = target if clause.covers(target) else _hit(clause, config)
        message = f"{which} denies s3:PutObject on {what} (statement {clause.name}){by}."
        yield finding("put_denied", "error", message, remedy)


def _way_out(keys: set[str], config: DestinationConfig) -> str:
    """Say what meets conditions on some keys, where they are not only to be removed."""
    if keys & {ENCRYPTION, ENCRYPTION_KEY}:
        return "Set `encryption` in the config to what the policy asks for, so that each request says how to encrypt."
    if STORAGE_CLASS in keys and config.storage_class:
        return "Exempt manifests and probes, which carry no storage class, or remove the condition."
    return ""


def _hit(clause: Clause, config: DestinationConfig) -> str:
    """Say in words what a statement is about that covers some of what is always written."""
    probe, manifest = map(clause.covers, always_written(config))
    return "the manifest of each transfer" if manifest else "the check's probe" if probe else "the data"


def _key_denied(clause: Clause, config: DestinationConfig) -> Iterator[Finding]:
    """Say whether a statement refuses the use of the config's key, which puts need."""
    key = config.encryption.key_arn if isinstance(config.encryption, SseKms) else None
    denies = [action for action in KMS if clause.acts(action)]
    met = applies(clause, config, "kms")
    if key is None or not denies or not clause.covers(key) or met is False:
        return
    what = f"The permission policy denies {' and '.join(denies)} on {key}"
    if met is None:
        open_ = ", ".join(unsure(clause, config, "kms"))
        message = f"{what} under a condition that only AWS can judge: {open_}."
        yield finding("key_denied_sometimes", "warning", message, "Make sure that it does not hit the vendor.")
    else:
        message = f"{what} (statement {clause.name})."
        yield finding("key_denied", "error", message, "Remove the statement, or exempt the key from it.")


def _puts(putting: Sequence[Clause], named: Extent | None, config: DestinationConfig) -> Iterator[Finding]:
    target = objects(config)
    if not putting:
        yield finding("put_not_allowed", "error", "Nothing allows s3:PutObject.", f"Allow it on {target}.")
        return
    if named is None:
        yield from _missed(putting, config)
        return
    possible = extent(putting, config, POSSIBLE)
    if possible is None:
        unmet = {test.key for clause in putting if meets(clause, config) is False for test in clause.conditions}
        keys = ", ".join(sorted(unmet))
        message = f"s3:PutObject is allowed only under a condition that not each request of s3dest meets: {keys}."
        yield finding("put_condition_unmet", "error", message, _way_out(unmet, config) or "Remove the condition.")
        return
    if possible.what != "all":
        message = f"s3:PutObject is allowed for some {possible.what} only: {', '.join(possible.names)}."
        yield finding(f"put_some_{possible.what}", "warning", message, f"Allow it on {target}, unless these are all.")
    if extent(putting, config, SURE) != possible:
        keys = ", ".join(sorted({key for clause in putting for key in unsure(clause, config)}))
        message = f"s3:PutObject is allowed under a condition that only AWS can judge: {keys}."
        yield finding("put_conditional", "warning", message, "Make sure that the vendor meets it.")


def _missed(putting: Sequence[Clause], config: DestinationConfig) -> Iterator[Finding]:
    """Say why no resource covers what is written; a key or the bucket beside objects is not meant to."""
    target = objects(config)
    for clause in putting:
        if "NotResource" in clause.negated:
            message = f"Statement {clause.name} allows s3:PutObject on all but {', '.join(clause.resources)}"
            yield finding("other_prefix", "error", f"{message}: each transfer needs that.", f"Allow it on {target}.")
    resources = [each for clause in putting if "NotResource" not in clause.negated for each in clause.resources]
    close = [each for each in resources if is_of(each, "s3") and not is_bucket(each)]
    for resource in close or resources:
        if "${" in resource:
            message = f"s3:PutObject is allowed on {resource}, whose variables only AWS can fill in."
            yield finding("put_conditional", "warning", message, f"Write it as {target}.")
            continue
        code, why = _miss(resource, config)
        remedy = f"Write it as {target}." if is_of(resource, "s3") else f"Allow it on {target}."
        yield finding(code, "error", f"s3:PutObject is allowed on {resource}, which {why}.", remedy)


def _miss(resource: str, config: DestinationConfig) -> tuple[str, str]:
    """Say what a resource is instead of what is written: a code, and in words."""
    target = objects(config)
    partition = resource.split(":")[1]  # that it is an ARN has been seen to
    name = resource.rpartition(":::")[2].partition("/")[0]
    if not like(partition, config.partition.name):
        return "partition", f"is of partition {partition!r}, but {config.region} is in {config.partition.name!r}"
    if not is_of(resource, "s3"):
        return "other_bucket", "is not of S3"
    if ":accesspoint/" in resource:
        return "other_bucket", "is an access point, and not the bucket that the config names"
    if ":::" not in resource and not is_wild(resource.rpartition(":")[0]):
        return "other_bucket", "names a region or an account, and the ARN of a bucket has none"
    if resource.rstrip("/") == target.partition("/")[0]:
        return "resource_without_star", "names the bucket, and not the objects in it"
    if not like(name, config.bucket):
        return "other_bucket", f"is about another bucket than {config.bucket!r}"
    if resource.rstrip("/") == target[:-2]:
        return "resource_without_star", "names one object, and not the folder"
    return "other_prefix", f"does not cover the prefix {config.prefix!r}"


def _deletes(allowing: Sequence[Clause], config: DestinationConfig) -> Iterator[Finding]:
    if not any(clause.acts(DELETE) and clause.covers(probes(config)) for clause in allowing):
        message = (
            "s3:DeleteObject is not allowed: the set-up check leaves its probe behind. Appending does not need it."
        )
        yield finding("delete_not_allowed", "note", message, 'Check with mode="recheck", which leaves nothing.')


def _uses_key(allowing: Sequence[Clause], config: DestinationConfig, key_arn: str) -> Iterator[Finding]:
    reasons = {KMS[0]: "no object can be encrypted", KMS[1]: "small objects pass and multipart uploads fail"}
    for action, reason in reasons.items():
        acting = [clause for clause in allowing if clause.acts(action)]
        covering = [clause for clause in acting if clause.covers(key_arn)]
        message = f"{action} is not allowed on {key_arn}: {reason}."
        code = f"{action.removeprefix('kms:').lower()}_not_allowed"
        if not covering:
            yield finding(code, "error", message, f"Allow {action} on that ARN.")
        elif all(meets(clause, config, "kms") is False for clause in covering):
            tests = [test for clause in covering for test in clause.conditions]
            unmet = {test.key for test in tests if answer(test, config, "kms") is False}
            service = f"s3.{config.region}.{config.partition.dns_suffix}"
            remedy = f'Write the condition as {{"StringEquals": {{"kms:ViaService": "{service}"}}}}.'
            told = f"{action} is allowed on {key_arn} under a condition only that is not met"
            told += f" ({', '.join(sorted(unmet))}): {reason}."
            yield finding(code, "error", told, remedy if unmet == {"kms:viaservice"} else "Remove the condition.")
