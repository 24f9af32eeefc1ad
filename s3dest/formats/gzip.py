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

_OVERHEAD: Final = 1024
"""Header, trailer, and what deflate adds to data that does not shrink (5 bytes a block)."""


class GzipStream:
    """Compresses what it is given into one gzip member."""

    __slots__ = ("_checksum", "_compressor", "_size", "_started", "_withheld")

    def __init__(self) -> None:
        self._compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -15)
        self._checksum = 0
        self._size = 0
        self._started = False
        self._withheld = 0

    @property
    def pending(self) -> int:
        """At most how many bytes `finish` would return: ISA-L holds back some hundred kilobytes."""
        return self._withheld + _OVERHEAD

    def compress(self, data: bytes) -> bytes:
        """Take data in and return the bytes that became ready, perhaps none."""
        self._checksum = zlib.crc32(data, self._checksum)
        self._size += len(data)
        ready = self._compressor.compress(data)
        # what came in before this call may still be inside, in part
        self._withheld = len(data) if ready else self._withheld + len(data)
        return self._begin() + ready

    def finish(self) -> bytes:
        """Return the last bytes."""
        trailer = struct.pack("<LL", self._checksum, self._size & 0xFFFFFFFF)
        return self._begin() + self._compressor.flush() + trailer

    def _begin(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        return _HEADER
