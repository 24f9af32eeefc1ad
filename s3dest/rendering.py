"""A report for people: plain text for a log, Markdown to send to the customer, rich for a terminal."""

from __future__ import annotations

import datetime as dt
import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Group

    from s3dest.findings import CheckReport, CheckStep, Finding

_WRAPPER = textwrap.TextWrapper(
    width=100, initial_indent="    ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
)
_COLOURS: Final = {
    "ok": "green",
    "failed": "bold red",
    "error": "bold red",
    "warning": "yellow",
    "skipped": "dim",
    "note": "cyan",
}
_HAND_OVER: Final = "The policy from now on, which is all that appending needs"
_AS_ABOVE: Final = "(the document to paste is the one above)"
_MARKUP: Final = re.compile(r"([\\`*_\[\]])")


def plain(report: CheckReport) -> str:
    """Lay a report out as plain text, 100 columns wide."""
    return "\n".join([f"{_head(report)}: {_verdict(report)}", *_steps(report.steps), *_findings(report)])


def _head(report: CheckReport) -> str:
    when = f"{report.started:%Y-%m-%d %H:%M:%S} UTC"
    return f"Check of {report.destination} ({report.mode}, {when}, {report.duration.total_seconds():.1f} s)"


def _verdict(report: CheckReport) -> str:
    return "ok" if report.ok else "FAILED"


def _with_news(findings: Iterable[Finding]) -> Iterator[tuple[Finding, bool]]:
    """Yield each finding, and whether its document is one that no finding before it had."""
    shown: list[object] = []
    for finding in findings:
        yield finding, finding.statement not in shown
        shown.append(finding.statement)


def _steps(steps: Iterable[CheckStep]) -> Iterator[str]:
    for step in steps:
        yield f"  {step.name:<13} {step.outcome:<7} {milliseconds(step.duration):>6} ms  {step.detail}".rstrip()


def _findings(report: CheckReport) -> Iterator[str]:
    for finding, new in _with_news(report.findings):
        yield f"  {finding.severity}: {finding.code} (to be fixed by: {finding.owner})"
        for text in (finding.message, finding.remedy):
            yield from _WRAPPER.wrap(text)
        if finding.request_id:
            yield f"    request id {finding.request_id}"
        if finding.statement:
            yield from _indented(finding.statement) if new else (f"    {_AS_ABOVE}",)
    if report.steady_policy:
        yield from (f"  {_HAND_OVER}:", *_indented(report.steady_policy))


def _indented(document: object) -> Iterator[str]:
    yield from textwrap.indent(json.dumps(document, indent=2), "      ").splitlines()


def milliseconds(duration: dt.timedelta) -> int:
    """Round a duration to milliseconds."""
    return round(duration.total_seconds() * 1000)


def markdown(report: CheckReport) -> str:
    """Write a report as Markdown."""
    return "\n".join(_markdown(report)).rstrip() + "\n"


def _markdown(report: CheckReport) -> Iterator[str]:
    when = f"{report.started:%Y-%m-%d %H:%M} UTC"
    yield from (f"# Check of {_code(report.destination)}: {_verdict(report)}", "")
    yield from (f"{report.mode}, {when}, in {report.duration.total_seconds():.1f} s.", "")
    yield from ("| step | outcome | ms | detail |", "|---|---|---:|---|")
    for step in report.steps:
        yield f"| {step.name} | {step.outcome} | {milliseconds(step.duration)} | {_cell(step.detail)} |"
    for finding, new in _with_news(report.findings):
        yield from ("", f"## {finding.severity}: `{finding.code}`", "", f"To be fixed by: **{finding.owner}**.", "")
        yield from (_line(finding.message), "")
        if finding.remedy:
            yield from (f"**What to do:** {_line(finding.remedy)}", "")
        if finding.statement:
            yield from _json(finding.statement) if new else (_AS_ABOVE, "")
        if finding.request_id:
            yield f"Request id, for the support: {_code(finding.request_id)}"
    if report.steady_policy:
        yield from ("", "## The policy from now on", "", "This is all that appending needs:", "")
        yield from _json(report.steady_policy)


def _json(document: object) -> Iterator[str]:
    yield from ("```json", json.dumps(document, indent=2), "```")


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39))}`"


def _line(text: str) -> str:
    """Put a text on one line, what a service said in it shown as it is and not as markup."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split())).replace("<", "&lt;")


def rich(report: CheckReport) -> Group:
    """Lay a report out for a terminal; needs the extra ``cli``."""
    from rich.console import Group  # noqa: PLC0415  # an extra
    from rich.json import JSON  # noqa: PLC0415
    from rich.padding import Padding  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("step", "outcome", title_justify="left", title=Text(_head(report)))
    table.add_column("ms", justify="right")
    table.add_column("detail", overflow="fold")
    for step in report.steps:
        outcome = Text(step.outcome, _COLOURS[step.outcome])
        table.add_row(step.name, outcome, str(milliseconds(step.duration)), Text(step.detail))
    parts: list[object] = [table]
    for finding, new in _with_news(report.findings):
        head = Text.assemble(
            (finding.severity, _COLOURS[finding.severity]), f": {finding.code} (to be fixed by: {finding.owner})"
        )
        texts = (finding.message, finding.remedy, f"request id {finding.request_id}" if finding.request_id else "")
        parts += [head, Padding(Text("\n".join(text for text in texts if text)), (0, 0, 0, 4))]
        if finding.statement:
            parts.append(Padding(JSON.from_data(finding.statement) if new else Text(_AS_ABOVE), (0, 0, 0, 4)))
    if report.steady_policy:
        parts += [Text(f"{_HAND_OVER}:"), Padding(JSON.from_data(report.steady_policy), (0, 0, 0, 4))]
    parts.append(Text(_verdict(report), _COLOURS["ok" if report.ok else "failed"]))
    return Group(*parts)  # type: ignore[arg-type]  # each is a renderable
