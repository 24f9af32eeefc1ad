"""Whether the requests that s3dest sends meet a condition."""

from __future__ import annotations

from s3dest.config import DestinationConfig
from s3dest.encryption import SseKms, SseS3
from s3dest.layout import PROBE_FOLDER
from s3dest.review.grammar import Clause, Test, like

IF_NONE_MATCH = "s3:if-none-match"
CREATES = "s3:objectcreationoperation"


def objects(config: DestinationConfig) -> str:
    """Name all objects that are written, as a resource."""
    return f"arn:{config.partition.name}:s3:::{config.bucket}/{config.key_prefix}*"


def probes(config: DestinationConfig) -> str:
    """Name all that a check may delete, as a resource."""
    return f"{objects(config)[:-1]}{PROBE_FOLDER}/*"


def meets(clause: Clause, config: DestinationConfig) -> bool | None:
    """Tell whether every put meets all conditions of a statement; ``None`` where that cannot be told."""
    answers = [_holds(test, config) for test in clause.conditions]
    if False in answers:
        return False
    return None if None in answers else True


def unsure(clause: Clause, config: DestinationConfig) -> list[str]:
    """List the condition keys of which it cannot be told."""
    return sorted({test.key for test in clause.conditions if _holds(test, config) is None})


def _holds(test: Test, config: DestinationConfig) -> bool | None:
    known = _facts(config)
    if test.key not in known or ":" in test.operator:
        return None
    fact, operator = known[test.key], test.operator.removesuffix("IfExists")
    if operator == "Null":
        return (fact is None) is (test.values[:1] == ("true",))
    if fact is None:
        return test.operator.endswith("IfExists") or "Not" in operator
    positive = operator.replace("Not", "")
    if positive in {"StringEquals", "Bool"}:
        hit = fact in test.values
    elif positive in {"StringLike", "ArnLike", "ArnEquals"}:
        hit = any(like(value, fact) for value in test.values)
    elif positive == "StringEqualsIgnoreCase":
        hit = fact.lower() in {value.lower() for value in test.values}
    else:
        return None
    return hit is not ("Not" in operator)


def _facts(config: DestinationConfig) -> dict[str, str | None]:
    """List what is known of each put; ``None`` where it does not carry the value."""
    algorithm = key = None
    if isinstance(config.encryption, SseKms):
        algorithm, key = "aws:kms", config.encryption.key_arn
    elif isinstance(config.encryption, SseS3):
        algorithm = "AES256"
    return {
        "aws:securetransport": "true" if config.over_tls else "false",
        "s3:x-amz-server-side-encryption": algorithm,
        "s3:x-amz-server-side-encryption-aws-kms-key-id": key,
        "s3:x-amz-acl": None,
        "s3:x-amz-grant-full-control": None,
        "s3:x-amz-storage-class": config.storage_class,
        "kms:viaservice": f"s3.{config.region}.{config.partition.dns_suffix}",
    }
