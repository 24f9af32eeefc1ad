"""What a check found: steps, findings, and the report that holds them."""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import ConfigDict, computed_field

from s3dest.errors import CheckFailedError, Owner
from s3dest.model import Model

Severity = Literal["error", "warning", "note"]
Outcome = Literal["ok", "failed", "warning", "skipped"]

_WRAPPER = textwrap.TextWrapper(
    width=100, initial_indent="    ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
)


class Finding(Model):
    """One result of a check that somebody should know about."""

    code: str
    """Stable name of the cause, for programs."""

    severity: Severity
    """`error`: data cannot be delivered. `warning`: it can, but something should be mended. `note`: good to know."""

    owner: Owner
    """Who can mend it."""

    message: str
    """What was found, with the values concerned."""

    remedy: str = ""
    """What to do."""

    operation: str | None = None
    """The S3 or STS operation that showed it."""

    key: str | None = None
    """The object key concerned; for a probe that could not be deleted, the one left over."""

    aws_code: str | None = None
    """The error code in AWS's answer."""

    status: int | None = None
    """The HTTP status of the answer."""

    request_id: str | None = None
    """AWS's id of the request, for its support."""


class CheckStep(Model):
    """One step of a check."""

    name: str
    """`credentials`, `put`, `append-only`, `delete` …"""

    outcome: Outcome
    """How it ended; `skipped` where an earlier step made it pointless."""

    duration: dt.timedelta
    """How long it took."""

    detail: str = ""
    """What it did, in a few words."""


class CheckReport(Model):
    """The result of `Destination.check`: prints as a table, dumps as JSON."""

    model_config = ConfigDict(extra="ignore")  # `ok` is dumped, and derived again when loaded

    destination: str
    """The bucket and prefix checked, as `s3://bucket/prefix`."""

    mode: Literal["setup", "recheck"]
    """Which check it was."""

    started: dt.datetime
    """When it began, UTC."""

    steps: tuple[CheckStep, ...]
    """What was done, in order."""

    findings: tuple[Finding, ...]
    """What was found, in the order of the steps."""

    @computed_field  # type: ignore[prop-decorator]  # mypy has no word for decorated properties
    @property
    def ok(self) -> bool:
        """Whether data can be delivered: no finding is an error."""
        return not any(finding.severity == "error" for finding in self.findings)

    def raise_for_failure(self) -> None:
        """Do nothing if the report is ok.

        Raises:
            CheckFailedError: At least one finding is an error; code, owner and remedy are those of the first, and
                the whole report is in its ``report``.
        """
        errors = [finding for finding in self.findings if finding.severity == "error"]
        if not errors:
            return
        first = errors[0]
        failure = CheckFailedError(
            f"The check of {self.destination} failed. " + " ".join(finding.message for finding in errors),
            code=first.code,
            owner=first.owner,
            remedy=first.remedy,
            operation=first.operation,
            key=first.key,
            aws_code=first.aws_code,
            status=first.status,
            request_id=first.request_id,
        )
        failure.report = self
        raise failure

    def __str__(self) -> str:
        """Lay the report out as plain text, 100 columns wide."""
        verdict = "ok" if self.ok else "FAILED"
        head = f"Check of {self.destination} ({self.mode}, {self.started:%Y-%m-%d %H:%M:%S} UTC): {verdict}"
        return "\n".join([head, *_step_lines(self.steps), *_finding_lines(self.findings)])

    def __repr_args__(self) -> Any:  # noqa: ANN401  # pydantic's own signature
        """Keep the repr to one line."""
        return [("destination", self.destination), ("mode", self.mode), ("ok", self.ok)]


def _step_lines(steps: Iterable[CheckStep]) -> Iterable[str]:
    for step in steps:
        milliseconds = round(step.duration.total_seconds() * 1000)
        yield f"  {step.name:<13} {step.outcome:<7} {milliseconds:>6} ms  {step.detail}".rstrip()


def _finding_lines(findings: Iterable[Finding]) -> Iterable[str]:
    for finding in findings:
        yield f"  {finding.severity}: {finding.code} (to be mended by: {finding.owner})"
        for text in (finding.message, finding.remedy):
            yield from _WRAPPER.wrap(text)
