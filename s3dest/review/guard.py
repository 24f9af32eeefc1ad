"""The guard against overwriting, which belongs into the policy of the bucket, and is found in others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from s3dest.config import DestinationConfig
from s3dest.findings import Finding, Severity
from s3dest.review.facts import CREATES, IF_NONE_MATCH
from s3dest.review.grammar import Clause, finding
from s3dest.review.principals import is_meant
from s3dest.review.requests import about, all_of, answer, holds, objects, reach
from s3dest.review.width import PUT


def review_guard(
    clause: Clause, config: DestinationConfig, *, which: str, among: Sequence[Clause]
) -> Iterator[Finding]:
    """Say of a statement that tests s3:if-none-match whether it refuses overwriting, and nothing else.

    Args:
        clause: The statement.
        config: The destination.
        which: What its policy is called.
        among: All statements of the policy: beside a guard of all that is written another may guard what it likes.
    """
    if (blocks := _blocks(clause, config, which)) is not None:
        yield blocks
    elif not any(_is_guard(each, config) for each in among) and (gap := _gap(clause, config, which)) is not None:
        yield gap


def _is_guard(clause: Clause, config: DestinationConfig) -> bool:
    """Tell whether a statement keeps the vendor from overwriting anything that is written."""
    tests = not clause.allows and any(test.key == IF_NONE_MATCH for test in clause.conditions)
    return tests and _gap(clause, config, "") is None


def _blocks(clause: Clause, config: DestinationConfig, which: str) -> Finding | None:
    """Say what a guard refuses of what s3dest writes."""
    much = reach(clause, config)
    never = is_meant(clause, config) is False or any(held is False for _, held in _others(clause, config))
    if not clause.acts(PUT) or much == "nothing" or never:
        return None
    where = "" if clause.covers(objects(config)) else f" on {', '.join(clause.resources)}"
    severity: Severity = "error" if much == "all" else "warning"
    if "part" in about(clause, config) and _refuses(clause, creates="false", header=None):
        message = f"The guard in the {which} refuses parts of multipart uploads{where}: they carry no If-None-Match."
        remedy = 'Add "Bool": {"s3:ObjectCreationOperation": "true"} to its condition.'
        return finding("guard_blocks_multipart", severity, message, remedy)
    if _refuses(clause, creates="true", header="*"):
        message = f"The guard in the {which} refuses what carries If-None-Match{where}: all that s3dest writes."
        return finding("guard_inverted", severity, message, 'Write "Null": {"s3:if-none-match": "true"}.')
    return None


def _gap(clause: Clause, config: DestinationConfig, which: str) -> Finding | None:
    """Say what can be overwritten beside a guard."""
    target = objects(config)
    if not clause.acts(PUT):
        message = f"Statement {clause.name} of the {which} tests s3:if-none-match, but not of s3:PutObject."
        return finding("guard_elsewhere", "warning", message, "Deny s3:PutObject.")
    if not clause.covers(target):
        message = f"The guard in the {which} does not cover {target}: what lies there can be overwritten."
        return finding("guard_elsewhere", "warning", message, f"Set its resource to {target}.")
    if is_meant(clause, config) is False:
        message = f"The guard in the {which} is about others than who writes: it keeps the vendor from nothing."
        return finding("guard_elsewhere", "warning", message, 'Set its principal to "*".')
    if not _refuses(clause, creates="true", header=None):
        message = f"The guard in the {which} does not refuse what carries no If-None-Match: it can overwrite."
        remedy = 'Test it by "Null": {"s3:if-none-match": "true"} and "Bool": {"s3:ObjectCreationOperation": "true"}.'
        return finding("guard_test", "warning", message, remedy)
    if loose := sorted({key for key, held in _others(clause, config) if not held}):
        message = f"The guard in the {which} may not hold for the vendor: it depends on {', '.join(loose)}, too."
        return finding("guard_conditional", "warning", message, "Take the further conditions away.")
    return None


def _others(clause: Clause, config: DestinationConfig) -> list[tuple[str, bool | None]]:
    """List the further tests of a guard, and whether they hold for the vendor."""
    others = [test for test in clause.conditions if test.key not in {IF_NONE_MATCH, CREATES}]
    return [(test.key, answer(test, config)) for test in others]


def _refuses(clause: Clause, *, creates: str, header: str | None) -> bool | None:
    """Tell whether the two tests hold for a request that creates an object or a part, with or without the header."""
    request = {CREATES: creates, IF_NONE_MATCH: header}
    return all_of(holds(test, request) for test in clause.conditions if test.key in request)
