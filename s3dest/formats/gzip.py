"""Gzip by ISA-L, several times faster than zlib, with a header without time and name: equal rows, equal bytes."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from isal import isal_zlib

LEVEL: Final = 1
"""ISA-L's levels are 0 to 3; on JSON, 3 takes twice the time of 1 and saves a fiftieth of the bytes (measured)."""

_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no flags, no time, no extra flags, unknown operating system (RFC 1952, 2.3)."""


class GzipStream:
    """Compresses what it is given into one gzip member."""

    __slots__ = ("_checksum", "_compressor", "_size", "_started")

    def __init__(self) -> None:
        self._compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -15)
        self._checksum = 0
        self._size = 0
        self._started = False

    def compress(self, data: bytes) -> bytes:
        """Take data in and return the bytes that became ready, perhaps none."""
        self._checksum = zlib.crc32(data, self._checksum)
        self._size += len(data)
        return self._begin() + self._compressor.compress(data)

    def finish(self) -> bytes:
        """Return the last bytes."""
        trailer = struct.pack("<LL", self._checksum, self._size & 0xFFFFFFFF)
        return self._begin() + self._compressor.flush() + trailer

    def _begin(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        return _HEADER
