"""What s3dest writes, as resources of a policy, and whether its requests meet a condition."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.formats.compression import SUFFIXES
from s3dest.layout import PROBE_FOLDER, Layout
from s3dest.review.facts import REQUESTS, Between, Fact, Request, Service, facts, is_absent
from s3dest.review.grammar import Clause, Test, like
from s3dest.review.principals import CALLER, is_meant

EXTENSIONS: Final = ("jsonl.gz", "csv.gz", "parquet")
"""Of the three formats, as they are unless somebody says otherwise."""

_ENDS: Final = (".json", ".parquet", *(f".{name}{suffix}" for name in ("jsonl", "csv") for suffix in SUFFIXES.values()))
"""Of all keys but probes: of manifests, and of data in each format and compression."""

_END_OF_PROBE: Final = re.compile(r"(?:.*probe_)?[0-9a-f-]*", re.DOTALL)

_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")
"""IAM user guide, "IAM policy elements: Variables and tags"."""

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
    answers = [meets_in(clause, config, request, service) for request in about(clause, config, service)]
    decides = not clause.allows
    if decides in answers:
        return decides
    return None if None in answers else not decides


def meets_in(clause: Clause, config: DestinationConfig, request: Request, service: Service = "s3") -> bool | None:
    """Tell whether one kind of request meets all conditions of a statement; ``None`` where that cannot be told."""
    return all_of(answer(test, config, service, request) for test in clause.conditions)


def about(clause: Clause, config: DestinationConfig, service: Service = "s3") -> tuple[Request, ...]:
    """Tell which kinds of requests a statement is about: it may leave out all data, or all but data."""
    records = any(map(clause.covers, always_written(config)))
    data = any(map(clause.covers, data_written(config)))
    if service != "s3" or records == data or _is_vague(clause, config):
        return REQUESTS
    return ("record",) if records else ("put", "part")


def _is_vague(clause: Clause, config: DestinationConfig) -> bool:
    """Tell whether a statement is about something of some tables, be it data or manifests."""
    known = (*always_written(config), *data_written(config))
    some = [each for each in clause.resources if not any(like(each, resource) for resource in known)]
    return "NotResource" not in clause.negated and any(_touches(each, config) for each in some)


def applies(clause: Clause, config: DestinationConfig, service: Service = "s3") -> bool | None:
    """Tell whether a statement is about the role or user and what it asks for; ``None`` where that cannot be told."""
    return all_of((is_meant(clause, config), meets(clause, config, service)))


def all_of(answers: Iterable[bool | None]) -> bool | None:
    """Tell whether all answers are yes; ``None`` where that cannot be told."""
    given = set(answers)
    return False if False in given else None if None in given else True


def any_of(answers: Iterable[bool | None]) -> bool | None:
    """Tell whether some answer is yes; ``None`` where that cannot be told."""
    given = set(answers)
    return True if True in given else None if None in given else False


def unsure(clause: Clause, config: DestinationConfig, service: Service = "s3") -> list[str]:
    """List what of a statement cannot be told: the keys of its conditions, and whom it is about."""
    requests = about(clause, config, service)
    open_ = [test for test in clause.conditions if None in {answer(test, config, service, each) for each in requests}]
    keys = sorted({test.key for test in open_})
    return [*keys, *(["who is meant"] if is_meant(clause, config) is None else [])]


def answer(test: Test, config: DestinationConfig, service: Service = "s3", request: Request = "put") -> bool | None:
    """Tell whether a test holds for a request of s3dest."""
    known = facts(config, service, request)
    if test.key not in known and is_absent(test.key, service):
        return holds(test, {test.key: None})
    if test.key == CALLER and not isinstance(config.auth, RoleAuth) and _is_of_roles(test):
        return "Not" in test.operator
    return holds(test, known)


def _is_of_roles(test: Test) -> bool:
    """Tell whether a test compares who calls with roles alone, which the owner of an access key is not."""
    return test.operator != "Null" and all(":role/" in value or ":assumed-role/" in value for value in test.values)


def holds(test: Test, known: Mapping[str, Fact]) -> bool | None:
    """Tell whether a test holds by what is known of a request; ``None`` where that cannot be told."""
    if test.key not in known:
        return None
    fact, operator = known[test.key], test.comparison
    if isinstance(fact, tuple):
        answers = {holds(test, {test.key: each}) for each in fact}
        return answers.pop() if len(answers) == 1 else None
    if operator == "Null":
        return (fact is None) is (test.values[:1] == ("true",))
    if isinstance(fact, Between):
        return any_of(_compares(operator, fact, value) for value in test.values)
    if fact is None:
        return test.optional or ("Not" in operator and not test.operator.startswith("ForAnyValue:"))
    positive = operator.replace("Not", "")
    hit = any_of(_equals(positive, _filled(value, known), fact) for value in test.values)
    return None if hit is None else hit is not ("Not" in operator)


def _filled(value: str, known: Mapping[str, Fact]) -> str | None:
    """Fill in the variables of a value; ``None`` where one is not known."""
    for name in _VARIABLE.findall(value):
        fact = known.get(name[2:-1].lower())
        if not isinstance(fact, str):
            return None
        value = value.replace(name, fact)
    return value


def _equals(positive: str, value: str | None, fact: str) -> bool | None:
    """Compare what is known with a value, by an operator without its ``Not``."""
    if value is None:
        return None
    if positive in {"StringEquals", "Bool"}:
        return fact == value
    if positive == "StringLike":
        return like(value, fact)
    if positive in {"ArnLike", "ArnEquals"}:
        return _is_like_arn(value, fact)
    return fact.lower() == value.lower() if positive == "StringEqualsIgnoreCase" else None


def _is_like_arn(pattern: str, arn: str) -> bool | None:
    """Compare piece by piece, as AWS does; what it makes of a pattern of fewer pieces is not documented."""
    pieces, found = pattern.split(":", 5), arn.split(":", 5)
    if len(pieces) == len(found):
        return all(map(like, pieces, found))
    return None if like(pattern, arn) and pattern != "*" else pattern == "*"


def _compares(operator: str, number: Between, text: str) -> bool | None:
    """Compare a number that is known by its bounds with one in a condition."""
    try:
        limit = float(text)
    except ValueError:
        return None
    surely, never = {
        "NumericLessThan": (number.high < limit, number.low >= limit),
        "NumericLessThanEquals": (number.high <= limit, number.low > limit),
        "NumericGreaterThan": (number.low > limit, number.high <= limit),
        "NumericGreaterThanEquals": (number.low >= limit, number.high < limit),
    }.get(operator, (False, False))
    return True if surely else False if never else None


def _touches(pattern: str, config: DestinationConfig) -> bool:
    """Tell whether a resource may be about something that is written: under the prefix, and ending like a key."""
    head = objects(config)[:-1]
    stem, *others = re.split(r"[*?]", _VARIABLE.sub("*", pattern))
    begins = stem.startswith(head) or (bool(others) and head.startswith(stem))
    end = others[-1] if others else stem
    is_known = any(known.endswith(end) or end.endswith(known) for known in _ENDS)
    return begins and (is_known or _END_OF_PROBE.fullmatch(end) is not None)


def _bucket(config: DestinationConfig) -> str:
    return f"arn:{config.partition.name}:s3:::{config.bucket}"


def _layout(config: DestinationConfig, table: str) -> Layout:
    return Layout(config.key_prefix, table, _ANY_ID, _ANY_DAY)
