"""JSON Lines: one JSON object a row, UTF-8, ended by a newline.

What values become: ``None`` null; ``bool``, ``str``, ``int`` up to 64 bit and finite ``float`` themselves;
``datetime``, ``date`` and ``time`` their ISO text (RFC 3339; a naive datetime stays without zone); ``UUID`` and
``Decimal`` their text, so that no digit is lost; an enum its value; ``bytes`` Base64; mappings, lists, tuples and
dataclasses nested JSON. All else is a `RowError`: NaN and Infinity, larger integers, sets, keys that are no text,
half surrogate pairs.
"""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final, Literal

import orjson

from s3dest.errors import ConfigError, RowError
from s3dest.formats.encoder import Row
from s3dest.formats.gzip import GzipStream

_AT_ONCE: Final = 512 * 1024
"""Bytes of text made by one call of orjson: rows that compress well must not fill the memory before they do."""

_FIRST_ROWS: Final = 64

_NEWLINE: Final = orjson.Fragment(b"\n")
_EXTENSIONS: Final = {"gzip": "jsonl.gz", "none": "jsonl"}
_CONTENT_TYPES: Final = {"gzip": "application/gzip", "none": "application/x-ndjson"}


@dataclass(frozen=True, slots=True)
class JsonLines:
    """JSON Lines, compressed or not."""

    compression: Literal["gzip", "none"] = "gzip"
    """How the objects are compressed; the suffix of the keys tells."""

    def __post_init__(self) -> None:
        """Refuse an unknown compression."""
        if self.compression not in _EXTENSIONS:
            message = f"JsonLines knows the compressions {', '.join(map(repr, _EXTENSIONS))}, not {self.compression!r}."
            raise ConfigError(message, code="format")

    @property
    def name(self) -> str:
        """Name in the manifest."""
        return "jsonl"

    @property
    def extension(self) -> str:
        """End of the keys."""
        return _EXTENSIONS[self.compression]

    @property
    def content_type(self) -> str:
        """Media type of the objects; never a Content-Encoding, which readers would undo behind the file's name."""
        return _CONTENT_TYPES[self.compression]

    def encoder(self) -> _Encoder:
        """Begin one object."""
        return _Encoder(GzipStream() if self.compression == "gzip" else None)


class _Encoder:
    __slots__ = ("_at_once", "_gzip")

    def __init__(self, gzip: GzipStream | None) -> None:
        self._gzip = gzip
        self._at_once = _FIRST_ROWS

    @property
    def pending(self) -> int:
        return self._gzip.pending if self._gzip else 0

    def encode(self, rows: Sequence[Row], *, first_row: int) -> bytes:
        ready = []
        start = 0
        while start < len(rows):
            some = rows[start : start + self._at_once]
            lines = _lines(some, first_row + start)
            start += len(some)
            self._at_once = max(1, _AT_ONCE * len(some) // len(lines))
            ready.append(self._gzip.compress(lines) if self._gzip else lines)
        return b"".join(ready)

    def finish(self) -> bytes:
        return self._gzip.finish() if self._gzip else b""


def _lines(rows: Sequence[Row], first_row: int) -> bytes:
    """Encode rows in one call: a raw newline cannot occur inside encoded JSON, so it separates without doubt."""
    plain = _plain(rows, first_row)
    pieces: list[object] = [_NEWLINE] * (2 * len(plain))
    pieces[::2] = plain
    try:
        text = orjson.dumps(pieces, default=_encode_odd)
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


def _encode_odd(value: object) -> object:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError


def _first_failure(rows: Iterable[dict[str, object]], first_row: int) -> RowError:
    """Find the row and the column that a whole batch failed by."""
    for number, row in enumerate(rows, first_row):
        for column, value in row.items():
            if not isinstance(column, str):
                message = f"Row {number} has a column name that is a {type(column).__name__}, not a text."
                return RowError(message, row=number)
            try:
                orjson.dumps({column: value}, default=_encode_odd)
            except (orjson.JSONEncodeError, RecursionError):
                return _refusal(number, column, value)
    message = f"One of the rows {first_row} to {number} cannot be written as JSON."
    return RowError(message, row=first_row)


def _refusal(number: int, column: str, value: object) -> RowError:
    # The value itself stays out of the text: it is the customer's data.
    name = column.encode(errors="backslashreplace").decode()
    message = f"Row {number}, column {name!r}: this {type(value).__name__} cannot be written as JSON."
    remedy = "JSON Lines takes text, finite numbers, integers up to 64 bit, dates, UUIDs, bytes, mappings and lists."
    return RowError(message, row=number, column=column, remedy=remedy)


def _refuse_not_finite(rows: Iterable[dict[str, object]], first_row: int) -> None:
    for number, row in enumerate(rows, first_row):
        for column, value in row.items():
            if _holds_not_finite(value):
                message = f"Row {number}, column {column!r}: JSON has no NaN and no Infinity."
                raise RowError(message, row=number, column=column, remedy="Write None, or a text of your own.")


def _holds_not_finite(value: object) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, Mapping):
        return any(map(_holds_not_finite, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_holds_not_finite, value))
    if isinstance(value, Enum):
        return _holds_not_finite(value.value)
    if dataclasses.is_dataclass(value):
        return any(_holds_not_finite(getattr(value, field.name, None)) for field in dataclasses.fields(value))
    return False
