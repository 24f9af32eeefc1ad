"""What a problem is: one entry of the catalogue (catalogue.py). Pure data; diagnosis.py fills the values in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from s3dest.errors import Owner, S3DestError
from s3dest.findings import Severity

StatementKind = Literal[
    "put",
    "delete",
    "kms",
    "kms-key",
    "trust",
    "external-id",
    "bucket",
    "boundary",
    "endpoint",
    "guard",
    "uploads-expire",
    "versions-expire",
    "steady",
]
"""Which document fixes a problem; statements.py writes it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One cause of failure: what to call it, whose it is, what to do."""

    code: str
    """Stable name, for programs; also the anchor in the README's table."""
    error: type[S3DestError]
    """What a writer raises for it."""
    owner: Owner
    title: str
    """What is wrong, a sentence; ``{bucket}`` and the like stand for the customer's values."""
    remedy: str
    """What to do, with the same placeholders."""
    retryable: bool = False
    ambiguous: bool = False
    severity: Severity = "error"
    """What a check makes of it."""
    statement: StatementKind | None = None
    """The document to paste, if one fixes it."""
    settles: bool = False
    """Whether it may pass by itself within minutes, because IAM spreads an edited policy slowly."""
    elsewhere: str = ""
    """What to add to the remedy on other stores than AWS."""

    @property
    def link(self) -> str:
        """Its place in the README, which has no address of its own before s3dest is published."""
        return f"README.md#{self.code}"
