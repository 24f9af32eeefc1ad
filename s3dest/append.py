"""The writer of one transfer: rows in, and at the end all of them in the bucket, or none."""

from __future__ import annotations

import copy
import datetime as dt
import enum
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from s3dest.commit import Transfer, commit
from s3dest.errors import ConfigError, RowError, StateError
from s3dest.formats.encoder import Format, Row
from s3dest.layout import Layout
from s3dest.options import TransferOptions
from s3dest.results import Progress, Receipt, StoredObject
from s3dest.retry import Clock
from s3dest.s3 import Bucket
from s3dest.spool import FinishedObject, Spool

log = logging.getLogger(__name__)

BATCH: Final = 1024
"""Rows encoded at once: one call of the encoder costs as much as some ten rows."""

_NESTED: Final = frozenset({dict, list})


class _State(enum.Enum):
    OPEN = "open"
    FAILED = "failed"
    SEALED = "sealed"
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
        *,
        bucket: Callable[[], Bucket],
        file_format: Format,
        options: TransferOptions,
        writer_id: int,
        on_progress: Callable[[Progress], None] | None,
        clock: Clock,
    ) -> None:
        self._layout = layout
        self._bucket = bucket
        self._format = file_format
        self._options = options
        self._writer_id = writer_id
        self._on_progress = on_progress
        self._clock = clock
        self._started = dt.datetime.now(dt.UTC)
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._state = _State.OPEN
        self._failure: BaseException | None = None
        self._waiting: list[Row] = []
        self._encoded_rows = 0
        self._spool: Spool | None = None
        self._finished: list[FinishedObject] = []
        self._held = 0
        self._stored: list[StoredObject] = []
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
        """Append one row, a mapping of column names to values. Sends nothing, needs no action.

        The row is copied, and may be changed and reused afterwards.

        Raises:
            RowError: This row, or one shortly before it, cannot be encoded; only `abort` is left.
            StateError: The writer is not open.
        """
        with self._lock, self._failing():
            self._require_open()
            self._waiting.append(_snapshot(row, self._encoded_rows + len(self._waiting)))
            if len(self._waiting) >= BATCH:
                self._flush()

    def write_many(self, rows: Iterable[Row]) -> None:
        """Append rows from any iterable. Sends nothing, needs no action.

        If the iterable raises, the writer has failed: only `abort` is left.

        Raises:
            RowError: A row cannot be encoded; only `abort` is left.
            StateError: The writer is not open.
        """
        with self._lock, self._failing():
            self._require_open()
            if isinstance(rows, (str, bytes, Mapping)):
                message = f"write_many() takes an iterable of rows, not a {type(rows).__name__}; for one row, write()."
                raise ConfigError(message, code="not_rows")
            self._flush()
            if isinstance(rows, (list, tuple)):
                # Encoded before this call returns, they need no copy.
                for start in range(0, len(rows), BATCH):
                    self._encode(rows[start : start + BATCH])
                return
            for row in rows:
                self._waiting.append(_snapshot(row, self._encoded_rows + len(self._waiting)))
                if len(self._waiting) >= BATCH:
                    self._flush()

    def commit(self) -> Receipt:
        """Make all rows visible, then write the manifest; actions: ``s3:PutObject``, for a role ``sts:AssumeRole*``.

        May be repeated: after a failure it goes on, after success it returns the same receipt.

        Raises:
            S3DestError: A request failed for good. Unless a later commit succeeds, no manifest names the rows.
            StateError: The writer has failed or was aborted.
        """
        with self._lock:
            if self._state is _State.COMMITTED:
                return self.receipt
            if self._state is _State.OPEN:
                with self._failing():
                    self._require_open()
                    self._flush()
                    self._close_object()
                self._state = _State.SEALED
            if self._state is not _State.SEALED:
                self._require_open()
            self._require_process()
            self._stored.clear()
            transfer = Transfer(self._layout, self._writer_id, self._format, self._finished, self._started)
            self._receipt = commit(transfer, self._bucket(), self._options, on_object=self._count)
            self._state = _State.COMMITTED
            self._forget()
            return self._receipt

    def abort(self) -> None:
        """Give the transfer up; nothing of it is visible. Sends nothing, needs no action.

        Does nothing after an earlier abort.

        Raises:
            StateError: The transfer is committed.
        """
        with self._lock:
            if self._state is _State.COMMITTED:
                message = f"Transfer {self.transfer_id} is committed and cannot be aborted."
                raise StateError(message, code="committed")
            self._state = _State.ABORTED
            self._forget()

    def __enter__(self) -> Self:
        """Return the writer itself."""
        self._require_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Commit after a clean body, abort after an exception."""
        if self._state in {_State.COMMITTED, _State.ABORTED}:
            return
        if kind is None:
            self.commit()
        else:
            self.abort()

    def __repr__(self) -> str:
        """Show identity and state."""
        return f"AppendWriter(table={self._layout.table!r}, transfer_id={self.transfer_id!r}, {self._state.value})"

    def _failing(self) -> _FailsWriter:
        return _FailsWriter(self)

    def _fail(self, error: BaseException) -> None:
        if self._state is _State.OPEN:
            self._state, self._failure = _State.FAILED, error
            self._forget()

    def _require_process(self) -> None:
        if os.getpid() != self._process:
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

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._encode(waiting)

    def _encode(self, rows: Sequence[Row]) -> None:
        options = self._options
        while rows:
            if self._spool is None:
                self._spool = Spool(self._format, number=len(self._finished), began=self._clock.now())
            room = options.object_rows - self._spool.rows if options.object_rows else len(rows)
            now, rows = rows[:room], rows[room:]
            self._spool.add(now, first_row=self._encoded_rows)
            self._encoded_rows += len(now)
            self._check_memory()
            if self._is_full(self._spool):
                self._close_object()
        self._tell()

    def _is_full(self, spool: Spool) -> bool:
        options = self._options
        return (
            spool.size >= options.object_size
            or (options.object_rows is not None and spool.rows >= options.object_rows)
            or (
                options.object_age is not None and self._clock.now() - spool.began >= options.object_age.total_seconds()
            )
        )

    def _check_memory(self) -> None:
        size = self._held + (self._spool.size if self._spool else 0)
        if size > self._options.max_memory:
            message = f"Transfer {self.transfer_id} has grown beyond max_memory ({self._options.max_memory} bytes)."
            raise ConfigError(message, code="transfer_too_large", remedy="Make smaller transfers, or raise max_memory.")

    def _close_object(self) -> None:
        if self._spool is not None:
            finished = self._spool.finish()
            self._spool = None
            self._finished.append(finished)
            self._held += len(finished.body.data)

    def _forget(self) -> None:
        """Let go of the bytes."""
        self._waiting, self._finished, self._spool, self._held = [], [], None, 0

    def _count(self, stored: StoredObject) -> None:
        self._stored.append(stored)
        self._tell()

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        stored = list(self._stored)
        try:
            self._on_progress(Progress(self._encoded_rows, sum(item.size for item in stored), len(stored)))
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


def _snapshot(row: Row, number: int) -> Row:
    """Copy a row: callers reuse them, and it is encoded later."""
    if not isinstance(row, Mapping):
        message = f"Row {number} is a {type(row).__name__}, not a mapping of column names to values."
        raise RowError(message, row=number)
    taken = dict(row)
    return taken if _NESTED.isdisjoint(map(type, taken.values())) else copy.deepcopy(taken)
