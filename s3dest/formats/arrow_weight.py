"""How many bytes Arrow data becomes where its encodings are undone: one long text may stand for a million rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from s3dest.formats.arrow import REFUSALS
from s3dest.formats.arrow_plain import runs_of

if TYPE_CHECKING:
    import pyarrow as pa

_SHORT: Final = ("dictionary<", "run_end_encoded<", "view")
"""What is in the names of types whose data may be far shorter than their values."""

_SHARE: Final = 8
"""Values of an encoding are looked at anew for each slice: these are an eighth of them at least, however long."""


_ONE_BY_ONE: Final = 4096
"""Nested values of an encoding that are weighed each by itself, at most, which takes some milliseconds."""


def light_head(batch: pa.RecordBatch, most: int) -> pa.RecordBatch:
    """Take the first rows of a batch: so many that their columns are not much longer, once they are decoded.

    Args:
        batch: The batch, which is copied nowhere.
        most: Bytes that they may become; a row at least, and a share of what their values take now, always may.
    """
    short = [column for column in batch.columns if any(word in str(column.type) for word in _SHORT)]
    if not short:
        return batch
    most = max(most, sum(map(size_of, short)) // _SHARE)
    rows = batch.num_rows
    try:
        for column in short:
            column.validate(full=_is_nested(column.type))
        while rows > 1 and (weight := sum(_weight(column.slice(0, rows)) for column in short)) > most:
            # no less than by half: one row may have it all
            rows = max(1, min(rows // 2, rows * most // weight))
    except (*REFUSALS, IndexError):  # what is broken, or pyarrow cannot take apart, is told where it is decoded
        return batch
    return batch.slice(0, rows)


def _is_nested(kind: pa.DataType) -> bool:
    """Tell whether the parts of its values lie where offsets say; to see that all is well takes as long as copying."""
    import pyarrow as pa  # noqa: PLC0415  # whoever has a type has the library

    encoded = pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind)
    return bool(pa.types.is_nested(kind.value_type if encoded else kind))


def size_of(data: Any) -> int:  # noqa: ANN401  # an array or a batch of pyarrow
    """Tell how many bytes Arrow data takes as it is."""
    try:
        return int(data.nbytes)
    except TypeError:  # of a view, in pyarrow 19
        return int(data.get_total_buffer_size())


def _weight(column: Any) -> int:  # noqa: ANN401  # an array of pyarrow
    import pyarrow as pa  # noqa: PLC0415  # whoever has a batch has the library
    import pyarrow.compute as pc  # noqa: PLC0415

    types, kind = pa.types, column.type
    if types.is_dictionary(kind):
        return int(pc.sum(_weights(column.dictionary).take(column.indices)).as_py() or 0)
    if types.is_run_end_encoded(kind):
        return int(pc.sum(_weights(column.values).take(runs_of(column))).as_py() or 0)
    if str(kind) in {"string_view", "binary_view"}:
        return int(pc.sum(_weights(column)).as_py() or 0)
    if types.is_struct(kind):
        return sum(map(_weight, column.flatten()))
    if types.is_map(kind):
        first, last = column.offsets[0].as_py(), column.offsets[-1].as_py()
        return sum(_weight(part.slice(first, last - first)) for part in (column.keys, column.items))
    if str(kind).startswith(("list_view<", "large_list_view<")):  # several may share their values
        share = (pc.sum(pc.list_value_length(column)).as_py() or 0) / max(1, len(column.values))
        return int(_weight(column.values) * share)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _weight(column.flatten())
    return size_of(column)


def _weights(values: Any) -> Any:  # noqa: ANN401  # arrays of pyarrow
    """Weigh each value: a text's length, and of many that are nested all alike."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    types, kind = pa.types, values.type
    if str(kind) in {"string_view", "binary_view"}:
        # no kernel tells their lengths, which are the first of four numbers that stand for each
        numbers = pa.Array.from_buffers(
            pa.int32(), 4 * len(values), [None, values.buffers()[1]], offset=4 * values.offset
        )
        return pc.if_else(values.is_valid(), pc.list_element(pa.FixedSizeListArray.from_arrays(numbers, 4), 0), 0)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        return pc.binary_length(values)
    if len(values) <= _ONE_BY_ONE:
        return pa.array([_weight(values.slice(place, 1)) for place in range(len(values))], pa.int64())
    return pa.repeat(pa.scalar(_weight(values) // max(1, len(values)), pa.int64()), len(values))
