"""The report of a check: as an exception, as text, as JSON."""

from __future__ import annotations

import datetime as dt
import json
import pickle
from typing import Any

import pytest
from pydantic import ValidationError

from s3dest import CheckFailedError, CheckReport, CheckStep, Finding

DENIED = Finding(
    code="put_denied",
    severity="error",
    owner="customer",
    message="Writing to s3://acme-lake/vendor is denied.",
    remedy="Allow s3:PutObject on arn:aws:s3:::acme-lake/vendor/* in the policy of the role or user.",
    operation="PutObject",
    key="vendor/a",
    aws_code="AccessDenied",
    status=403,
    request_id="4442587FB7D0A2F9",
)
LOOSE = Finding(code="external_id_absent", severity="warning", owner="vendor", message="No external id.")
VERSIONED = Finding(code="bucket_versioned", severity="note", owner="customer", message="A version remains.")


def report(*findings: Finding) -> CheckReport:
    """Make a report with two steps."""
    steps = (
        CheckStep(name="credentials", outcome="ok", duration=dt.timedelta(seconds=1.2345), detail="session"),
        CheckStep(name="put", outcome="failed", duration=dt.timedelta(0)),
    )
    started = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
    return CheckReport(
        destination="s3://acme-lake/vendor", mode="setup", started=started, steps=steps, findings=findings
    )


@pytest.mark.parametrize(("findings", "ok"), [([], True), ([LOOSE, VERSIONED], True), ([LOOSE, DENIED], False)])
def test_errors_alone_fail_a_check(findings: list[Finding], ok: Any) -> None:
    """Warnings and notes do not keep data from being delivered."""
    checked = report(*findings)
    assert checked.ok is ok
    if ok:
        checked.raise_for_failure()
        return
    with pytest.raises(CheckFailedError):
        checked.raise_for_failure()


def test_a_failure_has_the_facts_of_the_first_error() -> None:
    """And the message of each, and the whole report, also after pickling."""
    second = DENIED.model_copy(update={"code": "other", "message": "Another."})
    with pytest.raises(CheckFailedError) as caught:
        report(LOOSE, DENIED, second).raise_for_failure()
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):  # noqa: S301  # our own
        assert (error.code, error.owner, error.remedy) == ("put_denied", "customer", DENIED.remedy)
        assert (error.operation, error.key, error.aws_code, error.status) == (
            "PutObject",
            "vendor/a",
            "AccessDenied",
            403,
        )
        assert error.request_id == DENIED.request_id
        assert "is denied. Another." in str(error)
        assert LOOSE.message not in str(error)
        assert error.report == report(LOOSE, DENIED, second)


def test_a_report_prints_as_a_table() -> None:
    """Steps in columns, findings below with their remedies."""
    assert str(report(DENIED)).splitlines() == [
        "Check of s3://acme-lake/vendor (setup, 2026-11-23 12:00:00 UTC, 1.2 s): FAILED",
        "  credentials   ok        1234 ms  session",
        "  put           failed       0 ms",
        "  error: put_denied (to be fixed by: customer)",
        "    Writing to s3://acme-lake/vendor is denied.",
        "    Allow s3:PutObject on arn:aws:s3:::acme-lake/vendor/* in the policy of the role or user.",
        "    request id 4442587FB7D0A2F9",
    ]
    assert str(report()).startswith("Check of s3://acme-lake/vendor (setup, 2026-11-23 12:00:00 UTC, 1.2 s): ok\n")


def test_long_texts_are_wrapped_and_names_never_broken() -> None:
    """An ARN in two pieces could not be copied."""
    arn = "arn:aws:s3:::" + "acme-lake/" * 12
    lines = str(report(DENIED.model_copy(update={"remedy": f"{'word ' * 30}{arn} {'word ' * 30}"}))).splitlines()
    assert f"    {arn}" in lines
    assert all(len(line) <= 100 for line in lines if arn not in line)


def test_a_report_is_json_both_ways() -> None:
    """With its verdict, which is derived again when loaded."""
    text = report(LOOSE, DENIED).model_dump_json()
    assert json.loads(text)["ok"] is False
    assert CheckReport.model_validate_json(text) == report(LOOSE, DENIED)
    lying = {**json.loads(report(DENIED).model_dump_json()), "ok": True}
    assert not CheckReport.model_validate(lying).ok


def test_a_repr_is_one_line() -> None:
    """It stands in tracebacks and logs."""
    assert repr(report(DENIED)) == "CheckReport(destination='s3://acme-lake/vendor', mode='setup', ok=False)"


def test_a_report_cannot_be_changed() -> None:
    """It is a record."""
    with pytest.raises(ValidationError):
        report().findings = ()  # type: ignore[misc]
