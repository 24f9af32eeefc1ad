"""What a check has found so far: errors and observations of the catalogue, each with its step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from s3dest import catalogue
from s3dest.config import DestinationConfig
from s3dest.diagnosis import describe
from s3dest.errors import S3DestError
from s3dest.findings import Finding, Severity
from s3dest.problem import Problem

_BY_CODE: Final = {problem.code: problem for problem in reversed(catalogue.ALL)}
_RANK: Final[tuple[Severity, ...]] = ("note", "warning", "error")


class Notes:
    """Collects the findings of one check.

    Attributes:
        findings: Those so far.
        step: The name of the step at work.
        config: The destination, for the values in the texts.
    """

    def __init__(self, config: DestinationConfig) -> None:
        self.findings: list[Finding] = []
        self.step: str | None = None
        self.config = config

    def error(self, error: S3DestError, *, at_most: Severity = "error") -> None:
        """Note an error, with the severity that its code has in the catalogue, or less."""
        problem = _BY_CODE.get(error.code)
        severity = min(problem.severity if problem else "error", at_most, key=_RANK.index)
        self.findings.append(finding_of(error, severity=severity, step=self.step))

    def problem(
        self,
        problem: Problem,
        *,
        key: str | None = None,
        mend: Mapping[str, object] | None = None,
        severity: Severity | None = None,
        **values: str,
    ) -> None:
        """Note what was observed without an error; ``values`` are those of further placeholders."""
        described = describe(problem, self.config, operation=None, key=key, mend=mend, more=values)
        finding = finding_of(described, severity=severity or problem.severity, step=self.step)
        self.findings.append(finding)


def reworded(
    error: S3DestError,
    problem: Problem,
    config: DestinationConfig,
    *,
    mend: Mapping[str, object] | None = None,
    **values: str,
) -> S3DestError:
    """Call an error by a better name, which only the other steps' outcome could tell; its facts stay."""
    better = describe(problem, config, operation=error.operation, key=error.key, mend=mend, more=values)
    better.message = f"{better.message} {error.said}".rstrip()
    better.said, better.aws_code, better.status = error.said, error.aws_code, error.status
    better.request_id = error.request_id
    return better


def finding_of(error: S3DestError, *, severity: Severity = "error", step: str | None = None) -> Finding:
    """Make a finding of an error."""
    problem = _BY_CODE.get(error.code)
    return Finding(
        code=error.code,
        severity=severity,
        owner=error.owner,
        message=error.message,
        remedy=error.remedy,
        operation=error.operation,
        key=error.key,
        aws_code=error.aws_code,
        status=error.status,
        request_id=error.request_id,
        step=step,
        statement=error.statement,
        mend=error.mend,
        link=problem.link if problem else "",
    )


def settles(finding: Finding) -> bool:
    """Tell whether a finding may be gone in minutes, because IAM spreads an edited policy slowly."""
    problem = _BY_CODE.get(finding.code)
    return problem is not None and problem.settles
