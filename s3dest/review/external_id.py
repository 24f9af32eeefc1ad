"""How a trust policy tests sts:ExternalId."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from s3dest.findings import Finding
from s3dest.review.comparison import EXACT, demands_any, is_strict, is_wild, takes
from s3dest.review.grammar import Clause, Test, finding
from s3dest.review.requests import holds

EXTERNAL_ID: Final = "sts:externalid"


def review_external_id(way: Clause, external_id: str | None) -> Iterator[Finding]:
    """Say what of a way in keeps the vendor's external id out, then what lets others in."""
    tests = [test for test in way.conditions if test.key == EXTERNAL_ID]
    compared = [test for test in tests if not demands_any(test)]
    sent = len(compared) < len(tests)
    if not compared and external_id is not None:
        message = "The trust policy demands no external id: whoever tricks the vendor's service gets in with another's."
        remedy = f'Add "Condition": {{"StringEquals": {{"sts:ExternalId": "{external_id}"}}}}.'
        yield finding("external_id_missing", "warning", message, remedy)
    elif external_id is None:
        if not any(holds(test, {EXTERNAL_ID: None}) is False for test in tests):
            return
        message = "The trust policy demands an external id, and the config says that there is none."
        yield finding("external_id_mismatch", "error", message, "Put the external id into the config.")
    else:
        found = [each for test in compared for each in _one(test, external_id, sent=sent)]
        strict = any(is_strict(test, sent=sent) for test in compared)
        # all tests must hold: one that is strict makes up for those that are not
        yield from (each for each in found if each.severity == "error" or not strict)


def _one(test: Test, external_id: str, *, sent: bool) -> Iterator[Finding]:
    remedy = f'Demand "StringEquals": {{"sts:ExternalId": "{external_id}"}}.'
    if test.comparison not in EXACT:
        yield finding("external_id_operator", "error", f"The external id is tested by {test.operator}.", remedy)
    elif not takes(test, external_id):
        message = f"The trust policy demands another external id than the config's {external_id!r}."
        yield finding("external_id_mismatch", "error", message, remedy)
    elif test.optional and not sent:
        message = "The external id is demanded only if one is sent: leaving it out gets in."
        yield finding("external_id_optional", "warning", message, remedy)
    elif is_wild(test):
        message = f"The trust policy takes any external id like {test.values[0]!r}."
        yield finding("external_id_wildcard", "warning", message, remedy)
    elif len(test.values) > 1:
        message = f"The trust policy takes other external ids than the config's {external_id!r}, too."
        yield finding("external_id_several", "warning", message, remedy)
