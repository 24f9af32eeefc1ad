"""Rows and batches through one encoder, as a writer would bring them."""

from __future__ import annotations

import dataclasses
import enum
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from s3dest.formats.encoder import Format, GroupEncoder, TextEncoder


class Colour(enum.Enum):
    """An enum of text."""

    RED = "red"


class Level(enum.IntEnum):
    """An enum that is a number, and prints itself as none."""

    HIGH = 3

    def __str__(self) -> str:
        """Mislead."""
        return "high"


class Text(str):
    """A text that prints itself as another."""

    __slots__ = ()

    def __str__(self) -> str:
        """Mislead."""
        return "another"


class Number(int):
    """A number that prints itself as another."""

    def __str__(self) -> str:
        """Mislead."""
        return "another"

    __repr__ = __str__


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: Any
    _y: Any = None


def encoded(file_format: Format, *batches: Any, schema: object = None) -> bytes:
    """Encode lists of rows, or Arrow batches, into one object, as a spool does."""
    encoder: Any = file_format.encoder(schema)
    pieces, first = [], 0
    for batch in batches:
        rows = len(batch)
        arrow = isinstance(batch, pa.RecordBatch)
        pieces.append((encoder.encode_arrow if arrow else encoder.encode)(batch, first_row=first))
        pieces.append(group_of(encoder))
        first += rows
    if not isinstance(encoder, TextEncoder):
        return b"".join([*pieces, encoder.finish()])
    data = b"".join([encoder.begin(), *pieces])
    compressor = encoder.compressor
    return data if compressor is None else compressor.compress(data) + compressor.finish()


def group_of(encoder: Any) -> bytes:
    """Write the rows that an encoder holds, if they are a whole group."""
    group = encoder.take_group() if isinstance(encoder, GroupEncoder) else None
    return group.write() if group is not None else b""


def surrogate() -> str:
    """Make half of a pair, which no UTF-8 holds."""
    return "\ud800"


TEXTS = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ['"', "\\", "\r\n", ",", "\x00\x1f", "null"]
)
"""Texts that text formats must take care of."""


def read(data: bytes) -> pa.Table:
    """Read one object of Parquet."""
    return pq.read_table(io.BytesIO(data))
