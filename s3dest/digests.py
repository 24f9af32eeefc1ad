"""Digests of an object's bytes: the one its key names, and the one a multipart upload is checked by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from isal import isal_zlib


@dataclass(frozen=True, slots=True)
class Digests:
    """Digests of an object's bytes."""

    sha256: bytes
    crc32: int
    md5: bytes | None
    """Not known where no request will carry it."""


class PartDigests(NamedTuple):
    """Digests of a part's bytes."""

    crc32: int
    sha256: bytes | None
    """Not known where no request will be signed by it."""


class Digester:
    """Digests bytes as they come; an MD5, which takes as long as all else, only where it is needed."""

    __slots__ = ("_crc32", "_md5", "_sha256")

    def __init__(self, *, md5: bool) -> None:
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None
        self._crc32 = 0

    def update(self, data: bytes | memoryview) -> None:
        """Take bytes in."""
        self._sha256.update(data)
        if self._md5 is not None:
            self._md5.update(data)
        self._crc32 = isal_zlib.crc32(data, self._crc32)  # five times as fast as zlib's

    def digests(self) -> Digests:
        """Tell the digests of all bytes so far."""
        return Digests(self._sha256.digest(), self._crc32, self._md5.digest() if self._md5 is not None else None)
