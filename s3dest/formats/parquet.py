"""Parquet by pyarrow; extra ``parquet``. Columns and types are the schema's, or found in the rows.

Where later rows do not fit the object's schema (a new column, a wider type), a new object with the widened schema is
begun; types without a common one are a `RowError`. A missing column is null.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

from s3dest.errors import ConfigError, RowError
from s3dest.formats.arrow import require_pyarrow
from s3dest.formats.encoder import Row, SchemaGrown
from s3dest.schema import Column, columns_of

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_BYTES: Final = 32 * 1024 * 1024
"""Uncompressed bytes after which a row group is written: large enough to scan, small enough to hold in memory."""

_FOOTER: Final = 64 * 1024
"""Room for the footer: names, types and statistics of some hundred columns."""

_REFUSALS: Final = (ValueError, TypeError, OverflowError, NotImplementedError)
"""What pyarrow raises where a value does not fit; ArrowInvalid is a ValueError, ArrowTypeError a TypeError."""

_PYTHON_TYPES: Final = {
    str: "string",
    bool: "bool",
    int: "int64",
    float: "double",
    bytes: "binary",
    dt.date: "date32",
    dt.datetime: "timestamp[us]",
    dt.time: "time64[us]",
}


@dataclass(frozen=True, slots=True)
class Parquet:
    """Apache Parquet."""

    compression: Literal["zstd", "snappy", "none"] = "zstd"
    """How the pages are compressed."""

    row_group_rows: int = 1_048_576
    """A row group is closed when it has this many rows, or 32 MiB uncompressed."""

    def __post_init__(self) -> None:
        """Refuse what pyarrow would refuse later, and a missing pyarrow."""
        if self.compression not in {"zstd", "snappy", "none"}:
            message = f"Parquet knows the compressions 'zstd', 'snappy', 'none', not {self.compression!r}."
            raise ConfigError(message, code="format")
        if self.row_group_rows < 1:
            message = "Parquet's row_group_rows must be at least 1."
            raise ConfigError(message, code="format")
        require_pyarrow()

    @property
    def name(self) -> str:
        """Name in the manifest."""
        return "parquet"

    @property
    def extension(self) -> str:
        """End of the keys."""
        return "parquet"

    @property
    def content_type(self) -> str:
        """Media type of the objects."""
        return "application/vnd.apache.parquet"

    def encoder(self, schema: object = None) -> _Encoder:
        """Begin one object."""
        return _Encoder(self, schema if isinstance(schema, _Known) else _given(schema))


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the columns: their types, and which of them the caller has fixed."""

    schema: pa.Schema | None
    fixed: frozenset[str] = frozenset()

    def fixed_type(self, name: str) -> pa.DataType | None:
        return self.schema.field(name).type if self.schema is not None and name in self.fixed else None


class _Sink:
    """Takes what pyarrow writes, until it is asked for."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0

    def write(self, data: Any) -> int:  # noqa: ANN401  # a buffer of pyarrow
        piece = bytes(data)
        self._pieces.append(piece)
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Do nothing: whoever wants the bytes takes them."""

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


class _Encoder:
    def __init__(self, options: Parquet, known: _Known) -> None:
        self._options = options
        self._schema = known.schema
        self._fixed = known.fixed
        self._sink = _Sink()
        self._writer: Any = None
        self._batches: list[pa.RecordBatch] = []
        self._rows = 0
        self._bytes = 0
        self._written = False

    @property
    def schema(self) -> object:
        return _Known(self._schema, self._fixed)

    @property
    def columns(self) -> tuple[Column, ...] | None:
        if self._schema is None:
            return None
        return tuple(Column(field.name, str(field.type)) for field in self._schema)

    @property
    def pending(self) -> int:
        return self._bytes + _FOOTER

    def encode(self, rows: Sequence[Row], *, first_row: int) -> bytes:
        return self.encode_arrow(_batch(rows, _Known(self._schema, self._fixed), first_row), first_row=first_row)

    def encode_arrow(self, batch: pa.RecordBatch, *, first_row: int) -> bytes:
        self._batches.append(self._fit(batch, first_row))
        self._written = True
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= self._options.row_group_rows or self._bytes >= ROW_GROUP_BYTES:
            self._write_group()
        return self._sink.take()

    def finish(self) -> bytes:
        self._write_group()
        if self._writer is not None:
            self._writer.close()
        return self._sink.take()

    def _fit(self, batch: pa.RecordBatch, first_row: int) -> pa.RecordBatch:
        """Bring a batch to the object's schema, or ask for a new object with one that fits."""
        pa = require_pyarrow()
        if self._schema is None:
            self._schema = batch.schema.remove_metadata()
        if batch.schema.equals(self._schema):
            return batch
        wider = _unite(self._schema, batch.schema, self._fixed, first_row)
        if not wider.equals(self._schema):
            if self._written:
                raise SchemaGrown(_Known(wider, self._fixed))
            self._schema = wider
        columns = [
            _cast(batch.column(field.name), field, first_row)
            if field.name in batch.schema.names
            else pa.nulls(batch.num_rows, field.type)
            for field in self._schema
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def _write_group(self) -> None:
        if not self._batches:
            return
        pa = require_pyarrow()
        import pyarrow.parquet as pq  # noqa: PLC0415  # with the extra only

        if self._writer is None:
            self._writer = pq.ParquetWriter(self._sink, self._schema, compression=self._options.compression)
        table = pa.Table.from_batches(self._batches, schema=self._schema)
        self._batches, self._rows, self._bytes = [], 0, 0
        self._writer.write_table(table, row_group_size=self._options.row_group_rows)


def _given(schema: object) -> _Known:
    """Read the schema that a caller gave; a column without a type is found in the rows.

    Raises:
        ConfigError: It is no schema.
    """
    pa = require_pyarrow()
    if schema is None:
        return _Known(None)
    if isinstance(schema, pa.Schema):
        arrow = schema.remove_metadata()
    elif isinstance(schema, Mapping):
        arrow = pa.schema([(str(name), _arrow_type(kind)) for name, kind in schema.items()])
    elif isinstance(fields := getattr(schema, "model_fields", None), Mapping):
        arrow = pa.schema([(field.alias or name, _annotated(field.annotation)) for name, field in fields.items()])
    else:
        columns_of(schema)  # says what a schema is
        return _Known(None)
    return _Known(arrow, frozenset(field.name for field in arrow if not pa.types.is_null(field.type)))


def _arrow_type(kind: object) -> pa.DataType:
    pa = require_pyarrow()
    if kind is None:
        return pa.null()
    if isinstance(kind, pa.DataType):
        return kind
    try:
        return pa.type_for_alias(_PYTHON_TYPES[kind] if isinstance(kind, type) else str(kind))
    except (KeyError, ValueError):
        message = f"The type {kind!r} in the schema is neither Arrow's name of one nor a plain Python type."
        raise ConfigError(message, code="schema", remedy="Pass a pyarrow schema for types with parameters.") from None


def _annotated(annotation: object) -> pa.DataType:
    """Read the type of a pydantic field; ``X | None`` is X, and what has no plain type is found in the rows."""
    arguments = [kind for kind in getattr(annotation, "__args__", ()) if kind is not type(None)]
    kind = arguments[0] if len(arguments) == 1 and type(None) in getattr(annotation, "__args__", ()) else annotation
    plain = isinstance(kind, type) and kind in _PYTHON_TYPES
    return _arrow_type(kind) if plain else require_pyarrow().null()


def _batch(rows: Sequence[Row], known: _Known, first_row: int) -> pa.RecordBatch:
    """Turn rows into columns; every key of every row gets one."""
    pa = require_pyarrow()
    names = dict.fromkeys(known.schema.names if known.schema is not None else ())
    for number, row in enumerate(rows, first_row):
        if not isinstance(row, Mapping):
            message = f"Row {number} is a {type(row).__name__}, not a mapping of column names to values."
            raise RowError(message, row=number)
        for name in row:
            if name not in names and not isinstance(name, str):
                message = f"Row {number} has a column name that is a {type(name).__name__}, not a text."
                raise RowError(message, row=number)
        names.update(dict.fromkeys(row))
    arrays = [_array([row.get(name) for row in rows], known.fixed_type(name), name, first_row) for name in names]
    return pa.RecordBatch.from_arrays(arrays, names=list(names))


def _array(values: list[object], fixed: pa.DataType | None, name: str, first_row: int) -> pa.Array:
    """Convert a column: to the type that the caller fixed, else to what its values are."""
    try:
        return _convert(values, fixed)
    except _REFUSALS:
        pass  # told below, with the row
    low, high = 0, len(values)  # the first low values go together, the first high do not
    while high - low > 1:
        middle = (low + high) // 2
        try:
            _convert(values[:middle], fixed)
            low = middle
        except _REFUSALS:
            high = middle
    kind = type(values[low]).__name__
    message = f"Row {first_row + low}, column {name!r}: this {kind} does not go with "
    message += f"the type {fixed} in the schema." if fixed is not None else "the values before it, or has no type here."
    raise RowError(message, row=first_row + low, column=name)


def _convert(values: list[object], fixed: pa.DataType | None) -> pa.Array:
    pa = require_pyarrow()
    plain = [_plain(value) for value in values] if any(map(_is_odd, values)) else values
    if fixed is None:
        array = pa.array(plain)
        _refuse_mixed_zones(plain, array.type)
        return array
    _refuse_mixed_zones(plain, fixed)
    return pa.array(plain, fixed)


def _is_odd(value: object) -> bool:
    return isinstance(value, (UUID, Enum))


def _plain(value: object) -> object:
    if isinstance(value, UUID):
        return str(value)
    return value.value if isinstance(value, Enum) else value


def _refuse_mixed_zones(values: list[object], kind: pa.DataType) -> None:
    """Refuse to take a zone away or to make one up, as pyarrow would without a word."""
    if not require_pyarrow().types.is_timestamp(kind):
        return
    if any(isinstance(value, dt.datetime) and (value.tzinfo is None) != (kind.tz is None) for value in values):
        raise TypeError


def _cast(array: pa.Array, field: pa.Field, first_row: int) -> pa.Array:
    """Bring a column to its object's type, where that takes every value as it is."""
    try:
        return array.cast(field.type)
    except _REFUSALS as error:
        message = (
            f"From row {first_row} on, column {field.name!r} is {array.type}, and not all of it fits {field.type}."
        )
        raise RowError(message, row=first_row, column=field.name) from error


def _unite(schema: pa.Schema, other: pa.Schema, fixed: frozenset[str], first_row: int) -> pa.Schema:
    """Find the schema that takes both: columns of either, the wider type of each, what is fixed as it is."""
    pa = require_pyarrow()
    fields = []
    for field in schema:
        if field.name in other.names and field.name not in fixed:
            pair = [pa.schema([pa.field(field.name, kind)]) for kind in (field.type, other.field(field.name).type)]
            try:
                field = pa.unify_schemas(pair, promote_options="permissive").field(0)  # noqa: PLW2901  # the wider one
            except _REFUSALS:
                theirs = other.field(field.name).type
                message = f"From row {first_row} on, column {field.name!r} is {theirs}; before it was {field.type}."
                remedy = "Give the column one type, or append to another table."
                raise RowError(message, row=first_row, column=field.name, remedy=remedy) from None
        fields.append(field)
    fields += [field for field in other if field.name not in schema.names]
    return pa.schema(fields)
