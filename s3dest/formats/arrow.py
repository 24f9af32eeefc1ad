"""Arrow data of any library, as pyarrow's record batches, without copying it into Python objects.

What the formats cannot tell apart, or would change, is settled here, once for all of them: columns become plain ones;
two columns of one name, text that is no UTF-8, durations, intervals and unions are a `RowError`. Parquet keeps
extension types as Arrow does; text has UUIDs and JSON, and what was opaque to the library that it came by.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Final, Protocol

from s3dest.errors import ConfigError, RowError
from s3dest.formats.arrow_plain import Stored, decoded, plain_type
from s3dest.kind import kind_of
from s3dest.loading import LOADING

if TYPE_CHECKING:
    import pyarrow as pa

REFUSALS: Final = (ValueError, TypeError, OverflowError, NotImplementedError, RecursionError, KeyError)
"""What pyarrow raises where a value does not fit; ArrowInvalid is a ValueError, ArrowTypeError a TypeError, and a zone
that is not known a KeyError of zoneinfo's."""

_USED: Final = threading.Event()

_MEANT: Final = frozenset({"", "arrow.uuid", "arrow.json", "arrow.opaque"})
"""Extension types whose values are told by the objects that pyarrow makes of them; and none."""


class ArrowStream(Protocol):
    """What a table or a reader of Arrow data has (the Arrow PyCapsule interface)."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule of the stream."""


class ArrowArray(Protocol):
    """What a record batch of Arrow data has (the Arrow PyCapsule interface)."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> object:
        """Return capsules of the schema and the array."""


def require_pyarrow() -> Any:  # noqa: ANN401  # a module
    """Import pyarrow.

    Raises:
        ConfigError: It is missing; the error names the extra.
    """
    try:
        with LOADING:
            import pyarrow  # noqa: PLC0415, ICN001  # with the extra only

            if not _USED.is_set():
                import pyarrow.compute  # noqa: PLC0415  # and what is imported where it is used
                import pyarrow.parquet  # noqa: PLC0415

                pyarrow.array([None])  # imports pandas where there is one
                _USED.set()
    except ImportError as error:
        message = "Parquet and Arrow need the pyarrow library."
        raise ConfigError(message, code="extra_missing", remedy="pip install 's3dest[parquet]'") from error
    return pyarrow


def batches(data: ArrowStream | ArrowArray) -> Generator[pa.RecordBatch]:
    """Begin to read Arrow data batch by batch; what it comes from is let go of at the end, or when this is closed.

    Raises:
        ConfigError: It is none, it is a column instead of a table, or pyarrow is missing.
    """
    arrow = require_pyarrow()
    try:
        if hasattr(data, "__arrow_c_stream__"):
            return _read(arrow.RecordBatchReader.from_stream(data), type(data).__name__)
        if hasattr(data, "__arrow_c_array__"):
            batch = arrow.record_batch(data)
            return _read(arrow.RecordBatchReader.from_batches(batch.schema, [batch]), type(data).__name__)
    except REFUSALS as error:
        # of several texts, the last one names the column, and those before repeat a value
        raise _not_arrow(type(data).__name__, str(error.args[-1]) if error.args else repr(error)) from error
    message = f"write_arrow() takes Arrow data (pyarrow, polars, pandas, duckdb …), not {kind_of(data)}."
    lazy = hasattr(data, "collect")
    remedy = "Give what its collect() returns." if lazy else "For rows, use write_many()."
    raise ConfigError(message, code="not_arrow", remedy=remedy)


def _read(reader: pa.RecordBatchReader, name: str) -> Generator[pa.RecordBatch]:
    broken = require_pyarrow().ArrowInvalid  # found now: where Python ends before the stream, nothing can be imported
    with reader:
        try:
            yield from reader
        except broken as error:
            if "cannot be imported as RecordBatch" not in str(error):  # ImportRecordBatch in Arrow's c/bridge.cc
                raise  # the source's own
            raise _not_arrow(name, "a row is null as a whole") from error


def _not_arrow(name: str, reason: str) -> ConfigError:
    message = f"write_arrow() takes tables and batches, and this {name} cannot be read as one: {reason}."
    return ConfigError(
        message, code="not_arrow", remedy="Convert the column that it names, or make it a pyarrow.Table."
    )


def settled(batch: pa.RecordBatch, first_row: int, *, plain: Stored = plain_type) -> pa.RecordBatch:
    """Return a batch that every format takes, with all its values; ``plain`` finds the plain type that a format keeps.

    Raises:
        RowError: It has columns of the same name, or of a type that no format has, or a value is broken.
    """
    arrow = require_pyarrow()
    _refuse_twins(batch.schema.names, first_row)
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            kind = plain(column.type)
        except TypeError as error:
            message = f"Column {name!r} has the Arrow type {column.type}, {error}."
            raise RowError(message, row=first_row, column=name, remedy="Cast it to text or a number.") from None
        columns.append(_settle(column, kind, name, first_row))
    fields = [
        field if field.type.equals(column.type) else field.with_type(column.type)
        for field, column in zip(batch.schema, columns, strict=True)
    ]
    if not fields:
        return batch
    return arrow.RecordBatch.from_arrays(columns, schema=arrow.schema(fields))


def require_meaning(batch: pa.RecordBatch, first_row: int) -> None:
    """Refuse columns of types that pyarrow has not met, and gives as the numbers or bytes that stand for their values.

    Raises:
        RowError: There is one.
    """
    for field in batch.schema:
        kind = (field.metadata or {}).get(b"ARROW:extension:name", b"").decode(errors="replace")
        if kind not in _MEANT:
            message = f"Row {first_row}, column {field.name!r}: what the values of this {kind} mean is not known here."
            raise RowError(
                message,
                row=first_row,
                column=field.name,
                remedy="Import the library that made the type, or cast the column before it is written.",
            )


def objects_of(column: pa.Array) -> list[Any]:
    """Turn a column into Python's objects, none of which has lost anything.

    Raises:
        ValueError: A value has nanoseconds or a zone that Python does not have; `REFUSALS` are what else may be raised.
    """
    try:
        kind = plain_type(column.type, stored=_as_objects)
    except TypeError:  # no format has it, but pyarrow knows objects for it
        return _listed(column)
    if column.type.equals(kind):
        return _listed(column)
    # a slice's cast looks at the values beside it, too; what is taken has none
    return _listed(decoded(column.take(require_pyarrow().array(range(len(column)))), kind))


def mappings_of(batch: pa.RecordBatch, first_row: int) -> list[dict[str, Any]]:
    """Turn a batch into rows, for an encoder that takes no Arrow data.

    Raises:
        RowError: It has columns of the same name, or Python has no such value.
    """
    names = batch.schema.names
    _refuse_twins(names, first_row)
    if not names:
        return [{} for _ in range(batch.num_rows)]
    columns = [_objects(column, name, first_row) for name, column in zip(names, batch.columns, strict=True)]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _objects(column: pa.Array, name: str, first_row: int) -> list[Any]:
    try:
        return objects_of(column)
    except REFUSALS as error:
        row = first_row + first_refused(len(column), lambda rows: objects_of(column.slice(0, rows)))
        message = f"Row {row}, column {name!r}: Python has no object for this {column.type}."
        raise RowError(
            message,
            row=row,
            column=name,
            remedy="Cast the column before it is written, or give the format's encoder an encode_arrow().",
        ) from error


def _listed(column: pa.Array) -> list[Any]:
    objects: list[Any] = column.to_pylist()
    return objects


def _as_objects(kind: pa.DataType) -> pa.DataType:
    """Find what is cast without loss, or not at all: pyarrow would cut nanoseconds off times, or ask pandas.

    Raises:
        ValueError: It is a type of some library, whose objects would be those that stand for it: a period's number.
    """
    pa = require_pyarrow()
    if getattr(kind, "extension_name", "") not in _MEANT:
        message = "only the library that made the type knows what its values mean"
        raise ValueError(message)
    if pa.types.is_time64(kind):
        return pa.time64("us")
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    return kind


def first_refused(length: int, attempt: Callable[[int], object]) -> int:
    """Find the first row without which an attempt on all rows before it succeeds, by halving."""
    low, high = 0, length  # the first low rows go, the first high do not
    while high - low > 1:
        middle = (low + high) // 2
        try:
            attempt(middle)
            low = middle
        except REFUSALS:
            high = middle
    return low


def _settle(column: pa.Array, kind: pa.DataType, name: str, first_row: int) -> pa.Array:
    def attempt(rows: int) -> pa.Array:
        some = column.slice(0, rows)
        some.validate(full=True)  # some 150 million texts a second
        return decoded(some, kind)

    try:
        return attempt(len(column))
    except REFUSALS as error:
        row = first_row + first_refused(len(column), attempt)
        message = f"Row {row}, column {name!r}: the Arrow data is broken, or loses something as {kind}."
        raise RowError(
            message,
            row=row,
            column=name,
            remedy="Validate the table where it is made (pyarrow's Table.validate(full=True)), or cast the column.",
        ) from error


def _refuse_twins(names: list[str], first_row: int) -> None:
    if len(set(names)) == len(names):
        return
    name = next(name for number, name in enumerate(names) if name in names[:number])
    message = f"The Arrow data has two columns of the name {name!r}; one would hide the other."
    raise RowError(message, row=first_row, column=name, remedy="Give them different names.")
