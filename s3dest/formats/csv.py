"""CSV as RFC 4180 has it: a header, CRLF, quotes doubled; every text is quoted, everything else is not.

So null, an empty text and the text of null stay apart. What values become: ``None`` the null text; ``bool`` ``true``
and ``false``; numbers themselves (``nan``, ``inf``, ``-inf`` where they are not finite); ``Decimal`` and ``UUID`` their
text; ``datetime``, ``date`` and ``time`` their ISO text; an enum its value; ``bytes`` Base64; mappings, lists and
tuples JSON. All else is a `RowError`. The columns are fixed by the schema or the first rows: a missing one is null, a
new one a `RowError`.
"""

from __future__ import annotations

import base64
import csv
import datetime as dt
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final, Self
from uuid import UUID

import orjson

from s3dest.errors import ConfigError, RowError
from s3dest.formats.compression import MEDIA_TYPES, SUFFIXES, Compression, Compressor, check, compressor
from s3dest.formats.encoder import Row
from s3dest.formats.values import encode_odd, holds_not_finite
from s3dest.schema import Column, columns_of


@dataclass(frozen=True, slots=True)
class Csv:
    """Comma-separated values, with a header."""

    delimiter: str = ","
    """One character between fields."""

    null: str = ""
    """What stands for null, without quotes; a text is always quoted."""

    header: bool = True
    """Whether each object begins with the names of the columns."""

    compression: Compression = "gzip"
    """How the objects are compressed; the suffix of the keys tells."""

    def __post_init__(self) -> None:
        """Refuse options that no reader could undo."""
        check("Csv", self.compression)
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            message = "Csv's delimiter must be one character, not a quote or a line break."
            raise ConfigError(message, code="format")
        if any(char in self.null for char in f'{self.delimiter}"\r\n'):
            message = "Csv's null text must not hold the delimiter, a quote or a line break."
            raise ConfigError(message, code="format")

    @property
    def name(self) -> str:
        """Name in the manifest."""
        return "csv"

    @property
    def extension(self) -> str:
        """End of the keys."""
        return f"csv{SUFFIXES[self.compression]}"

    @property
    def content_type(self) -> str:
        """Media type of the objects."""
        return MEDIA_TYPES.get(self.compression, "text/csv")

    def encoder(self, schema: object = None) -> _Encoder:
        """Begin one object."""
        return _Encoder(self, compressor(self.compression), schema)


class _Bare(float):
    """A number to the csv module, so that its text is written without quotes."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        bare = super().__new__(cls, 0)
        bare.text = text
        return bare

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


_TRUE: Final = _Bare("true")
_FALSE: Final = _Bare("false")


class _Encoder:
    def __init__(self, options: Csv, compressed: Compressor, schema: object) -> None:
        self.schema = schema
        self._options = options
        self._compressor = compressed
        self._names = None if schema is None else [column.name for column in columns_of(schema)]
        self._begun = False
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(
            self._text, delimiter=options.delimiter, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n"
        )
        null = _Bare(options.null)
        self._converters: dict[type, Callable[[object], object]] = {**_CONVERTERS, type(None): lambda _: null}

    @property
    def columns(self) -> tuple[Column, ...] | None:
        return None if self.schema is None else columns_of(self.schema)

    @property
    def pending(self) -> int:
        return self._compressor.pending + (0 if self._begun else 2**16)

    def encode(self, rows: Sequence[Row], *, first_row: int) -> bytes:
        if self._names is None:
            # a dict keeps the order in which the columns appear in the first rows
            self._names = list(dict.fromkeys(name for row in rows for name in row))
            self.schema = dict.fromkeys(self._names)
        names = self._names
        known = set(names)
        ready = self._begin(names)
        for number, row in enumerate(rows, first_row):
            if not known.issuperset(row):
                raise _new_column(number, row, known)
            self._writer.writerow(self._fields(number, row, names))
        return ready + self._take()

    def finish(self) -> bytes:
        return (self._begin(self._names) if self._names else b"") + self._compressor.finish()

    def _begin(self, names: list[str]) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        if self._options.header:
            self._writer.writerow(names)
        return self._take()

    def _take(self) -> bytes:
        text = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        return self._compressor.compress(text.encode())

    def _fields(self, number: int, row: Row, names: list[str]) -> list[object]:
        converters = self._converters
        try:
            return [converters[type(value)](value) for value in map(row.get, names)]
        except (KeyError, TypeError, UnicodeEncodeError):
            return [self._field(number, name, row.get(name)) for name in names]

    def _field(self, number: int, name: str, value: object) -> object:
        """Convert one value with care: a subclass of a known type, or one that cannot be written."""
        try:
            if isinstance(value, Enum):
                return self._field(number, name, value.value)
            for kind in type(value).__mro__:
                if kind in self._converters:
                    return self._converters[kind](value)
            if isinstance(value, Mapping):
                return _json(value)
        except (TypeError, UnicodeEncodeError):
            pass  # told below, with the name of the column
        message = f"Row {number}, column {name!r}: this {type(value).__name__} cannot be written as CSV."
        raise RowError(message, row=number, column=name)


def _new_column(number: int, row: Row, known: set[str]) -> RowError:
    name = next(name for name in row if name not in known)
    if not isinstance(name, str):
        return RowError(f"Row {number} has a column name that is a {type(name).__name__}, not a text.", row=number)
    message = f"Row {number} has the column {name!r}, which the rows before it did not have."
    remedy = "CSV's columns are fixed by the schema or the first rows: pass schema= with all of them."
    return RowError(message, row=number, column=name, remedy=remedy)


def _text(value: object) -> object:
    assert isinstance(value, str)  # noqa: S101  # for mypy
    value.encode()  # half a surrogate pair has no UTF-8
    return value


def _json(value: object) -> str:
    text = orjson.dumps(value, default=encode_odd)
    if b"null" in text and holds_not_finite(value):
        raise TypeError
    return text.decode()


_CONVERTERS: Final[dict[type, Callable[[object], object]]] = {
    str: _text,
    int: lambda value: value,
    float: lambda value: value,
    bool: lambda value: _TRUE if value else _FALSE,
    Decimal: lambda value: _Bare(str(value)),
    dt.datetime: lambda value: value.isoformat(),  # type: ignore[attr-defined]
    dt.date: lambda value: value.isoformat(),  # type: ignore[attr-defined]
    dt.time: lambda value: value.isoformat(),  # type: ignore[attr-defined]
    UUID: str,
    bytes: lambda value: base64.b64encode(value).decode(),  # type: ignore[arg-type]
    bytearray: lambda value: base64.b64encode(value).decode(),  # type: ignore[arg-type]
    dict: _json,
    list: _json,
    tuple: _json,
}
