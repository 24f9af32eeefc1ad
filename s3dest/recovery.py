"""Transfers that are remembered while they are committed: committed by way of the journal, resumed, or taken out of it.

An entry may be at work in several processes: the one that saved it, others that resume it, and one that gives it up.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence

from s3dest import problems
from s3dest.commit import from_prepared
from s3dest.delivery import Delivery, disregard
from s3dest.errors import ConfigError, RequestError, S3DestError
from s3dest.journal import Journal, SharedJournal
from s3dest.layout import Layout, escape
from s3dest.prepared import PendingUpload, PreparedAppend
from s3dest.results import Receipt, StoredObject
from s3dest.shares import identity, is_of, layout_of, require_among
from s3dest.upload import abort_uploads
from s3dest.wire import OnRetry, ignore

log = logging.getLogger(__name__)


class Recovery:
    """What a destination does with its journal, and with what was prepared if it has none. Safe to share by threads.

    Args:
        delivery: Commits.
        journal: Remembers; ``None`` for nothing.
    """

    def __init__(self, delivery: Delivery, journal: Journal | None) -> None:
        self.delivery = delivery
        self.journal = journal
        self._config = delivery.config
        self._saved: set[frozenset[str]] = set()  # upload ids of entries of the journal that were saved here
        self._left: set[str] = set()  # those given up that another process may be completing

    def commit(
        self,
        prepared: Sequence[PreparedAppend],
        *,
        on_object: Callable[[StoredObject], None] = disregard,
        on_retry: OnRetry = ignore,
    ) -> Receipt:
        """Commit what writers of one transfer prepared, by way of the journal if there is one.

        Raises:
            StateError: The journal had the transfer, and by other writers; it is finished, without these.
        """
        layout = layout_of(prepared, self._config)
        if self.journal is None:
            transfer = from_prepared(prepared, layout, attempted=False)
            return self.delivery.commit(transfer, on_object=on_object, on_retry=on_retry)
        if isinstance(self.journal, SharedJournal) and self.journal.was_finished(prepared):
            return self._resume_entry(prepared, on_object=on_object, on_retry=on_retry)
        if not self.journal.save(prepared):
            entry = self._journaled(layout)
            if entry is not None and list(entry) == list(prepared) and _uploads_of(entry) in self._saved:
                # It is ours, and the bucket knows what has become of it.
                return self._commit_saved(self.journal, prepared, on_object=on_object, on_retry=on_retry)
            if entry is not None and self._begin(entry):
                return self._commit_instead(entry, prepared, on_object=on_object, on_retry=on_retry)
            # Another process has finished it meanwhile, or it is damaged.
            _require_saved(self.journal, prepared)
        return self._commit_saved(self.journal, prepared, on_object=on_object, on_retry=on_retry)

    def resume_before(self, layout: Layout, writer_id: int) -> Receipt | None:
        """Finish a transfer that is in the journal before it is appended again; ``None`` if it is to be.

        Raises:
            StateError: It was in the journal, and is finished, but by other writers.
            S3DestError: It is in the journal, and could not be finished.
        """
        entry = self._journaled(layout)
        if entry is None or self.journal is None:
            return None
        if not self._begin(entry):
            return None
        try:
            receipt = self._resume_entry(entry)
        except RequestError as error:
            if error.code not in {problems.UPLOAD_LOST.code, problems.PART_LOST.code}:
                raise
            log.warning("transfer %s cannot be resumed, and begins anew: %s", escape(layout.transfer_id), error)
            self.journal.forget(entry)
            return None
        require_among(entry, writer_id)
        return receipt.model_copy(update={"already_committed": True})

    def resume(self) -> list[Receipt]:
        """Commit all entries of the journal that belong to this destination; raise the first failure at the end."""
        receipts: list[Receipt] = []
        failure: S3DestError | None = None
        entries, damage = self._entries()
        for entry in entries:
            if not entry or not is_of(entry[0], self._config):
                continue
            try:
                if self._begin(entry):
                    receipts.append(self._resume_entry(entry))
            except S3DestError as error:
                log.warning("transfer %s cannot be resumed: %s", escape(entry[0].transfer_id), error)
                failure = failure or error
        if (failure := failure or damage) is not None:
            raise failure
        return receipts

    def abort(self, prepared: Sequence[PreparedAppend]) -> tuple[PendingUpload, ...]:
        """Abort pending uploads as far as that is allowed; return those left over."""
        withdrawn = self.withdraw(prepared)
        uploads = tuple(
            PendingUpload(key=item.key, upload_id=item.upload_id) for share in prepared for item in share.objects
        )
        return uploads if withdrawn else abort_uploads(self.delivery.bucket, uploads)

    def withdraw(self, prepared: Sequence[PreparedAppend]) -> bool:
        """Take what was prepared out of the journal; tell whether another process may be resuming it already.

        Its uploads must not be aborted then: the other takes an upload that is gone for completed. Does not fail:
        whoever gives up has had an error already.
        """
        layout, uploads = layout_of(prepared, self._config), _uploads_of(prepared)
        self._saved.discard(uploads)
        try:
            entry = self._journaled(layout)
            if self.journal is None or entry is None or not any(share in entry for share in prepared):
                return not self._left.isdisjoint(uploads)
            if isinstance(self.journal, SharedJournal) and self.journal.withdraw(entry):
                return False
            self._left |= uploads
            self.journal.forget(entry)
        except Exception:
            log.warning("transfer %s may stay in the journal", escape(layout.transfer_id), exc_info=True)
        return True

    def _journaled(self, layout: Layout) -> Sequence[PreparedAppend] | None:
        """Find a transfer's entry in the journal; others that are damaged are passed over."""
        entries, damage = self._entries()
        if damage is not None:
            log.warning("the journal is damaged: %s", damage)
        for entry in entries:
            if entry and is_of(entry[0], self._config) and identity(entry[0]) == identity(layout):
                return entry
        return None

    def _commit_saved(
        self,
        journal: Journal,
        prepared: Sequence[PreparedAppend],
        *,
        on_object: Callable[[StoredObject], None],
        on_retry: OnRetry,
    ) -> Receipt:
        """Commit what this process has put into the journal."""
        self._saved.add(_uploads_of(prepared))
        transfer = from_prepared(prepared, layout_of(prepared, self._config), attempted=False)
        try:
            receipt = self.delivery.commit(transfer, on_object=on_object, on_retry=on_retry)
        except RequestError as error:
            if error.code != problems.UPLOAD_LOST.code:
                raise
            if not self._is_withdrawn(journal, prepared):
                log.info("transfer %s is being finished by another process, too", escape(transfer.layout.transfer_id))
                return self._resume_entry(prepared, on_object=on_object, on_retry=on_retry)
            raise
        self._forget(prepared)
        return receipt

    def _is_withdrawn(self, journal: Journal, prepared: Sequence[PreparedAppend]) -> bool:
        """Take out what cannot be committed; tell whether no other process has begun it meanwhile.

        Nobody had completed it, and whoever resumed this entry would have to believe the contrary. Does not fail: the
        caller has had an error already. Where the journal does, the entry stays known as ours, lest we believed it.
        """
        try:
            if not isinstance(journal, SharedJournal):
                journal.forget(prepared)
            elif (not journal.withdraw(prepared) and journal.begin(prepared)) or journal.was_finished(prepared):
                return False
        except Exception:
            log.warning("transfer %s stays in the journal, and is lost", escape(prepared[0].transfer_id), exc_info=True)
        else:
            self._saved.discard(_uploads_of(prepared))
        return True

    def _commit_instead(
        self,
        entry: Sequence[PreparedAppend],
        prepared: Sequence[PreparedAppend],
        *,
        on_object: Callable[[StoredObject], None],
        on_retry: OnRetry,
    ) -> Receipt:
        """Finish what the journal has of a transfer, which may be what is to be committed, or another attempt."""
        if list(entry) == list(prepared):
            return self._resume_entry(prepared, on_object=on_object, on_retry=on_retry)
        # Another attempt is being committed: it is finished, and this one's uploads are not needed.
        receipt = self._resume_entry(entry)
        require_among(entry, *(share.writer_id for share in prepared))
        left = self.abort(prepared)
        update = {"already_committed": True, "pending_uploads": (*receipt.pending_uploads, *left)}
        return receipt.model_copy(update=update)

    def _resume_entry(
        self,
        entry: Sequence[PreparedAppend],
        *,
        on_object: Callable[[StoredObject], None] = disregard,
        on_retry: OnRetry = ignore,
    ) -> Receipt:
        """Commit an entry of the journal, begun by us now and perhaps by its process before, and forget it."""
        transfer = from_prepared(entry, layout_of(entry, self._config), attempted=True)
        receipt = self.delivery.commit(transfer, on_object=on_object, on_retry=on_retry)
        self._forget(entry)
        return receipt

    def _begin(self, entry: Sequence[PreparedAppend]) -> bool:
        """Let the process that saved an entry know that this one is at it; tell whether it is still there."""
        return self.journal.begin(entry) if isinstance(self.journal, SharedJournal) else True

    def _forget(self, prepared: Sequence[PreparedAppend]) -> None:
        """Take what is committed out of the journal; a failure of that is none of the transfer."""
        self._saved.discard(_uploads_of(prepared))
        if self.journal is None:
            return
        try:
            if isinstance(self.journal, SharedJournal):
                self.journal.finish(prepared)
            else:
                self.journal.forget(prepared)
        except Exception:
            # of the pipeline's own journal, it may be anything; to commit the entry once more does no harm
            shown = escape(prepared[0].transfer_id)
            log.warning("transfer %s is committed, but stays in the journal", shown, exc_info=True)

    def _entries(self) -> tuple[list[Sequence[PreparedAppend]], ConfigError | None]:
        """Read the journal as far as it can be read, and what is wrong with the rest."""
        entries: list[Sequence[PreparedAppend]] = []
        try:
            entries.extend(self.journal.load() if self.journal else ())
        except ConfigError as error:
            return entries, error
        return entries, None


def _uploads_of(prepared: Sequence[PreparedAppend]) -> frozenset[str]:
    return frozenset(item.upload_id for share in prepared for item in share.objects)


def _require_saved(journal: Journal, prepared: Sequence[PreparedAppend]) -> None:
    """Save an entry that was there a moment ago.

    Raises:
        ConfigError: It still is, and cannot be read.
    """
    if journal.save(prepared):
        return
    deque(journal.load(), maxlen=0)  # says what is wrong with it
    message = f"The journal has an entry of transfer {escape(prepared[0].transfer_id)}, but does not show it."
    remedy = "See that load() of the journal yields what save() remembers, for each transfer."
    raise ConfigError(message, code="journal", remedy=remedy)
