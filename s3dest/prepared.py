"""What ``prepare()`` gives back: a transfer's objects as pending uploads, durable and visible to nobody.

Plain JSON without secrets, for the pipeline's own database: whoever has it and the destination can commit.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import AwareDatetime, Field

from s3dest.model import Model
from s3dest.schema import Column


class PreparedPart(Model):
    """One uploaded part."""

    number: int = Field(ge=1, le=10_000)
    """Its place, from 1."""

    etag: str
    """The ETag that S3 gave it, without quotes."""

    crc32: str | None = None
    """Its CRC32, Base64 of four bytes, where the store checks that."""


class PreparedObject(Model):
    """One object, uploaded and not yet completed."""

    number: int = Field(ge=0)
    """Its place among the writer's objects, from 0."""

    key: str
    """The key it will have."""

    rows: int | None = Field(ge=0)
    """Rows in it; `None` for a file that was appended as it is."""

    columns: tuple[Column, ...] | None = None
    """Its columns, if the format knows any."""

    partition: tuple[tuple[str, str | None], ...] = ()
    """Names and values, as text, of the columns that the transfer is parted by; `None` is null."""

    size: int = Field(ge=0)
    """Bytes as stored."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the bytes in hex."""

    crc32: str
    """CRC32 of all bytes, Base64 of four bytes."""

    upload_id: str = Field(min_length=1)
    """Id of the multipart upload."""

    created: AwareDatetime
    """When the upload was begun."""

    parts: tuple[PreparedPart, ...]
    """Its parts, in order."""


class PreparedAppend(Model):
    """One writer's share of a transfer, ready to be committed by any process, any number of times."""

    version: Literal[1] = 1
    """Version of this form."""

    endpoint_url: str | None
    """The store it was prepared for; `None` is AWS."""

    bucket: str
    """The bucket it was prepared for."""

    prefix: str
    """The prefix it was prepared for."""

    table: str
    """The table it belongs to."""

    transfer_id: str
    """Identity of the transfer."""

    transfer_date: dt.date
    """Date of the transfer in the keys."""

    writer_id: int = Field(ge=0)
    """Which writer of the transfer prepared it."""

    format: str
    """Name of the file format, for the manifest."""

    compression: str
    """Compression, for the manifest."""

    extension: str
    """End of the keys."""

    started: AwareDatetime
    """When the writer was opened."""

    objects: tuple[PreparedObject, ...]
    """The pending uploads, in the order of writing."""

    @property
    def rows(self) -> int:
        """Rows in all objects, those of files appended as they are not counted."""
        return sum(item.rows or 0 for item in self.objects)

    @property
    def bytes(self) -> int:
        """Bytes in all objects as stored."""
        return sum(item.size for item in self.objects)


class PendingUpload(Model):
    """A multipart upload that nobody will complete; invisible, but billed until a lifecycle rule removes it."""

    key: str
    """The key it was meant for."""

    upload_id: str
    """Id of the multipart upload."""
