"""The audit: rights of the customer's role or user that appending does not need, each a finding."""

from __future__ import annotations

from collections.abc import Callable

from s3dest import observations
from s3dest.config import DestinationConfig
from s3dest.layout import new_transfer_id, probe_key
from s3dest.notes import Notes
from s3dest.problem import Problem
from s3dest.rights import Rights

Question = tuple[str, Problem, Callable[[], bool | None]]


def audit(rights: Rights, config: DestinationConfig, notes: Notes, *, probe: str | None) -> str:
    """Ask for each right that is not needed; return what was found, in a few words.

    Args:
        rights: Asks the store.
        config: The destination.
        notes: Takes the findings.
        probe: Key of an object that is there, if one is; reading it tells more than reading nothing.
    """
    missing = probe_key(config.key_prefix)
    odd = f"s3dest-audit-{new_transfer_id()}"
    questions: list[Question] = [
        ("read", observations.MAY_READ, lambda: rights.may_read(probe or missing)),
        ("list", observations.MAY_LIST, lambda: rights.may_list(config.key_prefix)),
        # not among the probes, which a set-up check may delete
        ("delete", observations.MAY_DELETE, lambda: rights.may_delete(f"{config.key_prefix}{odd}")),
    ]
    if config.key_prefix:
        questions.append(("put outside of the prefix", observations.MAY_PUT_ELSEWHERE, lambda: rights.may_put(odd)))
    found = []
    for right, problem, ask in questions:
        granted = ask()
        if granted is None:
            notes.problem(observations.AUDIT_INCONCLUSIVE, right=right)
        elif granted:
            notes.problem(problem)
            found.append(right)
    return f"may also: {', '.join(found)}" if found else "no right that is not needed"
