"""What a check found: steps, findings, and the report that holds them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, JsonValue, computed_field

from s3dest import drift, rendering
from s3dest.capabilities import Capabilities
from s3dest.drift import Change
from s3dest.errors import CheckFailedError, ConfigError, Owner
from s3dest.kind import kind_of
from s3dest.model import Model

if TYPE_CHECKING:
    from rich.console import Group

Severity = Literal["error", "warning", "note"]
Outcome = Literal["ok", "failed", "warning", "skipped"]


class Finding(Model):
    """One result of a check that somebody should know about."""

    code: str
    """Stable name of the cause, for programs."""

    severity: Severity
    """`error`: data cannot be delivered. `warning`: it can, but something should be fixed. `note`: good to know."""

    owner: Owner
    """Who can fix it."""

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

    step: str | None = None
    """The step of the check that showed it."""

    statement: dict[str, JsonValue] | None = None
    """The policy, statement or lifecycle rule to paste, where one fixes it."""

    mend: dict[str, JsonValue] | None = None
    """The fields of the config that fix it, for `config.model_copy(update=finding.mend)`, where they are known."""

    link: str = ""
    """Where s3dest's README says more: `README.md#CODE`, to be put behind the address of your copy of it."""


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

    capabilities: Capabilities | None = None
    """What the store can do, as far as this check tried it."""

    steady_policy: dict[str, JsonValue] | None = None
    """After a set-up check that is ok: the policy that is enough from now on, for the customer to put in place.
    ``None`` also where it would have to name a KMS key that an answer called by no ARN of the bucket's region."""

    waited: dt.timedelta = dt.timedelta(0)
    """How long it was waited for IAM to spread a policy just saved."""

    @property
    def duration(self) -> dt.timedelta:
        """How long the steps took together; sends nothing."""
        return sum((step.duration for step in self.steps), dt.timedelta(0))

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
        failure.statement, failure.mend = first.statement, first.mend
        failure.report = self
        raise failure

    def changes_since(self, earlier: CheckReport) -> tuple[Change, ...]:
        """Tell what changed since an earlier report, in a sentence each; nothing if nothing did.

        What this check did not look at is not said to be gone: a recheck deletes nothing, say.

        Raises:
            ConfigError: The earlier one is no report.
        """
        if not isinstance(earlier, CheckReport):
            message = f"The earlier report is a CheckReport, not {kind_of(earlier)}."
            raise ConfigError(message, code="report", remedy="Load it with CheckReport.model_validate_json().")
        return tuple(drift.changes(earlier, self))

    def to_markdown(self) -> str:
        """Write the report as Markdown, to be sent to the customer."""
        return rendering.markdown(self)

    def __str__(self) -> str:
        """Lay the report out as plain text, 100 columns wide."""
        return rendering.plain(self)

    def __rich__(self) -> Group:
        """Lay the report out for a terminal: ``rich.print(report)``."""
        return rendering.rich(self)

    def __repr_args__(self) -> Any:  # noqa: ANN401  # pydantic's own signature
        """Keep the repr to one line."""
        return [("destination", self.destination), ("mode", self.mode), ("ok", self.ok)]
