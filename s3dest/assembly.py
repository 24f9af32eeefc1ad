"""Rows to objects: rows gathered into batches, batches into objects, objects closed at their limits.

Where an object ends depends on the rows and the options alone, not on the calls that brought the rows, so that the same
rows give the same objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from s3dest.errors import RowError
from s3dest.formats.arrow_weight import light_head, size_of
from s3dest.formats.columns import Columns, columns_of
from s3dest.formats.encoder import Format, Row, RowLike, SchemaGrown, encoder_of, unfit
from s3dest.formats.partition import Partition, Partitioning
from s3dest.options import TransferOptions
from s3dest.retry import Clock
from s3dest.rows import Scale, as_rows, weight_of
from s3dest.spool import ArrowRows, Batch, Rows, Spool
from s3dest.stock import Stock

if TYPE_CHECKING:
    import pyarrow as pa

BATCH: Final = 1024
"""Rows encoded at once, at most: one call of the encoder costs as much as some ten rows."""

COLUMN_BATCH: Final = 8192
"""Rows encoded at once, at most, where they become columns: each call costs as much as some hundred rows."""

_FILLED: Final = 0.75  # of a batch's bytes, by rows like those before: most batches need no second look
_FEW: Final = 16  # rows that are not worth a look at them together

ARROW_BATCH: Final = 65_536
"""Rows of Arrow data encoded at once, at most: they are in memory already."""

FIRST_BATCH: Final = 64
"""Rows of an object's first batch, from which their size is learnt."""

BATCH_BYTES: Final = 1024 * 1024
"""Bytes of text and binary values in a batch, and of what it becomes, at most: no batch is large, whatever the rows."""

_SHARE: Final = 4
"""So large a share of the memory may encoders of several objects hold together; beyond, the largest write theirs."""

LEAST_HELD: Final = 1024 * 1024
"""Bytes that they may hold whatever the memory is: small groups are slow to write, and to read."""

_ARROW_BYTES: Final = 4 * 1024 * 1024  # of Arrow data that become text, or are decoded, at once, about
_FIRST_GUESS: Final = 256  # bytes a row, until some are encoded


@dataclass(slots=True)
class _Object:
    """An object under construction."""

    spool: Spool
    began: float | None
    """When its first row came, if objects have an age."""
    known: object
    """The schema of all objects when this one last had all of it."""


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
        partitioning: Partitioning | None,
        on_batch: Callable[[], None],
    ) -> None:
        self.rows = 0
        self._stock = stock
        self._options = options
        self._clock = clock
        self._format = file_format
        self._schema = schema
        self._partitioning = partitioning
        self.unseen = set(partitioning.names if partitioning is not None else ())
        """Columns to part by of which no row has had a value."""
        self._on_batch = on_batch
        self._number = 0
        self._objects: dict[Partition, _Object] = {}  # the one begun first stands first
        self._held = 0  # bytes of rows that their encoders hold
        self._held_at_most = max(LEAST_HELD, options.max_memory // _SHARE)
        self._lent: set[Partition] = set()  # objects that may hold memory of whoever brought Arrow data
        self._waiting: list[Row] = []
        self._weight = 0
        self._began: float | None = None  # when the first row that is waiting came
        self._ages = options.object_age is not None
        self._scale = Scale()
        self._first_batch = max(1, min(FIRST_BATCH, options.object_size // _FIRST_GUESS, options.object_rows or BATCH))
        self._batch = self._first_batch

    @property
    def bytes_encoded(self) -> int:
        """Bytes of all objects so far as they were encoded, before they are compressed."""
        return self._stock.bytes_encoded

    def take(self, row: RowLike) -> None:
        """Take one row.

        Raises:
            RowError: It, or one before it that was waiting, cannot be encoded.
        """
        waiting = self._waiting
        copied = self._scale.copied(row) or self._scale.carefully_copied(row, self.rows + len(waiting))
        waiting.append(copied[0])
        self._weight += copied[1]
        if len(waiting) >= self._batch or self._weight >= BATCH_BYTES or (self._ages and self._grows_old()):
            self._encode_waiting()

    def take_all(self, rows: Sequence[RowLike]) -> None:
        """Take a list: whole batches of it need no copy, since they are encoded before this returns."""
        start = 0
        while start < len(rows):
            start += self._take_some(rows[start : start + self._batch - len(self._waiting)])

    def take_arrow(self, batch: pa.RecordBatch) -> None:
        """Take an Arrow batch."""
        self._encode_waiting()
        start, at_once = 0, ARROW_BATCH
        while start < batch.num_rows:
            whole = batch.slice(start, min(at_once, self._arrow_batch(batch)))
            some = light_head(whole, _ARROW_BYTES)
            # what was too long is not weighed again for each slice
            at_once = 2 * some.num_rows if some.num_rows < whole.num_rows else ARROW_BATCH
            start += some.num_rows
            first_row = self.rows
            if self._partitioning is None:
                self._lent.add(())
                self._add((), ArrowRows(some), range(first_row, first_row + some.num_rows))
            else:
                for partition, part, numbers in self._partitioning.split_arrow(some, first_row):
                    self._add(partition, ArrowRows(part), numbers)
            self._end_batch()

    def own(self) -> None:
        """Hold nothing any more of the Arrow data that was taken: who brought it may change it."""
        for partition in self._lent & self._objects.keys():
            self._objects[partition].spool.own()
        self._lent.clear()

    def take_file(self, path: Path, *, rows: int | None) -> None:
        """Take an encoded file as an object of its own."""
        self.finish()
        self._stock.add_file(path, number=self._next_number(), rows=rows)
        self.rows += rows or 0
        self._on_batch()

    def finish(self, *, at_end: bool = False) -> None:
        """Close the objects under construction, with all rows that were waiting; ``at_end`` if no more follow."""
        self._encode_waiting()
        for partition in list(self._objects):
            self._close(partition, at_end=at_end)

    def discard(self) -> None:
        """Let go of the rows that were waiting; the stock lets go of the objects."""
        self._waiting, self._weight, self._objects = [], 0, {}

    def _take_some(self, some: Sequence[RowLike]) -> int:
        """Take rows, no more than a batch has room for; return how many it was."""
        whole = not self._waiting and len(some) == self._batch
        if whole or len(some) >= _FEW:
            rows = as_rows(some, self.rows + len(self._waiting))
            # of text, any batch gives the same objects, unless they are numbered as batches bring their partitions: a
            # guess will do, since the rows are in memory already
            guess = whole and self._is_text and self._batch != self._first_batch and self._partitioning is None
            columns = None if guess else columns_of(rows)
            weight = weight_of(columns) if columns is not None else None
            if whole and weight is None:
                weight = self._scale.guess(rows) if guess else self._scale.weigh(rows)
            if weight is not None and self._weight + weight < BATCH_BYTES:
                self._take_light(rows, columns, weight, whole=whole)
                return len(rows)
        for count, row in enumerate(some, 1):
            self.take(row)
            if not self._waiting:
                return count
        return len(some)

    def _take_light(self, rows: Sequence[Row], columns: Columns | None, weight: int, *, whole: bool) -> None:
        if whole:
            self._encode(Rows(rows, columns), weight)
            return
        self._waiting.extend(map(dict, rows))
        self._weight += weight
        if len(self._waiting) >= self._batch or (self._ages and self._grows_old()):
            self._encode_waiting()

    def _encode_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        weight, self._weight = self._weight, 0
        if waiting:
            self._encode(Rows(waiting), weight)

    def _encode(self, batch: Rows, weight: int) -> None:
        first_row, count = self.rows, len(batch)
        if self._partitioning is None:
            self._add((), batch, range(first_row, first_row + count))
        else:
            parts = list(self._partitioning.split(batch.rows, first_row))
            if not first_row:  # what all of the first rows have is known to the objects of each partition
                rest = {number: row for _, some, numbers in parts for number, row in zip(numbers, some, strict=True)}
                self._schema = self._schema_with(Rows([rest[number] for number in range(count)]), range(count))
            for partition, some, numbers in parts:
                self._add(partition, Rows(some), numbers)
        self._end_batch(weight / count)

    def _add(self, partition: Partition, batch: Batch, numbers: Sequence[int]) -> None:
        """Add rows, of these numbers, to an object under construction, and to new ones where they do not fit."""
        at_once = len(batch)
        while len(batch):
            item = self._opened(partition)
            spool = item.spool
            schema, held = spool.schema, spool.held
            some = batch if at_once >= len(batch) else batch.slice(0, at_once)
            try:
                with _numbered(numbers):
                    taken = spool.add(some, first_row=numbers[0])
            except SchemaGrown as grown:
                if not spool.rows:
                    fault = "its encoder asks for a new object before it has taken any row into one"
                    raise unfit(self._format, fault, remedy="Raise SchemaGrown only where some are taken.") from None
                self._close(partition)
                self._learn(item, schema, grown.schema, some, numbers)
                continue
            self._held += spool.held - held
            self._learn(item, schema, spool.schema, some, numbers)
            self.rows += taken
            # what did not fit is encoded once more: no more of it than two objects take
            at_once = 2 * (taken if taken < len(some) else at_once) or at_once
            # after some rows of a batch, others may fit: bytes that were waiting have become fewer
            if not (taken or spool.make_room()) or self._is_full(spool):
                self._close(partition)
            batch, numbers = batch.slice(taken, len(batch)), numbers[taken:]
        if self._held > self._held_at_most and len(self._objects) > 1:
            self._write_groups()

    def _learn(self, item: _Object, before: object, after: object, batch: Batch, numbers: Sequence[int]) -> None:
        """Take the schema that an object has after a batch into that of all objects, with which new ones begin.

        Raises:
            RowError: A type of the batch does not go with one that objects of other partitions have.
        """
        if after is before or after == before:
            return
        if item.known is self._schema or after == self._schema:
            self._schema = item.known = after
            return
        # others have grown since this object had all of it: an encoder that has says whether the batch goes with them
        self._schema = self._schema_with(batch, numbers)

    def _schema_with(self, batch: Batch, numbers: Sequence[int]) -> object:
        """Find the schema that an encoder of all that is known has after a batch.

        Raises:
            RowError: The batch does not go with what is known.
        """
        encoder = encoder_of(self._format, self._schema)
        before = encoder.schema
        try:
            with _numbered(numbers):
                batch.encode(encoder, numbers[0])
        except SchemaGrown as grown:
            return grown.schema
        return encoder.schema if encoder.schema != before else self._schema

    def _end_batch(self, weight: float = 0.0) -> None:
        """See what has grown old, and how many rows, of that weight each, are to be encoded at once next."""
        self._began = None
        while self._objects and self._is_old(next(iter(self._objects.values())).began):
            self._close(next(iter(self._objects)))
        light = int(BATCH_BYTES * _FILLED / weight) if weight else COLUMN_BATCH
        self._batch = self._next_batch(BATCH if self._is_text else max(1, min(COLUMN_BATCH, light)))
        self._on_batch()

    def _write_groups(self) -> None:
        """Have those encoders write that hold the most, until all hold half of what they may."""
        by_size = sorted((item.spool for item in self._objects.values()), key=lambda spool: spool.held)
        while self._held > self._held_at_most // 2:
            spool = by_size.pop()
            self._held -= spool.held
            spool.write_group()

    @property
    def _is_text(self) -> bool:
        return any(item.spool.is_text for item in self._objects.values())

    def _arrow_batch(self, batch: pa.RecordBatch) -> int:
        rows = self._next_batch(ARROW_BATCH)
        if not self._is_text:
            return rows
        row: int = size_of(batch) // max(1, batch.num_rows) + 32 * max(1, batch.num_columns)
        return min(rows, max(1, _ARROW_BYTES // row))

    def _next_batch(self, most: int) -> int:
        """Choose how many rows to encode at once: few enough for memory and limits, many enough to be fast."""
        if self._partitioning is not None:
            return most if self.rows else self._first_batch
        if () not in self._objects:
            return self._first_batch
        spool, options = self._objects[()].spool, self._options
        light, fitting = self._rows_that_fit(spool, most)
        while fitting < light and not spool.is_text and spool.settle_some():
            light, fitting = self._rows_that_fit(spool, most)
        rows = max(1, min(light, fitting))
        return min(rows, max(1, options.object_rows - spool.rows)) if options.object_rows else rows

    def _rows_that_fit(self, spool: Spool, most: int) -> tuple[int, int]:
        """Tell how many more rows are light enough for a batch, and how many surely fit into an object."""
        bound = spool.bound
        row = max(1.0, bound / spool.rows)
        room = max(0, self._options.object_size - bound) / (1 if spool.is_text else 2)
        return min(most, int(most * BATCH_BYTES // BATCH / row)), int(room / row)

    def _is_full(self, spool: Spool) -> bool:
        options = self._options
        if options.object_rows is not None and spool.rows >= options.object_rows:
            return True
        if spool.is_text:
            return False
        while self._may_be_full(spool):
            if not spool.make_room():
                return True
        return False

    def _may_be_full(self, spool: Spool) -> bool:
        return spool.bound * (1 + 1 / spool.rows) >= self._options.object_size

    def _grows_old(self) -> bool:
        if self._began is None:
            self._began = self._clock.now()
        eldest = next(iter(self._objects.values())).began if self._objects else None
        return self._is_old(self._began if eldest is None else eldest)

    def _is_old(self, began: float | None) -> bool:
        limit = self._options.object_age
        return limit is not None and began is not None and self._clock.now() - began >= limit.total_seconds()

    def _opened(self, partition: Partition) -> _Object:
        found = self._objects.get(partition)
        if found is not None:
            return found
        spool = Spool(
            self._format,
            self._stock.workshop,
            self._options,
            number=self._next_number(),
            partition=partition,
            schema=self._schema,
        )
        began = None
        if self._ages:
            began = self._clock.now() if self._began is None else self._began
        made = self._objects[partition] = _Object(spool, began, self._schema)
        self.unseen.difference_update(name for name, text in partition if text is not None)
        return made

    def _close(self, partition: Partition, *, at_end: bool = False) -> None:
        spool = self._objects.pop(partition).spool
        self._held -= spool.held
        self._batch = self._first_batch
        self._stock.finish(spool, at_end=at_end)

    def _next_number(self) -> int:
        self._number += 1
        return self._number - 1


@contextmanager
def _numbered(numbers: Sequence[int]) -> Iterator[None]:
    """Name a row that fails by its number: an encoder counts a partition's as if no others lay between them."""
    try:
        yield
    except RowError as error:
        if isinstance(numbers, range) or error.row is None:
            raise
        row = numbers[error.row - numbers[0]]
        message = error.message.replace(f"ow {error.row}", f"ow {row}", 1)
        raise RowError(message, row=row, column=error.column, remedy=error.remedy) from error
