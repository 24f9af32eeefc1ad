"""Commit: the objects become visible, then the manifest names them. Every request is conditional."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from s3dest import manifest
from s3dest.formats.encoder import Format
from s3dest.layout import Layout
from s3dest.options import TransferOptions
from s3dest.results import Receipt, StoredObject
from s3dest.s3 import Body, Bucket, Put
from s3dest.spool import FinishedObject

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Transfer:
    """What is to be committed."""

    layout: Layout
    writer_id: int
    file_format: Format
    objects: Sequence[FinishedObject]
    started: dt.datetime

    def key(self, item: FinishedObject) -> str:
        """Name an object after its bytes."""
        return self.layout.data_key(
            writer_id=self.writer_id,
            number=item.number,
            digest=item.body.sha256.hex(),
            extension=self.file_format.extension,
        )


def commit(
    transfer: Transfer, bucket: Bucket, options: TransferOptions, *, on_object: Callable[[StoredObject], None]
) -> Receipt:
    """Put the objects, several at once, then the manifest; action: ``s3:PutObject``.

    May be repeated: an object that is there already has the very bytes that its key names.

    Raises:
        S3DestError: A request failed for good. Nothing is committed, unless the error is that of the manifest and is
            ambiguous; repeating the commit is safe either way.
    """
    results = _put_all(transfer, bucket, options, on_object)
    objects = tuple(item for item, _ in results)
    already, key = False, None
    if options.manifest:
        key = transfer.layout.manifest_key
        text = manifest.encode(
            transfer.layout,
            objects,
            bucket=bucket.config.bucket,
            file_format=transfer.file_format,
            started=transfer.started,
            finished=dt.datetime.now(dt.UTC),
        )
        put = bucket.put(key, Body.of(text), content_type=manifest.CONTENT_TYPE, manifest=True)
        already = not put.created and not put.ambiguous
    elif results:
        already = not any(put.created or put.ambiguous for _, put in results)
    # What this attempt surely created beside another's manifest; a key that may be the other's is never named.
    orphans = tuple(item.key for item, put in results if put.created) if already and options.manifest else ()
    receipt = Receipt(
        transfer_id=transfer.layout.transfer_id,
        table=transfer.layout.table,
        rows=sum(item.rows for item in objects),
        bytes=sum(item.size for item in objects),
        objects=objects,
        manifest_key=key,
        already_committed=already,
        orphans=orphans,
    )
    log.info(
        "transfer %s to table %r %s: %d rows in %d objects",
        receipt.transfer_id,
        receipt.table,
        "was committed before" if already else "committed",
        receipt.rows,
        len(objects),
    )
    return receipt


def _put_all(
    transfer: Transfer, bucket: Bucket, options: TransferOptions, on_object: Callable[[StoredObject], None]
) -> list[tuple[StoredObject, Put]]:
    def put(item: FinishedObject) -> tuple[StoredObject, Put]:
        key = transfer.key(item)
        outcome = bucket.put(key, item.body, content_type=transfer.file_format.content_type)
        stored = StoredObject(
            key=key,
            rows=item.rows,
            size=len(item.body.data),
            etag=outcome.etag,
            sha256=item.body.sha256.hex(),
            version_id=outcome.version_id,
        )
        on_object(stored)
        return stored, outcome

    if len(transfer.objects) <= 1:
        return [put(item) for item in transfer.objects]
    with ThreadPoolExecutor(min(options.concurrency, len(transfer.objects)), "s3dest-commit") as pool:
        try:
            return list(pool.map(put, transfer.objects))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # those under way finish, no other begins
            raise
