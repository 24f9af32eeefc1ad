"""Rows to Arrow columns, with a type for each that keeps every value.

pyarrow by itself would make bytes of texts beside bytes, a date of a datetime beside dates, 1.0 of True beside floats,
a list of a set, and drop the zone of a time and the keys that a schema's struct does not have. So the types are found
here, and pyarrow is told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from s3dest.errors import RowError
from s3dest.formats.arrow import REFUSALS, first_refused, require_pyarrow
from s3dest.formats.arrow_types import DEEPEST, exact, wider
from s3dest.formats.columns import Columns, Values, columns_of
from s3dest.formats.encoder import Row, name_refusal, show
from s3dest.formats.iso import offset_of
from s3dest.formats.values import PLAIN, plain
from s3dest.kind import converted, kind_of, type_name

if TYPE_CHECKING:
    import pyarrow as pa

_ALWAYS_AN_OFFSET: Final = frozenset({dt.timezone, ZoneInfo})
"""Zones that have an offset at any time; others may have none at some."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the columns: their types, and which of them the caller has fixed."""

    schema: pa.Schema | None
    fixed: frozenset[str] = frozenset()

    def fixed_field(self, name: str) -> pa.Field | None:
        """Return the field that the caller fixed, if he did."""
        return self.schema.field(name) if self.schema is not None and name in self.fixed else None


def batch_of(rows: Sequence[Row], known: Known, first_row: int) -> pa.RecordBatch:
    """Turn rows into columns; every key of every row gets one.

    Raises:
        RowError: A row is no mapping, or a value goes with no type, or not with that of its column.
    """
    columns = columns_of(rows)
    if columns is None:
        names = dict.fromkeys(known.schema.names if known.schema is not None else ())
        columns = _columns_of_any(rows, names, first_row)
    return batch_of_columns(columns, known, first_row)


def batch_of_columns(columns: Columns, known: Known, first_row: int) -> pa.RecordBatch:
    """Convert columns; those that are known come first, and are null where they are not among them.

    Raises:
        RowError: A value goes with no type, or not with that of its column.
    """
    pa = require_pyarrow()
    names = dict.fromkeys(known.schema.names if known.schema is not None else ())
    if not names.keys() >= columns.keys():
        _add_names(names, columns, first_row)
    if not columns:
        raise no_columns(first_row)
    count = len(next(iter(columns.values())).values)
    absent = Values([None] * count, frozenset([type(None)]))
    fields, arrays = [], []
    for name in names:
        fixed = known.fixed_field(name)
        arrays.append(_column(columns.get(name, absent), fixed, name, first_row))
        fields.append(fixed if fixed is not None else pa.field(name, arrays[-1].type))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def no_columns(row: int) -> RowError:
    """Build the error for a row of nothing."""
    message = f"Row {row} has no columns, but perhaps some that it is parted by, and Parquet cannot keep it."
    return RowError(message, row=row, remedy="Leave the row out, or name its columns by a schema.")


def _columns_of_any(rows: Sequence[Row], names: dict[str, None], first_row: int) -> Columns:
    for number, row in enumerate(rows, first_row):
        if not isinstance(row, Mapping):
            message = f"Row {number} is {kind_of(row)}, not a mapping of column names to values."
            raise RowError(message, row=number, remedy="Give each row as a mapping, a dataclass or a pydantic model.")
        if not names.keys() >= row.keys():
            _add_names(names, row, number)
    return {name: Values.of([row.get(name) for row in rows]) for name in names}


def _add_names(names: dict[str, None], row: Iterable[object], number: int) -> None:
    for name in row:
        if (refusal := name_refusal(name, number)) is not None:
            raise refusal
        names[str.__str__(name)] = None  # an enum's member may print itself as another text


def _column(column: Values, fixed: pa.Field | None, name: str, first_row: int) -> pa.Array:
    """Convert a column: to the type that the caller fixed, else to what its values are."""
    try:
        return _attempt(column, fixed)
    except REFUSALS:
        values = column.values
        row = first_refused(len(values), lambda rows: _attempt(Values.of(values[:rows]), fixed))
    value = values[row]
    kind = type_name(value)
    message = f"Row {first_row + row}, column {show(name)}: "
    if fixed is None:
        why = "does not go with the values before it" if _goes(value) else "has no type in Parquet"
        message += f"this {kind} {why}."
    elif value is None:
        message += "the schema allows no null here."
    else:
        message += f"this {kind} does not go with the schema's type {fixed.type}."
    raise RowError(
        message,
        row=first_row + row,
        column=name,
        remedy=f"{converted(value)}, or give a schema that takes it.",
    )


def _goes(value: object) -> bool:
    """Tell whether a value goes with any type."""
    try:
        _attempt(Values.of([value]), None)
    except REFUSALS:
        return False
    return True


def _attempt(column: Values, fixed: pa.Field | None) -> pa.Array:
    return _convert(column, None) if fixed is None else exact(_convert(column, fixed.type), fixed)


def _convert(column: Values, guide: pa.DataType | None) -> pa.Array:
    pa = require_pyarrow()
    try:
        kind = _type_of(column, guide)
    except _OddError:
        column = Values.of([plain(value) for value in column.values])
        kind = _type_of(column, guide)
    return pa.array(column.values, kind)


class _OddError(TypeError):
    """A value is of a type that `plain` may know, or nobody."""


def _type_of(column: Values, guide: pa.DataType | None, depth: int = 0) -> pa.DataType:
    """Find the type that keeps plain values; the guide's wherever it does, and their own elsewhere.

    Raises:
        TypeError: There is none.
    """
    pa = require_pyarrow()
    if depth > DEEPEST:
        raise TypeError
    values, kinds = column.values, set(column.kinds - {type(None)})
    if not kinds:
        return guide if guide is not None else pa.null()
    if kinds <= {list, tuple, dict}:
        present: list[Any] = [value for value in values if value is not None]
        if guide is not None and pa.types.is_map(guide):
            return _map_type(present, guide, depth)
        if kinds == {dict}:
            return _struct_type(present, guide, depth)
        if dict not in kinds:
            inner = guide.value_type if guide is not None and hasattr(guide, "value_type") else None
            return pa.list_(_type_of(Values.of(list(chain.from_iterable(present))), inner, depth + 2))
    if not kinds <= PLAIN:
        raise _OddError
    if guide is not None and kinds == {int, float}:
        # a float may be rounded as the guide says; an integer beside one is an integer all the same
        exact(pa.array([value for value in values if type(value) is int]), pa.field("", guide))
    if guide is not None and pa.types.is_decimal(guide) and kinds <= {Decimal, int}:
        return guide
    kind = _scalar_type(values, kinds)
    return guide if guide is not None and _keeps(guide, kind, kinds) else kind


def _scalar_type(values: Sequence[object], kinds: set[type]) -> pa.DataType:
    pa = require_pyarrow()
    if kinds == {dt.datetime}:
        naive = _are_naive([value for value in values if isinstance(value, dt.datetime)])
        if len(naive) == 1:  # a zone is neither made up nor taken away
            return pa.timestamp("us") if naive == {True} else pa.timestamp("us", "UTC")
    if kinds == {dt.time} and not any(value.tzinfo for value in values if isinstance(value, dt.time)):
        return pa.time64("us")
    if kinds <= {Decimal, int} and Decimal in kinds:
        return _decimal_type(values)
    known = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64(), bytes: pa.binary()}
    known[dt.date] = pa.date32()
    if len(kinds) == 1 and (kind := known.get(next(iter(kinds)))) is not None:
        return kind
    if kinds == {int, float}:
        return pa.float64()
    raise TypeError


def _are_naive(values: Sequence[dt.datetime]) -> set[bool]:
    """Tell which there are: datetimes without zone, with one, or both.

    Raises:
        TypeError: A zone does not tell its offset, or has one that is no whole seconds: pyarrow would cut it off.
    """
    zones = list(map(attrgetter("tzinfo"), values))
    offsets: list[dt.timedelta | None]
    if set(map(type, zones)) <= _ALWAYS_AN_OFFSET:
        naive = {False}
        # there are few, and those of zoneinfo have whole seconds
        offsets = [zone.utcoffset(None) for zone in set(zones) if type(zone) is dt.timezone]
    else:
        offsets = list(map(offset_of, values))
        naive = {offset is None for offset in offsets}
    if any(offset is not None and offset.microseconds for offset in offsets):
        raise TypeError
    return naive


def _decimal_type(values: Sequence[object]) -> pa.DataType:
    """Find a decimal with room for all digits: beside integers for theirs too, as many as these may have."""
    pa = require_pyarrow()
    kind = pa.array([value for value in values if isinstance(value, Decimal)]).type
    integers = [value for value in values if isinstance(value, int)]
    return wider(pa.array(integers, pa.int64()).type, kind) if integers else kind


def _keeps(guide: pa.DataType, kind: pa.DataType, kinds: set[type]) -> bool:
    """Tell whether pyarrow converts values to the guide without losing anything, or raises."""
    types = require_pyarrow().types
    if kinds == {int}:
        return bool(types.is_integer(guide) or types.is_float64(guide))
    if kinds == {str}:
        return bool(types.is_string(guide) or types.is_large_string(guide))
    if kinds == {bytes}:
        return bool(types.is_binary(guide) or types.is_large_binary(guide) or types.is_fixed_size_binary(guide))
    if types.is_timestamp(guide) and types.is_timestamp(kind):
        return guide.unit in {"us", "ns"} and (guide.tz is None) == (kind.tz is None)
    return bool(kind.equals(guide))


def _struct_type(present: Sequence[Any], guide: pa.DataType | None, depth: int) -> pa.DataType:
    pa = require_pyarrow()
    names: dict[object, None] = dict.fromkeys(chain.from_iterable(present))
    if not all(isinstance(name, str) for name in names):
        raise TypeError
    guides: dict[object, Any] = {}
    if guide is not None and pa.types.is_struct(guide):
        guides = {guide.field(number).name: guide.field(number).type for number in range(guide.num_fields)}
    fields = []
    for name in {**guides, **names}:
        inner = Values.of([value[name] for value in present if name in value])
        fields.append((name, _type_of(inner, guides.get(name), depth + 1)))
    return pa.struct(fields)


def _map_type(present: Sequence[Any], guide: pa.DataType, depth: int) -> pa.DataType:
    pairs: list[Any] = [pair for value in present for pair in (value.items() if isinstance(value, dict) else value)]
    if not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):  # noqa: PLR2004  # a pair
        raise TypeError
    keys = _type_of(Values.of([key for key, _ in pairs]), guide.key_type, depth + 2)
    items = _type_of(Values.of([item for _, item in pairs]), guide.item_type, depth + 2)
    return require_pyarrow().map_(keys, items)
