"""The writer of one transfer: rows in, and at the end all of them in the bucket, or none."""

from __future__ import annotations

import copy
import datetime as dt
import enum
import logging
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from s3dest.commit import Transfer
from s3dest.delivery import Delivery
from s3dest.errors import ConfigError, RowError, StateError
from s3dest.formats.arrow import ArrowArray, ArrowStream, batches
from s3dest.formats.encoder import Format, Row, SchemaGrown
from s3dest.layout import Layout
from s3dest.prepared import PreparedAppend, PreparedObject
from s3dest.results import Progress, Receipt, StoredObject
from s3dest.spool import FinishedObject, Spool
from s3dest.stock import Stock
from s3dest.upload import Uploads
from s3dest.wire import OnRetry

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

BATCH: Final = 1024
"""Rows encoded at once, at most: one call of the encoder costs as much as some ten rows."""

ARROW_BATCH: Final = 65_536
"""Rows of Arrow data encoded at once, at most: they are in memory already."""

FIRST_BATCH: Final = 64
"""Rows of an object's first batch, from which their size is learnt."""

_BATCH_BYTES: Final = 1024 * 1024  # as stored; an encoder sees to its own memory
_FIRST_GUESS: Final = 256  # bytes a row, until some are encoded
_NESTED: Final = frozenset({dict, list})


class _State(enum.Enum):
    OPEN = "open"
    FAILED = "failed"
    SEALED = "sealed"
    PREPARED = "prepared"
    COMMITTED = "committed"
    ABORTED = "aborted"


class AppendWriter:
    """Appends rows to one table as one transfer; made by `Destination.append`.

    As a context manager it commits on a clean exit and aborts on an exception. Without ``with``, call `commit` or
    `abort`; a writer that is dropped publishes nothing. Threads may share one; processes may not.
    """

    def __init__(
        self,
        layout: Layout,
        delivery: Delivery,
        *,
        file_format: Format,
        writer_id: int,
        on_progress: Callable[[Progress], None] | None,
        resumed: Receipt | None,
        schema: object = None,
    ) -> None:
        self._layout = layout
        self._delivery = delivery
        self._format = file_format
        self._writer_id = writer_id
        self._on_progress = on_progress
        self._resumed = resumed
        self._schema = schema
        self._started = dt.datetime.now(dt.UTC)
        self._lock = threading.RLock()
        self._state = _State.OPEN
        self._failure: BaseException | None = None
        options = delivery.options
        self._first_batch = max(1, min(FIRST_BATCH, options.object_size // _FIRST_GUESS, options.object_rows or BATCH))
        self._batch = self._first_batch
        self._waiting: list[Row] = []
        self._rows = 0
        self._number = 0
        self._spool: Spool | None = None
        # Nothing in the stock may lead back here: the finaliser below holds it, and would keep this writer alive.
        self._key_of = partial(_key_of, layout, writer_id, file_format.extension)
        make_uploads = partial(_make_uploads, delivery, file_format.content_type, _weakly(self._count_retry))
        self._stock = Stock(delivery.budget, make_uploads, key_of=self._key_of)
        self._abandoned = weakref.finalize(self, _abandon, self._stock, layout.transfer_id, os.getpid())
        self._stored: list[StoredObject] = []
        self._retries = 0
        self._prepared: PreparedAppend | None = None
        self._transfer: Transfer | None = None
        self._receipt: Receipt | None = None

    @property
    def transfer_id(self) -> str:
        """Identity of the transfer: repeat it with this, and it is never committed twice."""
        return self._layout.transfer_id

    @property
    def transfer_date(self) -> dt.date:
        """The date in the transfer's keys."""
        return self._layout.transfer_date

    @property
    def receipt(self) -> Receipt:
        """The receipt of the committed transfer.

        Raises:
            StateError: It is not committed.
        """
        if self._receipt is None:
            message = f"Transfer {self.transfer_id} has no receipt: it is {self._state.value}, not committed."
            raise StateError(message, code="not_committed")
        return self._receipt

    def write(self, row: Row) -> None:
        """Append one row, a mapping of column names to values; may send what memory has no room for.

        The row is copied, and may be changed and reused afterwards. Actions, where something is sent:
        ``s3:PutObject``, for a role ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``.

        Raises:
            RowError: This row, or one shortly before it, cannot be encoded; only `abort` is left.
            S3DestError: What memory had no room for could not be sent; only `abort` is left.
            StateError: The writer is not open.
        """
        with self._lock, self._failing():
            self._require_open()
            if self._resumed is None:
                self._take(row)

    def write_many(self, rows: Iterable[Row]) -> None:
        """Append rows from any iterable; may send what memory has no room for.

        If the iterable raises, the writer has failed: only `abort` is left. Actions, where something is sent:
        ``s3:PutObject``, for a role ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``.

        Raises:
            RowError: A row cannot be encoded; only `abort` is left.
            S3DestError: What memory had no room for could not be sent; only `abort` is left.
            StateError: The writer is not open.
        """
        with self._lock, self._failing():
            self._require_open()
            if isinstance(rows, (str, bytes, Mapping)):
                message = f"write_many() takes an iterable of rows, not a {type(rows).__name__}; for one row, write()."
                raise ConfigError(message, code="not_rows")
            if self._resumed is not None:
                return
            if isinstance(rows, (list, tuple)):
                self._take_all(rows)
                return
            for row in rows:
                self._take(row)

    def write_arrow(self, data: ArrowStream | ArrowArray) -> None:
        """Append Arrow data: of pyarrow, polars, pandas, duckdb, or anything that speaks Arrow's C interface.

        Parquet takes it as it is; other formats are given its rows. May send what memory has no room for; actions,
        where something is sent: ``s3:PutObject``, for a role ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``.
        Needs pyarrow (extra ``parquet``).

        Raises:
            ConfigError: It is no Arrow data, or pyarrow is missing.
            RowError: A value cannot be encoded; only `abort` is left.
            S3DestError: What memory had no room for could not be sent; only `abort` is left.
            StateError: The writer is not open.
        """
        with self._lock, self._failing():
            self._require_open()
            if self._resumed is not None:
                return
            self._flush()
            for batch in batches(data):
                start = 0
                while start < batch.num_rows:
                    some = batch.slice(start, self._arrow_batch())
                    start += some.num_rows
                    self._add(some.num_rows, partial(_add_arrow, batch=some, first_row=self._rows))

    def write_file(self, path: str | os.PathLike[str], *, rows: int | None = None) -> None:
        """Append a file that is encoded in the writer's format already, as an object of its own, byte for byte.

        It is never read into memory whole, and may be removed when the call returns. A file above the part size goes
        up at once. Actions, where something is sent: ``s3:PutObject``, for a role ``sts:AssumeRole`` or
        ``sts:AssumeRoleWithWebIdentity``.

        Args:
            path: The file.
            rows: How many rows are in it, for the manifest, if the caller knows.

        Raises:
            ConfigError: The file changed while it was read.
            OSError: The file cannot be read; only `abort` is left.
            S3DestError: It could not be sent; only `abort` is left.
            StateError: The writer is not open.
        """
        with self._lock, self._failing():
            self._require_open()
            if self._resumed is not None:
                return
            self._flush()
            self._close_object()
            small = self._delivery.options.part_size
            self._stock.add_file(Path(path), number=self._next_number(), rows=rows, small=small)
            self._rows += rows or 0
            self._tell()

    def prepare(self) -> PreparedAppend:
        """Bring all rows up as pending uploads, durable and visible to nobody; may be repeated.

        Store what it returns, then commit it, from any process: ``destination.commit(prepared)``. Actions:
        ``s3:PutObject``, for a role ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``.

        Raises:
            S3DestError: Something could not be sent; only `abort` is left.
            StateError: The writer has failed, was aborted or committed.
        """
        with self._lock:
            if self._prepared is not None and self._state is _State.PREPARED:
                return self._prepared
            if self._resumed is not None:
                message = f"Transfer {self.transfer_id} was resumed from the journal and is committed already."
                raise StateError(message, code="committed")
            with self._failing():
                self._seal()
                objects = self._stock.prepare()
            self._prepared = PreparedAppend(
                bucket=self._delivery.config.bucket,
                prefix=self._delivery.config.prefix,
                table=self._layout.table,
                transfer_id=self.transfer_id,
                transfer_date=self.transfer_date,
                writer_id=self._writer_id,
                format=self._format.name,
                compression=self._format.compression,
                extension=self._format.extension,
                started=self._started,
                objects=tuple(sorted(objects, key=lambda item: item.number)),
            )
            self._state = _State.PREPARED
            self._abandoned.detach()
            return self._prepared

    def commit(self) -> Receipt:
        """Make all rows visible, then write the manifest.

        May be repeated: after a failure it goes on, after success it returns the same receipt. Actions:
        ``s3:PutObject``, for a role ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``;
        ``s3:AbortMultipartUpload`` is tried, and may be denied, where an upload was not needed after all.

        Raises:
            S3DestError: A request failed for good. Unless a later commit succeeds, no manifest names the rows.
            StateError: The writer has failed or was aborted.
        """
        with self._lock:
            if self._state is _State.COMMITTED:
                return self.receipt
            if self._resumed is not None:
                self._require_open()
                self._settle(self._resumed)
                return self._resumed
            self._require_process()
            if self._state in {_State.FAILED, _State.ABORTED}:
                self._require_open()
            self._expect_end()
            if self._delivery.journal is not None or self._state is _State.PREPARED:
                receipt = self._delivery.commit_prepared(
                    [self.prepare()], on_object=self._count, on_retry=self._count_retry
                )
            else:
                if self._transfer is None:
                    with self._failing():
                        self._seal()
                        self._transfer = self._collect()
                receipt = self._delivery.commit(self._transfer, on_object=self._count, on_retry=self._count_retry)
            self._settle(receipt)
            return receipt

    def abort(self) -> None:
        """Give the transfer up. Pending uploads are aborted as far as that is allowed.

        Nothing of it is visible, unless a commit was begun: then objects may be that no manifest names.
        Does nothing after an earlier abort. Actions, where something was sent: ``s3:AbortMultipartUpload`` is tried, and
        may be denied (a lifecycle rule removes what is left); for a role ``sts:AssumeRole`` or
        ``sts:AssumeRoleWithWebIdentity``.

        Raises:
            StateError: The transfer is committed.
        """
        with self._lock:
            if self._state is _State.COMMITTED:
                message = f"Transfer {self.transfer_id} is committed and cannot be aborted."
                raise StateError(message, code="committed")
            if self._state is _State.ABORTED:
                return
            self._state = _State.ABORTED
            self._waiting = []
            self._abandoned.detach()
            if os.getpid() == self._delivery.process:
                self._stock.abort()

    def __enter__(self) -> Self:
        """Return the writer itself."""
        self._require_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Commit after a clean body, abort after an exception; what was prepared is left to whoever has it."""
        if self._state in {_State.COMMITTED, _State.ABORTED}:
            return
        if kind is not None:
            self.abort()
        elif self._state is not _State.PREPARED:
            try:
                self.commit()
            finally:
                if self._state is _State.FAILED:
                    self.abort()

    def __repr__(self) -> str:
        """Show identity and state."""
        return f"AppendWriter(table={self._layout.table!r}, transfer_id={self.transfer_id!r}, {self._state.value})"

    def _take(self, row: Row) -> None:
        self._waiting.append(_snapshot(row, self._rows + len(self._waiting)))
        if len(self._waiting) >= self._batch:
            self._flush()

    def _take_all(self, rows: Sequence[Row]) -> None:
        """Take a list: whole batches of it need no copy, since they are encoded before this returns."""
        start = 0
        while start < len(rows):
            if self._waiting or len(rows) - start < self._batch:
                self._take(rows[start])
                start += 1
            else:
                end = start + self._batch
                self._encode(rows[start:end])
                start = end

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._encode(waiting)

    def _encode(self, batch: Sequence[Row]) -> None:
        """Encode one batch. Its size depends on the rows before it alone, not on the calls that brought them."""
        self._add(len(batch), lambda spool: spool.add(batch, first_row=self._rows))

    def _add(self, rows: int, add: Callable[[Spool], int]) -> None:
        """Add rows to the object under construction, or to a new one where its schema does not take them."""
        spool = self._open_object()
        try:
            more = add(spool)
        except SchemaGrown as grown:
            self._close_object(schema=grown.schema)
            spool = self._open_object()
            more = add(spool)
        self._stock.grow(more)
        self._rows += rows
        self._batch = self._next_batch(spool)
        if self._is_full(spool):
            self._close_object()
        self._tell()

    def _arrow_batch(self) -> int:
        spool = self._spool
        return self._next_batch(spool, most=ARROW_BATCH) if spool is not None and spool.rows else self._first_batch

    def _next_batch(self, spool: Spool, *, most: int = BATCH) -> int:
        """Choose how many rows to encode at once: few enough for memory and limits, many enough to be fast."""
        options = self._delivery.options
        row = max(1.0, spool.most / spool.rows)
        room = min(most * _BATCH_BYTES // BATCH, max(0, options.object_size - spool.most) / 2)
        rows = min(most, max(1, int(room / row)))
        return min(rows, max(1, options.object_rows - spool.rows)) if options.object_rows else rows

    def _is_full(self, spool: Spool) -> bool:
        options = self._delivery.options
        row = spool.most / spool.rows
        if spool.most + row >= options.object_size:
            return True
        if options.object_rows is not None and spool.rows >= options.object_rows:
            return True
        age = self._delivery.clock.now() - spool.began
        return options.object_age is not None and age >= options.object_age.total_seconds()

    def _open_object(self) -> Spool:
        if self._spool is None:
            now = self._delivery.clock.now()
            self._spool = Spool(self._format, number=self._next_number(), began=now, schema=self._schema)
            self._stock.build(self._spool)
        return self._spool

    def _close_object(self, *, schema: object = None) -> None:
        """Finish the object under construction; the next has its schema, or another."""
        if self._spool is not None:
            self._schema = schema or self._spool.schema
        self._spool = None
        self._batch = self._first_batch
        self._stock.finish()

    def _next_number(self) -> int:
        self._number += 1
        return self._number - 1

    def _seal(self) -> None:
        if self._state is _State.SEALED:
            return
        self._require_open()
        self._flush()
        self._close_object()
        self._state = _State.SEALED

    def _collect(self) -> Transfer:
        """List the objects: those at hand are to be put, those gone up to be completed."""
        items: list[FinishedObject | PreparedObject] = [*self._stock.prepared(), *self._stock.at_hand]
        items.sort(key=lambda item: item.number)
        return Transfer(
            self._layout,
            self._format.name,
            self._format.compression,
            self._format.content_type,
            self._started,
            [(item.key if isinstance(item, PreparedObject) else self._key_of(item), item) for item in items],
        )

    def _expect_end(self) -> None:
        """From here on a dropped writer is no oversight; its memory is freed all the same."""
        self._abandoned.detach()
        weakref.finalize(self, _free, self._stock, os.getpid())

    def _settle(self, receipt: Receipt) -> None:
        self._receipt = receipt
        self._state = _State.COMMITTED
        self._abandoned.detach()
        self._stock.release()

    def _failing(self) -> _FailsWriter:
        return _FailsWriter(self)

    def _fail(self, error: BaseException) -> None:
        if self._state in {_State.OPEN, _State.SEALED}:
            self._state, self._failure = _State.FAILED, error
            self._waiting = []
            self._stock.release()

    def _require_process(self) -> None:
        if os.getpid() != self._delivery.process:
            message = "A writer belongs to the process that opened it; this is another, forked from it."
            raise StateError(message, code="other_process", remedy="Open a writer in each process, with its writer_id.")

    def _require_open(self) -> None:
        self._require_process()
        if self._state is _State.OPEN:
            return
        if self._state is _State.FAILED:
            message = (
                f"Transfer {self.transfer_id} has failed ({type(self._failure).__name__}) and can only be aborted."
            )
            error = StateError(message, code="failed", remedy="Repeat it from the start, with the same transfer id.")
            raise error from self._failure
        message = f"Transfer {self.transfer_id} is {self._state.value}; nothing more can be written."
        raise StateError(message, code=self._state.value)

    def _count(self, stored: StoredObject) -> None:
        self._stored.append(stored)
        self._tell()

    def _count_retry(self) -> None:
        self._retries += 1
        self._tell()

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        stored = list(self._stored)
        encoded = self._stock.bytes_encoded + (self._spool.size if self._spool else 0)
        progress = Progress(
            rows=self._rows,
            bytes_encoded=encoded,
            bytes_stored=sum(item.size for item in stored),
            objects=len(stored),
            retries=self._retries,
        )
        try:
            self._on_progress(progress)
        except Exception:
            # A progress bar must not decide whether data is delivered.
            log.warning("on_progress raised", exc_info=True)


class _FailsWriter:
    """Marks the writer failed if the body raises, so that half of the rows are never committed."""

    def __init__(self, writer: AppendWriter) -> None:
        self._writer = writer

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Fail the writer, unless the call itself was refused."""
        if error is not None and not isinstance(error, StateError):
            self._writer._fail(error)  # noqa: SLF001  # its own half


def _add_arrow(spool: Spool, *, batch: pa.RecordBatch, first_row: int) -> int:
    return spool.add_arrow(batch, first_row=first_row)


def _key_of(layout: Layout, writer_id: int, extension: str, item: FinishedObject) -> str:
    digest = item.digests.sha256.hex()
    return layout.data_key(writer_id=writer_id, number=item.number, digest=digest, extension=extension)


def _make_uploads(delivery: Delivery, content_type: str, on_retry: OnRetry) -> Uploads:
    return Uploads(delivery.pool, content_type=content_type, budget=delivery.budget, on_retry=on_retry)


def _weakly(method: OnRetry) -> OnRetry:
    """Call a method as long as its object lives, without keeping it alive."""
    held = weakref.WeakMethod(method)

    def call() -> None:
        if (alive := held()) is not None:
            alive()

    return call


def _free(stock: Stock, process: int) -> None:
    if os.getpid() == process:
        stock.release()


def _abandon(stock: Stock, transfer_id: str, process: int) -> None:
    """Free what a dropped writer held; it publishes nothing, and sends nothing."""
    if os.getpid() == process:
        stock.release()
        message = f"the writer of transfer {transfer_id} was dropped without commit or abort; nothing is published"
        warnings.warn(message, ResourceWarning, stacklevel=1)


def _snapshot(row: Row, number: int) -> Row:
    """Copy a row: callers reuse them, and it is encoded later."""
    if not isinstance(row, Mapping):
        message = f"Row {number} is a {type(row).__name__}, not a mapping of column names to values."
        raise RowError(message, row=number)
    taken = dict(row)
    return taken if _NESTED.isdisjoint(map(type, taken.values())) else copy.deepcopy(taken)
