"""The bytes of one request, and their digests as S3 wants them."""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass, field

from s3dest.piece import Piece


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of one request, with the digests that go along."""

    data: bytes | Piece = field(repr=False)
    sha256: bytes
    md5: bytes | None = None
    """If it was taken already."""

    @classmethod
    def of(cls, data: bytes) -> Body:
        """Digest ``data``."""
        return cls(data, hashlib.sha256(data).digest())

    def find_md5(self) -> bytes:
        """Take the MD5, unless it was."""
        return self.md5 if self.md5 is not None else md5_of(self.data)

    def fresh(self) -> bytes | Piece:
        """Return what to send, from its beginning; it is shared, not copied."""
        return self.data if isinstance(self.data, bytes) else self.data.fresh()


def md5_of(data: bytes | Piece) -> bytes:
    """Take the MD5 of what is sent."""
    digest = hashlib.md5(usedforsecurity=False)
    for block in [data] if isinstance(data, bytes) else data.blocks():
        digest.update(block)
    return digest.digest()


def digest_text(digest: bytes) -> str:
    """Write a digest as S3 wants it: Base64."""
    return base64.b64encode(digest).decode()


def crc32_text(crc32: int) -> str:
    """Write a CRC32 as S3 wants it: Base64 of four bytes, the highest first."""
    return digest_text(struct.pack(">I", crc32))
