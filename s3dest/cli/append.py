"""``s3dest append``: files or standard input to one transfer, read once and never held whole."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from s3dest.cli.report import Begun
from s3dest.cli.rows import STDIN, Input, InputError
from s3dest.cli.screen import Screen
from s3dest.cli.settings import READ_ONCE, SettingsProblem
from s3dest.destination import Destination
from s3dest.errors import RowError
from s3dest.results import Receipt

if TYPE_CHECKING:
    from s3dest.append import AppendWriter

_DELIMITERS: Final = ",;\t|"
_OF_PYTHON: Final = re.compile(r"\bschema\b|\bCsv\(")
"""What remedies say that the command line has not."""
_ALIKE: Final = "Give all rows the same columns, of one type each, and an only one a value; or write --format jsonl."


def append(
    destination: Destination,
    inputs: Sequence[Input],
    *,
    table: str,
    format: str,  # noqa: A002  # as in Destination.append
    transfer_id: str | None,
    transfer_date: str | None,
    partition_by: Sequence[str],
    screen: Screen,
    on_commit: Callable[[AppendWriter], None],
) -> Receipt:
    """Deliver all inputs as one transfer; ``on_commit`` is called before any of it can be visible.

    Raises:
        InputError: An input is damaged, a row of it cannot be written, or none has a column that rows are to be parted
            by; nothing is visible then.
    """
    sizes = [source.size for source in inputs]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    rows, begun, unseen = 0, list[tuple[int, Input]](), set(partition_by)
    with (
        _naming_rows(begun),
        screen.transfer(total) as show,
        destination.append(
            table,
            format=format,  # type: ignore[arg-type]  # a text of the command line, checked there
            transfer_id=transfer_id,
            transfer_date=transfer_date,
            partition_by=partition_by,
        ) as writer,
    ):
        for source in inputs:
            begun.append((rows, source))
            rows += _copy(source, writer, show, unseen)
        if not rows:
            message = "The input holds no rows."
            raise InputError(message)
        if unseen:
            message = f"No row has a column {min(unseen)!r}, by which they are to be parted."
            raise InputError(message)
        on_commit(writer)
    return writer.receipt


def tell_how_to_repeat(begun: Begun, writer: AppendWriter, *, journaled: bool) -> None:
    """Have a failure from here on say how to repeat the transfer: under another id its rows would be there twice."""
    begun.facts = {"transfer_id": writer.transfer_id, "transfer_date": writer.transfer_date.isoformat()}
    options = f"--transfer-id {shlex.quote(writer.transfer_id)} --transfer-date {writer.transfer_date}"
    resume = ", or run `s3dest resume`" if journaled else ""
    begun.remedy = f"Repeat the command with {options}, which commits the rows once{resume}."


@contextmanager
def _naming_rows(begun: Sequence[tuple[int, Input]]) -> Iterator[None]:
    """Name a row that cannot be written by its input; `begun` tells at which row each one begins."""
    try:
        yield
    except RowError as error:
        remedy = _ALIKE if _OF_PYTHON.search(error.remedy) else error.remedy
        if error.row is None:
            raise InputError(f"{error.message} {remedy}".rstrip(), code=error.code) from error
        first, source = [(first, source) for first, source in begun if first <= error.row][-1]
        where = f"{source.name}, row {error.row - first + 1}"
        message = re.sub(r"^Row \d+", lambda _: where, f"{error.message} {remedy}".rstrip())
        raise InputError(message, code=error.code) from error


def _copy(source: Input, writer: AppendWriter, show: Callable[[int, int], None], unseen: set[str]) -> int:
    """Append all rows of an input and count them; their columns are no longer unseen."""
    rows = 0
    if source.kind == "parquet":
        for batch in source.batches():
            writer.write_arrow(batch)
            rows += batch.num_rows
            unseen.difference_update(batch.schema.names)
            show(0, batch.num_rows)
        show(source.size or 0, 0)
        return rows
    with source.opened() as reading:
        for chunk in reading.chunks():
            if source.kind == "csv" and not rows:
                _warn_of_one_column(source, next(iter(chunk[0])), len(chunk[0]))
            writer.write_many(chunk)
            rows += len(chunk)
            if unseen:
                unseen.difference_update(*chunk)
            show(reading.advanced(), len(chunk))
    return rows


def _warn_of_one_column(source: Input, name: str, columns: int) -> None:
    """Say where a file of several columns may be read as one of one: its rows would be delivered so without a word."""
    odd = next((char for char in _DELIMITERS if char in name and char != source.delimiter), None)
    if columns == 1 and odd is not None:
        shown = "\\t" if odd == "\t" else odd
        typer.echo(
            f"s3dest: {source.name} has a single column, {name!r:.80}. If {shown} is between its fields: "
            f"--delimiter '{shown}'",
            err=True,
        )


def inputs_of(files: Sequence[Path], kind: str | None, delimiter: str | None) -> list[Input]:
    """Find out what each file is.

    Raises:
        InputError: There is no such file.
        SettingsProblem: Standard input is given twice, a name does not tell, and nobody said; or the delimiter is none.
    """
    if list(files).count(STDIN) > 1:
        raise SettingsProblem(READ_ONCE)
    if delimiter is None:
        return [Input.of(file, kind) for file in files]
    delimiter = delimiter.replace("\\t", "\t")  # a shell lets nobody type a tab
    if len(delimiter) != 1 or delimiter in '"\r\n':
        message = "--delimiter is one character, such as ; or | or \\t, and neither a quote nor a line break."
        raise SettingsProblem(message)
    inputs = [Input.of(file, kind, delimiter=delimiter) for file in files]
    if not any(source.kind == "csv" for source in inputs):
        message = "--delimiter is for CSV, and no file is that."
        raise SettingsProblem(message)
    return inputs
