"""Reads a pasted policy: JSON, IAM's grammar, and statements in one shape. Knows no config."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from s3dest.findings import Finding, Severity

_KEYS: Final = frozenset("Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition".split())
"""Elements of a statement (IAM user guide, "IAM JSON policy element reference")."""

Pasted = Mapping[str, object] | str
"""A policy as plain values, or its JSON text."""


@dataclass(frozen=True, slots=True)
class Test:
    """One line of a condition."""

    __test__ = False  # pytest collects what begins so

    operator: str
    key: str
    """In lower case, as IAM compares it."""
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """One statement."""

    name: str
    """Its Sid, or its number counted from 1."""
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: Mapping[str, tuple[str, ...]]
    """By kind: ``AWS``, ``Federated``, ``Service``; everybody is ``{"*": ("*",)}``."""
    conditions: tuple[Test, ...]
    negated: tuple[str, ...]
    """Which of its elements are the ``Not`` form: what they mean is everything else."""

    def acts(self, action: str) -> bool:
        """Tell whether an action is meant."""
        hit = any(like(pattern, action, case=False) for pattern in self.actions)
        return hit is not ("NotAction" in self.negated)

    def covers(self, resource: str) -> bool:
        """Tell whether all of a resource is meant; a ``*`` in it stands for all that it stands for."""
        hit = any(like(pattern, resource) for pattern in self.resources)
        return hit is not ("NotResource" in self.negated)


@dataclass(frozen=True, slots=True)
class Reading:
    """A pasted policy, read as far as it can be."""

    title: str
    clauses: tuple[Clause, ...]
    findings: tuple[Finding, ...]


def like(pattern: str, text: str, *, case: bool = True) -> bool:
    """Match as IAM does: ``*`` is any text, ``?`` any character."""
    wild = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(wild, text, re.DOTALL if case else re.DOTALL | re.IGNORECASE) is not None


def finding(code: str, severity: Severity, message: str, remedy: str = "") -> Finding:
    """Make a finding for the customer, whose policy it is."""
    return Finding(code=code, severity=severity, owner="customer", message=message, remedy=remedy)


def read(title: str, pasted: Pasted, *, principal: bool) -> Reading:
    """Read a policy.

    Args:
        title: What it is, to begin sentences with: ``The trust policy``.
        pasted: The policy.
        principal: Whether its statements name principals (trust, bucket and key policies do) or must not.
    """
    try:
        # Windows' editors begin with a mark
        policy = json.loads(pasted.removeprefix("\ufeff")) if isinstance(pasted, str) else pasted
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        problem = finding("policy_json", "error", f"{title} is not JSON{where}.", "Paste all of it, from { to }.")
        return Reading(title, (), (problem,))
    statements = policy.get("Statement") if isinstance(policy, Mapping) else None
    statements = [statements] if isinstance(statements, Mapping) else statements
    if not isinstance(statements, list) or not all(isinstance(statement, Mapping) for statement in statements):
        problem = finding("policy_grammar", "error", f"{title} has no list of statements under 'Statement'.")
        return Reading(title, (), (problem,))
    if not statements:
        problem = finding("policy_grammar", "error", f"{title} has no statement, and so allows nothing.")
        return Reading(title, (), (problem,))
    found = list(_version(title, policy))
    clauses = []
    for number, statement in enumerate(statements, start=1):
        name = str(statement.get("Sid") or number)
        problems = list(_grammar(f"Statement {name} of {title[0].lower()}{title[1:]}", statement, principal=principal))
        found += problems
        if not problems:
            clauses.append(_clause(name, statement))
    return Reading(title, tuple(clauses), tuple(found))


def _version(title: str, policy: Mapping[str, Any]) -> Iterator[Finding]:
    if policy.get("Version") != "2012-10-17":
        yield finding(
            "policy_version",
            "warning",
            f"{title} is not of version 2012-10-17.",
            'Begin it with "Version": "2012-10-17".',
        )


def _grammar(which: str, statement: Mapping[str, Any], *, principal: bool) -> Iterator[Finding]:
    def wrong(message: str) -> Finding:
        return finding("policy_grammar", "error", f"{which} {message}")

    if unknown := sorted(statement.keys() - _KEYS):
        yield wrong(f"has an element that IAM does not know: {unknown[0]}.")
    if statement.get("Effect") not in {"Allow", "Deny"}:
        yield wrong("has an Effect that is neither Allow nor Deny.")
    if len({"Action", "NotAction"} & statement.keys()) != 1:
        yield wrong("must have an Action.")
    for element in ("Action", "NotAction", "Resource", "NotResource"):
        if element in statement and not _is_texts(statement[element]):
            yield wrong(f"must have a text or a list of texts as {element}.")
    names = bool({"Principal", "NotPrincipal"} & statement.keys())
    if principal and not names:
        yield wrong("must name a Principal: whom it is about.")
    if not principal and names:
        yield wrong("names a Principal, which a permission policy cannot; was the trust policy pasted here?")
    if not _is_principal(statement.get("Principal", "*")) or not _is_principal(statement.get("NotPrincipal", "*")):
        yield wrong("has a Principal that is neither '*' nor an object such as {\"AWS\": ARN}.")
    condition = statement.get("Condition", {})
    if not isinstance(condition, Mapping) or not all(
        isinstance(tests, Mapping) and all(_is_texts(values) for values in tests.values())
        for tests in condition.values()
    ):
        yield wrong("has a Condition that is not of the form {OPERATOR: {KEY: VALUE}}.")


def _is_texts(value: object) -> bool:
    return isinstance(value, (str, bool, int)) or (
        isinstance(value, list) and all(isinstance(inner, (str, bool, int)) for inner in value)
    )


def _is_principal(value: object) -> bool:
    return value == "*" or (isinstance(value, Mapping) and all(_is_texts(names) for names in value.values()))


def _clause(name: str, statement: Mapping[str, Any]) -> Clause:
    negated = tuple(element for element in ("NotAction", "NotResource", "NotPrincipal") if element in statement)
    principals = statement.get("Principal", statement.get("NotPrincipal", {}))
    if principals == "*":
        principals = {"*": "*"}
    return Clause(
        name=name,
        allows=statement["Effect"] == "Allow",
        actions=_texts(statement.get("Action", statement.get("NotAction", []))),
        resources=_texts(statement.get("Resource", statement.get("NotResource", []))),
        principals={kind: _texts(names) for kind, names in principals.items()},
        conditions=tuple(
            Test(operator, key.lower(), _texts(values))
            for operator, tests in statement.get("Condition", {}).items()
            for key, values in tests.items()
        ),
        negated=negated,
    )


def _texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401  # a text or a list of texts
    values = value if isinstance(value, list) else [value]
    return tuple(str(text).lower() if isinstance(text, bool) else str(text) for text in values)
