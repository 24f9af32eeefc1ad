"""Arrow types without an encoding of their own, and the copies of columns that have them.

What a format could not tell apart becomes one plain type, at any depth: dictionaries and run ends, views, lists of
fixed size, dates in milliseconds, truth values in bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pyarrow as pa

_LIST_VIEW: Final = "list_view<"
_BOOL8: Final = "arrow.bool8"

_ENCODED: Final = (_LIST_VIEW, "dictionary<", "run_end_encoded<", f"extension<{_BOOL8}", ": null")
"""What pyarrow names types that its casts do not take in every place, or read wrongly."""

Stored = Callable[["pa.DataType"], "pa.DataType"]
"""How a format keeps a plain type."""


def as_it_is(kind: pa.DataType) -> pa.DataType:
    """Keep a plain type as it is."""
    return kind


def plain_type(kind: pa.DataType, *, stored: Stored = as_it_is) -> pa.DataType:
    """Find the type, at any depth, that holds the same values without an encoding of its own, as it is stored.

    Raises:
        TypeError: No format has a place for it; the text says why.
    """
    import pyarrow as pa  # noqa: PLC0415  # whoever has a type has the library

    types, inner = pa.types, partial(plain_type, stored=stored)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return inner(kind.value_type)
    if types.is_struct(kind):
        fields = [kind.field(number) for number in range(kind.num_fields)]
        if len({field.name for field in fields}) < len(fields):
            message = "in which two fields have one name"
            raise TypeError(message)
        return stored(pa.struct([field.with_type(inner(field.type)) for field in fields]))
    if types.is_map(kind) and _LIST_VIEW not in str(kind):
        return stored(pa.map_(inner(kind.key_type), inner(kind.item_type)))
    if types.is_large_list(kind) or str(kind).startswith(f"large_{_LIST_VIEW}"):
        return stored(pa.large_list(kind.value_field.with_type(inner(kind.value_type))))
    # Parquet has no lists of fixed size either
    if types.is_list(kind) or types.is_fixed_size_list(kind) or str(kind).startswith(_LIST_VIEW):
        return stored(pa.list_(kind.value_field.with_type(inner(kind.value_type))))
    if types.is_duration(kind) or types.is_interval(kind) or types.is_union(kind) or types.is_map(kind):
        message = "which none of the formats has"
        raise TypeError(message)
    if getattr(kind, "extension_name", None) == _BOOL8:
        return stored(pa.bool_())
    # by their texts: pyarrow's tests for views are younger than the oldest version that is supported
    plain = {"string_view": pa.string(), "binary_view": pa.binary(), "date64[ms]": pa.date32()}.get(str(kind), kind)
    return stored(plain)


def decoded(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Copy a column to its plain type.

    Raises:
        ValueError: A value is another one there, or whatever else pyarrow raises.
    """
    import pyarrow as pa  # noqa: PLC0415

    if column.type.equals(kind):
        return column
    if pa.types.is_dictionary(column.type):
        # pyarrow's own decoding has no kernel for some values: texts of polars, which are views
        return decoded(column.dictionary, kind).take(column.indices)
    if pa.types.is_run_end_encoded(column.type):
        return decoded(column.values, kind).take(runs_of(column))
    if getattr(column.type, "extension_name", None) == _BOOL8:
        return column.storage.cast(kind)
    if any(encoding in str(column.type) for encoding in _ENCODED):
        return _decoded_inside(column, kind)
    if pa.types.is_fixed_size_list(column.type) and column.null_count:
        # a null of fixed size hides values, which pyarrow 21 cannot write; what is taken has none
        return column.cast(kind).take(pa.array(range(len(column))))
    return column.cast(kind)


def runs_of(column: pa.RunEndEncodedArray) -> pa.Array:
    """Number the run that each row belongs to."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    numbers = pa.RunEndEncodedArray.from_arrays(column.run_ends, pa.array(range(len(column.values)), pa.int64()))
    return pc.run_end_decode(numbers.slice(column.offset, len(column)))


def _decoded_inside(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Copy what is nested part by part: pyarrow's casts know no run ends there, and read views beyond their offsets."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    if pa.types.is_struct(kind):
        children = [decoded(child, field.type) for child, field in zip(column.flatten(), kind, strict=True)]
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=column.is_null())
    if pa.types.is_map(kind):
        first, last = column.offsets[0].as_py(), column.offsets[-1].as_py()
        offsets, size = pc.subtract(column.offsets, first), last - first
        keys = decoded(column.keys.slice(first, size), kind.key_type)
        items = decoded(column.items.slice(first, size), kind.item_type)
        return pa.MapArray.from_arrays(offsets, keys, items, type=kind, mask=column.is_null())
    made, width = (pa.LargeListArray, pa.int64()) if pa.types.is_large_list(kind) else (pa.ListArray, pa.int32())
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    offsets = pa.concat_arrays([pa.array([0], width), pc.cumulative_sum(lengths).cast(width)])
    return made.from_arrays(offsets, decoded(column.flatten(), kind.value_type), type=kind, mask=column.is_null())
