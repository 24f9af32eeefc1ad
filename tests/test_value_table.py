"""The README's table of values is what the formats do."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from encoding import Colour, encoded, read

from s3dest import Csv, JsonLines, Parquet, RowError
from s3dest.formats.partition import Partitioning, folder

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- values: begin -->\n", "<!-- values: end -->\n"
NAMES = {"Colour": Colour, "Decimal": Decimal, "UUID": UUID, "dt": dt, "pa": pa}


def lines() -> list[list[str]]:
    """Take the table's lines apart, without its head."""
    text = README.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()[2:]]


def batch(value: Any) -> Any:
    """Bring a value of Arrow as a batch, and another as a row."""
    if isinstance(value, pa.Array):
        return pa.RecordBatch.from_arrays([pa.array([1]), value], names=["id", "v"])
    return [{"id": 1, "v": value}]


def as_json(value: Any) -> str:
    """Write the value as JSON Lines does."""
    line = encoded(JsonLines(compression="none"), batch(value)).decode()
    return line.removeprefix('{"id":1,"v":').removesuffix("}\n")


def as_csv(value: Any) -> str:
    """Write the value as CSV does."""
    line = encoded(Csv(compression="none", header=False), batch(value)).decode()
    return line.removeprefix("1,").removesuffix("\r\n")


def as_parquet(value: Any) -> str:
    """Name the type of its column in Parquet; pyarrow's releases name the entries of a map each in their way."""
    column = read(encoded(Parquet(), batch(value))).column("v")
    return re.sub(r" \('.*?'\)", "", str(column.type))


def as_folder(value: Any) -> str:
    """Write the folder of the value."""
    partitioning, rows = Partitioning(["v"], longest=900), batch(value)
    parts = partitioning.split(rows, 0) if isinstance(rows, list) else partitioning.split_arrow(rows, 0)
    return folder(next(iter(parts))[0]).removeprefix("v=").removesuffix("/")


def told(write: Callable[[Any], str], value: Any) -> str:
    """Tell what becomes of a value, as the table does."""
    try:
        text = write(value)
    except RowError:
        return "refused"
    return f"`{text}`" if text else "(empty)"


def test_there_is_a_table() -> None:
    """A page without one would pass unseen."""
    assert lines()


@pytest.mark.parametrize("line", lines(), ids=lambda line: line[0])
def test_the_table_of_values_is_true(line: list[str]) -> None:
    """The code in each line's first cell becomes what the other cells say."""
    (code,) = re.findall(r"`([^`]+)`", line[0])
    value = eval(code, dict(NAMES))  # noqa: S307  # the README's own
    assert line[1:] == [told(write, value) for write in (as_json, as_csv, as_parquet, as_folder)]
