"""What s3dest writes, as resources of a policy, and whether its requests meet a condition."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final, Literal

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.encryption import SseKms, SseS3
from s3dest.layout import PROBE_FOLDER, Layout
from s3dest.review.grammar import Clause, Test, like
from s3dest.review.principals import is_meant

IF_NONE_MATCH: Final = "s3:if-none-match"
CREATES: Final = "s3:objectcreationoperation"

_EXTENSIONS: Final = ("jsonl.gz", "csv.gz", "parquet")
"""Of the three formats, as they are unless somebody says otherwise."""

_ANY_ID: Final = "00000000-0000-7000-8000-000000000000"
_ANY_DAY: Final = dt.date(2026, 11, 23)


def objects(config: DestinationConfig) -> str:
    """Name all objects that are written, as a resource."""
    return f"arn:{config.partition.name}:s3:::{config.bucket}/{config.key_prefix}*"


def probes(config: DestinationConfig) -> str:
    """Name all that a check may delete, as a resource."""
    return f"{objects(config)[:-1]}{PROBE_FOLDER}/*"


def always_written(config: DestinationConfig, *, table: str = "TABLE") -> tuple[str, ...]:
    """Name what is written whatever the format: a check's probe, and the manifest of a table."""
    return f"{probes(config)[:-1]}probe_{_ANY_ID}", f"{_bucket(config)}/{_layout(config, table).manifest_key}"


def data_written(config: DestinationConfig, *, table: str = "TABLE") -> tuple[str, ...]:
    """Name an object of a table in each format."""
    layout = _layout(config, table)
    keys = (layout.data_key(writer_id=0, number=0, digest="0" * 64, extension=end) for end in _EXTENSIONS)
    return tuple(f"{_bucket(config)}/{key}" for key in keys)


def reach(clause: Clause, config: DestinationConfig) -> Literal["all", "part", "nothing"]:
    """Tell how much of what is written a statement is about: ``all`` is each transfer, or each check."""
    data = [clause.covers(resource) for resource in data_written(config)]
    if any(map(clause.covers, always_written(config))) or all(data):
        return "all"
    if any(data) or ("NotResource" not in clause.negated and any(_touches(each, config) for each in clause.resources)):
        return "part"
    return "nothing"


def meets(clause: Clause, config: DestinationConfig) -> bool | None:
    """Tell whether every put meets all conditions of a statement; ``None`` where that cannot be told."""
    answers = [holds(test, facts(config)) for test in clause.conditions]
    if False in answers:
        return False
    return None if None in answers else True


def applies(clause: Clause, config: DestinationConfig) -> bool | None:
    """Tell whether a statement is about the role or user and every put of it; ``None`` where that cannot be told."""
    answers = (is_meant(clause, config), meets(clause, config))
    if False in answers:
        return False
    return None if None in answers else True


def unsure(clause: Clause, config: DestinationConfig) -> str:
    """List what of a statement cannot be told: the keys of its conditions, and whom it is about."""
    keys = sorted({test.key for test in clause.conditions if holds(test, facts(config)) is None})
    return ", ".join([*keys, *(["who is meant"] if is_meant(clause, config) is None else [])])


def holds(test: Test, known: Mapping[str, str | None]) -> bool | None:
    """Tell whether a test holds by what is known of a request; ``None`` where that cannot be told."""
    if test.key not in known:
        return None
    fact, operator = known[test.key], test.comparison
    if operator == "Null":
        return (fact is None) is (test.values[:1] == ("true",))
    if fact is None:
        return test.optional or ("Not" in operator and not test.operator.startswith("ForAnyValue:"))
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


def facts(config: DestinationConfig) -> dict[str, str | None]:
    """List what is known of each put; ``None`` where it does not carry the value."""
    algorithm = key = None
    if isinstance(config.encryption, SseKms):
        algorithm, key = "aws:kms", config.encryption.key_arn
    elif isinstance(config.encryption, SseS3):
        algorithm = "AES256"
    known: dict[str, str | None] = {
        "aws:securetransport": "true" if config.over_tls else "false",
        "s3:x-amz-server-side-encryption": algorithm,
        "s3:x-amz-server-side-encryption-aws-kms-key-id": key,
        "s3:x-amz-acl": None,
        "s3:x-amz-grant-full-control": None,
        "s3:x-amz-storage-class": config.storage_class,
        "kms:viaservice": f"s3.{config.region}.{config.partition.dns_suffix}",
    }
    if isinstance(config.auth, RoleAuth):
        # a session has the ARN of its role (IAM user guide, "AWS global condition context keys")
        known["aws:principalarn"] = config.auth.role_arn
        known["aws:principalaccount"] = config.auth.role.account
    return known


def _touches(pattern: str, config: DestinationConfig) -> bool:
    """Tell whether a resource may be about something under the prefix."""
    head = objects(config)[:-1]
    stem = pattern.partition("*")[0].partition("?")[0]
    return stem.startswith(head) or (stem != pattern and head.startswith(stem))


def _bucket(config: DestinationConfig) -> str:
    return f"arn:{config.partition.name}:s3:::{config.bucket}"


def _layout(config: DestinationConfig, table: str) -> Layout:
    return Layout(config.key_prefix, table, _ANY_ID, _ANY_DAY)
