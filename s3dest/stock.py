"""What one writer has of objects: some under construction, some finished and at hand, some on their way up.

While the budget allows, a finished object stays where it is. Beyond it, finished objects go up, and the writer waits;
where that makes no room, what is under construction goes to disk.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Final

from s3dest.beginning import Beginning
from s3dest.budget import Budget
from s3dest.file import from_file
from s3dest.finished import FinishedObject
from s3dest.prepared import PendingUpload, PreparedObject
from s3dest.press import Workshop
from s3dest.shelf import Spill
from s3dest.spool import Spool
from s3dest.upload import Uploads

_FILES_AT_ONCE: Final = 2
"""Finished objects on disk, on their way up, beyond which a writer waits: the disk must not fill either."""


class Stock:
    """Objects of one writer. Not safe for threads: the writer holds its lock."""

    def __init__(
        self,
        budget: Budget,
        pool: Callable[[], Executor],
        uploads: Callable[[], Uploads],
        *,
        key_of: Callable[[FinishedObject], str],
        part_size: int,
        signed: bool,
        md5: bool,
        beginning: Beginning,
    ) -> None:
        self._budget = budget
        self._make_uploads = uploads
        self._key_of = key_of
        self._part_size = part_size
        self._signed = signed
        self._beginning = beginning
        self._uploads: Uploads | None = None
        self.workshop = Workshop(budget, Spill(), pool, self._make_room, md5)
        self.at_hand: list[FinishedObject] = []
        self.bytes_encoded = 0
        """Bytes of all objects so far as they were encoded, before they are compressed."""

    def finish(self, spool: Spool, *, at_end: bool = False) -> None:
        """Close an object under construction; ``at_end`` if no rows follow, so that nobody needs its place."""
        finished = spool.finish()
        if finished.shelf is not None and self._budget.held > self._budget.limit:
            try:
                finished.shelf.spill()  # its last bytes were made in memory that others have
            except BaseException:
                finished.release()
                raise
        if finished.is_spilled and not (at_end and finished.size <= self._part_size):
            self._start_from_disk(finished)
        else:
            self.at_hand.append(finished)

    def add_file(self, path: Path, *, number: int, rows: int | None) -> None:
        """Take an encoded file as an object: one of up to a part stays at hand, another is up when this returns.

        Raises:
            LocalFileError: The file cannot be read.
            S3DestError: It cannot be brought up.
        """
        finished = from_file(path, self.workshop, number=number, rows=rows, part=self._part_size, signed=self._signed)
        if finished.file is not None:
            self.bytes_encoded += finished.size
        if finished.file is None and finished.size <= self._part_size:
            self.at_hand.append(finished)
            self._beginning.look(path, finished)
            return
        try:
            self._beginning.look(path, finished)
            self._started().bring(finished, self._key_of(finished))
        finally:
            finished.release()

    def prepare(self) -> list[PreparedObject]:
        """Bring everything up and wait for it."""
        self._send_up()
        return self.prepared()

    def prepared(self) -> list[PreparedObject]:
        """Wait for what is on its way up; raise the first failure."""
        return self._uploads.results() if self._uploads else []

    def raise_failure(self) -> None:
        """Raise what made an object on its way up fail, if any did."""
        if self._uploads:
            self._uploads.raise_failure()

    def abort(self) -> tuple[PendingUpload, ...]:
        """Give everything up; return the uploads that could not be aborted."""
        self.release()
        return self._uploads.abort() if self._uploads else ()

    def cancel(self) -> None:
        """Let nothing more be sent; returns at once."""
        if self._uploads is not None:
            self._uploads.cancel()

    def release(self) -> None:
        """Let go of all bytes; sends nothing, and lets nothing more be sent."""
        self.cancel()
        for press in list(self.workshop.presses):
            press.discard()
        items, self.at_hand = self.at_hand, []
        for item in items:
            item.release()

    def _make_room(self, size: int) -> bool:
        """Find room in memory for bytes that an object under construction is about to grow by; tell if there was any.

        Raises:
            S3DestError: An object on its way up has failed.
        """
        self.raise_failure()
        self.bytes_encoded += size
        if self._budget.take(size):
            return True
        self._send_up()
        if self._budget.take_drained(size):
            return True
        # Nothing more will be freed: what is under construction leaves memory itself.
        for press in list(self.workshop.presses):
            press.spill()
        if self._budget.take(size):
            return True
        self._budget.force(size)
        return False

    def _send_up(self) -> None:
        while self.at_hand:
            uploads = self._started()
            item = self.at_hand.pop(0)
            uploads.start(item, self._key_of(item))

    def _start_from_disk(self, item: FinishedObject) -> None:
        try:
            uploads = self._started()
            while uploads.under_way >= _FILES_AT_ONCE:
                uploads.wait_for_one()
                uploads.raise_failure()
            uploads.start(item, self._key_of(item))
        except BaseException:
            item.release()
            raise

    def _started(self) -> Uploads:
        if self._uploads is None:
            self._uploads = self._make_uploads()
        return self._uploads
