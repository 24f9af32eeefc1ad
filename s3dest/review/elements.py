"""What IAM takes as the parts of a policy and refuses otherwise: elements, actions, principals, conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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
_OPERATORS: Final = frozenset(
    name.lower()
    for name in (
        *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
        *("StringLike", "StringNotLike", "ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"),
        *(f"{kind}{comparison}" for kind in ("Numeric", "Date") for comparison in _ORDERED),
        *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress"),
    )
)
"""Comparisons of a condition but Null (IAM user guide, "IAM JSON policy elements: Condition operators")."""

_OPERATOR: Final = re.compile(r"(?:(?:forallvalues|foranyvalue):)?(\w+?)(?:ifexists)?", re.ASCII)
_ACTION: Final = re.compile(r"\*|[^\s:]+:[^\s:]+")


def policy_problems(policy: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong with a policy around its statements."""
    if unknown := sorted(str(name) for name in policy.keys() - _POLICY):
        yield f"has an element that IAM does not know: {unknown[0]}."
    if not is_text(policy.get("Id", "")):
        yield "has an Id that is no text."


def statement_problems(statement: Mapping[str, Any], kind: Kind) -> Iterator[str]:
    """Say what is wrong with a statement."""
    yield from _element_problems(statement, kind)
    for element in sorted({"Action", "NotAction"} & statement.keys()):
        if _is_texts(names := statement[element]):
            yield from _action_problems([names] if is_text(names) else names, kind)
    if (problem := _principal_problem(statement, kind)) is not None:
        yield problem
    condition = statement.get("Condition", {})
    if not _is_condition(condition):
        yield "has a Condition that is not of the form {OPERATOR: {KEY: VALUE}}."
    elif unknown := [operator for operator in condition if not _is_operator(operator)]:
        yield f"has a Condition with an operator that IAM does not know: {unknown[0]}."


def _element_problems(statement: Mapping[str, Any], kind: Kind) -> Iterator[str]:
    if unknown := sorted(str(name) for name in statement.keys() - _STATEMENT):
        yield f"has an element that IAM does not know: {unknown[0]}."
    if not is_text(statement.get("Sid", "")):
        yield "has a Sid that is no text."
    if statement.get("Effect") not in ("Allow", "Deny"):  # a set cannot be asked for a list
        yield "has an Effect that is neither Allow nor Deny."
    if len({"Action", "NotAction"} & statement.keys()) != 1:
        yield "must have an Action."
    for element in ("Action", "NotAction", "Resource", "NotResource"):
        if element in statement and not _is_texts(statement[element]):
            yield f"must have a text or a list of texts, which is not empty, as {element}."
    resources = len({"Resource", "NotResource"} & statement.keys())
    if kind == "trust" and resources:
        yield "names a Resource, which a trust policy cannot: it is about its role."
    if kind != "trust" and resources != 1:
        yield "must have a Resource."


def _action_problems(actions: Sequence[str], kind: Kind) -> Iterator[str]:
    for action in actions:
        if not _ACTION.fullmatch(action):
            yield f"has an action that is not of the form SERVICE:ACTION: {action!r}."
        elif kind == "trust" and not action.lower().startswith("sts:"):
            yield f"has the action {action}, and a trust policy takes those of sts alone."


def _principal_problem(statement: Mapping[str, Any], kind: Kind) -> str | None:
    """Say what is wrong with whom a statement is about."""
    given = {"Principal", "NotPrincipal"} & statement.keys()
    if kind == "permission" and given:
        return "names a Principal, which a permission policy cannot; was the trust policy pasted here?"
    if kind != "permission" and len(given) != 1:
        return "must name a Principal: whom it is about."
    if "NotPrincipal" in given and (kind == "trust" or statement.get("Effect") == "Allow"):
        return "has a NotPrincipal, which AWS takes with Deny only, and in no trust policy."
    if any(_is_partial(statement[name]) for name in given):
        return "has a Principal with a wildcard in it; AWS takes a single '*' or a whole name."
    if not all(_is_principal(statement[name]) for name in given):
        return "has a Principal that is neither '*' nor an object such as {\"AWS\": ARN}."
    return None


def is_text(value: object) -> TypeGuard[str]:
    """Tell whether a value is a text."""
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    return is_text(value) or (isinstance(value, list) and bool(value) and all(is_text(inner) for inner in value))


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
