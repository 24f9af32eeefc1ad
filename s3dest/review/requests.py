"""What s3dest writes, as resources of a policy, and whether its requests meet a condition."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.encryption import SseKms, SseS3
from s3dest.layout import PROBE_FOLDER, Layout
from s3dest.review.grammar import Clause, Test, like
from s3dest.review.principals import CALLER, CALLERS_ACCOUNT, is_meant

IF_NONE_MATCH: Final = "s3:if-none-match"
CREATES: Final = "s3:objectcreationoperation"
TLS_VERSION: Final = "s3:tlsversion"

Service = Literal["s3", "kms"]

Request = Literal["put", "part"]
"""What creates an object, and a part of one."""

_REQUESTS: Final[Mapping[Request, Mapping[str, str | None]]] = {
    "put": {IF_NONE_MATCH: "*", CREATES: "true"},
    "part": {IF_NONE_MATCH: None, CREATES: "false"},
}
"""S3 user guide, "Enforce conditional writes on Amazon S3 buckets"."""

_OLDEST_TLS: Final = "1.2"
"""Of S3's endpoints, and of Python since 3.10."""

_TLS: Final = frozenset({"1.0", "1.1", _OLDEST_TLS, "1"})
"""Versions that are no newer."""

EXTENSIONS: Final = ("jsonl.gz", "csv.gz", "parquet")
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
    return tuple(format_written(config, end, table=table) for end in EXTENSIONS)


def format_written(config: DestinationConfig, extension: str, *, table: str = "TABLE") -> str:
    """Name an object of a table in one format."""
    key = _layout(config, table).data_key(writer_id=0, number=0, digest="0" * 64, extension=extension)
    return f"{_bucket(config)}/{key}"


def reach(clause: Clause, config: DestinationConfig) -> Literal["all", "part", "nothing"]:
    """Tell how much of what is written a statement is about: ``all`` is each transfer, or each check."""
    data = [clause.covers(resource) for resource in data_written(config)]
    if any(map(clause.covers, always_written(config))) or all(data):
        return "all"
    if any(data) or ("NotResource" not in clause.negated and any(_touches(each, config) for each in clause.resources)):
        return "part"
    return "nothing"


def meets(clause: Clause, config: DestinationConfig, service: Service = "s3") -> bool | None:
    """Tell whether what is asked of a service meets all conditions of a statement.

    Of one that allows, each request must; of one that denies, a single one is enough. ``None`` where it cannot be told.
    """
    answers = [all_of(answer(test, config, service, request) for test in clause.conditions) for request in _REQUESTS]
    decides = not clause.allows
    if decides in answers:
        return decides
    return None if None in answers else not decides


def applies(clause: Clause, config: DestinationConfig, service: Service = "s3") -> bool | None:
    """Tell whether a statement is about the role or user and what it asks for; ``None`` where that cannot be told."""
    return all_of((is_meant(clause, config), meets(clause, config, service)))


def all_of(answers: Iterable[bool | None]) -> bool | None:
    """Tell whether all answers are yes; ``None`` where that cannot be told."""
    given = set(answers)
    return False if False in given else None if None in given else True


def unsure(clause: Clause, config: DestinationConfig, service: Service = "s3") -> list[str]:
    """List what of a statement cannot be told: the keys of its conditions, and whom it is about."""
    keys = sorted({test.key for test in clause.conditions if answer(test, config, service) is None})
    return [*keys, *(["who is meant"] if is_meant(clause, config) is None else [])]


def answer(test: Test, config: DestinationConfig, service: Service = "s3", request: Request = "put") -> bool | None:
    """Tell whether a test holds for a request of s3dest."""
    known = {**_facts(config), **_REQUESTS[request]}
    about = test.key.partition(":")[0]
    if about in {"s3", "kms"} and about != service:
        return holds(test, {test.key: None})  # each service knows its own keys
    if test.key == CALLER and not isinstance(config.auth, RoleAuth) and _is_of_roles(test):
        return "Not" in test.operator
    return holds(test, known)


def _is_of_roles(test: Test) -> bool:
    """Tell whether a test compares who calls with roles alone, which the owner of an access key is not."""
    return test.operator != "Null" and all(":role/" in value or ":assumed-role/" in value for value in test.values)


def holds(test: Test, known: Mapping[str, str | None]) -> bool | None:
    """Tell whether a test holds by what is known of a request; ``None`` where that cannot be told."""
    if test.key not in known:
        return None
    fact, operator = known[test.key], test.comparison
    if operator == "Null":
        return (fact is None) is (test.values[:1] == ("true",))
    if test.key == TLS_VERSION and fact is not None:
        return _is_newer(test)
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


def _facts(config: DestinationConfig) -> dict[str, str | None]:
    """List what is known of each request, of S3 and of KMS; ``None`` where it does not carry the value."""
    algorithm = key = None
    if isinstance(config.encryption, SseKms):
        algorithm, key = "aws:kms", config.encryption.key_arn
    elif isinstance(config.encryption, SseS3):
        algorithm = "AES256"
    known: dict[str, str | None] = {
        "aws:securetransport": "true" if config.over_tls else "false",
        TLS_VERSION: _OLDEST_TLS if config.over_tls else None,
        "s3:signatureversion": "AWS4-HMAC-SHA256",
        "s3:authtype": "REST-HEADER",
        "s3:x-amz-server-side-encryption": algorithm,
        "s3:x-amz-server-side-encryption-aws-kms-key-id": key,
        "s3:x-amz-acl": None,
        "s3:x-amz-grant-full-control": None,
        "s3:x-amz-storage-class": config.storage_class,
        "kms:viaservice": f"s3.{config.region}.{config.partition.dns_suffix}",
    }
    if isinstance(config.auth, RoleAuth):
        # a session has the ARN of its role (IAM user guide, "AWS global condition context keys")
        known[CALLER] = config.auth.role_arn
        known[CALLERS_ACCOUNT] = known["kms:calleraccount"] = config.auth.role.account
    return known


def _is_newer(test: Test) -> bool | None:
    """Compare with the oldest TLS that is spoken; what is spoken may be newer."""
    if test.comparison not in {"NumericLessThan", "NumericGreaterThanEquals"} or not set(test.values) <= _TLS:
        return None
    return test.comparison == "NumericGreaterThanEquals"


def _touches(pattern: str, config: DestinationConfig) -> bool:
    """Tell whether a resource may be about something under the prefix."""
    head = objects(config)[:-1]
    stem = pattern.partition("*")[0].partition("?")[0]
    return stem.startswith(head) or (stem != pattern and head.startswith(stem))


def _bucket(config: DestinationConfig) -> str:
    return f"arn:{config.partition.name}:s3:::{config.bucket}"


def _layout(config: DestinationConfig, table: str) -> Layout:
    return Layout(config.key_prefix, table, _ANY_ID, _ANY_DAY)
