"""``s3dest append``: files or standard input to one transfer, read once and never held whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from s3dest.cli.rows import Input, InputError
from s3dest.cli.screen import Screen
from s3dest.destination import Destination
from s3dest.results import Receipt

if TYPE_CHECKING:
    from s3dest.append import AppendWriter


def append(
    destination: Destination,
    inputs: Sequence[Input],
    *,
    table: str,
    format: str,  # noqa: A002  # as in Destination.append
    transfer_id: str | None,
    transfer_date: str | None,
    screen: Screen,
) -> Receipt:
    """Deliver all inputs as one transfer.

    Raises:
        InputError: An input is damaged; nothing is visible then.
    """
    sizes = [source.size for source in inputs]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    with (
        screen.transfer(total) as show,
        destination.append(
            table,
            format=format,  # type: ignore[arg-type]  # a text of the command line, checked there
            transfer_id=transfer_id,
            transfer_date=transfer_date,
        ) as writer,
    ):
        rows = sum(_copy(source, writer, show) for source in inputs)
        if not rows:
            message = "The input holds no rows."
            raise InputError(message)
    return writer.receipt


def _copy(source: Input, writer: AppendWriter, show: Callable[[int, int], None]) -> int:
    rows = 0
    if source.kind == "parquet":
        for batch in source.batches():
            writer.write_arrow(batch)
            rows += batch.num_rows
            show(0, batch.num_rows)
        show(source.size or 0, 0)
        return rows
    with source.opened() as reading:
        for chunk in reading.chunks():
            writer.write_many(chunk)
            rows += len(chunk)
            show(reading.advanced(), len(chunk))
    return rows


def inputs_of(files: Sequence[Path], kind: str | None) -> list[Input]:
    """Find out what each file is.

    Raises:
        InputError: A name does not tell, and nobody said.
    """
    return [Input.of(file, kind) for file in files]
