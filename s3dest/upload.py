"""Finished objects on their way up, as multipart uploads that nobody sees until they are completed."""

from __future__ import annotations

import copy
import datetime as dt
import logging
import threading
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from typing import Final

from s3dest import problems
from s3dest.body import crc32_text
from s3dest.budget import Budget
from s3dest.errors import AccessDeniedError, RequestError, S3DestError, StateError
from s3dest.file import file_changed
from s3dest.finished import FinishedObject
from s3dest.options import TransferOptions
from s3dest.piece import Piece, part_size
from s3dest.prepared import PendingUpload, PreparedObject, PreparedPart
from s3dest.s3 import Bucket
from s3dest.threads import closed, submit
from s3dest.wire import OnRetry

log = logging.getLogger(__name__)

OBJECTS_AT_ONCE: Final = 4
"""Objects going up at once; their parts share the destination's concurrency."""

_STARTS: Final = 3  # an upload that vanishes while its parts go up is begun anew this often


ABORT_WAIT: Final = 10.0
"""Seconds for which an abort waits for requests under way: one that hangs must not keep the caller for minutes."""


def _refuse_if(cancelled: threading.Event) -> None:
    if cancelled.is_set():
        message = "The transfer was given up."
        raise StateError(
            message, code="aborted", remedy="Repeat it with the same transfer id if it is wanted after all."
        )


class UploadPool:
    """The threads of one destination in one process that bring objects up."""

    def __init__(self, bucket: Bucket, options: TransferOptions) -> None:
        self.bucket = bucket
        self.part_size = options.part_size
        parts_at_once = options.concurrency
        self._objects = ThreadPoolExecutor(OBJECTS_AT_ONCE, "s3dest-object")
        self._parts = ThreadPoolExecutor(parts_at_once, "s3dest-part")
        self._room = threading.BoundedSemaphore(parts_at_once)
        self._closing = threading.Event()

    def close(self) -> None:
        """Wait for the threads to end; objects whose turn has not come fail."""
        # Not by cancel_futures: whoever waits for a future that is cancelled so is never woken.
        self._closing.set()
        self._objects.shutdown()
        self._parts.shutdown()

    def require_open(self) -> None:
        """See that another object may go up.

        Raises:
            S3DestError: The destination is being closed.
        """
        if self._closing.is_set():
            raise closed()

    def run(self, uploads: Uploads, item: FinishedObject, key: str) -> Future[PreparedObject]:
        """Bring an object up in the background.

        Raises:
            S3DestError: The destination is closed, or there is no thread for it.
        """
        return submit(self._objects, uploads.bring_up, item, key)

    def send_parts(
        self, item: FinishedObject, key: str, upload_id: str, *, cancelled: threading.Event, on_retry: OnRetry
    ) -> tuple[PreparedPart, ...]:
        """Send an object's parts, several at once.

        Raises:
            ConfigError: The caller's file changed after it was digested.
            S3DestError: A part failed for good, or the transfer was given up.
        """
        futures: list[Future[PreparedPart]] = []
        failed: list[Future[PreparedPart]] = []

        def done(future: Future[PreparedPart]) -> None:
            if future.exception():
                failed.append(future)
            self._room.release()

        def send(number: int, piece: Piece) -> PreparedPart:
            _refuse_if(cancelled)  # while it waited for a thread
            return self._send_part(key, upload_id, number, piece, on_retry)

        size = part_size(item.size, self.part_size)
        try:
            for number, offset in enumerate(range(0, max(item.size, 1), size), 1):
                _refuse_if(cancelled)
                if failed:
                    failed[0].result()
                piece = Piece(item.read, offset, min(size, item.size - offset))
                if item.parts is not None:
                    piece.crc32, piece.sha256 = item.parts[number - 1]
                self._room.acquire()
                try:
                    future = submit(self._parts, send, number, piece)
                except BaseException:
                    self._room.release()
                    raise
                future.add_done_callback(done)
                futures.append(future)
        finally:
            wait(futures)
        return tuple(future.result() for future in futures)

    def _send_part(self, key: str, upload_id: str, number: int, piece: Piece, on_retry: OnRetry) -> PreparedPart:
        def retry() -> None:
            if piece.is_altered:
                raise file_changed(key)
            on_retry()

        try:
            part = self.bucket.multipart.upload_part(key, upload_id, number, piece, on_retry=retry)
        except (RequestError, EOFError) as error:
            if piece.is_altered:  # also where S3 refused it for its digest
                raise file_changed(key) from error
            raise
        if piece.is_altered:
            raise file_changed(key)
        return part


class Uploads:
    """One writer's objects on their way up, and what is known of them."""

    def __init__(self, pool: UploadPool, *, content_type: str, budget: Budget, on_retry: OnRetry) -> None:
        self._pool = pool
        self._content_type = content_type
        self._budget = budget
        self._tell_retry = on_retry
        self._cancelled = threading.Event()
        self._begun: list[PendingUpload] = []
        self._on_their_way: list[Future[PreparedObject]] = []
        self._up: list[PreparedObject] = []
        self._failure: BaseException | None = None  # without its frames

    def start(self, item: FinishedObject, key: str) -> Future[PreparedObject]:
        """Bring an object up in the background; its memory is freed as soon as it is there."""
        self._budget.drain(item.in_memory)
        try:
            future = self._pool.run(self, item, key)
        except BaseException:
            item.release(drained=True)
            raise

        def let_go(future: Future[PreparedObject]) -> None:
            if future.cancelled():  # before a thread took it; others may be waiting for its memory
                item.release(drained=True)

        future.add_done_callback(let_go)
        self._on_their_way.append(future)
        return future

    def bring(self, item: FinishedObject, key: str) -> None:
        """Bring an object up and wait for it."""
        wait([self.start(item, key)])
        self.raise_failure()

    @property
    def under_way(self) -> int:
        """How many objects are still on their way."""
        return sum(not future.done() for future in self._on_their_way)

    def wait_for_one(self) -> None:
        """Wait until another object is up, or has failed."""
        wait([future for future in self._on_their_way if not future.done()], return_when=FIRST_COMPLETED)

    def raise_failure(self) -> None:
        """Raise what made one of the objects fail, if any did, or that all were given up."""
        _refuse_if(self._cancelled)
        if self._failure is not None:
            raise copy.copy(self._failure)
        on_their_way, up = [], []
        for future in self._on_their_way:
            if future.done():
                up.append(self._result(future))
            else:
                on_their_way.append(future)
        # A future keeps its object, and looking at all of them at each batch would take longer with each.
        self._on_their_way = on_their_way
        self._up += up

    def _result(self, future: Future[PreparedObject]) -> PreparedObject:
        try:
            return future.result()
        except CancelledError:
            _refuse_if(self._cancelled)
            raise
        except BaseException as error:
            # From now on it holds the caller's frames, and with them the rows, and a finaliser holds this.
            self._on_their_way.remove(future)
            self._failure = copy.copy(error)
            raise

    def results(self) -> list[PreparedObject]:
        """Wait for all objects; raise the first failure, or that all were given up."""
        wait(self._on_their_way)
        self.raise_failure()
        return list(self._up)

    def cancel(self) -> None:
        """Let no further request begin; returns at once."""
        self._cancelled.set()
        for future in self._on_their_way:
            future.cancel()

    def abort(self) -> tuple[PendingUpload, ...]:
        """Give all objects up; return the uploads that could not be aborted."""
        self.cancel()
        wait(self._on_their_way, timeout=ABORT_WAIT)
        begun, self._begun = self._begun, []
        return abort_uploads(self._pool.bucket, begun)

    def _on_retry(self) -> None:
        _refuse_if(self._cancelled)
        self._tell_retry()

    def bring_up(self, item: FinishedObject, key: str) -> PreparedObject:
        """Upload an object, begun anew if its upload vanishes on the way; runs in a thread of the pool."""
        try:
            self._pool.require_open()
            _refuse_if(self._cancelled)
            for start in range(1, _STARTS + 1):
                try:
                    return self._upload(item, key)
                except RequestError as error:
                    if error.code != problems.UPLOAD_LOST.code or start == _STARTS:
                        raise
                    log.warning("the upload of %s vanished; it goes up once more", key)
            raise AssertionError
        finally:
            item.release(drained=True)

    def _upload(self, item: FinishedObject, key: str) -> PreparedObject:
        bucket = self._pool.bucket
        created = dt.datetime.now(dt.UTC)
        upload_id = bucket.multipart.create(key, content_type=self._content_type, on_retry=self._on_retry)
        self._begun.append(PendingUpload(key=key, upload_id=upload_id))
        parts = self._pool.send_parts(item, key, upload_id, cancelled=self._cancelled, on_retry=self._on_retry)
        return PreparedObject(
            number=item.number,
            key=key,
            rows=item.rows,
            columns=item.columns,
            partition=item.partition,
            size=item.size,
            sha256=item.digests.sha256.hex(),
            crc32=crc32_text(item.digests.crc32),
            upload_id=upload_id,
            created=created,
            parts=parts,
        )


def abort_uploads(bucket: Bucket, uploads: Iterable[PendingUpload]) -> tuple[PendingUpload, ...]:
    """Abort uploads as far as that is allowed; action: ``s3:AbortMultipartUpload``, which the role need not have.

    Never raises. Whoever may not abort one may not abort the others: a refusal ends it, and is told once.

    Returns:
        The uploads that are left; nobody sees them, and a lifecycle rule removes them.
    """
    left = list(uploads)
    while left:
        upload = left[0]
        try:
            bucket.multipart.abort(upload.key, upload.upload_id)
        except S3DestError as error:
            if error.code == problems.UPLOAD_LOST.code:
                left.pop(0)
                continue
            if not isinstance(error, AccessDeniedError) or bucket.multipart.is_first_denial():
                log.warning("%d pending uploads are left over: %s", len(left), error)
            break
        left.pop(0)
    return tuple(left)
