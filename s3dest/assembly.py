"""Rows to objects: rows gathered into batches, batches into objects, objects closed at their limits.

Where an object ends depends on the rows and the options alone, not on the calls that brought the rows, so that the same
rows give the same objects.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from s3dest.errors import RowError
from s3dest.formats.encoder import Format, Row, RowLike, SchemaGrown
from s3dest.options import TransferOptions
from s3dest.retry import Clock
from s3dest.spool import Spool
from s3dest.stock import Stock

if TYPE_CHECKING:
    import pyarrow as pa

BATCH: Final = 1024
"""Rows encoded at once, at most: one call of the encoder costs as much as some ten rows."""

ARROW_BATCH: Final = 65_536
"""Rows of Arrow data encoded at once, at most: they are in memory already."""

FIRST_BATCH: Final = 64
"""Rows of an object's first batch, from which their size is learnt."""

_BATCH_BYTES: Final = 1024 * 1024
"""Bytes of text and binary values in a batch, and of what it becomes, at most: no batch is large, whatever the rows."""

_FIRST_GUESS: Final = 256  # bytes a row, until some are encoded
_DEEPEST: Final = 4  # levels of nesting whose texts are weighed

_LONG: Final = frozenset({str, bytes, bytearray})
_IMMUTABLE: Final = frozenset(
    {str, bytes, int, float, bool, type(None), Decimal, dt.datetime, dt.date, dt.time, dt.timedelta, UUID}
)
_FLAT: Final = _IMMUTABLE | _LONG


class Assembly:
    """Makes objects of one writer's rows. Not safe for threads: the writer holds its lock."""

    def __init__(
        self,
        stock: Stock,
        options: TransferOptions,
        clock: Clock,
        *,
        file_format: Format,
        schema: object,
        on_batch: Callable[[], None],
    ) -> None:
        self.rows = 0
        self._stock = stock
        self._options = options
        self._clock = clock
        self._format = file_format
        self._schema = schema
        self._on_batch = on_batch
        self._number = 0
        self._spool: Spool | None = None
        self._began: float | None = None  # when the object's first row came, encoded by now or waiting
        self._waiting: list[Row] = []
        self._weight = 0
        self._first_batch = max(1, min(FIRST_BATCH, options.object_size // _FIRST_GUESS, options.object_rows or BATCH))
        self._batch = self._first_batch

    @property
    def bytes_encoded(self) -> int:
        """Bytes of all objects so far, the one under construction included."""
        return self._stock.bytes_encoded + (self._spool.size if self._spool else 0)

    def take(self, row: RowLike) -> None:
        """Take one row.

        Raises:
            RowError: It, or one before it that was waiting, cannot be encoded.
        """
        taken, weight = _snapshot(row, self.rows + len(self._waiting))
        self._waiting.append(taken)
        self._weight += weight
        if len(self._waiting) >= self._batch or self._weight >= _BATCH_BYTES or self._is_old():
            self._encode_waiting()

    def take_all(self, rows: Sequence[RowLike]) -> None:
        """Take a list: whole batches of it need no copy, since they are encoded before this returns."""
        start = 0
        while start < len(rows):
            end = start if self._waiting else self._whole_batch(rows, start)
            if end == start:
                self.take(rows[start])
                start += 1
            else:
                self._encode(_as_rows(rows[start:end], self.rows))
                start = end

    def _whole_batch(self, rows: Sequence[RowLike], start: int) -> int:
        """Tell where the batch ends that ``rows`` hold from ``start`` on; ``start`` itself if it is not whole."""
        weight = 0
        for end in range(start + 1, min(len(rows), start + self._batch) + 1):
            weight += _weight(rows[end - 1])
            if end - start == self._batch or weight >= _BATCH_BYTES:
                return end
        return start

    def take_arrow(self, batch: pa.RecordBatch) -> None:
        """Take an Arrow batch."""
        self._encode_waiting()
        start = 0
        while start < batch.num_rows:
            some = batch.slice(start, self._arrow_batch())
            start += some.num_rows
            self._add(some.num_rows, partial(Spool.add_arrow, batch=some, first_row=self.rows))

    def take_file(self, path: Path, *, rows: int | None) -> None:
        """Take an encoded file as an object of its own."""
        self.finish()
        self._stock.add_file(path, number=self._next_number(), rows=rows, small=self._options.part_size)
        self.rows += rows or 0
        self._on_batch()

    def finish(self) -> None:
        """Close the object under construction, with all rows that were waiting."""
        self._encode_waiting()
        self._close_object()

    def discard(self) -> None:
        """Let go of the rows that were waiting; the stock lets go of the objects."""
        self._waiting, self._weight, self._spool = [], 0, None

    def _encode_waiting(self) -> None:
        waiting, self._waiting, self._weight = self._waiting, [], 0
        if waiting:
            self._encode(waiting)

    def _encode(self, batch: Sequence[Row]) -> None:
        self._add(len(batch), partial(Spool.add, rows=batch, first_row=self.rows))

    def _add(self, rows: int, add: Callable[[Spool], int]) -> None:
        """Add rows to the object under construction, or to a new one where its schema does not take them."""
        spool = self._open_object()
        try:
            more = add(spool)
        except SchemaGrown as grown:
            self._close_object()
            self._schema = grown.schema
            spool = self._open_object()
            more = add(spool)
        self._stock.grow(more)
        self.rows += rows
        self._batch = self._next_batch(spool)
        if self._is_full(spool):
            self._close_object()
        self._on_batch()

    def _arrow_batch(self) -> int:
        spool = self._spool
        return self._next_batch(spool, most=ARROW_BATCH) if spool is not None and spool.rows else self._first_batch

    def _next_batch(self, spool: Spool, *, most: int = BATCH) -> int:
        """Choose how many rows to encode at once: few enough for memory and limits, many enough to be fast."""
        options = self._options
        row = max(1.0, spool.most / spool.rows)
        room = min(most * _BATCH_BYTES // BATCH, max(0, options.object_size - spool.most) / 2)
        rows = min(most, max(1, int(room / row)))
        return min(rows, max(1, options.object_rows - spool.rows)) if options.object_rows else rows

    def _is_full(self, spool: Spool) -> bool:
        options = self._options
        row = spool.most / spool.rows
        if spool.most + row >= options.object_size:
            return True
        if options.object_rows is not None and spool.rows >= options.object_rows:
            return True
        return self._is_old()

    def _is_old(self) -> bool:
        limit = self._options.object_age
        if limit is None:
            return False
        now = self._clock.now()
        if self._began is None:
            self._began = now
        return now - self._began >= limit.total_seconds()

    def _open_object(self) -> Spool:
        if self._spool is None:
            self._spool = Spool(self._format, number=self._next_number(), schema=self._schema)
            self._stock.build(self._spool)
        return self._spool

    def _close_object(self) -> None:
        if self._spool is not None:
            self._schema = self._spool.schema
        self._spool = self._began = None
        self._batch = self._first_batch
        self._stock.finish()

    def _next_number(self) -> int:
        self._number += 1
        return self._number - 1


def _snapshot(row: RowLike, number: int) -> tuple[Row, int]:
    """Copy a row, since callers reuse them and it is encoded later; tell its weight.

    Raises:
        RowError: It is no mapping, or holds something that cannot be copied.
    """
    taken = dict(row if isinstance(row, Mapping) else _as_row(row, number))
    if not _IMMUTABLE.issuperset(map(type, taken.values())):
        for column, value in taken.items():
            if type(value) not in _IMMUTABLE:
                taken[column] = _copy(value, number, column)
    return taken, _weight(taken)


def _copy(value: object, number: int, column: str) -> object:
    if isinstance(value, memoryview):
        return bytes(value)
    try:
        return copy.deepcopy(value)
    except Exception as error:
        # whatever a foreign class raises when it is copied, or a nesting without end
        message = f"Row {number}, column {column!r}: this {type(value).__name__} cannot be copied."
        raise RowError(message, row=number, column=column) from error


def _weight(row: object, depth: int = 0) -> int:
    """Add up the lengths of the texts and binaries in a row: what else there is in one is small."""
    if not isinstance(row, Mapping):
        return 0
    values = row.values()
    weight = sum([len(value) for value in values if type(value) in _LONG])
    if depth < _DEEPEST and not _FLAT.issuperset(map(type, values)):
        for value in values:
            if isinstance(value, Mapping):
                weight += _weight(value, depth + 1)
            elif isinstance(value, (list, tuple)):
                weight += _weight(dict(enumerate(value)), depth + 1)
    return weight


def _as_rows(rows: Sequence[RowLike], first_row: int) -> Sequence[Row]:
    if set(map(type, rows)) == {dict}:
        return cast("Sequence[Row]", rows)
    return [_as_row(row, number) for number, row in enumerate(rows, first_row)]


def _as_row(row: RowLike, number: int) -> Row:
    """Read the columns of a mapping, a dataclass or a pydantic model.

    Raises:
        RowError: It is none of these.
    """
    if isinstance(row, Mapping):
        return row
    if not isinstance(row, type):
        if is_dataclass(row):
            return {field.name: getattr(row, field.name) for field in fields(row)}
        if hasattr(row, "model_dump"):
            return row.model_dump(by_alias=True, warnings="none")
    message = f"Row {number} is a {type(row).__name__}, not a mapping of column names to values."
    remedy = "Rows are mappings, dataclasses or pydantic models."
    raise RowError(message, row=number, remedy=remedy)
