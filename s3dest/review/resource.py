"""The policies of the bucket and of its KMS key: do they let the vendor write? What else they do is in sharing.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.findings import Finding
from s3dest.review.facts import IF_NONE_MATCH, REQUESTS
from s3dest.review.grammar import Clause, Reading, finding, like
from s3dest.review.grants import NAMED, POSSIBLE, extent
from s3dest.review.guard import review_guard
from s3dest.review.permission import denied
from s3dest.review.principals import is_meant
from s3dest.review.requests import answer, applies, meets, objects, probes, unsure
from s3dest.review.sharing import bucket_shared, key_shared
from s3dest.review.width import DELETE, KMS, PUT
from s3dest.vendor import VendorIdentity


def review_bucket(policy: Reading, config: DestinationConfig, vendor: VendorIdentity | None) -> Iterator[Finding]:
    """Say what refuses the vendor's puts, what lets others or the vendor do more, and whether a guard guards."""
    yield from _elsewhere(policy, config)
    if policy.whole:
        yield from _not_shared(policy, config)
    for clause in policy.clauses:
        if clause.allows:
            yield from bucket_shared(clause, config, vendor)
        elif any(test.key == IF_NONE_MATCH for test in clause.conditions):
            yield from review_guard(clause, config, which="bucket policy", among=policy.clauses)
        else:
            yield from denied(clause, config, which="The bucket policy")
            yield from _delete_denied(clause, config)


def _elsewhere(policy: Reading, config: DestinationConfig) -> Iterator[Finding]:
    """Say where all of a policy is about another bucket, whose it seems to be."""
    resources = [resource for clause in policy.clauses for resource in clause.resources]
    buckets = {resource.rpartition(":::")[2].partition("/")[0] for resource in resources}
    if buckets and not any(like(bucket, config.bucket) for bucket in buckets):
        message = f"The bucket policy is about another bucket than {config.bucket!r}: {', '.join(sorted(buckets))}."
        yield finding("other_bucket", "warning", message, "Paste the policy of the bucket that is in the config.")


def _delete_denied(clause: Clause, config: DestinationConfig) -> Iterator[Finding]:
    """Say where a check that is denied to delete leaves its probe; whoever denies all of S3 has a worse problem."""
    if clause.acts(PUT) or not clause.acts(DELETE) or not clause.covers(probes(config)):
        return
    if applies(clause, config) is not False:
        keys = ", ".join(sorted({test.key for test in clause.conditions}))
        by = f" (by {keys})" if keys else ""
        message = f"Statement {clause.name} of the bucket policy denies s3:DeleteObject{by}: the set-up check"
        message += " leaves its probe behind. Appending does not need it."
        yield finding("delete_denied", "note", message, 'Check with mode="recheck", which leaves nothing.')


def _not_shared(policy: Reading, config: DestinationConfig) -> Iterator[Finding]:
    """Say where the bucket is another account's, and its policy does not let the role write, which both must."""
    auth, owner = config.auth, config.expected_bucket_owner
    if not isinstance(auth, RoleAuth) or not config.on_aws or owner in {None, auth.role.account}:
        return
    putting = [clause for clause in policy.clauses if clause.allows and clause.acts(PUT) and is_meant(clause, config)]
    possible = extent(putting, config, POSSIBLE)
    if possible is not None and possible.what == "all":
        return
    message = f"The bucket is of account {owner}, and its policy "
    remedy = f'Allow {{"AWS": "{auth.role_arn}"}} s3:PutObject on {objects(config)}'
    if possible is not None:
        message += f"lets {auth.role_arn} write some {possible.what} only: {', '.join(possible.names)}."
        yield finding("bucket_shared_partly", "warning", message, f"{remedy}, unless these are all.")
    elif extent(putting, config, NAMED) is not None:
        keys = ", ".join(sorted({key for clause in putting for key in _unmet(clause, config)}))
        message += f"lets {auth.role_arn} write only under a condition that not each request of s3dest meets: {keys}."
        yield finding("bucket_not_shared", "error", message, "Remove the condition.")
    else:
        message += f"does not let {auth.role_arn} write."
        yield finding("bucket_not_shared", "error", message, f"{remedy}: across accounts both must allow it.")


def _unmet(clause: Clause, config: DestinationConfig) -> set[str]:
    """List the keys that a statement tests, and some request does not pass."""
    tests = ((test, request) for test in clause.conditions for request in REQUESTS)
    return {test.key for test, request in tests if answer(test, config, request=request) is False}


def review_key(policy: Reading, config: DestinationConfig, vendor: VendorIdentity | None) -> Iterator[Finding]:
    """Say whether the key may be used by the role, through S3, and by whom and how beyond that."""
    for clause in policy.clauses:
        if clause.allows:
            yield from key_shared(clause, config, vendor)
    if not policy.clauses or not isinstance(config.auth, RoleAuth):
        return
    for action in KMS:
        acting = [clause for clause in policy.clauses if clause.acts(action)]
        if policy.whole:
            yield from _key_given([clause for clause in acting if clause.allows], config, config.auth, action)
        yield from _key_denied([clause for clause in acting if not clause.allows], config, config.auth, action)


def _key_given(allowing: Sequence[Clause], config: DestinationConfig, auth: RoleAuth, action: str) -> Iterator[Finding]:
    meant = [clause for clause in allowing if is_meant(clause, config)]
    met = [meets(clause, config, "kms") for clause in meant]
    if True in met:
        return
    who = f"{auth.role_arn} use {action}"
    if None in met:
        keys = ", ".join(sorted({key for clause in meant for key in unsure(clause, config, "kms")}))
        message = f"The key's policy lets {who} under a condition that only AWS can judge: {keys}."
        yield finding("key_policy_sometimes", "warning", message, "Make sure that the role meets it.")
    else:
        why = ", under a condition that is not met" if meant else ""
        message = f"The key's policy does not let {who}{why}."
        yield finding("key_policy", "error", message, "Add the statement of policies.kms_key_statement.")


def _key_denied(denying: Sequence[Clause], config: DestinationConfig, auth: RoleAuth, action: str) -> Iterator[Finding]:
    hits = [(clause, applies(clause, config, "kms")) for clause in denying]
    if any(hit for _, hit in hits):
        message = f"The key's policy denies {action} to {auth.role_arn}."
        yield finding("key_policy", "error", message, "Remove the statement, or exempt the role from it.")
    elif keys := sorted({key for clause, hit in hits if hit is None for key in unsure(clause, config, "kms")}):
        message = f"The key's policy denies {action} under a condition that only AWS can judge: {', '.join(keys)}."
        yield finding("key_policy_sometimes", "warning", message, "Make sure that it does not hit the role.")
