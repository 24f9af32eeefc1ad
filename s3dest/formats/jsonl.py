"""JSON Lines: one JSON object a row, UTF-8, ended by a newline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import countOf, itemgetter, methodcaller
from typing import TYPE_CHECKING, Final, cast

from s3dest.errors import RowError
from s3dest.formats.arrow import require_meaning, settled
from s3dest.formats.arrow_text import slices
from s3dest.formats.compression import MEDIA_TYPES, SUFFIXES, Compression, Compressor, check, compressor
from s3dest.formats.encoder import Row, name_refusal, show
from s3dest.formats.jsonl_arrow import lines_of
from s3dest.formats.values import dumps, holds_not_finite, lines, with_plain_names
from s3dest.kind import converted, kind_of, type_name
from s3dest.schema import Column, columns_of

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE: Final = 64 * 1024
"""Bytes of text made before they are looked at: as much as the processor still has at hand."""

_FIRST_ROWS: Final = 64

_FAILURES: Final = (TypeError, RecursionError)
"""What a value raises that cannot be written; orjson's errors are TypeErrors."""

_NEVER_INFINITE: Final = frozenset({type(None), bool, int, str})


@dataclass(frozen=True, slots=True)
class JsonLines:
    """JSON Lines, compressed or not: one JSON object a row, UTF-8, ended by a newline.

    What values become: ``None`` null; ``bool``, ``str``, ``int`` up to 64 bit and finite ``float`` themselves;
    ``datetime``, ``date`` and ``time`` their ISO text (RFC 3339, so offsets are rounded to minutes, 59:30 to a whole
    hour: they were finer before 1972; a naive datetime stays without zone, and a time with zone is refused); ``UUID``
    and ``Decimal`` their text, so that no digit is lost; an enum its value; ``bytes`` Base64; mappings, lists, tuples
    and dataclasses nested JSON, maps of Arrow lists of pairs. All else is a `RowError`: NaN and Infinity, larger
    integers, sets, keys that are no text, half surrogate pairs.
    """

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
    """Gives plain text; see `TextEncoder`."""

    __slots__ = ("_at_once", "_nullable", "columns", "compressor", "schema")

    line_end = b"\n"
    pending = 0

    def __init__(self, compressor: Compressor | None, schema: object) -> None:
        self.schema = schema
        self.columns: tuple[Column, ...] | None = None if schema is None else columns_of(schema)
        self.compressor = compressor
        self._at_once = _FIRST_ROWS
        self._nullable: dict[str, None] = {}  # columns in which there were nulls

    def begin(self) -> bytes:
        return b""

    def encode(self, rows: Sequence[Row], *, first_row: int) -> bytes:
        ready = []
        start = 0
        while start < len(rows):
            some = rows[start : start + self._at_once]
            text = self._lines(some, first_row + start)
            start += len(some)
            self._at_once = max(1, _AT_ONCE * len(some) // len(text))
            ready.append(text)
        return ready[0] if len(ready) == 1 else b"".join(ready)

    def encode_arrow(self, batch: pa.RecordBatch, *, first_row: int) -> bytes:
        require_meaning(batch, first_row)
        batch = settled(batch, first_row)
        return b"".join(lines_of(some, first_row + start) for start, some in slices(batch))

    def finish(self) -> bytes:
        return b""

    def _lines(self, rows: Sequence[Row], first_row: int) -> bytes:
        """Encode rows in one call, and end each by a newline."""
        plain = _plain(rows, first_row)
        try:
            text = lines(plain)
        except _FAILURES:
            plain, text = _named(plain, first_row)
        # orjson writes NaN and Infinity as null without a word: a null that is no None needs a look
        nulls = text.count(b"null")
        if nulls and nulls != self._known_nulls(plain):
            self._nullable |= {name: None for row in plain for name, value in row.items() if value is None}
            if nulls != self._known_nulls(plain):
                _refuse_not_finite(plain, first_row)
        return text

    def _known_nulls(self, rows: Sequence[dict[str, object]]) -> int:
        """Count the nulls in the columns that have any: a look at every value costs as much as writing it."""
        return sum(_count_none(rows, name) for name in self._nullable)


def _named(rows: Sequence[dict[str, object]], first_row: int) -> tuple[list[dict[str, object]], bytes]:
    """Encode rows whose names may be of a class of their own, such as an enum's, which orjson refuses."""
    try:
        named = cast("list[dict[str, object]]", list(map(with_plain_names, rows)))
        return named, lines(named)
    except _FAILURES:
        raise _first_failure(rows, first_row) from None


def _count_none(rows: Sequence[dict[str, object]], name: str) -> int:
    try:
        return countOf(map(itemgetter(name), rows), None)
    except KeyError:  # not in every row
        return countOf(map(methodcaller("get", name, ...), rows), None)


def _plain(rows: Sequence[Row], first_row: int) -> Sequence[dict[str, object]]:
    """Make dicts of other mappings; orjson would write a list or a text as it is."""
    if set(map(type, rows)) == {dict}:
        return cast("Sequence[dict[str, object]]", rows)
    plain = []
    for number, row in enumerate(rows, first_row):
        if not isinstance(row, Mapping):
            message = f"Row {number} is {kind_of(row)}, not a mapping of column names to values."
            raise RowError(message, row=number, remedy="Give each row as a mapping, a dataclass or a pydantic model.")
        plain.append(dict(row))
    return plain


def _first_failure(rows: Iterable[dict[str, object]], first_row: int) -> RowError:
    """Find the row and the column that a whole batch failed by."""
    for number, row in enumerate(rows, first_row):
        for column, value in row.items():
            if (refusal := name_refusal(column, number)) is not None:
                return refusal
            try:
                dumps(with_plain_names({column: value}))
            except _FAILURES:
                return _refusal(number, column, value)
    message = f"One of the rows {first_row} to {number} cannot be written as JSON."
    return RowError(
        message, row=first_row, remedy="Convert the value before it is written; the README says what each format takes."
    )


def _refusal(number: int, column: str, value: object) -> RowError:
    # The value itself stays out of the text: it is the customer's data.
    if isinstance(value, str):
        message = f"Row {number}, column {show(column)}: half a surrogate pair, which no UTF-8 has, is in this text."
        return RowError(message, row=number, column=column, remedy="Replace it, by U+FFFD say, or leave it out.")
    message = f"Row {number}, column {show(column)}: this {type_name(value)} cannot be written as JSON."
    taken = "text, finite numbers, integers up to 64 bit, dates, UUIDs, bytes, mappings and lists"
    remedy = f"{converted(value)}: JSON Lines takes {taken}."
    return RowError(message, row=number, column=column, remedy=remedy)


def _refuse_not_finite(rows: Iterable[dict[str, object]], first_row: int) -> None:
    for number, row in enumerate(rows, first_row):
        if _NEVER_INFINITE.issuperset(map(type, row.values())):
            continue
        for column, value in row.items():
            if holds_not_finite(value):
                message = f"Row {number}, column {show(column)}: JSON has no NaN and no Infinity."
                raise RowError(message, row=number, column=column, remedy="Write None, or a text of your own.")
