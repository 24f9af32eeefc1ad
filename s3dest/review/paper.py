"""From what was pasted to one policy as plain values: JSON text or values, not too many, and out of AWS's wrappings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote

Pasted = Mapping[str, object] | str
"""A policy as plain values, or its JSON text."""

_LONGEST: Final = 32_768
"""Characters of the longest policy, a key's (KMS developer guide, "Resource quotas"); IAM and S3 take less."""

_WRAPPINGS: Final = ("Role", "PolicyVersion", "AssumeRolePolicyDocument", "PolicyDocument", "Document", "Policy")
"""Where a policy stands in the answers of GetRole, GetRolePolicy, GetPolicyVersion, GetBucketPolicy and GetKeyPolicy,
the outer ones first."""

_SHAPE: Final = '{"Version": "2012-10-17", "Statement": [{"Effect": …}]}'


class UnreadableError(ValueError):
    """What was pasted is no policy."""

    def __init__(self, problem: str, *, remedy: str, code: str = "policy_grammar") -> None:
        super().__init__(problem)
        self.remedy = remedy
        self.code = code


def unfold(pasted: Pasted) -> Mapping[str, Any]:
    """Take what was pasted for one policy, with a list of statements.

    Raises:
        UnreadableError: It is none, or longer than any that AWS takes.
    """
    policy = _unwrap(_values(pasted) if isinstance(pasted, str) else pasted)
    if _length(policy) > _LONGEST:
        msg = "is longer than AWS takes any."
        raise UnreadableError(msg, remedy="Paste the policy alone.")
    elements = policy if isinstance(policy, Mapping) else {}
    statements = elements.get("Statement")
    statements = [statements] if isinstance(statements, Mapping) else statements
    if not isinstance(statements, list) or not all(isinstance(statement, Mapping) for statement in statements):
        msg = "has no list of statements under 'Statement'."
        raise UnreadableError(msg, remedy=f"Write it as {_SHAPE}.")
    if not statements:
        msg = "has no statement, and so allows nothing."
        raise UnreadableError(msg, remedy=f"Write it as {_SHAPE}.")
    return {**elements, "Statement": statements}


def repeated(texts: Iterable[str]) -> str | None:
    """Tell the first text that is there more than once."""
    return next((text for text, times in Counter(texts).items() if times > 1), None)


def _values(text: str) -> object:
    """Read JSON: as it is, as a text within JSON, which the AWS CLI prints, or as part of a URL, which IAM answers."""
    text = text.removeprefix("\ufeff").strip()  # Windows' editors begin with a mark
    value = _parsed(unquote(text) if text[:3].upper() == "%7B" else text)
    return _parsed(value) if isinstance(value, str) else value


def _parsed(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except UnreadableError:
        raise
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        msg = f"is not JSON{where}."
        raise UnreadableError(msg, remedy="Paste all of it, from { to }.", code="policy_json") from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse an object that names a key twice; Python would keep the last one, IAM refuses."""
    if (twice := repeated(name for name, _ in pairs)) is not None:
        msg = f"has {twice} twice in one place, which IAM refuses."
        raise UnreadableError(msg, remedy="Keep one of the two.")
    return dict(pairs)


def _unwrap(value: object) -> object:
    """Take a policy out of the answers that AWS's tools print."""
    for name in _WRAPPINGS:
        if isinstance(value, Mapping) and name in value and "Statement" not in value:
            value = value[name]
            value = _values(value) if isinstance(value, str) else value
    return value


def _length(policy: object) -> int:
    """Count characters as AWS does, without white space."""
    try:
        return len(json.dumps(policy, separators=(",", ":"), skipkeys=True, default=_plain))
    except (ValueError, RecursionError) as error:  # a ring, too deep, or a number of thousands of digits
        msg = "holds what no JSON can say."
        raise UnreadableError(msg, remedy="Paste its JSON text.") from error


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else None
