"""How a trust policy tests sts:ExternalId."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from s3dest.findings import Finding
from s3dest.review.comparison import Verdict, judge, severity_of
from s3dest.review.grammar import Clause, Test, finding
from s3dest.review.requests import holds

EXTERNAL_ID: Final = "sts:externalid"


def review_external_id(way: Clause, external_id: str | None, *, beside: bool) -> Iterator[Finding]:
    """Say what of a way in keeps the vendor's external id out, then what lets others in.

    Args:
        way: The statement.
        external_id: The vendor's.
        beside: Whether another statement lets the vendor in.
    """
    tests = [test for test in way.conditions if test.key == EXTERNAL_ID]
    if external_id is not None:
        policy = f"Statement {way.name} of the trust policy" if beside else "The trust policy"
        remedy = f'Demand "StringEquals": {{"sts:ExternalId": "{external_id}"}}.'
        for verdict, test in judge(tests, external_id, beside=beside):
            message = f"{policy} {_what(verdict, test, external_id)}"
            yield finding(f"external_id_{verdict}", severity_of(verdict), message, remedy)
    elif not beside and any(holds(test, {EXTERNAL_ID: None}) is False for test in tests):
        message = "The trust policy demands an external id, and the config says that there is none."
        yield finding("external_id_mismatch", "error", message, "Put the external id into the config.")


def _what(verdict: Verdict, test: Test | None, external_id: str) -> str:
    """Say in words what a trust policy does with external ids."""
    if test is None:
        return "demands no external id: whoever tricks the vendor's service gets in with another's."
    texts: dict[Verdict, str] = {
        "mismatch": f"demands another external id than the config's {external_id!r}.",
        "operator": f"tests the external id by {test.operator}, which the config's {external_id!r} does not pass.",
        "optional": "demands an external id only if one is sent: leaving it out gets in.",
        "wildcard": f"takes any external id like {test.values[0]!r}.",
        "several": f"takes other external ids than the config's {external_id!r}, too.",
    }
    return texts[verdict]
