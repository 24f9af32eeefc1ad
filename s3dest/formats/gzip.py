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


_BLOCK: Final = 256 * 1024
"""Bytes compressed at once. ISA-L's output depends on how its input is cut, so it is always cut alike."""


class GzipStream:
    """Compresses what it is given into one gzip member, the same one however it is given."""

    __slots__ = ("_block", "_checksum", "_compressor", "_size", "_started", "_withheld")

    def __init__(self) -> None:
        self._compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -15)
        self._checksum = 0
        self._size = 0
        self._block = bytearray()
        self._started = False
        self._withheld = 0

    @property
    def pending(self) -> int:
        """At most how many bytes `finish` would return: ISA-L holds back some hundred kilobytes."""
        return self._withheld + len(self._block) + _OVERHEAD

    def compress(self, data: bytes) -> bytes:
        """Take data in and return the bytes that became ready, perhaps none."""
        self._checksum = zlib.crc32(data, self._checksum)
        self._size += len(data)
        self._block += data
        whole = len(self._block) - len(self._block) % _BLOCK
        ready = [self._feed(self._block[start : start + _BLOCK]) for start in range(0, whole, _BLOCK)]
        del self._block[:whole]
        return self._begin() + b"".join(ready)

    def finish(self) -> bytes:
        """Return the last bytes."""
        last = self._feed(self._block)
        self._block = bytearray()
        trailer = struct.pack("<LL", self._checksum, self._size & 0xFFFFFFFF)
        return self._begin() + last + self._compressor.flush() + trailer

    def _feed(self, block: bytearray) -> bytes:
        ready = self._compressor.compress(block)
        # what came in before this block may still be inside, in part
        self._withheld = len(block) if ready else self._withheld + len(block)
        return ready

    def _begin(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        return _HEADER
