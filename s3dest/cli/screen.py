"""What the command line shows: headings, tables, documents, progress. Colourful on a terminal, plain in a pipe."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Self

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from s3dest.findings import CheckReport

_PIPE_WIDTH: Final = 200
"""Columns where there is no terminal: keys stay on one line, for grep."""

_VERDICT_WIDTH: Final = 9

_STYLES: Final = {
    "ok": "green",
    "note": "cyan",
    "skipped": "dim",
    "warning": "yellow",
    "failed": "bold red",
    "error": "bold red",
    "FAILED": "bold red",
}


class Screen:
    """A console with the few shapes that the commands share. Texts are shown as they are: no markup is read in them."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._number = 0

    @classmethod
    def of_terminal(cls, *, quiet: bool = False) -> Self:
        """Write to standard output, or nowhere."""
        console = Console(highlight=False, markup=False, emoji=False, quiet=quiet)
        if not console.is_terminal and "COLUMNS" not in os.environ:
            console.width = _PIPE_WIDTH
        return cls(console)

    def chapter(self, title: str) -> None:
        """Begin the next chapter."""
        self._number += 1
        self._console.print()
        self._console.print(f"{self._number}. {title}", style="bold")

    def say(self, text: str = "", *, style: str = "") -> None:
        """Show a paragraph."""
        self._console.print(Text(text, style))

    def facts(self, facts: Mapping[str, str]) -> None:
        """Show names and values, aligned; a long value is left to the terminal to wrap, so that it can be copied."""
        width = max(map(len, facts))
        for name, value in facts.items():
            self._console.print(Text.assemble((name.ljust(width), "dim"), "  ", value), soft_wrap=True)

    def document(self, title: str, content: object) -> None:
        """Show a JSON document."""
        self._console.print(f"{title}:", style="dim")
        self._console.print_json(json.dumps(content), indent=2)

    def report(self, report: CheckReport) -> None:
        """Show the report of a check, as it lays itself out for a terminal or for a log."""
        self._console.print(report if self._console.is_terminal else str(report))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show a table; a column whose name begins with ``>`` is of numbers, and outcomes get their colour."""
        plain = not self._console.is_terminal
        table = Table(box=None if plain else box.ROUNDED, header_style="" if plain else "bold", pad_edge=not plain)
        for column in columns:
            right = column.startswith(">")
            table.add_column(column.removeprefix(">"), justify="right" if right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell, _STYLES.get(cell, "")) for cell in row))
        self._console.print(table)

    def verdict(self, word: str, text: str, *, style: str = "") -> None:
        """Show one result, its word in colour."""
        if not self._console.is_terminal:
            indented = textwrap.indent(text, " " * _VERDICT_WIDTH).lstrip()
            self._console.print(Text(f"{word.ljust(_VERDICT_WIDTH)}{indented}"), soft_wrap=True)
            return
        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=_VERDICT_WIDTH - 2)
        grid.add_column(overflow="fold")
        grid.add_row(Text(word, _STYLES.get(word, "")), Text(text, style))
        self._console.print(grid)

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar on a terminal, and nothing in a pipe; yields what to call with the number done."""
        if not self._shows_bars:
            yield lambda _: None
            return
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
        )
        with bar:
            task = bar.add_task(title, total=total)
            yield lambda done: bar.update(task, completed=done)

    @contextmanager
    def transfer(self, total: int | None) -> Iterator[Callable[[int, int], None]]:
        """Show a bar of bytes and rows on a terminal, and nothing in a pipe; yields what to call with how many more.

        Without a total it says only how far it has come.
        """
        if not self._shows_bars:
            yield lambda _bytes, _rows: None
            return
        bar = Progress(
            TextColumn("{task.fields[rows]:,} rows"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeElapsedColumn(),
            console=self._console,
        )
        rows = 0

        def show(more_bytes: int, more_rows: int) -> None:
            nonlocal rows
            rows += more_rows
            bar.update(task, advance=more_bytes, rows=rows)

        with bar:
            task = bar.add_task("appending", total=total, rows=0)
            yield show

    @property
    def _shows_bars(self) -> bool:
        """Whether anybody looks; a bar that is merely disabled still writes a line with some versions of rich."""
        return self._console.is_terminal and not self._console.quiet
