"""What changed between two reports."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from s3dest import Capabilities, CheckReport, CheckStep, ConfigError, Finding

THEN = dt.datetime(2026, 11, 1, 8, 30, tzinfo=dt.UTC)


def report(*findings: Finding, steps: str = "credentials put delete", **more: Any) -> CheckReport:
    """Make a report with these steps, all done."""
    done = tuple(CheckStep(name=name, outcome="ok", duration=dt.timedelta(0)) for name in steps.split())
    return CheckReport(
        destination="s3://acme-lake/vendor", mode="setup", started=THEN, steps=done, findings=findings, **more
    )


def finding(code: str, severity: Any = "error", step: str = "put") -> Finding:
    """Make a finding."""
    return Finding(code=code, severity=severity, owner="customer", message=f"It is {code}.", step=step)


def test_equal_reports_have_no_changes() -> None:
    """Whatever they found."""
    assert report(finding("put_denied")).changes_since(report(finding("put_denied"))) == ()


def test_what_is_no_report_is_refused() -> None:
    """None, where no earlier one was kept, say."""
    with pytest.raises(ConfigError, match="not a NoneType"):
        report().changes_since(None)  # type: ignore[arg-type]  # the point


def test_a_new_finding_is_said_with_its_date() -> None:
    """In a sentence that can be read alone."""
    (change,) = report(finding("put_denied")).changes_since(report())
    assert (change.kind, change.worse) == ("appeared", True)
    assert str(change) == "New since 2026-11-01 08:30 UTC: put_denied (error). It is put_denied."


def test_a_note_makes_nothing_worse() -> None:
    """It is good to know, and no more."""
    (change,) = report(finding("bucket_versioned", "note")).changes_since(report())
    assert not change.worse


def test_a_finding_that_is_gone_is_said() -> None:
    """Where its step was done again."""
    (change,) = report().changes_since(report(finding("put_denied")))
    assert (change.kind, change.worse) == ("gone", False)


def test_what_was_not_looked_at_is_not_gone() -> None:
    """A recheck deletes nothing, and says nothing about versions."""
    before = report(finding("bucket_versioned", "note", step="delete"))
    assert report(steps="credentials create-upload").changes_since(before) == ()


def test_a_recheck_and_a_set_up_check_are_compared() -> None:
    """Beginning an upload needs what a put needs: the same refusal is not new, and a success ends it."""
    before = report(finding("put_denied"), finding("abort_denied", "note", step="multipart"))
    same = finding("put_denied", step="create-upload"), finding("abort_denied", "note", step="abort-upload")
    assert report(*same, steps="credentials create-upload abort-upload").changes_since(before) == ()
    (change,) = report(steps="credentials create-upload").changes_since(before)
    assert (change.kind, change.code) == ("gone", "put_denied")


def test_another_severity_is_a_change() -> None:
    """A waived weakness that is an error now, say."""
    (change,) = report(finding("x", "error")).changes_since(report(finding("x", "warning")))
    assert (change.kind, change.worse) == ("changed", True)
    assert "was of severity warning, and is of severity error" in change.sentence


def test_a_capability_that_changed_is_said() -> None:
    """Where both reports know it."""
    before = report(capabilities=Capabilities(conditional_put=True, conditional_complete=True))
    after = report(capabilities=Capabilities(conditional_put=False))
    (change,) = after.changes_since(before)
    assert (change.code, change.worse) == ("capability", True)
    assert "conditional_put was True, and is False" in change.sentence
