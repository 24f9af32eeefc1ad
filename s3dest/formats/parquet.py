"""Parquet by pyarrow; extra ``parquet``. Columns and types are the schema's, or found in the rows.

What values become: ``None`` and a missing column null; ``bool``, ``str``, ``int`` (64 bit), ``float`` (NaN and Infinity
too) and ``bytes`` columns of their kind, integers among floats a float where that is exact; ``Decimal`` a decimal, wide
enough; ``datetime`` with zone an instant in UTC, without one a local timestamp, never one beside the other; ``date``
and ``time`` themselves; ``UUID`` text; an enum its value; mappings and dataclasses a struct (a missing key is null),
lists and tuples a list. All else is a `RowError`: larger integers, a time with zone, sets, half surrogate pairs, and
types mixed.

Where later rows do not fit the object's schema (a new column, a wider type), it is widened, or, once some of the object
is written, a new object begun; types without a common one are a `RowError`. In a schema that the caller gives, types
are fixed: what does not fit is a `RowError`, but a float is rounded to the schema's precision.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

from s3dest.errors import ConfigError, RowError
from s3dest.formats.arrow import plain_type, require_pyarrow, settled
from s3dest.formats.arrow_rows import Known, batch_of
from s3dest.formats.arrow_types import cast, unite
from s3dest.formats.encoder import Row, SchemaGrown
from s3dest.formats.parquet_size import GroupSize, most_of_schema
from s3dest.schema import Column, annotations_of, columns_of

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_BYTES: Final = 32 * 1024 * 1024
"""Uncompressed bytes after which a row group is written: large enough to scan, small enough to hold in memory."""

_FOOTER: Final = 1024
"""Bytes around everything: magic numbers, the writer's name, lengths."""

_PYTHON_TYPES: Final = {
    str: "string",
    bool: "bool",
    int: "int64",
    float: "double",
    bytes: "binary",
    dt.date: "date32",
    dt.datetime: "null",  # with a zone or without: the rows tell
    dt.time: "time64[us]",
    UUID: "string",
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
        return _Encoder(self, schema if isinstance(schema, Known) else _given(schema))


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
    def __init__(self, options: Parquet, known: Known) -> None:
        self._options = options
        self._schema = known.schema
        self._fixed = known.fixed
        self._sink = _Sink()
        self._writer: Any = None
        self._batches: list[pa.RecordBatch] = []
        self._rows = 0
        self._bytes = 0
        self._size = GroupSize()
        self._footer = _FOOTER  # bytes at most of what is only written at the end

    @property
    def schema(self) -> object:
        return Known(self._schema, self._fixed)

    @property
    def columns(self) -> tuple[Column, ...] | None:
        return None if self._schema is None else columns_of(self._schema)

    @property
    def pending(self) -> int:
        return self._size.most(self._groups) + self._footer

    @property
    def held(self) -> int:
        return self._bytes

    def write_group(self) -> bytes:
        self._write_held()
        return self._sink.take()

    def encode(self, rows: Sequence[Row], *, first_row: int) -> bytes:
        if not rows:
            return b""
        return self._add(batch_of(rows, Known(self._schema, self._fixed), first_row), first_row)

    def encode_arrow(self, batch: pa.RecordBatch, *, first_row: int) -> bytes:
        return self._add(settled(batch, first_row), first_row)

    def finish(self) -> bytes:
        self._write_held()
        if self._writer is not None:
            self._writer.close()
        return self._sink.take()

    def _add(self, batch: pa.RecordBatch, first_row: int) -> bytes:
        batch = self._fit(batch, first_row)
        if not self._batches and self._writer is None:
            self._footer = _FOOTER + most_of_schema(batch.schema)
        self._keep(batch)
        if self._rows >= self._options.row_group_rows or self._bytes >= ROW_GROUP_BYTES:
            self._write_held()
        return self._sink.take()

    @property
    def _groups(self) -> int:
        return -(-self._rows // self._options.row_group_rows)

    def _keep(self, batch: pa.RecordBatch) -> None:
        self._batches.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        self._size.add(batch)

    def _forget(self) -> None:
        self._batches, self._rows, self._bytes = [], 0, 0
        self._size = GroupSize()

    def _fit(self, batch: pa.RecordBatch, first_row: int) -> pa.RecordBatch:
        """Bring a batch to the object's schema, or ask for a new object with one that fits."""
        if self._schema is None:
            self._schema = batch.schema.remove_metadata()
        if batch.schema.equals(self._schema):
            return batch
        wider = unite(self._schema, batch.schema, self._fixed, first_row)
        fitting = _bring(batch, wider, first_row)  # a value that does not fit is told before anything is done
        if not wider.equals(self._schema):
            self._widen(wider)
        return fitting

    def _widen(self, wider: pa.Schema) -> None:
        """Give this object another schema, which it can have while nothing of it is written."""
        grown = SchemaGrown(Known(wider, self._fixed))
        if self._writer is not None:
            raise grown
        try:
            batches = [_bring(batch, wider, 0) for batch in self._batches]
        except RowError:  # what is here keeps its type: integers too large for a float, say
            raise grown from None
        self._schema = wider
        self._footer = _FOOTER + most_of_schema(wider)
        self._forget()
        for batch in batches:
            self._keep(batch)

    def _write_held(self) -> None:
        if not self._batches:
            return
        pa = require_pyarrow()
        import pyarrow.parquet as pq  # noqa: PLC0415  # with the extra only

        if self._writer is None:
            self._writer = pq.ParquetWriter(self._sink, self._schema, compression=self._options.compression)
        table = pa.Table.from_batches(self._batches, schema=self._schema)
        self._writer.write_table(table, row_group_size=self._options.row_group_rows)
        self._footer += self._size.footer(self._groups)
        self._forget()


def _bring(batch: pa.RecordBatch, schema: pa.Schema, first_row: int) -> pa.RecordBatch:
    pa = require_pyarrow()
    columns = [
        cast(
            batch.column(field.name) if field.name in batch.schema.names else pa.nulls(batch.num_rows, field.type),
            field,
            first_row,
        )
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _given(schema: object) -> Known:
    """Read the schema that a caller gave; a column without a type is found in the rows.

    Raises:
        ConfigError: It is no schema.
    """
    pa = require_pyarrow()
    if schema is None:
        return Known(None)
    if isinstance(schema, pa.Schema):
        arrow = schema.remove_metadata()
    elif isinstance(schema, Mapping):
        arrow = pa.schema([(str(name), _arrow_type(kind)) for name, kind in schema.items()])
    elif (annotations := annotations_of(schema)) is not None:
        arrow = pa.schema([(name, _annotated(annotation)) for name, annotation in annotations.items()])
    else:
        columns_of(schema)  # says what a schema is
        return Known(None)
    if len(set(arrow.names)) < len(arrow.names):
        message = "Two columns of the schema have the same name."
        raise ConfigError(message, code="schema")
    arrow = pa.schema([_plain_field(field) for field in arrow])
    return Known(arrow, frozenset(field.name for field in arrow if not pa.types.is_null(field.type)))


def _plain_field(field: pa.Field) -> pa.Field:
    try:
        return field.with_type(plain_type(field.type))
    except TypeError as error:
        message = f"Column {field.name!r} of the schema has the Arrow type {field.type}, {error}."
        raise ConfigError(message, code="schema") from None


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
