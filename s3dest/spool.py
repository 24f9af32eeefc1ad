"""One object under construction: rows are encoded, and their bytes pressed into the object's own.

Lines of text fill an object up to the very row that still fits. Parquet tells only how many bytes rows become at most,
so an object of its is closed when another row like those before might not fit; a format of the user's own tells what a
batch has become, and may grow past the limit by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, Self

from s3dest.finished import FinishedObject
from s3dest.formats.arrow import mappings_of
from s3dest.formats.columns import Columns
from s3dest.formats.encoder import (
    ArrowEncoder,
    ColumnEncoder,
    Encoder,
    Format,
    GroupEncoder,
    Row,
    TextEncoder,
    encoder_of,
    unfit,
)
from s3dest.formats.partition import Partition
from s3dest.kind import kind_of
from s3dest.options import TransferOptions
from s3dest.press import Press, Workshop, block_size

if TYPE_CHECKING:
    import pyarrow as pa


_ALONE: Final = 1024 * 1024
"""Bytes of rows up to which a last group is not worth another thread."""


_SHARE: Final = 8
"""A group is written when its rows take so large a share of the memory: it is there several times for a moment."""

_SMALLEST_GROUP: Final = 1024 * 1024
_GROUPS: Final = 8
"""A group that is written early, to see how small it becomes, has so many bytes of rows at least, and so large a share
of an object."""


class Batch(Protocol):
    """Some rows, in any form."""

    def __len__(self) -> int: ...

    def encode(self, encoder: Encoder, first_row: int) -> bytes:
        """Have them encoded; ``first_row`` is the number of the first one."""

    def slice(self, start: int, stop: int) -> Self:
        """Take some of them."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as mappings."""

    rows: Sequence[Row]
    columns: Columns | None = None
    """The same as columns, if somebody has made them."""

    def __len__(self) -> int:
        """Count them."""
        return len(self.rows)

    def encode(self, encoder: Encoder, first_row: int) -> bytes:
        """Have them encoded."""
        if self.columns is not None and isinstance(encoder, ColumnEncoder):
            return encoder.encode_columns(self.columns, first_row=first_row)
        return encoder.encode(self.rows, first_row=first_row)

    def slice(self, start: int, stop: int) -> Rows:
        """Take some of them."""
        return Rows(self.rows[start:stop])


@dataclass(frozen=True, slots=True)
class ArrowRows:
    """Rows as an Arrow batch; an encoder that does not take it as it is gets mappings."""

    batch: pa.RecordBatch

    def __len__(self) -> int:
        """Count them."""
        rows: int = self.batch.num_rows
        return rows

    def encode(self, encoder: Encoder, first_row: int) -> bytes:
        """Have them encoded."""
        if isinstance(encoder, ArrowEncoder):
            return encoder.encode_arrow(self.batch, first_row=first_row)
        return encoder.encode(mappings_of(self.batch, first_row), first_row=first_row)

    def slice(self, start: int, stop: int) -> ArrowRows:
        """Take some of them."""
        return ArrowRows(self.batch.slice(start, stop - start))


class Spool:
    """Encodes rows into one object."""

    def __init__(
        self,
        file_format: Format,
        workshop: Workshop,
        options: TransferOptions,
        *,
        number: int,
        partition: Partition = (),
        schema: object = None,
    ) -> None:
        self.rows = 0
        self.number = number
        self._partition = partition
        self._options = options
        self._format = file_format
        self._encoder = encoder = encoder_of(file_format, schema)
        self._largest_group = max(_SMALLEST_GROUP, options.max_memory // _SHARE)
        self._text = encoder if isinstance(encoder, TextEncoder) else None
        self._groups = encoder if isinstance(encoder, GroupEncoder) else None
        compressor = self._text.compressor if self._text is not None else None
        self.press = Press(workshop, compressor=compressor, block=block_size(options.object_size))

    @property
    def schema(self) -> object:
        """What the next object's encoder is to be made with."""
        return self._encoder.schema

    @property
    def is_text(self) -> bool:
        """Whether it takes rows up to the very one that still fits."""
        return self._text is not None

    @property
    def bound(self) -> int:
        """At most how many bytes the object would have if it were finished now."""
        return self.press.bound() + self._encoder.pending

    @property
    def held(self) -> int:
        """Bytes of rows that its encoder holds until it writes a group of them."""
        return self._groups.held if self._groups is not None else 0

    def add(self, batch: Batch, *, first_row: int) -> int:
        """Encode rows; return how many of them were taken: none if the object is full, and more may fit after some.

        Raises:
            RowError: One of them cannot be encoded; the object is spoilt.
            SchemaGrown: They need a new object; this one has taken none of them in.
            S3DestError: An object on its way up has failed.
        """
        if self._options.object_rows is not None:
            room = self._options.object_rows - self.rows
            if room < len(batch):
                if room <= 0:
                    return 0
                batch = batch.slice(0, room)
        data = self._bytes(batch.encode(self._encoder, first_row), "encode")
        if self._text is None:
            count = self._kept(len(batch))
            self._take(data, count)
            self._take_group(full=self.held < self._largest_group)
            self.press.hold(self.held)
            return count
        if not self.rows:
            self._take(self._text.begin(), 0)
        return self._add_text(self._text, data, batch, first_row)

    def own(self) -> None:
        """Hold nothing any more that is the memory of whoever brought rows."""
        if self._groups is not None:
            self._groups.own()
            self.press.wait_for_groups()

    def write_group(self) -> None:
        """Have the rows written that the encoder holds."""
        self._take_group(full=False)

    def settle_some(self) -> bool:
        """Wait for some of what is under way, so that `bound` knows more; tell if there was any."""
        return self.press.settle_group()

    def make_room(self) -> bool:
        """Turn rows that are held or under way into bytes, which are fewer than they might be; tell if there were any.

        Few rows are not worth a group of their own.
        """
        if self.settle_some():
            return True
        if self.held < max(_SMALLEST_GROUP, self._options.object_size // _GROUPS):
            return False
        self.write_group()
        return self.settle_some()

    def finish(self) -> FinishedObject:
        """Close the object, and wait for all of its bytes."""
        if self.held > _ALONE:
            self._take_group(full=False)
        self.press.settle()
        self._take(self._bytes(self._encoder.finish(), "finish"), 0)
        self.press.hold(0)
        digests = self.press.finish()
        return FinishedObject(
            self.number,
            self.rows,
            self.press.kept.size,
            digests,
            shelf=self.press.kept,
            columns=self._encoder.columns,
            partition=self._partition,
        )

    def _bytes(self, data: object, method: str) -> bytes:
        """Refuse what an encoder of the caller's own gives instead: to take it for nothing would lose rows."""
        if isinstance(data, (bytes, bytearray, memoryview)):
            return data  # type: ignore[return-value]  # goes where bytes go
        made = f"{method}() of its encoder gives {kind_of(data)}, not bytes"
        raise unfit(self._format, made, remedy="Return bytes, b'' where none are ready.")

    def _take(self, data: bytes, rows: int) -> None:
        self.press.take(data)
        self.rows += rows

    def _kept(self, count: int) -> int:
        """Have an encoder that gathers rows keep those that surely fit, and one of an object at least."""
        limit = self._options.object_size
        if self._groups is None:
            return count
        while self.bound > limit and self.settle_some():
            pass
        if self.bound <= limit:
            return count
        return self._groups.keep(limit - self.press.bound(), least=0 if self.rows else 1)

    def _take_group(self, *, full: bool) -> None:
        group = self._groups.take_group(full=full) if self._groups is not None else None
        if group is not None:
            self.press.take_group(group)

    def _add_text(self, encoder: TextEncoder, data: bytes, batch: Batch, first_row: int) -> int:
        """Take what fits: the first row always does, and what does is found from the bytes alone."""
        if not self._fits(data):
            self.press.settle()
            if not self._fits(data):
                data, count = self._fitting(encoder, data, batch, first_row)
                if count:
                    self._take(data, count)
                return count
        self._take(data, len(batch))
        return len(batch)

    def _fits(self, data: bytes) -> bool:
        return self.press.bound(len(data)) <= self._options.object_size

    def _fitting(self, encoder: TextEncoder, data: bytes, batch: Batch, first_row: int) -> tuple[bytes, int]:
        """Find the rows that fit, one at least if the object is empty."""
        least = 0 if self.rows else 1
        end = encoder.line_end
        if data.count(end) != len(batch):  # some stand inside of values
            return self._fitting_slowly(batch, first_row, least)
        low, high = 0, len(data)  # bytes that fit, and that do not
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.press.bound(middle) <= self._options.object_size else (low, middle)
        last = data.rfind(end, 0, low)
        if last < 0 and least:
            last = data.index(end)
        stop = last + len(end) if last >= 0 else 0
        return data[:stop], data.count(end, 0, stop)

    def _fitting_slowly(self, batch: Batch, first_row: int, least: int) -> tuple[bytes, int]:
        low, high = least, len(batch)  # rows that are taken, and that are too many
        while high - low > 1:
            middle = (low + high) // 2
            fits = self._fits(batch.slice(0, middle).encode(self._encoder, first_row))
            low, high = (middle, high) if fits else (low, middle)
        if not low:
            return b"", 0
        return batch.slice(0, low).encode(self._encoder, first_row), low
