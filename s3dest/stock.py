"""What one writer has of objects: one under construction, some finished and at hand, some on their way up.

While the budget allows, a finished object stays where it is. Beyond it, finished objects go up, and the writer waits.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from s3dest.budget import Budget
from s3dest.prepared import PendingUpload, PreparedObject
from s3dest.spool import FinishedObject, Spool, from_file
from s3dest.upload import Uploads

_FILES_AT_ONCE: Final = 2
"""Finished objects in files, on their way up, beyond which a writer waits: the disk must not fill either."""


class Stock:
    """Objects of one writer. Not safe for threads: the writer holds its lock."""

    def __init__(
        self, budget: Budget, uploads: Callable[[], Uploads], *, key_of: Callable[[FinishedObject], str]
    ) -> None:
        self._budget = budget
        self._make_uploads = uploads
        self._key_of = key_of
        self._uploads: Uploads | None = None
        self._spool: Spool | None = None
        self._accounted = 0  # bytes of the spool that the budget knows
        self.at_hand: list[FinishedObject] = []
        self.bytes_encoded = 0

    def build(self, spool: Spool) -> None:
        """Take a new object under construction."""
        self._spool, self._accounted = spool, 0

    def grow(self, more: int) -> None:
        """Find room for bytes that the object under construction has grown by.

        Raises:
            S3DestError: An object on its way up has failed.
        """
        self.raise_failure()
        spool = self._spool
        if spool is None or not more:
            return
        if not self._budget.take(more):
            self._send_up()
            if not self._budget.take_drained(more):
                # Nothing more can be freed: this object leaves memory itself.
                spool.spill()
                self._budget.give_back(self._accounted)
                self._accounted = 0
                return
        self._accounted += more

    def finish(self) -> None:
        """Close the object under construction, if there is one."""
        if self._spool is None:
            return
        finished, more = self._spool.finish()
        self._budget.force(more)  # what the compressor held back, some hundred kilobytes at most
        self._spool, self._accounted = None, 0
        self.bytes_encoded += finished.size
        if finished.memory is not None:
            self.at_hand.append(finished)
        else:
            self._start_from_file(finished)

    def add_file(self, path: Path, *, number: int, rows: int | None, small: int) -> None:
        """Take an encoded file as an object: a small one into memory, another straight up; both are done with it.

        Raises:
            OSError: The file cannot be read.
            S3DestError: It cannot be brought up.
        """
        finished = from_file(path, number=number, rows=rows, into_memory=small)
        self.bytes_encoded += finished.size
        if finished.memory is None:
            try:
                self._started().bring(finished, self._key_of(finished))
            finally:
                finished.release()
            return
        if not self._budget.take(finished.size):
            self._send_up()
            if not self._budget.take_drained(finished.size):
                self._budget.force(finished.size)
        self.at_hand.append(finished)

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

    def release(self) -> None:
        """Let go of all bytes; sends nothing, and lets nothing more be sent."""
        if self._uploads is not None:
            self._uploads.cancel()
        if self._spool is not None:
            self._spool.discard()
            self._budget.give_back(self._accounted)
        for item in self.at_hand:
            self._budget.give_back(item.size)
            item.release()
        self._spool, self._accounted, self.at_hand = None, 0, []

    def _send_up(self) -> None:
        while self.at_hand:
            uploads = self._started()
            item = self.at_hand.pop(0)
            uploads.start(item, self._key_of(item))

    def _start_from_file(self, item: FinishedObject) -> None:
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
