"""Parquet by pyarrow; extra ``parquet``. Columns and types are the schema's, or found in the rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from s3dest.errors import ConfigError, RowError
from s3dest.formats import parquet_footer
from s3dest.formats.arrow import REFUSALS, require_pyarrow, settled
from s3dest.formats.arrow_batches import Batches
from s3dest.formats.arrow_plain import Stored, plain_type
from s3dest.formats.arrow_rows import Known, batch_of, batch_of_columns, no_columns
from s3dest.formats.arrow_types import DEEPEST, cast, decimal, levels, refuse_hollow, unite
from s3dest.formats.columns import Columns
from s3dest.formats.encoder import Group, Row, SchemaGrown
from s3dest.formats.parquet_size import DICTIONARY, GroupSize, most_of_schema
from s3dest.schema import PYTHON_TYPES, Column, annotations_of, columns_of, no_type, python_type

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_BYTES: Final = 32 * 1024 * 1024
"""Uncompressed bytes after which a row group is written: large enough to scan, small enough to hold in memory."""

_INSTANT: Final = re.compile(r"timestamp\[(?P<unit>s|ms|us|ns), tz=(?P<zone>\S+)\]")
_DECIMAL: Final = re.compile(r"(?P<kind>decimal(128|256))\((?P<digits>\d{1,2}), ?(?P<scale>\d{1,2})\)")

_SMALL_DICTIONARY: Final = 128 * 1024
"""Bytes of a dictionary above which nothing is added to it, with Zstandard, which finds repetitions by itself: with
pyarrow's megabyte, texts that hardly repeat took a third longer and became a seventh larger (measured)."""

_FOOTER: Final = 1024
"""Bytes around everything: magic numbers, the writer's name, lengths."""


@dataclass(frozen=True, slots=True)
class Parquet:
    """Apache Parquet. Columns and types are the schema's, or found in the rows.

    What values become: ``None`` and a missing column null; ``bool``, ``str``, ``int`` (64 bit), ``float`` (NaN and
    Infinity too) and ``bytes`` columns of their kind, integers among floats a float where that is exact; ``Decimal`` a
    decimal, wide enough; ``datetime`` with zone an instant in UTC, without one a local timestamp, never one beside the
    other; ``date`` and ``time`` themselves; ``UUID`` text; an enum its value; mappings and dataclasses a struct (a
    missing key is null), lists and tuples a list, maps of Arrow a map. All else is a `RowError`: larger integers, a
    time with zone, sets, half surrogate pairs, types mixed, and an empty mapping where neither the rows before it nor
    some after it tell a field.

    Where later rows do not fit the object's schema (a new column, a wider type), it is widened, or, once some of the
    object is written, a new object begun; types without a common one are a `RowError`. In a schema that the caller
    gives, types are fixed: what does not fit is a `RowError`, but a float is rounded to the schema's precision.
    """

    compression: Literal["zstd", "snappy", "none"] = "zstd"
    """How the pages are compressed."""

    row_group_rows: int = 1_048_576
    """A row group is closed when it has this many rows, or 32 MiB uncompressed; or where an object is nearly full, for
    only what is written is known to be small."""

    def __post_init__(self) -> None:
        """Refuse what pyarrow would refuse later, and a missing pyarrow."""
        if self.compression not in {"zstd", "snappy", "none"}:
            message = f"Parquet knows the compressions 'zstd', 'snappy', 'none', not {self.compression!r}."
            raise ConfigError(message, code="format", remedy="Choose one of them.")
        if self.row_group_rows < 1:
            message = "Parquet's row_group_rows must be at least 1."
            raise ConfigError(message, code="format", remedy="Leave it out, or give a positive number of rows.")
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


class _File:
    """A Parquet file whose row groups are each written by itself, and made one file by the footer."""

    def __init__(self, options: Parquet) -> None:
        self._options = options
        self._footers: list[tuple[bytes, int]] = []  # of each group, and the bytes of its pages

    def group(self, batches: list[pa.RecordBatch], schema: pa.Schema) -> Callable[[], bytes]:
        """Take rows as the next group, or several if these are too many rows for one; return what writes them."""
        number = len(self._footers)
        self._footers.append((b"", 0))
        return partial(self._write, number, batches, schema)

    def _write(self, number: int, batches: list[pa.RecordBatch], schema: pa.Schema) -> bytes:
        table = require_pyarrow().Table.from_batches(batches, schema=schema)
        try:
            written = _written(table, self._options)
        except REFUSALS as error:
            raise _refusal(table, self._options) from error
        pages, footer = parquet_footer.split(written)
        self._footers[number] = footer, len(pages)
        return bytes(pages) if number else b"".join([parquet_footer.MAGIC, pages])

    def finish(self) -> bytes:
        """Write the footer; all groups are written."""
        return parquet_footer.joined(self._footers) if self._footers else b""


def _written(table: pa.Table, options: Parquet) -> memoryview:
    import pyarrow.parquet as pq  # noqa: PLC0415  # with the extra only

    memory = require_pyarrow().BufferOutputStream()
    with pq.ParquetWriter(
        memory, table.schema, compression=options.compression, dictionary_pagesize_limit=_dictionary(options)
    ) as writer:
        writer.write_table(table, row_group_size=options.row_group_rows)
    return memoryview(memory.getvalue())


def _refusal(table: pa.Table, options: Parquet) -> RowError:
    """Find the column that pyarrow does not write, such as one of structs with nulls where its type says none."""
    for name in table.schema.names:
        try:
            _written(table.select([name]), options)
        except REFUSALS:
            kind = table.schema.field(name).type
            message = f"Column {name!r}: Parquet has no place for {kind}, or for one of its values."
            return RowError(message, column=name, remedy="Cast the column before it is written.")
    message = "Parquet has no place for a row group of these rows."
    return RowError(message, remedy="Cast the columns before they are written.")


class _Encoder:
    def __init__(self, options: Parquet, known: Known) -> None:
        self._options = options
        self._schema = known.schema
        self._fixed = known.fixed
        self._file = _File(options)
        self._begun = False  # whether any group was handed over, with the schema of now
        self._batches = Batches()
        self._size = self._size_before = GroupSize(_dictionary(options))  # of all batches, and of those before the last
        self._footer = _FOOTER  # bytes at most of what is only written at the end

    @property
    def schema(self) -> object:
        return self._known

    @property
    def columns(self) -> tuple[Column, ...] | None:
        return None if self._schema is None else columns_of(self._schema)

    @property
    def pending(self) -> int:
        return self._size.most(self._groups) + self._footer

    @property
    def held(self) -> int:
        return self._batches.nbytes

    def own(self) -> None:
        self._batches.own()

    def keep(self, most: int, *, least: int) -> int:
        batch = self._batches.pop()
        self._size = self._size_before
        low, high = least, batch.num_rows  # rows that fit, or must, and that are too many
        while high - low > 1:
            middle = (low + high) // 2
            size = self._size.copy()
            size.add(batch.slice(0, middle))
            fits = size.most(self._groups_of(self._batches.rows + middle)) + self._footer <= most
            low, high = (middle, high) if fits else (low, middle)
        if low:
            self._keep(batch.slice(0, low))
        return low

    def take_group(self, *, full: bool = True) -> Group | None:
        batches = self._batches
        enough = batches.rows >= self._options.row_group_rows or batches.nbytes >= ROW_GROUP_BYTES
        if not batches or (full and not enough):
            return None
        footer = self._size.footer(self._groups)
        most = self._size.most(self._groups) - footer
        group = Group(self._file.group(list(batches), self._schema), batches.nbytes, most)
        self._footer += footer
        self._begun = True
        self._forget()
        return group

    def encode(self, rows: Sequence[Row], *, first_row: int) -> bytes:
        if rows:
            self._add(batch_of(rows, self._known, first_row), first_row)
        return b""

    def encode_columns(self, columns: Columns, *, first_row: int) -> bytes:
        self._add(batch_of_columns(columns, self._known, first_row), first_row)
        return b""

    def encode_arrow(self, batch: pa.RecordBatch, *, first_row: int) -> bytes:
        if batch.num_rows and not batch.num_columns and not (self._schema is not None and self._schema.names):
            raise no_columns(first_row)
        self._add(settled(batch, first_row, plain=partial(_kept, stored=_in_parquet)), first_row)
        return b""

    def finish(self) -> bytes:
        group = self.take_group(full=False)
        last = group.write() if group is not None else b""
        return last + self._file.finish()

    def _add(self, batch: pa.RecordBatch, first_row: int) -> None:
        batch = self._fit(batch, first_row)
        if not self._batches and not self._begun:
            self._footer = _FOOTER + most_of_schema(batch.schema)
        self._keep(batch)

    @property
    def _known(self) -> Known:
        return Known(self._schema, self._fixed)

    @property
    def _groups(self) -> int:
        return self._groups_of(self._batches.rows)

    def _groups_of(self, rows: int) -> int:
        return -(-rows // self._options.row_group_rows)

    def _keep(self, batch: pa.RecordBatch) -> None:
        self._size_before = self._size.copy()
        self._batches.add(batch)
        self._size.add(batch)

    def _forget(self) -> None:
        self._batches = Batches()
        self._size = GroupSize(_dictionary(self._options))

    def _fit(self, batch: pa.RecordBatch, first_row: int) -> pa.RecordBatch:
        """Bring a batch to the object's schema, or ask for a new object with one that fits."""
        if self._schema is None:
            refuse_hollow(batch, batch.schema, first_row)
            self._schema = batch.schema.remove_metadata()
        if batch.schema.equals(self._schema) and not _has_wrong_nulls(batch):
            return batch
        wider = unite(self._schema, batch, self._fixed, first_row)
        refuse_hollow(batch, wider, first_row)
        fitting = _bring(batch, wider, first_row)  # a value that does not fit is told before anything is done
        if not wider.equals(self._schema):
            self._widen(wider)
        return fitting

    def _widen(self, wider: pa.Schema) -> None:
        """Give this object another schema, which it can have while nothing of it is written."""
        grown = SchemaGrown(Known(wider, self._fixed))
        if self._begun:
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


def _kept(kind: pa.DataType, *, stored: Stored) -> pa.DataType:
    """Find the plain type of a whole column.

    Raises:
        TypeError: Parquet has no place for it; the text says why.
    """
    plain = plain_type(kind, stored=stored)
    if levels(plain) > DEEPEST:
        message = "which is nested deeper than readers of Parquet go"
        raise TypeError(message)
    return plain


def _in_parquet(kind: pa.DataType) -> pa.DataType:
    """Find what becomes of seconds, which Parquet does not have; pyarrow 19 would let them overflow.

    Raises:
        TypeError: Parquet has no place for it; the text says why.
    """
    pa = require_pyarrow()
    if pa.types.is_timestamp(kind) and kind.unit == "s":
        return pa.timestamp("ms", kind.tz)
    if pa.types.is_struct(kind) and not kind.num_fields:
        message = "and Parquet has no struct without fields"
        raise TypeError(message)
    return pa.time32("ms") if kind.equals(pa.time32("s")) else _in_ones(kind)


def _in_ones(kind: pa.DataType) -> pa.DataType:
    """Find what becomes of decimals that count hundreds, say, which Parquet does not have either.

    Raises:
        TypeError: Parquet has no place for it; the text says why.
    """
    pa = require_pyarrow()
    if not pa.types.is_decimal(kind) or kind.scale >= 0:
        return kind
    try:
        return decimal(kind.precision - kind.scale, 0)
    except ValueError as error:
        message = "which has more digits than Parquet's decimals"
        raise TypeError(message) from error


def _has_wrong_nulls(batch: pa.RecordBatch) -> bool:
    """Tell whether a column has nulls though its field, which Arrow data brings, says that it has none."""
    return any(
        not field.nullable and column.null_count for field, column in zip(batch.schema, batch.columns, strict=True)
    )


def _dictionary(options: Parquet) -> int:
    return _SMALL_DICTIONARY if options.compression == "zstd" else DICTIONARY


def _bring(batch: pa.RecordBatch, schema: pa.Schema, first_row: int) -> pa.RecordBatch:
    pa = require_pyarrow()
    given = dict(zip(batch.schema.names, batch.columns, strict=True))
    columns = [
        cast(given[field.name] if field.name in given else pa.nulls(batch.num_rows, field.type), field, first_row)
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
    columns = columns_of(schema)  # says what a schema is
    if isinstance(schema, pa.Schema):
        arrow = schema.remove_metadata()
    elif isinstance(schema, Mapping):
        kinds = (
            kind if isinstance(kind, pa.DataType) else _arrow_type(column.type)
            for column, kind in zip(columns, schema.values(), strict=True)
        )
        arrow = pa.schema([(column.name, kind) for column, kind in zip(columns, kinds, strict=True)])
    elif (annotations := annotations_of(schema)) is not None:
        arrow = pa.schema([(name, _annotated(annotation)) for name, annotation in annotations.items()])
    else:
        return Known(None)
    arrow = pa.schema([_plain_field(field) for field in arrow])
    return Known(arrow, frozenset(field.name for field in arrow if not pa.types.is_null(field.type)))


def _plain_field(field: pa.Field) -> pa.Field:
    try:
        return field.with_type(_kept(field.type, stored=_in_ones))
    except TypeError as error:
        message = f"Column {field.name!r} of the schema has the Arrow type {field.type}, {error}."
        raise ConfigError(message, code="schema", remedy="Choose another type for the column.") from None


def _arrow_type(name: str | None) -> pa.DataType:
    """Read a type by its name, as pyarrow reads it or as it writes it into our manifests."""
    pa = require_pyarrow()
    if name is None:
        return pa.null()
    try:
        if instant := _INSTANT.fullmatch(name):
            return pa.timestamp(instant["unit"], tz=instant["zone"])
        if number := _DECIMAL.fullmatch(name):
            return getattr(pa, number["kind"])(int(number["digits"]), int(number["scale"]))
        return pa.type_for_alias(name)
    except ValueError:
        raise no_type(name) from None


def _annotated(annotation: object) -> pa.DataType:
    """Read the type of a pydantic field; what has no plain type is found in the rows."""
    plain = python_type(annotation)
    return _arrow_type(PYTHON_TYPES[plain] if plain is not None else None)
