"""How results are told: to people as screens, to machines as JSON; and what went wrong, in sentences."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from io import UnsupportedOperation
from typing import Final, TextIO

import typer
from rich.console import Console

from s3dest.cli.rows import InputError
from s3dest.cli.screen import Screen
from s3dest.cli.settings import SettingsProblem
from s3dest.errors import CheckFailedError, ConfigError, CredentialsError, RequestError, S3DestError
from s3dest.findings import CheckReport, Finding
from s3dest.layout import escape
from s3dest.results import Receipt

FAILED = 1
MISUSED = 2

_NO_MISUSE: Final = frozenset({"extra_missing", "journal"})
"""Codes of a `ConfigError` that no other arguments would fix."""


_ARGUMENT: Final = re.compile(r"\b(transfer_id|transfer_date|partition_by)\b")
"""Arguments of ``Destination.append`` that are options of the command line."""


@dataclass(slots=True)
class Begun:
    """What a command has begun to make visible, so that a failure does not tell whether it is."""

    remedy: str = ""
    """How to go on, and have it once; empty as long as nothing has begun."""
    facts: dict[str, str] = field(default_factory=dict)
    """What the remedy names."""


@contextmanager
def sentences(*, as_json: bool = False) -> Iterator[Begun]:
    """Tell what went wrong in sentences, not in a traceback; exit with 1, or 2 where the configuration is wrong."""
    exit_code, facts, begun = FAILED, {"code": "input", "owner": "vendor"}, Begun()
    try:
        yield begun
    except InputError as error:
        message, facts = str(error), {**facts, "code": error.code}
    except SettingsProblem as error:
        message, facts, exit_code = str(error), {"code": "config", "owner": "vendor"}, MISUSED
    except S3DestError as error:
        message, facts = (
            " ".join(filter(None, (error.message, error.remedy, begun.remedy))),
            _facts(error) | begun.facts,
        )
        if isinstance(error, ConfigError) and error.code not in _NO_MISUSE:
            exit_code = MISUSED
            message = _ARGUMENT.sub(lambda match: f"--{match[0].replace('_', '-')}", message)
    except OSError as error:
        message = f"{error.filename or 'A file'} cannot be used: {error.strerror}."
    except KeyboardInterrupt:
        facts = {"code": "interrupted", "owner": "vendor", **begun.facts}
        message = "Interrupted. No rows are visible but those that were committed before."
        if begun.remedy:
            message = f"Interrupted while rows were being committed: it is not known whether they are. {begun.remedy}"
    else:
        return
    if as_json:
        with standard_output(message):
            tell_json({"ok": False, "error": {"message": message, **facts}})
    else:
        console = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
        console.print(f"s3dest: {message}")
        if "operation" in facts:
            shown = ", ".join(f"{name} {value}" for name, value in facts.items())
            console.print(f"  {shown}", style="dim")
    raise typer.Exit(exit_code)


def after_commit(*receipts: Receipt) -> AbstractContextManager[None]:
    """Tell what is committed even if standard output cannot be written, which is no failure of a transfer."""
    return standard_output(f"Committed {', '.join(receipt.transfer_id for receipt in receipts) or 'nothing'}.")


@contextmanager
def standard_output(done: str | None = None) -> Iterator[None]:
    """Where it cannot be written, say so on standard error, with what is done all the same.

    Without such a sentence, telling was all that there was to do: exit with 1.
    """
    try:
        yield
        sys.stdout.flush()
    except (OSError, SystemExit) as error:  # the latter by rich, where nobody reads its output
        closed = isinstance(error, UnsupportedOperation)  # as `main` has opened it
        why = getattr(error, "strerror", None) or ("it is closed" if closed else "nobody reads it")
        sentences = f"{done} Standard output" if done else "standard output"
        with suppress(OSError):  # a full disk may hold both
            typer.echo(f"s3dest: {sentences} cannot be written: {why}.", err=True)
        _silence(sys.__stdout__)
        if done is None:
            sys.exit(FAILED)
    finally:
        try:
            sys.stderr.flush()
        except (OSError, AttributeError):
            _silence(sys.__stderr__)


def _silence(stream: TextIO | None) -> None:
    """Let what is left in a stream go nowhere: else Python would fail at its end, when it flushes once more."""
    with suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[union-attr]


def _facts(error: S3DestError) -> dict[str, str]:
    """List what is known of an error beyond its message; the operation is there if a request was made."""
    facts = {"code": error.code, "owner": str(error.owner)}
    if isinstance(error, (RequestError, CredentialsError)) and not isinstance(error, CheckFailedError):
        names = ("operation", "bucket", "key", "status", "aws_code", "request_id")
        facts |= {name: str(value) for name in names if (value := getattr(error, name)) is not None}
    return facts


def tell_json(document: object) -> None:
    """Write a JSON document to standard output."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def show_steps(screen: Screen, report: CheckReport) -> None:
    """Show the steps of a check and what they found."""
    milliseconds = [f"{step.duration.total_seconds() * 1000:.0f}" for step in report.steps]
    screen.table(
        ("step", "outcome", ">ms", "detail"),
        [(step.name, step.outcome, ms, step.detail) for step, ms in zip(report.steps, milliseconds, strict=True)],
    )
    show_findings(screen, report.findings)


def show_findings(screen: Screen, findings: Iterable[Finding]) -> None:
    """Show findings, each with its code, who can fix it, and how."""
    for finding in findings:
        screen.verdict(finding.severity, f"{finding.message}\n{finding.remedy}".rstrip())
        screen.verdict("", f"[{finding.code}, to be fixed by: {finding.owner}]", style="dim")


def show_receipt(screen: Screen, receipt: Receipt) -> None:
    """Show what a transfer delivered."""
    table = escape(receipt.table)
    if receipt.orphans:
        other = f"The transfer had been committed to {table} before, by another attempt or writer"
        screen.verdict("warning", f"{other}: unless its rows were the same, none of these {receipt.rows:,} is in it.")
    else:
        again = " (it had been committed before)" if receipt.already_committed else ""
        screen.verdict("ok", f"Committed {receipt.rows:,} rows to {table}{again}.")
    facts = {
        "transfer": escape(receipt.transfer_id),
        "stored": f"{receipt.bytes:,} bytes in {len(receipt.objects)} object(s)",
        "manifest": receipt.manifest_key or "none",
    }
    if receipt.orphans:
        facts["orphans"] = ", ".join(receipt.orphans)
    if receipt.unconfirmed:
        facts["unconfirmed"] = f"{', '.join(receipt.unconfirmed)} (an answer was lost: look)"
    if receipt.pending_uploads:
        facts["left over"] = f"{len(receipt.pending_uploads)} upload(s) that could not be aborted"
    screen.facts(facts)
