"""JSON Lines: one JSON object a row, UTF-8, ended by a newline.

What values become: ``None`` null; ``bool``, ``str``, ``int`` up to 64 bit and finite ``float`` themselves;
``datetime``, ``date`` and ``time`` their ISO text (RFC 3339, so offsets are rounded to minutes, which were finer before
1972; a naive datetime stays without zone, and a time with zone is refused); ``UUID`` and
``Decimal`` their text, so that no digit is lost; an enum its value; ``bytes`` Base64; mappings, lists, tuples and
dataclasses nested JSON. All else is a `RowError`: NaN and Infinity, larger integers, sets, keys that are no text,
half surrogate pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from s3dest.errors import RowError
from s3dest.formats.arrow import settled
from s3dest.formats.arrow_text import slices
from s3dest.formats.compression import MEDIA_TYPES, SUFFIXES, Compression, Compressor, check, compressor
from s3dest.formats.encoder import Row, show
from s3dest.formats.jsonl_arrow import lines_of
from s3dest.formats.values import dumps, holds_not_finite
from s3dest.schema import Column, columns_of

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE: Final = 512 * 1024
"""Bytes of text made by one call of orjson: rows that compress well must not fill the memory before they do."""

_FIRST_ROWS: Final = 64

_NEWLINE: Final = orjson.Fragment(b"\n")


@dataclass(frozen=True, slots=True)
class JsonLines:
    """JSON Lines, compressed or not."""

    compression: Compression = "gzip"
    """How the objects are compressed; the suffix of the keys tells."""

    def __post_init__(self) -> None:
        """Refuse an unknown compression."""
        check("JsonLines", self.compression)

    @property
    def name(self) -> str:
        """Name in the manifest."""
        return "jsonl"

    @property
    def extension(self) -> str:
        """End of the keys."""
        return f"jsonl{SUFFIXES[self.compression]}"

    @property
    def content_type(self) -> str:
        """Media type of the objects."""
        return MEDIA_TYPES.get(self.compression, "application/x-ndjson")

    def encoder(self, schema: object = None) -> _Encoder:
        """Begin one object; a schema is told in the manifest, and rows are written as they are."""
        return _Encoder(compressor(self.compression), schema)


class _Encoder:
    __slots__ = ("_at_once", "_compressor", "schema")

    def __init__(self, compressed: Compressor, schema: object) -> None:
        self.schema = schema
        self._compressor = compressed
        self._at_once = _FIRST_ROWS

    @property
    def columns(self) -> tuple[Column, ...] | None:
        return None if self.schema is None else columns_of(self.schema)

    @property
    def pending(self) -> int:
        return self._compressor.pending

    def encode(self, rows: Sequence[Row], *, first_row: int) -> bytes:
        ready = []
        start = 0
        while start < len(rows):
            some = rows[start : start + self._at_once]
            lines = _lines(some, first_row + start)
            start += len(some)
            self._at_once = max(1, _AT_ONCE * len(some) // len(lines))
            ready.append(self._compressor.compress(lines))
        return b"".join(ready)

    def encode_arrow(self, batch: pa.RecordBatch, *, first_row: int) -> bytes:
        ready = [
            self._compressor.compress(lines_of(some, first_row + start))
            for start, some in slices(settled(batch, first_row))
        ]
        return b"".join(ready)

    def finish(self) -> bytes:
        return self._compressor.finish()


def _lines(rows: Sequence[Row], first_row: int) -> bytes:
    """Encode rows in one call: a raw newline cannot occur inside encoded JSON, so it separates without doubt."""
    plain = _plain(rows, first_row)
    pieces: list[object] = [_NEWLINE] * (2 * len(plain))
    pieces[::2] = plain
    try:
        text = dumps(pieces)
    except (orjson.JSONEncodeError, RecursionError):
        raise _first_failure(plain, first_row) from None
    # orjson writes NaN and Infinity as null without a word; only a batch with a null in it needs a look
    if b"null" in text:
        _refuse_not_finite(plain, first_row)
    return text[1:-1].replace(b",\n,", b"\n").removesuffix(b",\n") + b"\n"


def _plain(rows: Sequence[Row], first_row: int) -> list[dict[str, object]]:
    """Make dicts of other mappings; orjson would write a list or a text as it is."""
    plain = []
    for number, row in enumerate(rows, first_row):
        if type(row) is dict:
            plain.append(row)
        elif isinstance(row, Mapping):
            plain.append(dict(row))
        else:
            message = f"Row {number} is a {type(row).__name__}, not a mapping of column names to values."
            raise RowError(message, row=number)
    return plain


def _first_failure(rows: Iterable[dict[str, object]], first_row: int) -> RowError:
    """Find the row and the column that a whole batch failed by."""
    for number, row in enumerate(rows, first_row):
        for column, value in row.items():
            if not isinstance(column, str):
                message = f"Row {number} has a column name that is a {type(column).__name__}, not a text."
                return RowError(message, row=number)
            try:
                dumps({column: value})
            except (orjson.JSONEncodeError, RecursionError):
                return _refusal(number, column, value)
    message = f"One of the rows {first_row} to {number} cannot be written as JSON."
    return RowError(message, row=first_row)


def _refusal(number: int, column: str, value: object) -> RowError:
    # The value itself stays out of the text: it is the customer's data.
    message = f"Row {number}, column {show(column)}: this {type(value).__name__} cannot be written as JSON."
    remedy = "JSON Lines takes text, finite numbers, integers up to 64 bit, dates, UUIDs, bytes, mappings and lists."
    return RowError(message, row=number, column=column, remedy=remedy)


def _refuse_not_finite(rows: Iterable[dict[str, object]], first_row: int) -> None:
    for number, row in enumerate(rows, first_row):
        for column, value in row.items():
            if holds_not_finite(value):
                message = f"Row {number}, column {column!r}: JSON has no NaN and no Infinity."
                raise RowError(message, row=number, column=column, remedy="Write None, or a text of your own.")
