"""Arrow columns as text, by pyarrow's kernels: the very text that rows of the same values give, without Python objects.

Two things a kernel writes in its own way, very large and very small floats and odd offsets of zones, are left to the
caller's function; there are few different ones.
"""

from __future__ import annotations

import datetime as dt
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from s3dest.errors import RowError
from s3dest.formats.arrow import require_pyarrow

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE: Final = 4 * 1024 * 1024
"""Bytes of text made at once, about: enough for the kernels, and little memory beside the budget."""

_PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

_YEAR_1: Final = -62_135_596_800
_YEAR_9999: Final = 253_402_300_799
"""Seconds from 1970 to the first and the last instant that ISO text with four digits of a year has."""

_FIXED: Final = re.compile(r"([+-])(\d\d):(\d\d)")
"""How Arrow writes an offset that is always the same."""

_1970: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_YEAR_1973: Final = 94_694_400
_QUARTER: Final = 900
"""Since 1973, zones have changed their offsets at whole quarters of an hour only; all in seconds."""

_UTC: Final = frozenset({"UTC", "Etc/UTC", "Z", "+00:00"})

_PLAIN_FLOATS: Final = (1e-4, 1e9)
"""Between these, pyarrow, Python and orjson write floats alike, less the ``.0`` of whole ones."""


@dataclass(frozen=True, slots=True)
class Style:
    """What a format does in its own way."""

    number: Callable[[float], str]
    """Writes a float that is very large, very small or not finite."""

    offset: Callable[[int], str]
    """Writes an offset from UTC, in seconds."""


@dataclass(frozen=True, slots=True)
class Texts:
    """A column's text; null where the column is."""

    array: pa.Array
    quoted: bool
    """Whether it stands between quotes."""


def slices(batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Cut a batch so that the text of each slice is not large; yield where each begins, too."""
    rows = batch.num_rows
    step = max(1, rows * _AT_ONCE // (batch.nbytes + 32 * rows * max(1, batch.num_columns) + 1))
    for start in range(0, rows, step):
        yield start, batch.slice(start, step)


def texts_of(column: pa.Array, style: Style) -> Texts | None:
    """Write truth values, numbers, dates, times and timestamps; ``None`` for a column of another type.

    Raises:
        ValueError: A value has no ISO text, or the machine does not know the time zone.
    """
    pa = require_pyarrow()
    types, kind = pa.types, column.type
    if types.is_null(kind) or types.is_boolean(kind) or types.is_integer(kind):
        return Texts(column.cast(pa.string()), quoted=False)
    if types.is_floating(kind):
        return Texts(_floats(column.cast(pa.float64()), style), quoted=False)
    if types.is_date(kind):
        _refuse_years(column.cast(pa.int32()).cast(pa.int64()), 86_400, divide=True)
        return Texts(column.cast(pa.string()), quoted=True)
    if types.is_time(kind):
        return Texts(_without_zeros(column.cast(pa.string()), 8), quoted=True)
    if types.is_timestamp(kind):
        return Texts(_zoned(column, style) if kind.tz is not None else _timestamps(column), quoted=True)
    return None


def joined(pieces: Sequence[pa.Array | str], rows: int) -> bytes:
    """Join columns and what stands between them, row by row."""
    pa = require_pyarrow()
    import pyarrow.compute as pc  # noqa: PLC0415  # with the extra only

    parts: list[Any] = []
    for piece in pieces:
        if isinstance(piece, str) and parts and isinstance(parts[-1], str):
            parts[-1] += piece
        else:
            parts.append(piece)
    if len(parts) == 1 and isinstance(parts[0], str):
        return parts[0].encode() * rows
    kind = pa.string()
    scalars = [pa.scalar(part, kind) if isinstance(part, str) else part.cast(kind) for part in parts]
    lines = pc.binary_join_element_wise(*scalars, pa.scalar("", kind))
    _, offsets, data = lines.buffers()
    first, last = (struct.unpack_from("=i", offsets, 4 * (lines.offset + row))[0] for row in (0, len(lines)))
    return bytes(memoryview(data)[first:last])


def between_quotes(texts: Texts, null: str) -> list[pa.Array | str]:
    """Return what to join for a column: quotes where it has them, and the text of null where it is null."""
    import pyarrow.compute as pc  # noqa: PLC0415  # with the extra only

    array = texts.array
    if not array.null_count:
        return ['"', array, '"'] if texts.quoted else [array]
    if texts.quoted:
        kind = array.type
        quote, nothing = (require_pyarrow().scalar(text, kind) for text in ('"', ""))
        array = pc.binary_join_element_wise(quote, array, quote, nothing)
    return [array.fill_null(null)]


def refusal(column: pa.Array, name: str, row: int, *, what: str) -> RowError:
    """Make the error for a value."""
    message = f"Row {row}, column {name!r}: this {column.type} cannot be written as {what}."
    return RowError(
        message,
        row=row,
        column=name,
        remedy="Cast the column before it is written; the README says what each format takes.",
    )


def _floats(column: pa.Array, style: Style) -> pa.Array:
    pa = require_pyarrow()
    import pyarrow.compute as pc  # noqa: PLC0415  # with the extra only

    small, large = _PLAIN_FLOATS
    size = pc.abs(column)
    plain = pc.or_(pc.equal(size, 0.0), pc.and_(pc.greater_equal(size, small), pc.less(size, large)))
    text = column.cast(pa.string())
    whole = pc.equal(pc.floor(column), column)
    if pc.any(whole).as_py():
        text = pc.if_else(whole, pc.binary_join_element_wise(text, ".0", ""), text)
    odd = pc.invert(plain)
    if pc.any(odd).as_py():
        own = [style.number(number) for number in column.filter(odd).to_pylist()]
        text = pc.replace_with_mask(text, odd.fill_null(False), pa.array(own, pa.string()))  # noqa: FBT003
    return text


def _timestamps(column: pa.Array) -> pa.Array:
    pa = require_pyarrow()
    import pyarrow.compute as pc  # noqa: PLC0415  # with the extra only

    unit = column.type.unit
    _refuse_years(column.cast(pa.int64()), _PER_SECOND[unit])
    try:
        column = column.cast(pa.timestamp("s"))
    except pa.ArrowInvalid:  # there are fractions
        column = column.cast(pa.timestamp("ns" if unit == "ns" else "us"))
    text = pc.utf8_replace_slice(column.cast(pa.string()), 10, 11, "T")
    return _without_zeros(text, len("2026-11-23T12:00:00"))


def _zoned(column: pa.Array, style: Style) -> pa.Array:
    pa = require_pyarrow()
    import pyarrow.compute as pc  # noqa: PLC0415  # with the extra only

    unit = column.type.unit
    instants = column.cast(pa.timestamp(unit))
    if column.type.tz in _UTC:
        return pc.binary_join_element_wise(_timestamps(instants), style.offset(0), "")
    counts = instants.cast(pa.int64())
    _refuse_years(counts, _PER_SECOND[unit])
    # pyarrow's own zones know no summer time after 2037: the offsets come from Python, one for each quarter of an hour
    seconds = pc.floor_temporal(instants, unit="second").cast(pa.timestamp("s")).cast(pa.int64())
    step = _QUARTER if (pc.min(seconds).as_py() or 0) > _YEAR_1973 else 1
    moments = pc.divide(seconds, step).dictionary_encode()
    zone = _zone(column.type.tz)
    offsets = [_offset(moment * step, zone) for moment in moments.dictionary.to_pylist()]
    shifts = pa.array([offset * _PER_SECOND[unit] for offset in offsets], pa.int64()).take(moments.indices)
    local = pc.add(counts, shifts).cast(pa.timestamp(unit))
    written = pa.array(list(map(style.offset, offsets)), pa.string()).take(moments.indices)
    return pc.binary_join_element_wise(_timestamps(local), written, "")


def _zone(name: str) -> dt.tzinfo:
    """Find a zone as Arrow names it, by zoneinfo: pyarrow would take pytz where that is, which ends in 2037."""
    if fixed := _FIXED.fullmatch(name):
        shift = dt.timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
        return dt.timezone(-shift if fixed[1] == "-" else shift)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        message = f"this machine does not know the time zone {name}"
        raise ValueError(message) from error


def _offset(moment: int, zone: dt.tzinfo) -> int:
    offset = (_1970 + dt.timedelta(seconds=moment)).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _without_zeros(text: pa.Array, whole: int) -> pa.Array:
    """Cut a fraction of nothing off, as Python does, and nanoseconds where there are none."""
    import pyarrow.compute as pc  # noqa: PLC0415  # with the extra only

    length = pc.max(pc.binary_length(text)).as_py() or 0
    if length <= whole:
        return text
    micros = whole + len(".000000")
    if length > micros:
        text = pc.if_else(pc.ends_with(text, "000"), pc.utf8_slice_codeunits(text, 0, micros), text)
    empty = pc.equal(pc.utf8_slice_codeunits(text, whole, micros + 3), ".000000")
    return pc.if_else(empty, pc.utf8_slice_codeunits(text, 0, whole), text)


def _refuse_years(counts: pa.Array, per: int, *, divide: bool = False) -> None:
    import pyarrow.compute as pc  # noqa: PLC0415  # with the extra only

    first, last = (_YEAR_1 // per, _YEAR_9999 // per) if divide else (_YEAR_1 * per, (_YEAR_9999 + 1) * per - 1)
    ends = pc.min_max(counts).as_py()
    if ends["min"] is not None and (ends["min"] < first or ends["max"] > last):
        message = "ISO text has the years 1 to 9999"
        raise ValueError(message)
