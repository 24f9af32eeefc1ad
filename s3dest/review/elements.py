"""What IAM takes as the parts of a policy and refuses otherwise: elements, actions, principals, conditions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, Literal, TypeGuard

Kind = Literal["permission", "trust", "bucket", "key"]
"""Which policy: of the role or user, of whom the role trusts, of the bucket, of the KMS key."""

_POLICY: Final = frozenset({"Version", "Id", "Statement"})
"""Elements of a policy (IAM user guide, "Grammar of the IAM JSON policy language")."""

_STATEMENT: Final = frozenset(
    "Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition".split()
)
"""Elements of a statement (IAM user guide, "IAM JSON policy element reference")."""

_ORDERED: Final = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
_NAMES: Final = (
    *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
    *("StringLike", "StringNotLike", "ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"),
    *(f"{kind}{comparison}" for kind in ("Numeric", "Date") for comparison in _ORDERED),
    *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress"),
)
_OPERATORS: Final = {name.lower(): name for name in _NAMES}
"""Comparisons of a condition but Null (IAM user guide, "IAM JSON policy elements: Condition operators")."""

_EXAMPLES: Final[Mapping[Kind, str]] = {
    "permission": "s3:PutObject",
    "trust": "sts:AssumeRole",
    "bucket": "s3:PutObject",
    "key": "kms:GenerateDataKey",
}

_OPERATOR: Final = re.compile(r"(?:(?:forallvalues|foranyvalue):)?(\w+?)(?:ifexists)?", re.ASCII)
_ACTION: Final = re.compile(r"\*|[^\s:]+:[^\s:]+")


_VERSIONS: Final = ("2012-10-17", "2008-10-17")
"""IAM user guide, "IAM JSON policy elements: Version"."""

Problem = tuple[str, str]
"""What is wrong, and what to do."""


def policy_problems(policy: Mapping[str, Any]) -> Iterator[Problem]:
    """Say what is wrong with a policy around its statements."""
    yield from _unknown(policy, _POLICY)
    if not is_text(policy.get("Id", "")):
        yield "has an Id that is no text.", "Write it in quotes."
    if policy.get("Version", _VERSIONS[0]) not in _VERSIONS:
        yield "has a Version that IAM does not know.", f'Write "Version": "{_VERSIONS[0]}".'


def statement_problems(statement: Mapping[str, Any], kind: Kind) -> Iterator[Problem]:
    """Say what is wrong with a statement."""
    yield from _element_problems(statement, kind)
    yield from _resource_problems(statement, kind)
    for element in sorted({"Action", "NotAction"} & statement.keys()):
        if _is_texts(names := statement[element]):
            yield from _action_problems(_listed(names), kind)
    if (problem := _principal_problem(statement, kind)) is not None:
        yield problem
    condition = statement.get("Condition", {})
    if not _is_condition(condition):
        yield "has a Condition that is not of the form {OPERATOR: {KEY: VALUE}}.", "Write it so, with texts as values."
    elif unknown := [operator for operator in condition if not _is_operator(operator)]:
        yield f"has a Condition with an operator that IAM does not know: {unknown[0]}.", _nearest_operator(unknown[0])


def _unknown(given: Mapping[str, Any], known: Collection[str]) -> Iterator[Problem]:
    """Say which element IAM does not know, and which may have been meant."""
    if unknown := sorted(str(name) for name in given.keys() - known):
        nearest = get_close_matches(unknown[0], known, n=1)
        remedy = f"Write it as {nearest[0]}." if nearest else "Take it away."
        yield f"has an element that IAM does not know: {unknown[0]}.", remedy


def _element_problems(statement: Mapping[str, Any], kind: Kind) -> Iterator[Problem]:
    yield from _unknown(statement, _STATEMENT)
    if not is_text(statement.get("Sid", "")):
        yield "has a Sid that is no text.", "Write it in quotes."
    if statement.get("Effect") not in ("Allow", "Deny"):  # a set cannot be asked for a list
        yield "has an Effect that is neither Allow nor Deny.", "Write Allow or Deny, with a capital letter."
    if len({"Action", "NotAction"} & statement.keys()) != 1:
        yield "must have an Action.", f"Write one, such as {_EXAMPLES[kind]}."
    for element in ("Action", "NotAction", "Resource", "NotResource"):
        if element in statement and not _is_texts(statement[element]):
            yield f"must have a text or a list of texts, which is not empty, as {element}.", "Write each in quotes."


def _resource_problems(statement: Mapping[str, Any], kind: Kind) -> Iterator[Problem]:
    given = sorted({"Resource", "NotResource"} & statement.keys())
    if kind == "trust":
        if given:
            yield "names a Resource, which a trust policy cannot: it is about its role.", "Take it away."
        return
    if len(given) != 1:
        yield "must have a Resource.", "Write the ARN of what it is about."
    for element in given:
        names = _listed(statement[element]) if _is_texts(statement[element]) else []
        for name in names:
            if name != "*" and not name.startswith("arn:"):
                yield f"has a {element} that is no ARN: {name!r}.", _as_arn(name)


def _as_arn(name: str) -> str:
    bucket = name.removeprefix("s3://")
    is_plain = re.fullmatch(r"[a-z0-9][a-z0-9.-]+(/.*)?", bucket) is not None
    return f"Write it as arn:aws:s3:::{bucket}." if is_plain else "Write its ARN."


def _action_problems(actions: Sequence[str], kind: Kind) -> Iterator[Problem]:
    for action in actions:
        if not _ACTION.fullmatch(action):
            yield f"has an action that is not of the form SERVICE:ACTION: {action!r}.", _as_action(action, kind)
        elif kind == "trust" and not action.lower().startswith("sts:"):
            problem = f"has the action {action}, and a trust policy takes those of sts alone."
            yield problem, "Take it away; what the role may do stands in its permission policy."


def _as_action(action: str, kind: Kind) -> str:
    """Say how an action is written that lacks its service, or has white space around it."""
    name = action.strip()
    if re.fullmatch(r"\w+", name, re.ASCII):
        of_key = name.lower() in {"generatedatakey", "decrypt", "encrypt"}
        name = f"{'kms' if of_key else _EXAMPLES[kind].partition(':')[0]}:{name}"
    return f"Write it as {name}." if _ACTION.fullmatch(name) else f"Write it like {_EXAMPLES[kind]}."


def _principal_problem(statement: Mapping[str, Any], kind: Kind) -> Problem | None:
    """Say what is wrong with whom a statement is about."""
    given = {"Principal", "NotPrincipal"} & statement.keys()
    whole, aws = "Write the whole ARN.", 'Write it as {"AWS": ARN}.'
    if kind == "permission" and given:
        problem = "names a Principal, which a permission policy cannot; was the trust policy pasted here?"
        return problem, "Take it away, or paste the permission policy."
    if kind != "permission" and len(given) != 1:
        return "must name a Principal: whom it is about.", aws
    if "NotPrincipal" in given and (kind == "trust" or statement.get("Effect") == "Allow"):
        return "has a NotPrincipal, which AWS takes with Deny only, and in no trust policy.", "Name whom it is about."
    if any(_is_partial(statement[name]) for name in given):
        return "has a Principal with a wildcard in it; AWS takes a single '*' or a whole name.", whole
    if not all(_is_principal(statement[name]) for name in given):
        return "has a Principal that is neither '*' nor an object such as {\"AWS\": ARN}.", aws
    return None


def is_text(value: object) -> TypeGuard[str]:
    """Tell whether a value is a text."""
    return isinstance(value, str)


def _is_texts(value: object) -> TypeGuard[str | list[str]]:
    return is_text(value) or (isinstance(value, list) and bool(value) and all(is_text(inner) for inner in value))


def _listed(value: str | list[str]) -> list[str]:
    return [value] if is_text(value) else list(value)


def _is_principal(value: object) -> bool:
    return value == "*" or (
        isinstance(value, Mapping)
        and bool(value)
        and all(is_text(kind) and _is_texts(names) for kind, names in value.items())
    )


def _is_partial(value: object) -> bool:
    """Tell whether a principal is given by a pattern."""
    names = list(value.values()) if isinstance(value, Mapping) else []
    flat = [inner for some in names for inner in (some if isinstance(some, list) else [some])]
    return any(is_text(name) and name != "*" and ("*" in name or "?" in name) for name in flat)


def _is_operator(operator: str) -> bool:
    match = _OPERATOR.fullmatch(operator.lower())
    return operator.lower() == "null" or (match is not None and match[1] in _OPERATORS)


def _nearest_operator(operator: str) -> str:
    """Say which operator may have been meant."""
    core = operator.lower().rpartition(":")[2].removesuffix("ifexists")
    known = {**_OPERATORS, "null": "Null"}
    begun = [name for name in known if core.startswith(name)]
    nearest = begun or get_close_matches(core, known, n=1, cutoff=0.8)
    return f"Write it as {known[nearest[0]]}." if nearest else "Write one that the IAM user guide lists."


def _is_condition(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        is_text(operator)
        and isinstance(tests, Mapping)
        and all(is_text(key) and _is_values(values) for key, values in tests.items())
        for operator, tests in value.items()
    )


def _is_values(value: object) -> bool:
    """Tell whether a value can be compared with: true and numbers can be written without quotes."""
    values = value if isinstance(value, list) else [value]
    return all(isinstance(inner, (str, bool, int, float)) for inner in values)
