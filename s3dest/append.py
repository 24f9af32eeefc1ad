"""The writer of one transfer: rows in, and at the end all of them in the bucket, or none."""

from __future__ import annotations

import datetime as dt
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from types import TracebackType
from typing import Self

from s3dest.abandoned import abandon, free, weakly
from s3dest.arguments import path_of, require_count, require_unused, rows_of, whole
from s3dest.commit import Transfer
from s3dest.errors import ConfigError, StateError
from s3dest.formats.arrow import ArrowArray, ArrowStream, batches
from s3dest.formats.encoder import Format, RowLike
from s3dest.layout import Layout, escape
from s3dest.lifecycle import Lifecycle, State
from s3dest.prepared import PreparedAppend
from s3dest.production import Production
from s3dest.recovery import Recovery
from s3dest.results import Progress, Receipt, StoredObject

log = logging.getLogger(__name__)


class AppendWriter:
    """Appends rows to one table as one transfer; made by `Destination.append`.

    As a context manager it commits on a clean exit and aborts on an exception, also of that commit; a journal keeps
    what its commit had begun. Without ``with``, call `commit`, which may be repeated, or `abort`; a writer that is
    dropped publishes nothing. Threads may share one, each call waiting for those of others; processes may not.
    """

    def __init__(
        self,
        layout: Layout,
        recovery: Recovery,
        *,
        file_format: Format,
        writer_id: int,
        on_progress: Callable[[Progress], None] | None,
        resumed: Receipt | None,
        schema: object = None,
        partition_by: Sequence[str] = (),
    ) -> None:
        self._layout = layout
        self._recovery = recovery
        self._on_progress = on_progress
        self._resumed = resumed
        self._lock = threading.RLock()
        self._shown_id = escape(layout.transfer_id)
        self._production = Production(
            layout,
            recovery.delivery,
            file_format=file_format,
            writer_id=writer_id,
            schema=schema,
            partition_by=partition_by,
            on_batch=weakly(self._tell),
            on_retry=weakly(self._count_retry),
        )
        self._lifecycle = Lifecycle(
            self._shown_id,
            process=recovery.delivery.process,
            on_failure=self._production.discard,
            on_abort=self._production.give_up,
        )
        self._abandoned = weakref.finalize(self, abandon, self._production.stock, self._shown_id, os.getpid())
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
            raise self._lifecycle.not_committed()
        return self._receipt

    def write(self, row: RowLike) -> None:
        """Append one row, a mapping, dataclass or pydantic model; may send what memory has no room for.

        The row is copied, and may be changed and reused afterwards. Actions, where something is sent:
        ``s3:PutObject``, for a role ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``.

        Raises:
            RowError: This row, or one shortly before it, cannot be encoded; only `abort` is left.
            S3DestError: What memory had no room for could not be sent; only `abort` is left.
            StateError: The writer is not open.
        """
        self._lifecycle.require_process()  # first: another thread may have held the lock when this process was forked
        with self._lock, self._lifecycle:
            if self._resumed is None:
                self._production.assembly.take(row)

    def write_many(self, rows: Iterable[RowLike]) -> None:
        """Append rows from any iterable; may send what memory has no room for.

        A row is a mapping of column names to values, a dataclass, or a pydantic model, whose columns have its aliases.
        If the iterable raises, the writer has failed: only `abort` is left. A generator ends with the call, also with
        one that fails: another attempt needs a new one. So it does of any other iterator (``map()``, a cursor), of
        which nobody can tell that rows of it are gone. Actions, where something is sent: ``s3:PutObject``, for a role
        ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``.

        Raises:
            ConfigError: It is no iterable of rows, or a generator that has ended already.
            RowError: A row cannot be encoded; only `abort` is left.
            S3DestError: What memory had no room for could not be sent; only `abort` is left.
            StateError: The writer is not open.
        """
        self._lifecycle.require_process()
        found = rows_of(rows)
        if self._resumed is None:  # else its rows are in the bucket, and these perhaps used up
            require_unused(found)
        with self._lock, self._lifecycle, whole(found):
            if self._resumed is not None:
                return
            if isinstance(found, (list, tuple)):
                self._production.assembly.take_all(found)
                return
            for row in found:
                if self._lifecycle.state is not State.OPEN:  # the iterable itself has ended the transfer
                    self._lifecycle.require_open()
                self._production.assembly.take(row)

    def write_arrow(self, data: ArrowStream | ArrowArray) -> None:
        """Append Arrow data: of pyarrow, polars, pandas, duckdb, or anything that speaks Arrow's C interface.

        It is not copied into Python objects, but for nested columns, bytes and decimals in text formats. May send what
        memory has no room for; actions, where something is sent: ``s3:PutObject``, for a role ``sts:AssumeRole`` or
        ``sts:AssumeRoleWithWebIdentity``.
        Needs pyarrow (extra ``parquet``).

        Raises:
            ConfigError: It is no Arrow data, or pyarrow is missing.
            RowError: A value cannot be encoded; only `abort` is left.
            S3DestError: What memory had no room for could not be sent; only `abort` is left.
            StateError: The writer is not open.
        """
        self._lifecycle.require_process()
        found = batches(data)
        with self._lock, self._lifecycle, closing(found):
            if self._resumed is not None:
                return
            for batch in found:
                self._lifecycle.require_open()
                self._production.assembly.take_arrow(batch)
            self._production.assembly.own()

    def write_file(self, path: str | os.PathLike[str], *, rows: int | None = None) -> None:
        """Append a file that is encoded in the writer's format already, as an object of its own, byte for byte.

        It is never read into memory whole, and may be removed when the call returns. A file above the part size goes
        up at once. One that is evidently in something else is taken all the same, and told of in the log. Actions,
        where something is sent: ``s3:PutObject``, for a role ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``.

        Args:
            path: The file.
            rows: How many rows are in it, for the manifest, if the caller knows.

        Raises:
            ConfigError: The file changed while it was read, the transfer is parted, or the path is none.
            LocalFileError: The file cannot be read; only `abort` is left.
            S3DestError: It could not be sent; only `abort` is left.
            StateError: The writer is not open.
        """
        self._lifecycle.require_process()
        require_count(rows)
        if self._production.is_parted:
            message = "write_file() cannot tell to which partition a file belongs."
            raise ConfigError(message, code="partition_by", remedy="Append files without partition_by, or rows.")
        file = path_of(path)
        with self._lock, self._lifecycle:
            if self._resumed is not None:
                return
            self._production.assembly.take_file(file, rows=rows)

    def prepare(self) -> PreparedAppend:
        """Bring all rows up as pending uploads, durable and visible to nobody; may be repeated.

        Store what it returns, then commit it, from any process: ``destination.commit(prepared)``. Actions:
        ``s3:PutObject``, for a role ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``.

        Raises:
            S3DestError: Something could not be sent; only `abort` is left.
            StateError: The writer has failed, was aborted or committed, or this is called in the middle of a write.
        """
        self._lifecycle.require_process()
        with self._lock:
            self._lifecycle.require_idle()
            if self._resumed is not None:
                message = f"Transfer {self._shown_id} was resumed from the journal and is committed already."
                raise StateError(message, code="committed", remedy="Call commit(), which returns the receipt.")
            with self._lifecycle.held():
                return self._prepare()

    def commit(self) -> Receipt:
        """Make all rows visible, then write the manifest.

        May be repeated: after a failure it goes on, after success it returns the same receipt. Actions:
        ``s3:PutObject``, for a role ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``;
        ``s3:AbortMultipartUpload`` is tried, and may be denied, where an upload was not needed after all.

        Raises:
            S3DestError: A request failed for good. Unless a later commit succeeds, no manifest names the rows.
            StateError: The writer has failed or was aborted, or this is called in the middle of a write.
        """
        self._lifecycle.require_process()
        with self._lock:
            self._lifecycle.require_idle()
            if self._lifecycle.state is State.COMMITTED:
                return self.receipt
            if self._resumed is not None:
                self._lifecycle.require_open()
                self._settle(self._resumed)
                return self._resumed
            if self._lifecycle.state in {State.FAILED, State.ABORTED}:
                self._lifecycle.require_open()
            self._expect_end()
            with self._lifecycle.held():
                receipt = self._commit()
                self._settle(receipt)
            return receipt

    def abort(self) -> None:
        """Give the transfer up. Pending uploads are aborted as far as that is allowed.

        Nothing of it is visible, unless a commit was begun: then objects may be that no manifest names.
        Does nothing after an earlier abort, or in another process. In the middle of a write, called by the source of
        its rows or a signal handler, it lets that write end with a `StateError`, and is done then. After a commit that
        was begun with a journal, the journal forgets the transfer; its uploads are left to a lifecycle rule if another
        process may be finishing it. A journal that fails is told in the log. Actions, where something was sent:
        ``s3:AbortMultipartUpload`` is tried and may be denied (a lifecycle rule removes what is left); for a role
        ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``.

        Raises:
            StateError: The transfer is committed, or this is called in the middle of that, by a signal handler, or by
                ``on_progress``.
        """
        if not self._lifecycle.is_here:
            return
        with self._lock:
            self._lifecycle.require_free()
            if self._lifecycle.state is State.COMMITTED:
                message = f"Transfer {self._shown_id} is committed and cannot be aborted."
                raise StateError(message, code="committed", remedy="There is nothing to give up: its rows are visible.")
            if self._lifecycle.state is State.ABORTED:
                return
            self._abandoned.detach()
            if self._prepared is not None and self._recovery.withdraw([self._prepared]):
                self._lifecycle.state = State.ABORTED
                self._production.discard()
            elif not self._lifecycle.abort():
                self._production.stock.cancel()

    def __enter__(self) -> Self:
        """Return the writer itself."""
        self._lifecycle.require_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Commit after a clean body; abort after an exception, be it of the body or of the commit.

        What was prepared is left as it is, either way: a journal or a pipeline may have it, and be committing it.
        """
        if self._lifecycle.state in {State.PREPARED, State.COMMITTED, State.ABORTED}:
            return
        if kind is not None:
            self.abort()
        else:
            try:
                self.commit()
            finally:
                if self._lifecycle.state in {State.SEALED, State.FAILED}:
                    self.abort()

    def __repr__(self) -> str:
        """Show identity and state."""
        state = self._lifecycle.state.value
        return f"AppendWriter(table={self._layout.table!r}, transfer_id={self.transfer_id!r}, {state})"

    def _seal(self) -> None:
        if self._lifecycle.state is State.SEALED:
            return
        self._lifecycle.require_open()
        self._production.finish()
        self._lifecycle.state = State.SEALED

    def _prepare(self) -> PreparedAppend:
        if self._prepared is not None and self._lifecycle.state is State.PREPARED:
            return self._prepared
        with self._lifecycle.sealing():
            self._seal()
            self._prepared = self._production.prepare()
        self._lifecycle.state = State.PREPARED
        self._abandoned.detach()
        return self._prepared

    def _commit(self) -> Receipt:
        if self._recovery.journal is not None or self._lifecycle.state is State.PREPARED:
            return self._recovery.commit([self._prepare()], on_object=self._count, on_retry=self._count_retry)
        if self._transfer is None:
            with self._lifecycle.sealing():
                self._seal()
                self._transfer = self._production.collect()
        return self._recovery.delivery.commit(self._transfer, on_object=self._count, on_retry=self._count_retry)

    def _expect_end(self) -> None:
        """From here on a dropped writer is no oversight; its memory is freed all the same."""
        self._abandoned.detach()
        weakref.finalize(self, free, self._production.stock, os.getpid())

    def _settle(self, receipt: Receipt) -> None:
        self._receipt = receipt
        self._lifecycle.state = State.COMMITTED
        self._abandoned.detach()
        self._production.stock.release()

    def _count(self, stored: StoredObject) -> None:
        self._stored.append(stored)
        self._tell()

    def _count_retry(self) -> None:
        self._retries += 1  # told with the next batch or object: this thread does not hold the lock

    def _tell(self) -> None:
        if self._lifecycle.state is State.ABORTED:  # by a signal handler, in the middle of a write that goes no further
            self._lifecycle.require_open()
        if self._on_progress is None:
            return
        stored = list(self._stored)
        progress = Progress(
            rows=self._production.assembly.rows,
            bytes_encoded=self._production.assembly.bytes_encoded,
            bytes_stored=sum(item.size for item in stored),
            objects=len(stored),
            retries=self._retries,
        )
        try:
            with self._lifecycle.held():
                self._on_progress(progress)
        except Exception:
            # A progress bar must not decide whether data is delivered.
            log.warning("on_progress raised", exc_info=True)
