"""The guard against overwriting, which belongs into the policy of the bucket, and is found in others."""

from __future__ import annotations

from collections.abc import Iterator

from s3dest.config import DestinationConfig
from s3dest.findings import Finding
from s3dest.review.facts import CREATES, IF_NONE_MATCH
from s3dest.review.grammar import Clause, finding
from s3dest.review.principals import is_meant
from s3dest.review.requests import all_of, answer, holds, objects


def review_guard(clause: Clause, config: DestinationConfig, *, which: str) -> Iterator[Finding]:
    """Say of a statement that tests s3:if-none-match whether it refuses overwriting, and nothing else."""
    if not clause.acts("s3:PutObject"):
        message = f"Statement {clause.name} of the {which} tests s3:if-none-match, but not of s3:PutObject."
        yield finding("guard_elsewhere", "warning", message, "Deny s3:PutObject.")
    elif not clause.covers(objects(config)):
        message = f"The guard in the {which} does not cover {objects(config)}: what lies there can be overwritten."
        yield finding("guard_elsewhere", "warning", message, f"Set its resource to {objects(config)}.")
    elif is_meant(clause, config) is False:
        message = f"The guard in the {which} is about others than who writes: it keeps the vendor from nothing."
        yield finding("guard_elsewhere", "warning", message, 'Set its principal to "*".')
    else:
        yield from _condition(clause, config, which)


def _condition(clause: Clause, config: DestinationConfig, which: str) -> Iterator[Finding]:
    others = [test for test in clause.conditions if test.key not in {IF_NONE_MATCH, CREATES}]
    answers = [(test.key, answer(test, config)) for test in others]
    # a guard that never holds for the vendor refuses it nothing either, whatever else it tests
    wrong = [] if any(held is False for _, held in answers) else list(_own_tests(clause, which))
    yield from wrong
    if not wrong and (loose := sorted({key for key, held in answers if not held})):
        message = f"The guard in the {which} may not hold for the vendor: it depends on {', '.join(loose)}, too."
        yield finding("guard_conditional", "warning", message, "Take the further conditions away.")


def _own_tests(clause: Clause, which: str) -> Iterator[Finding]:
    """Say what is wrong with the two tests that make a guard."""
    if _refuses(clause, creates="false", header=None):
        message = f"The guard in the {which} refuses the parts of multipart uploads, which carry no If-None-Match."
        remedy = 'Add "Bool": {"s3:ObjectCreationOperation": "true"} to its condition.'
        yield finding("guard_blocks_multipart", "error", message, remedy)
    elif _refuses(clause, creates="true", header="*"):
        message = f"The guard in the {which} refuses what carries If-None-Match: all that s3dest writes."
        yield finding("guard_inverted", "error", message, 'Write "Null": {"s3:if-none-match": "true"}.')
    elif not _refuses(clause, creates="true", header=None):
        message = f"The guard in the {which} does not refuse what carries no If-None-Match: it can overwrite."
        remedy = 'Test it by "Null": {"s3:if-none-match": "true"} and "Bool": {"s3:ObjectCreationOperation": "true"}.'
        yield finding("guard_test", "warning", message, remedy)


def _refuses(clause: Clause, *, creates: str, header: str | None) -> bool | None:
    """Tell whether the two tests hold for a request that creates an object or a part, with or without the header."""
    request = {CREATES: creates, IF_NONE_MATCH: header}
    return all_of(holds(test, request) for test in clause.conditions if test.key in request)
