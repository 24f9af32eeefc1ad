"""What a transfer gives back: its progress, the receipt and the objects in it."""

from __future__ import annotations

from dataclasses import dataclass

from s3dest.model import Model
from s3dest.prepared import PendingUpload
from s3dest.schema import Column


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transfer has come."""

    rows: int
    """Rows encoded so far."""

    bytes_encoded: int
    """Bytes encoded so far: of text before it is compressed, of Parquet as it is stored."""

    bytes_stored: int
    """Bytes of the objects made visible so far."""

    objects: int
    """Objects made visible so far."""

    retries: int
    """Requests tried again so far."""


class StoredObject(Model):
    """One object in the customer's bucket."""

    key: str
    """Its full key, prefix included."""

    rows: int | None
    """Rows in it; `None` for a file that was appended as it is."""

    size: int
    """Bytes as stored, compressed."""

    etag: str | None
    """The ETag without quotes; `None` where an earlier try had stored it and no answer told."""

    sha256: str
    """SHA-256 of the stored bytes in hex; its first digits are in the key."""

    version_id: str | None = None
    """The version, in a versioned bucket."""

    columns: tuple[Column, ...] | None = None
    """Its columns, if the format knows any."""

    partition: tuple[tuple[str, str | None], ...] = ()
    """Names and values, as text, of the columns that the transfer is parted by; `None` is null."""


class Receipt(Model):
    """Proof of a committed transfer.

    Where `already_committed` is true, another attempt committed the transfer before. The manifest in the bucket is that
    attempt's; `rows`, `bytes` and `objects` describe this one, or the one that was resumed from the journal. The state
    of a source may be advanced if a transfer id always stands for the same rows. If this attempt had others, or was
    another writer's, the manifest does not name them: `orphans` tells that as far as those can who may not read.
    """

    transfer_id: str
    """Identity of the transfer."""

    table: str
    """The table it was appended to."""

    rows: int
    """Rows in all objects, less those of files that were appended without telling their number."""

    bytes: int
    """Bytes in all objects as stored, manifest not counted."""

    objects: tuple[StoredObject, ...]
    """The objects, in the order of writing."""

    manifest_key: str | None
    """Key of the manifest; `None` where manifests are turned off."""

    already_committed: bool = False
    """Whether another attempt at this transfer had committed it before."""

    orphans: tuple[str, ...] = ()
    """Keys that this attempt created although another has committed the transfer. Its rows differed or were another
    writer's, and no manifest names them; or the other had the same rows, being at work at the same time or having what
    `prepare` had returned here, and its manifest does; so does our own where a proxy had sent its request twice: look
    before you delete. Not listed are keys that may have been
    there before: an earlier try may have created them, or the process whose transfer was resumed from the journal, or
    the store is not known to refuse overwriting them (`capabilities`)."""

    unconfirmed: tuple[str, ...] = ()
    """Keys whose state is concluded, since an answer was lost and nothing may be read: the manifest, where it is there
    and another attempt could have written it at the same time; an object whose upload is gone and was begun to be
    completed. Empty in normal work."""

    pending_uploads: tuple[PendingUpload, ...] = ()
    """Uploads that were not needed and could not be aborted: of a task that was prepared twice, or of an object that
    was there already. Nobody sees them; a lifecycle rule removes them."""
