"""Which Arrow type takes the values of two: how columns widen, and what is never mixed.

Only what keeps every value is a wider type: a number never becomes text, bytes never text, a date no timestamp, a truth
value no number, a decimal no float, and a time zone is neither made up nor taken away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from s3dest.errors import RowError
from s3dest.formats.arrow import REFUSALS, first_refused, require_pyarrow

if TYPE_CHECKING:
    import pyarrow as pa


_DIGITS: Final = 20
"""Decimal digits of the largest integer of 64 bit, without sign."""

_PRECISION_128: Final = 38
"""Digits of a decimal128."""

DEEPEST: Final = 98
"""Levels of nesting in Parquet's schema, in which lists and maps have two each: pyarrow reads no more (measured)."""


def wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """Find the type that takes the values of both.

    Raises:
        TypeError: There is none.
    """
    pa = require_pyarrow()
    types = pa.types
    if one.equals(other) or types.is_null(other):
        return one
    if types.is_null(one):
        return other
    if types.is_struct(one) and types.is_struct(other):
        return _wider_struct(one, other)
    if types.is_map(one) and types.is_map(other):
        return pa.map_(wider(one.key_type, other.key_type), wider(one.item_type, other.item_type))
    if _is_list(one) and _is_list(other):
        large = types.is_large_list(one) or types.is_large_list(other)
        return (pa.large_list if large else pa.list_)(wider(one.value_type, other.value_type))
    if types.is_timestamp(one) and types.is_timestamp(other) and one.tz and other.tz and one.tz != other.tz:
        finer = wider(pa.timestamp(one.unit), pa.timestamp(other.unit)).unit
        return pa.timestamp(finer, "UTC")  # the same instants, in the zone that all have
    families = {_family(one), _family(other)}
    if "decimal" in families and families <= {"integer", "decimal"}:
        return _wider_decimal(one, other)
    if len(families) == 1 or families == {"integer", "float"}:
        pair = [pa.schema([pa.field("", kind)]) for kind in (one, other)]
        return pa.unify_schemas(pair, promote_options="permissive").field(0).type
    message = f"no type takes both {one} and {other}"
    raise TypeError(message)


def levels(kind: pa.DataType) -> int:
    """Count the levels that a type has in Parquet's schema, below the column's own."""
    pa = require_pyarrow()
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return levels(kind.storage_type)
    if types.is_map(kind):
        return 2 + max(levels(kind.key_type), levels(kind.item_type))
    if hasattr(kind, "value_type"):
        return 2 + levels(kind.value_type)
    if types.is_struct(kind):
        return 1 + max((levels(kind.field(number).type) for number in range(kind.num_fields)), default=0)
    return 0


def decimal(precision: int, scale: int, *, wide: bool = False) -> pa.DataType:
    """Make the decimal type of so many digits; ``wide`` where it is to have room for more than 38 anyway.

    Raises:
        ValueError: They are more than 76.
    """
    pa = require_pyarrow()
    return (pa.decimal256 if wide or precision > _PRECISION_128 else pa.decimal128)(precision, scale)


def drops_nothing(source: pa.DataType, target: pa.DataType) -> bool:
    """Tell whether a cast could keep all there is: kinds that go together, and a place for every nested field."""
    pa = require_pyarrow()
    types = pa.types
    if types.is_struct(source) and types.is_struct(target):
        fields = [source.field(number) for number in range(source.num_fields)]
        places = [target.get_field_index(field.name) for field in fields]
        return -1 not in places and all(
            drops_nothing(field.type, target.field(place).type) for field, place in zip(fields, places, strict=True)
        )
    if types.is_map(source) and types.is_map(target):
        return drops_nothing(source.key_type, target.key_type) and drops_nothing(source.item_type, target.item_type)
    if _is_list(source) and _is_list(target):
        return drops_nothing(source.value_type, target.value_type)
    try:
        wider(source, target)
    except REFUSALS:
        return False
    return True


def cast(array: pa.Array, field: pa.Field, first_row: int) -> pa.Array:
    """Bring a column to a type that takes every value of it as it is; a narrow float rounds, as its type says.

    Raises:
        RowError: A value does not fit.
    """
    try:
        return exact(array, field)
    except REFUSALS:
        row = first_row + _first_misfit(array, field)
    message = f"Row {row}, column {field.name!r}: a value of the type {array.type} does not fit {field.type}."
    if not field.nullable and array.null_count:
        message = f"Row {row}, column {field.name!r}: the schema allows no null here."
    raise RowError(message, row=row, column=field.name, remedy="Give the column one type, or the schema a wider one.")


def unite(schema: pa.Schema, batch: pa.RecordBatch, fixed: frozenset[str], first_row: int) -> pa.Schema:
    """Find the schema that takes a batch, too: columns of either, the wider type of each, what is fixed as it is.

    Raises:
        RowError: A column has no type that takes both.
    """
    pa = require_pyarrow()
    fields = []
    known, others = set(schema.names), {field.name: field for field in batch.schema}
    for field in schema:
        if field.name not in fixed and field.name in others:
            theirs = others[field.name]
            try:
                kind = wider(field.type, theirs.type)
            except REFUSALS:
                row = first_row + _first_conflict(batch.column(field.name), field.type)
                message = f"From row {row} on, column {field.name!r} is {theirs.type}; before it was {field.type}."
                remedy = "Give the column one type, or append to another table."
                raise RowError(message, row=row, column=field.name, remedy=remedy) from None
            field = pa.field(field.name, kind, field.nullable or theirs.nullable, field.metadata)  # noqa: PLW2901
        elif field.name not in fixed:
            field = field.with_nullable(True)  # noqa: FBT003, PLW2901  # it is missing there
        fields.append(field)
    # a column that comes later is missing in the rows before
    fields += [field.with_nullable(True) for field in batch.schema if field.name not in known]  # noqa: FBT003
    return pa.schema(fields)


def refuse_hollow(batch: pa.RecordBatch, schema: pa.Schema, first_row: int) -> None:
    """Refuse empty mappings of which no field is known, neither from other rows nor from the schema.

    Raises:
        RowError: Parquet has no struct without fields.
    """
    for field in schema:
        if _is_hollow(field.type):
            row = first_row
            if field.name in batch.schema.names:
                column = batch.column(field.name)
                row += next((rows for rows in range(len(column)) if _is_hollow(_type_so_far(column.slice(rows, 1)))), 0)
            message = (
                f"Row {row}, column {field.name!r}: this mapping is empty, and Parquet has no struct without fields."
            )
            remedy = "Write None instead, or give a schema with the fields that it may have."
            raise RowError(message, row=row, column=field.name, remedy=remedy)


def exact(array: pa.Array, field: pa.Field) -> pa.Array:
    """Do the same as `cast`, for callers that find the row themselves.

    Raises:
        ValueError: A value does not fit; or pyarrow's other errors, `REFUSALS`.
    """
    if array.null_count and not field.nullable:
        raise TypeError
    if array.type.equals(field.type):
        return array
    if array.null_count == len(array):  # pyarrow casts nulls of some types only
        return require_pyarrow().nulls(len(array), field.type)
    if not drops_nothing(array.type, field.type):
        raise TypeError
    done = array.cast(field.type)
    for before, after in _leaves(array, done):
        _refuse_other_numbers(before, after)
    return done


def _first_misfit(array: pa.Array, field: pa.Field) -> int:
    if array.null_count and not field.nullable:
        return int(array.is_null().to_pylist().index(True))
    if not drops_nothing(array.type, field.type):  # no value fits, but a null may
        return int(array.is_valid().to_pylist().index(True))
    return first_refused(len(array), lambda rows: exact(array.slice(0, rows), field))


def _first_conflict(array: pa.Array, kind: pa.DataType) -> int:
    """Find the first row that does not go with a type, by its value; the first one of all if it is by nulls."""

    def attempt(rows: int) -> object:
        return wider(kind, _type_so_far(array.slice(0, rows)))

    row = first_refused(len(array), attempt)
    try:
        attempt(row + 1)
    except REFUSALS:
        return row
    return 0  # nothing but nulls, of a type that Arrow data tells


def _type_so_far(array: pa.Array) -> pa.DataType:
    """Find the type of what is there: null where nothing is, at any depth."""
    pa = require_pyarrow()
    if array.null_count == len(array):
        return pa.null()
    if pa.types.is_struct(array.type):
        fields = zip(array.type, array.flatten(), strict=True)
        return pa.struct([(field.name, _type_so_far(child)) for field, child in fields])
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        return pa.list_(_type_so_far(array.flatten()))
    return array.type


def _leaves(array: pa.Array, done: pa.Array) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Take what is not nested out of an array and of what it was cast to."""
    types = require_pyarrow().types
    if types.is_struct(array.type):
        children = dict(zip((field.name for field in done.type), done.flatten(), strict=True))
        for field, child in zip(array.type, array.flatten(), strict=True):
            yield from _leaves(child, children[field.name])
    elif types.is_map(array.type):
        yield from _leaves(array.keys, done.keys)
        yield from _leaves(array.items, done.items)
    elif _is_list(array.type):
        yield from _leaves(array.flatten(), done.flatten())
    else:
        yield array, done


def _refuse_other_numbers(array: pa.Array, done: pa.Array) -> None:
    """Refuse what pyarrow does without a word: Infinity where a narrow float overflows, integers that a half rounds."""
    types = require_pyarrow().types
    import pyarrow.compute as pc  # noqa: PLC0415  # with the extra only

    if types.is_integer(array.type) and types.is_float16(done.type):
        if not done.cast(array.type).equals(array):
            raise OverflowError
    elif types.is_floating(array.type) and types.is_floating(done.type):
        # as doubles: pyarrow 19 has no look at halves
        doubles = [numbers.cast(require_pyarrow().float64()) for numbers in (array, done)]
        infinite = [int(pc.sum(pc.is_inf(numbers)).as_py() or 0) for numbers in doubles]
        if infinite[0] != infinite[1]:
            raise OverflowError


def _wider_decimal(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """Find the decimal that has room for the digits of both; pyarrow's own has too little for integers."""
    pa = require_pyarrow()
    sizes = [
        (kind.precision - kind.scale, kind.scale) if pa.types.is_decimal(kind) else (_DIGITS, 0)
        for kind in (one, other)
    ]
    scale = max(scale for _, scale in sizes)
    precision = max(digits for digits, _ in sizes) + scale
    return decimal(precision, scale, wide="decimal256" in f"{one} {other}")


def _wider_struct(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    pa = require_pyarrow()
    fields = {one.field(number).name: one.field(number).type for number in range(one.num_fields)}
    for number in range(other.num_fields):
        field = other.field(number)
        fields[field.name] = wider(fields.get(field.name, field.type), field.type)
    return pa.struct(list(fields.items()))


def _is_hollow(kind: pa.DataType) -> bool:
    """Tell whether a struct, at any depth, has no fields."""
    types = require_pyarrow().types
    if types.is_struct(kind):
        return not kind.num_fields or any(_is_hollow(field.type) for field in kind)
    if types.is_map(kind):
        return _is_hollow(kind.item_type)
    return _is_list(kind) and _is_hollow(kind.value_type)


def _is_list(kind: pa.DataType) -> bool:
    types = require_pyarrow().types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _family(kind: pa.DataType) -> str:
    """Name what goes together; every other type only with itself."""
    types = require_pyarrow().types
    families = {
        "integer": types.is_integer,
        "float": types.is_floating,
        "decimal": types.is_decimal,
        "text": lambda kind: types.is_string(kind) or types.is_large_string(kind),
        "bytes": lambda kind: types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind),
        "date": types.is_date,
        "time": types.is_time,
        "instant": lambda kind: types.is_timestamp(kind) and kind.tz is not None,
        "local": lambda kind: types.is_timestamp(kind) and kind.tz is None,
    }
    return next((name for name, belongs in families.items() if belongs(kind)), str(kind))
