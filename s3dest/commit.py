"""Commit: the objects become visible, then the manifest names them. Every request is conditional and repeatable."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from typing import Final

from s3dest import manifest, problems
from s3dest.body import Body
from s3dest.completions import NO_SUCH_UPLOAD
from s3dest.creation import Creation
from s3dest.errors import RequestError, S3DestError
from s3dest.finished import FinishedObject
from s3dest.layout import Layout, escape
from s3dest.options import TransferOptions
from s3dest.piece import BLOCK, Piece
from s3dest.prepared import PendingUpload, PreparedAppend, PreparedObject
from s3dest.results import Receipt, StoredObject
from s3dest.s3 import Bucket
from s3dest.signature import ManifestSigner
from s3dest.threads import submit
from s3dest.upload import abort_uploads
from s3dest.wire import OnRetry

log = logging.getLogger(__name__)

YOUNG: Final = dt.timedelta(days=1)
"""No lifecycle rule removes an upload sooner (S3 user guide: AbortIncompleteMultipartUpload counts whole days)."""


@dataclass(slots=True)
class Transfer:
    """What is to be committed, and what of it is done already."""

    layout: Layout
    format: str
    compression: str
    content_type: str
    started: dt.datetime
    objects: Sequence[tuple[str, FinishedObject | PreparedObject]]
    """Key and object: at hand, to be put, or uploaded, to be completed."""
    attempted: bool = False
    """Whether an earlier process may have sent our Complete for these uploads."""
    duplicates: tuple[PendingUpload, ...] = ()
    """Uploads of tasks that were prepared twice; nobody will complete them."""
    done: dict[str, tuple[StoredObject, Creation]] = field(default_factory=dict)
    """By key, what is visible already, and how it became so."""
    perhaps_committed: bool = False
    """Whether an earlier commit of this may have written the manifest, its answer being lost."""


@dataclass(frozen=True, slots=True)
class Committer:
    """Commits transfers to one bucket."""

    bucket: Bucket
    options: TransferOptions
    signer: ManifestSigner | None
    on_object: Callable[[StoredObject], None]
    on_retry: OnRetry

    def commit(self, transfer: Transfer) -> Receipt:
        """Make the objects visible, several at once, then write the manifest; action: ``s3:PutObject``.

        May be repeated, also by another process: an object that is there already has the very bytes that its key
        names. Uploads that are not needed any more are aborted if the role may do so.

        Raises:
            S3DestError: A request failed for good. No manifest names the transfer, unless the error is that of the
                manifest and is ambiguous; repeating the commit is safe either way.
        """
        self._create_all(transfer)
        results = [transfer.done[key] for key, _ in transfer.objects]
        objects = tuple(stored for stored, _ in results)
        already, key = False, None
        unconfirmed = [stored.key for stored, how in results if not how.confirmed]
        if self.options.manifest:
            key = transfer.layout.manifest_key
            already, sure = self._put_manifest(transfer, objects)
            unconfirmed += [] if sure else [key]
        elif results:
            already = not any(how.created or how.ambiguous for _, how in results)
        unused = [
            PendingUpload(key=item.key, upload_id=item.upload_id)
            for key_, item in transfer.objects
            if isinstance(item, PreparedObject)
            and not (transfer.done[key_][1].created or transfer.done[key_][1].ambiguous)
        ]
        receipt = Receipt(
            transfer_id=transfer.layout.transfer_id,
            table=transfer.layout.table,
            rows=sum(stored.rows or 0 for stored in objects),
            bytes=sum(stored.size for stored in objects),
            objects=objects,
            manifest_key=key,
            already_committed=already,
            # What this attempt surely created beside another's manifest, which names it only if the other ran at the
            # same time with the same rows; who may not read cannot tell.
            orphans=tuple(stored.key for stored, how in results if how.surely_new) if already and key else (),
            unconfirmed=tuple(unconfirmed),
            pending_uploads=abort_uploads(self.bucket, [*unused, *transfer.duplicates]),
        )
        _tell(receipt)
        return receipt

    def _put_manifest(self, transfer: Transfer, objects: Sequence[StoredObject]) -> tuple[bool, bool]:
        """Write the manifest; tell whether another attempt had written it before, and whether that is sure."""
        text = manifest.encode(
            transfer.layout,
            objects,
            bucket=self.bucket.config.bucket,
            file_format=transfer.format,
            compression=transfer.compression,
            started=transfer.started,
            finished=dt.datetime.now(dt.UTC),
            repeatable=not self.bucket.config.enforces("conditional_put"),
            signer=self.signer,
        )
        # Not only requests fail: after an interrupt, too, the manifest may be there.
        before, transfer.perhaps_committed = transfer.perhaps_committed, True
        try:
            put = self.bucket.put(
                transfer.layout.manifest_key,
                Body.of(text),
                content_type=manifest.CONTENT_TYPE,
                manifest=True,
                on_retry=self.on_retry,
            )
        except S3DestError as error:
            transfer.perhaps_committed = before or error.ambiguous
            raise
        perhaps_ours = put.ambiguous or before
        return not (put.created or perhaps_ours), put.created or not perhaps_ours

    def _create_all(self, transfer: Transfer) -> None:
        """Make all objects visible; after a failure or an interrupt no further request is begun, nor tried again."""
        given_up = threading.Event()

        def go_on() -> None:
            if given_up.is_set():
                message = "The commit was given up."
                raise S3DestError(message, code="given_up", remedy="See what failed first; the commit can be repeated.")

        def on_retry() -> None:
            go_on()
            self.on_retry()

        def create(pair: tuple[str, FinishedObject | PreparedObject]) -> StoredObject:
            key, item = pair
            go_on()
            try:
                outcome = self._create(transfer, key, item, on_retry)
            except BaseException:
                given_up.set()  # here, not where it is waited for: this thread would take up the next object before
                raise
            stored = _stored(key, item, outcome)
            transfer.done[key] = (stored, outcome)
            return stored

        waiting = [pair for pair in transfer.objects if pair[0] not in transfer.done]
        if len(waiting) <= 1:
            for pair in waiting:
                self.on_object(create(pair))
            return
        pool = ThreadPoolExecutor(min(self.options.concurrency, len(waiting)), "s3dest-commit")
        try:
            for future in as_completed([submit(pool, create, pair) for pair in waiting]):
                if not _was_given_up(future):  # what made it give up comes, too
                    self.on_object(future.result())  # in the caller's thread, which holds the writer's lock
        except BaseException as error:
            given_up.set()
            # An interrupt must not wait for a store that hangs.
            pool.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
            raise
        pool.shutdown()

    def _create(
        self, transfer: Transfer, key: str, item: FinishedObject | PreparedObject, on_retry: OnRetry
    ) -> Creation:
        if isinstance(item, PreparedObject):
            return self._complete(transfer, item, on_retry)
        sha256 = item.digests.sha256
        data = item.read(0, item.size) if item.size <= BLOCK else Piece(item.read, 0, item.size, sha256=sha256)
        body = Body(data, sha256, item.digests.md5)
        return self.bucket.put(key, body, content_type=transfer.content_type, on_retry=on_retry)

    def _complete(self, transfer: Transfer, item: PreparedObject, on_retry: OnRetry) -> Creation:
        young = dt.datetime.now(dt.UTC) - item.created < YOUNG
        try:
            outcome = self.bucket.multipart.complete(
                item.key, item.upload_id, item.parts, size=item.size, crc32=item.crc32, young=young, on_retry=on_retry
            )
        except RequestError as error:
            forgotten = error.code == problems.UPLOAD_LOST.code and error.aws_code == NO_SUCH_UPLOAD
            if not (forgotten and transfer.attempted and young):
                raise
            # Gone since an earlier process began to commit it, and too young for any lifecycle rule: completed.
            outcome = Creation(created=True, ambiguous=True, confirmed=False)
        if transfer.attempted:  # an object that was created just now may be that of the process before us
            outcome = replace(outcome, surely_new=False)
        if not outcome.confirmed:
            log.warning(
                "the upload of %s is gone and taken for completed, since that was begun; nobody has seen the object: "
                "look whether it is there",
                item.key,
            )
        return outcome


def _was_given_up(future: Future[StoredObject]) -> bool:
    error = future.exception()
    return isinstance(error, S3DestError) and error.code == "given_up"


def from_prepared(prepared: Sequence[PreparedAppend], layout: Layout, *, attempted: bool) -> Transfer:
    """Build one transfer of what its writers prepared; of two attempts of one writer the first counts."""
    by_writer: dict[int, PreparedAppend] = {}
    used: set[str] = set()
    others: list[PreparedObject] = []
    for share in prepared:
        first = by_writer.setdefault(share.writer_id, share)
        if first is share:
            used |= {item.upload_id for item in share.objects}
            continue
        others += share.objects
        if [item.sha256 for item in share.objects] != [item.sha256 for item in first.objects]:
            log.warning(
                "writer %d of transfer %s was prepared twice, with other rows: the first share counts, %d rows of the "
                "second do not; several writers need a writer_id each",
                share.writer_id,
                escape(share.transfer_id),
                share.rows,
            )
    shares = [by_writer[writer_id] for writer_id in sorted(by_writer)]
    first = shares[0]
    return Transfer(
        layout,
        first.format,
        first.compression,
        "",  # the uploads have their content type already
        min(share.started for share in shares),
        [(item.key, item) for share in shares for item in share.objects],
        attempted=attempted,
        duplicates=tuple(
            PendingUpload(key=item.key, upload_id=item.upload_id) for item in others if item.upload_id not in used
        ),
    )


def _tell(receipt: Receipt) -> None:
    outcome = "was committed before by another attempt" if receipt.already_committed else "is committed"
    log.info(
        "transfer %s to table %r %s: %d rows in %d objects",
        escape(receipt.transfer_id),
        receipt.table,
        outcome,
        receipt.rows,
        len(receipt.objects),
    )
    if receipt.orphans:
        log.warning(
            "transfer %s to table %r was committed by another attempt or writer, and of this one %d objects are left; "
            "unless its rows were the same, no manifest names them",
            escape(receipt.transfer_id),
            receipt.table,
            len(receipt.orphans),
        )


def _stored(key: str, item: FinishedObject | PreparedObject, outcome: Creation) -> StoredObject:
    return StoredObject(
        key=key,
        rows=item.rows,
        size=item.size,
        etag=outcome.etag,
        sha256=item.sha256 if isinstance(item, PreparedObject) else item.digests.sha256.hex(),
        version_id=outcome.version_id,
        columns=item.columns,
        partition=item.partition,
    )
