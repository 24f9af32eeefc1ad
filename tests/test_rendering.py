"""A report for people: in a log, in a mail, on a terminal."""

from __future__ import annotations

import datetime as dt
import io
import json

from fake import FakeAws
from rich.console import Console

from s3dest import CheckReport, CheckStep, Finding

STATEMENT = {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": "arn:aws:s3:::acme-lake/vendor/*"}
FINDING = Finding(
    code="put_not_allowed",
    severity="error",
    owner="customer",
    message="No policy allows it. AWS said: <b>*no*</b> | `_really_`",
    remedy="Attach the policy.",
    request_id="4442587FB7D0A2F9",
    statement=STATEMENT,
)
REPORT = CheckReport(
    destination="s3://acme-lake/vendor",
    mode="setup",
    started=dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC),
    steps=(CheckStep(name="put", outcome="failed", duration=dt.timedelta(milliseconds=1250), detail="a|b"),),
    findings=(FINDING,),
    steady_policy={"Version": "2012-10-17"},
)


def test_plain_text_has_the_document_to_paste() -> None:
    """Whole, as JSON; durations and the request id too, and the policy that is handed over."""
    text = str(REPORT)
    statement, _, steady = text[text.index("{") :].partition("  The policy from now on, which is all")
    assert json.loads(statement) == STATEMENT
    assert json.loads(steady[steady.index("{") :]) == REPORT.steady_policy
    assert "1250 ms" in text
    assert "(setup, 2026-11-23 12:00:00 UTC, 1.2 s): FAILED" in text
    assert "request id 4442587FB7D0A2F9" in text


def test_a_document_is_shown_once() -> None:
    """Three rights too many are mended by one policy."""
    twice = REPORT.model_copy(update={"findings": (FINDING, FINDING), "steady_policy": None})
    console = Console(file=io.StringIO(), width=100, color_system=None)
    console.print(twice)
    for text in (str(twice), twice.to_markdown(), console.file.getvalue()):  # type: ignore[attr-defined]  # a StringIO
        assert text.count('"Effect"') == 1
        assert text.count("(the document to paste is the one above)") == 1


def test_a_service_puts_no_link_into_a_letter() -> None:
    """Nor an image that tells who has read it, nor markup by way of a request id."""
    finding = FINDING.model_copy(update={"message": "![x](http://evil/) [y](http://evil/)", "request_id": "`# z"})
    text = REPORT.model_copy(update={"findings": (finding,)}).to_markdown()
    assert "!\\[x\\](http://evil/) \\[y\\](http://evil/)" in text
    assert "`'# z`" in text


def test_markdown_can_be_sent_to_the_customer() -> None:
    """What a service said is shown and not interpreted; both documents are there."""
    text = REPORT.to_markdown()
    assert text.startswith("# Check of `s3://acme-lake/vendor`: FAILED\n")
    assert "| put | failed | 1250 | a\\|b |" in text
    assert "&lt;b>\\*no\\*&lt;/b>" in text
    blocks = [json.loads(block.partition("```")[0]) for block in text.split("```json\n")[1:]]
    assert blocks == [STATEMENT, {"Version": "2012-10-17"}]
    assert "in 1.2 s" in text


def test_a_terminal_gets_a_table() -> None:
    """By rich's own protocol; markup in what a service said stays text."""
    finding = FINDING.model_copy(update={"message": "AWS said: [red]no[/red]"})
    console = Console(file=io.StringIO(), width=100, color_system=None)
    console.print(REPORT.model_copy(update={"findings": (finding,)}))
    text = console.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
    assert "[red]no[/red]" in text
    for word in ("put_not_allowed", "1250", "FAILED", "s3:PutObject", "The policy from now on"):
        assert word in text


def test_a_set_up_check_hands_the_steady_policy_over() -> None:
    """In JSON and Markdown; a recheck has none to hand over."""
    with FakeAws() as aws:
        report = aws.destination().check()
        assert report.steady_policy is not None
        assert "DeleteObject" not in report.to_markdown()
        assert '"s3:PutObject"' in report.to_markdown()
        assert aws.destination().check(mode="recheck").steady_policy is None
