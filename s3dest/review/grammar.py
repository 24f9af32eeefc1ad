"""Reads a pasted policy: IAM's grammar, and statements in one shape. Knows no config."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

from s3dest.findings import Finding, Severity
from s3dest.review.elements import Kind, Problem, is_text, policy_problems, statement_problems
from s3dest.review.paper import Pasted, UnreadableError, repeated, unfold

_OLD_VERSION: Final = "2008-10-17"
"""What AWS assumes where none is given (IAM user guide, "IAM JSON policy elements: Version")."""

_SID: Final = re.compile(r"[A-Za-z0-9]+", re.ASCII)
"""A statement's name in IAM's own policies (IAM user guide, "IAM JSON policy elements: Sid")."""


@dataclass(frozen=True, slots=True)
class Test:
    """One line of a condition."""

    __test__ = False  # pytest collects what begins so

    operator: str
    key: str
    """In lower case, as IAM compares it."""
    values: tuple[str, ...]

    @property
    def comparison(self) -> str:
        """The operator alone; of a key that has one value, as all have that are known here, the rest is `optional`."""
        return self.operator.removeprefix("ForAnyValue:").removeprefix("ForAllValues:").removesuffix("IfExists")

    @property
    def optional(self) -> bool:
        """Whether it holds where the key is not there."""
        return self.operator.startswith("ForAllValues:") or self.operator.endswith("IfExists")


@dataclass(frozen=True)
class Clause:
    """One statement. Not slotted: it keeps what it is matched by, which is asked for again and again."""

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
        hit = self._of_actions.fullmatch(action) is not None
        return hit is not ("NotAction" in self.negated)

    def covers(self, resource: str) -> bool:
        """Tell whether all of a resource is meant; a ``*`` in it stands for all that it stands for."""
        hit = self._of_resources.fullmatch(resource) is not None
        return hit is not ("NotResource" in self.negated)

    @cached_property
    def _of_actions(self) -> re.Pattern[str]:
        return _any_of(self.actions, case=False)

    @cached_property
    def _of_resources(self) -> re.Pattern[str]:
        return _any_of(self.resources, case=True)


@dataclass(frozen=True, slots=True)
class Reading:
    """A pasted policy, read as far as it can be."""

    title: str
    clauses: tuple[Clause, ...]
    findings: tuple[Finding, ...]
    whole: bool = True
    """Whether each statement could be read; one that could not may say what seems to be missing."""


def like(pattern: str, text: str, *, case: bool = True) -> bool:
    """Match as IAM does: ``*`` is any text, ``?`` any character; a ``*`` in the text is many, and no ``?`` is."""
    return _any_of((pattern,), case=case).fullmatch(text) is not None


@lru_cache(maxsize=512)  # the same few resources are compared with those of each statement
def _any_of(patterns: tuple[str, ...], *, case: bool) -> re.Pattern[str]:
    """Compile what matches like any of some patterns."""
    return re.compile("|".join(map(_expression, patterns)), re.DOTALL if case else re.DOTALL | re.IGNORECASE)


def _expression(pattern: str) -> str:
    first, *others = [re.escape(piece).replace(r"\?", "[^*]") for piece in pattern.split("*")]
    # Each piece counts where it is found first, and is never looked for again (an atomic group): a pasted "*?*?…z"
    # would otherwise be tried in more ways than anybody has time for.
    return first + "".join(f"(?>.*?{piece})" for piece in others[:-1]) + "".join(f".*{piece}" for piece in others[-1:])


def finding(code: str, severity: Severity, message: str, remedy: str = "") -> Finding:
    """Make a finding for the customer, whose policy it is."""
    return Finding(code=code, severity=severity, owner="customer", message=_whole(message), remedy=_whole(remedy))


def _whole(text: str) -> str:
    """Escape half a surrogate pair, such as a cut emoji: JSON can hold it, and no encoding can."""
    return text.encode(errors="backslashreplace").decode()


def read(kind: Kind, pasted: Pasted) -> Reading:
    """Read a policy.

    Args:
        kind: Which policy it is, and so which elements it must and must not have.
        pasted: The policy.
    """
    title = f"The {kind} policy"
    try:
        policy = unfold(pasted)
    except UnreadableError as error:
        return Reading(title, (), (finding(error.code, "error", f"{title} {error}", error.remedy),))
    statements = policy["Statement"]
    refused = (_refused(title, problem) for problem in policy_problems(policy))
    found = [*refused, *_version(title, policy), *_names(title, kind, statements)]
    clauses = []
    for number, statement in enumerate(statements, start=1):
        sid = statement.get("Sid")
        name = sid if is_text(sid) and sid else str(number)
        which = f"Statement {name} of {title[0].lower()}{title[1:]}"
        problems = [_refused(which, problem) for problem in statement_problems(statement, kind)]
        found += problems
        if not problems:
            clauses.append(_clause(name, statement))
    return Reading(title, tuple(clauses), tuple(found), whole=len(clauses) == len(statements))


def _refused(which: str, problem: Problem) -> Finding:
    what, remedy = problem
    return finding("policy_grammar", "error", f"{which} {what}", remedy)


def _version(title: str, policy: Mapping[str, Any]) -> Iterator[Finding]:
    """Tell of an old version, or none, which is the old one: in it ``${…}`` is no variable."""
    if policy.get("Version", _OLD_VERSION) == _OLD_VERSION:
        matters = "${" in json.dumps(policy, default=str, skipkeys=True)
        why = "what it has in ${…} is taken literally" if matters else "that makes no difference here"
        message = f"{title} is not of version 2012-10-17: {why}."
        yield finding(
            "policy_version", "warning" if matters else "note", message, 'Begin it with "Version": "2012-10-17".'
        )


def _names(title: str, kind: Kind, statements: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Say what is wrong with the Sids; IAM is stricter with its own policies than S3 and KMS are."""
    sids = [sid for statement in statements if is_text(sid := statement.get("Sid")) and sid]
    if kind not in {"permission", "trust"}:
        return
    for sid in sids:
        if not _SID.fullmatch(sid):
            message = f"{title} has the Sid {sid!r}, and IAM takes letters and digits only."
            yield finding("policy_grammar", "error", message, "Write it with letters A to Z and digits.")
    if twice := repeated(sids):
        message = f"{title} has the Sid {twice!r} twice, which IAM refuses."
        yield finding("policy_grammar", "error", message, "Give each statement a Sid of its own, or none.")


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
