"""Parts of an object, as streams that are read while they are sent: no copy of one lies in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import reduce
from io import RawIOBase
from typing import TYPE_CHECKING, Final, Self

from isal import isal_zlib

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK: Final = 1024 * 1024
"""Bytes read at once where a whole piece is read."""


_AT_ONCE: Final = 2**30
"""Bytes that are surely read at once, if there are as many: Linux stops below two gigabytes."""

MAX_PARTS: Final = 10_000
"""Parts of one upload (S3 user guide, "Amazon S3 multipart upload limits")."""


def part_size(size: int, wanted: int) -> int:
    """Choose equal parts: as wanted, larger only as far as the limit of 10,000 demands."""
    return max(wanted, -(-size // MAX_PARTS))


class Piece(RawIOBase):
    """Some bytes of something that can be read at an offset, by several threads at once.

    Attributes:
        crc32: The CRC32 that they had when they were digested, if they may have changed since.
        sha256: The SHA-256 that they had then, if it is known.
    """

    def __init__(
        self,
        read_at: Callable[[int, int], bytes],
        offset: int,
        size: int,
        *,
        crc32: int | None = None,
        sha256: bytes | None = None,
    ) -> None:
        super().__init__()
        self.crc32 = crc32
        self.sha256 = sha256
        self._read_at = read_at
        self._offset = offset
        self._size = size
        self._position = 0
        self._seen = 0  # bytes read from the beginning on,
        self._seen_crc32 = 0  # and their CRC32
        self._too_short = False

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Make a piece of bytes at hand."""
        return cls(lambda offset, size: data[offset : offset + size], 0, len(data))

    def __len__(self) -> int:
        """Tell the size in bytes."""
        return self._size

    def __bool__(self) -> bool:
        """Be there, also without a single byte."""
        return True

    @property
    def is_altered(self) -> bool:
        """Whether the bytes that were read, and sent, are others than those that were digested."""
        whole = self._seen == self._size
        return self._too_short or (self.crc32 is not None and whole and self._seen_crc32 != self.crc32)

    def fresh(self) -> Self:
        """Go back to the beginning."""
        self.seek(0)
        return self

    def blocks(self) -> Iterator[bytes]:
        """Read all of it, block by block."""
        self.fresh()
        while block := self.read(BLOCK):
            yield block

    def checksum(self) -> int:
        """Return the CRC32, read anew unless it is known."""
        if self.crc32 is not None:
            return self.crc32
        return reduce(lambda crc32, block: isal_zlib.crc32(block, crc32), self.blocks(), 0)

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be begun again."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes: a block at least, since http.client would send 16 KiB at a time.

        Raises:
            EOFError: There are fewer than there were.
        """
        left = self._size - self._position
        return self._next(left if size < 0 else min(left, max(size, BLOCK)))

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read the next bytes, no more than there is room for."""
        view = memoryview(buffer).cast("B")
        data = self._next(min(len(view), self._size - self._position))
        view[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position."""
        self._position = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence] + offset
        if not self._position:
            self._seen = self._seen_crc32 = 0
        return self._position

    def tell(self) -> int:
        """Tell the position."""
        return self._position

    def _next(self, size: int) -> bytes:
        data = self._read_at(self._offset + self._position, size)
        if len(data) < min(size, _AT_ONCE):
            self._too_short = True
        if size and not data:
            message = "the bytes end too early"
            raise EOFError(message)
        if self.crc32 is not None and self._position == self._seen:
            self._seen += len(data)
            self._seen_crc32 = isal_zlib.crc32(data, self._seen_crc32)
        self._position += len(data)
        return data
