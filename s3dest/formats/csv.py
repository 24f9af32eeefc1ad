"""CSV as RFC 4180 has it: a header, CRLF, quotes doubled; every text is quoted, everything else is not.

So null, an empty text and the text of null stay apart.
"""

from __future__ import annotations

import base64
import csv
import dataclasses
import datetime as dt
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

from s3dest.errors import ConfigError, RowError
from s3dest.formats.arrow import require_meaning, settled
from s3dest.formats.arrow_text import slices
from s3dest.formats.compression import MEDIA_TYPES, SUFFIXES, Compression, Compressor, check, compressor
from s3dest.formats.csv_arrow import lines_of
from s3dest.formats.encoder import Row, name_refusal, show
from s3dest.formats.iso import iso_datetime, iso_time
from s3dest.formats.values import dumps, holds_not_finite, simple, with_plain_names
from s3dest.kind import converted, type_name
from s3dest.schema import Column, columns_of

if TYPE_CHECKING:
    import pyarrow as pa


_DELIMITERS: Final = re.compile(r'[^\x00\n\r"+\-.0-9A-Za-z\x80-\U0010ffff]')
"""What may stand between fields without being mistaken for a part of one."""

_FAILURES: Final = (KeyError, TypeError, ValueError, OverflowError, RecursionError)
"""What a value raises that cannot be written; UnicodeEncodeError and orjson's errors are ValueErrors."""


@dataclass(frozen=True, slots=True)
class Csv:
    """Comma-separated values, with a header (RFC 4180): every text is quoted, everything else is not.

    What values become: ``None`` the null text; ``bool`` ``true`` and ``false``; numbers of any size, ``Decimal`` among
    them, their digits (``nan``, ``inf``, ``-inf`` where a float is not finite); ``UUID`` its text; ``datetime``,
    ``date`` and ``time`` their ISO text; an enum its value; ``bytes`` Base64; mappings, lists, tuples and dataclasses
    JSON, maps of Arrow a JSON list of pairs. All else is a `RowError`: sets, half surrogate pairs, a time whose zone
    tells no offset, a decimal that is not finite, NaN inside of JSON. The columns are fixed by the schema or the first
    rows: a missing one is null, a new one is a `RowError`.
    """

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
        if len(self.delimiter) != 1 or not _DELIMITERS.fullmatch(self.delimiter):
            message = (
                "Csv's delimiter must be one ASCII character that no number has: not a letter or digit, not any of "
            )
            message += "plus, minus, point, quote and line break."
            raise ConfigError(message, code="format", remedy="Choose a comma, a semicolon, a tab or a bar.")
        if not self.null.isascii() or any(char in self.null for char in f'{self.delimiter}"\r\n'):
            message = "Csv's null text must be ASCII, without the delimiter, quotes and line breaks."
            raise ConfigError(message, code="format", remedy="Choose such a text, or the empty one.")
        if self.null in {"true", "false"} or _is_number(self.null):
            message = f"Csv's null text {self.null!r} is also the text of a value."
            raise ConfigError(
                message, code="format", remedy="Choose a text that no value has, such as \\N, or the empty one."
            )

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
    """Gives plain text; see `TextEncoder`."""

    line_end = b"\r\n"
    pending = 0

    def __init__(self, options: Csv, compressor: Compressor | None, schema: object) -> None:
        self.schema = schema
        self.compressor = compressor
        self._options = options
        self._names = None if schema is None else [column.name for column in columns_of(schema)]
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(
            self._text, delimiter=options.delimiter, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n"
        )
        self._null = null = _Bare(options.null)
        self._converters: dict[type, Callable[[object], object]] = {**_CONVERTERS, type(None): lambda _: null}

    @property
    def columns(self) -> tuple[Column, ...] | None:
        return None if self.schema is None else columns_of(self.schema)

    def begin(self) -> bytes:
        if self._options.header:
            self._writer.writerow(self._names or [])
        return self._take()

    def encode(self, rows: Sequence[Row], *, first_row: int) -> bytes:
        if not rows:
            return b""
        names = self._names or self._fix(_first_places(rows, first_row), first_row)
        known = set(names)
        alone = len(names) == 1 and not self._options.null
        for number, row in enumerate(rows, first_row):
            if not known.issuperset(row):
                raise _new_column(number, row, known)
            fields = self._fields(number, row, names)
            if alone and fields[0] is self._null:
                raise _empty_line(number, names[0])
            try:
                self._writer.writerow(fields)
            except ValueError:  # thousands of digits
                raise _refusal(number, names, fields) from None
        return self._take()

    def encode_arrow(self, batch: pa.RecordBatch, *, first_row: int) -> bytes:
        require_meaning(batch, first_row)
        batch = settled(batch, first_row)
        names = self._names or self._fix(dict.fromkeys(batch.schema.names, first_row), first_row)
        if not set(names).issuperset(batch.schema.names):
            raise _new_column(first_row, dict.fromkeys(batch.schema.names), set(names))
        if len(names) == 1 and not self._options.null:
            _refuse_empty(batch, names[0], first_row)
        ready = [
            lines_of(
                some,
                names,
                first_row + start,
                delimiter=self._options.delimiter,
                null=self._options.null,
                convert=self._convert,
            )
            for start, some in slices(batch)
        ]
        return b"".join(ready)

    def finish(self) -> bytes:
        return b""

    def _fix(self, places: Mapping[str, int], first_row: int) -> list[str]:
        """Take the columns, given with the rows in which they appear first."""
        if not places:
            message = f"Row {first_row} has no columns, but perhaps some that it is parted by, and CSV cannot keep it."
            raise RowError(message, row=first_row, remedy="Leave the row out, or name its columns by a schema.")
        for name, row in places.items():
            if (refusal := name_refusal(name, row)) is not None:
                raise refusal
        self._names = list(map(str.__str__, places))  # an enum's member may print itself as another text
        self.schema = dict.fromkeys(self._names)
        return self._names

    def _take(self) -> bytes:
        text = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        return text.encode()

    def _fields(self, number: int, row: Row, names: list[str]) -> list[object]:
        converters = self._converters
        try:
            return [converters[type(value)](value) for value in map(row.get, names)]
        except _FAILURES:
            return [self._field(number, name, row.get(name)) for name in names]

    def _field(self, number: int, name: str, value: object) -> object:
        """Convert one value with care: a subclass of a known type, or one that cannot be written."""
        try:
            return self._convert(value)
        except _FAILURES:
            raise _unwritable(number, name, value) from None

    def _convert(self, value: object) -> object:
        if (convert := self._converters.get(type(value))) is not None:
            return convert(value)
        if isinstance(value, (Mapping, list, tuple)) or dataclasses.is_dataclass(value):
            return _json(value)
        return self._convert(simple(value))


def _first_places(rows: Sequence[Row], first_row: int) -> dict[str, int]:
    """Find each column's first row; a dict keeps the order in which they appear."""
    places: dict[str, int] = {}
    for number, row in enumerate(rows, first_row):
        for name in row:
            places.setdefault(name, number)
    return places


def _new_column(number: int, row: Row, known: set[str]) -> RowError:
    name = next(name for name in row if name not in known)
    if (refusal := name_refusal(name, number)) is not None:
        return refusal
    message = f"Row {number} has the column {show(name)}, which is none of those that are fixed."
    remedy = "CSV's columns are fixed by the schema or the first rows: pass schema= with all of them."
    return RowError(message, row=number, column=name, remedy=remedy)


def _empty_line(number: int, name: str) -> RowError:
    message = f"Row {number} is null in its only column, {show(name)}: an empty line, which readers pass over."
    return RowError(message, row=number, column=name, remedy="Give nulls a text: Csv(null=...).")


def _refuse_empty(batch: pa.RecordBatch, name: str, first_row: int) -> None:
    if not batch.num_columns:
        raise _empty_line(first_row, name)
    if batch.column(0).null_count:
        raise _empty_line(first_row + batch.column(0).is_null().to_pylist().index(True), name)


def _refusal(number: int, names: list[str], fields: list[object]) -> RowError:
    for name, field in zip(names, fields, strict=True):
        try:
            str(field)
        except ValueError:
            return _unwritable(number, name, field)
    return RowError(
        f"Row {number} cannot be written as CSV.",
        row=number,
        remedy="Convert the value before it is written; the README says what each format takes.",
    )


def _unwritable(number: int, name: str, value: object) -> RowError:
    message = f"Row {number}, column {show(name)}: this {type_name(value)} cannot be written as CSV."
    remedy = f"{converted(value)}; the README says what each format takes."
    return RowError(message, row=number, column=name, remedy=remedy)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _decimal(value: object) -> object:
    assert isinstance(value, Decimal)  # noqa: S101  # for mypy
    if not value.is_finite():
        raise TypeError
    return _Bare(str(value))


def _base64(value: object) -> object:
    assert isinstance(value, (bytes, bytearray, memoryview))  # noqa: S101  # for mypy
    return base64.b64encode(bytes(value)).decode()  # a view may have gaps


def _text(value: object) -> object:
    assert isinstance(value, str)  # noqa: S101  # for mypy
    value.encode()  # half a surrogate pair has no UTF-8
    return value


def _json(value: object) -> str:
    try:
        text = dumps(value)
    except TypeError:
        text = dumps(with_plain_names(value))
    if b"null" in text and holds_not_finite(value):
        raise TypeError
    return text.decode()


_CONVERTERS: Final[dict[type, Callable[[object], object]]] = {
    str: _text,
    int: lambda value: value,
    float: lambda value: value,
    bool: lambda value: _TRUE if value else _FALSE,
    Decimal: _decimal,
    dt.datetime: iso_datetime,  # type: ignore[dict-item]
    dt.date: lambda value: value.isoformat(),  # type: ignore[attr-defined]
    dt.time: iso_time,  # type: ignore[dict-item]
    UUID: str,
    bytes: _base64,
    bytearray: _base64,
    memoryview: _base64,
    dict: _json,
    list: _json,
    tuple: _json,
}
