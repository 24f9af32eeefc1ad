"""The review of all policies that a customer pasted."""

from __future__ import annotations

from s3dest.config import DestinationConfig
from s3dest.findings import Finding
from s3dest.review.grammar import read
from s3dest.review.grants import outright
from s3dest.review.paper import Pasted
from s3dest.review.permission import review_permission
from s3dest.review.resource import review_bucket, review_key
from s3dest.review.trust import review_trust
from s3dest.vendor import VendorIdentity


def review(
    config: DestinationConfig,
    *,
    permission: Pasted | None = None,
    trust: Pasted | None = None,
    bucket: Pasted | None = None,
    key: Pasted | None = None,
    vendor: VendorIdentity | None = None,
) -> tuple[Finding, ...]:
    """Say, offline, what is wrong with policies that a customer pasted; send nothing.

    An ``error`` keeps the vendor from appending, a ``warning`` lets more happen than needed or may keep it from
    appending, a ``note`` is good to know. What another policy of the account says, and a service control policy, it
    cannot see.

    Args:
        config: The destination that they are for.
        permission: The policy of the role or user, as plain values or JSON text, also as the AWS CLI prints it.
        trust: The trust policy of the role.
        bucket: The policy of the bucket.
        key: The policy of the KMS key.
        vendor: Who the vendor is; without it, whom the role trusts is not compared.

    Returns:
        The findings, policy by policy.
    """
    found: list[Finding] = []
    of_bucket = None if bucket is None else read("bucket", bucket)
    if permission is not None:
        reading = read("permission", permission)
        beside = outright(of_bucket.clauses, config) if of_bucket else []
        found += [*reading.findings, *review_permission(reading, config, beside=beside)]
    if trust is not None:
        reading = read("trust", trust)
        found += [*reading.findings, *review_trust(reading, config, vendor)]
    if of_bucket is not None:
        found += [*of_bucket.findings, *review_bucket(of_bucket, config, vendor)]
    if key is not None:
        reading = read("key", key)
        found += [*reading.findings, *review_key(reading, config, vendor)]
    return tuple(found)
