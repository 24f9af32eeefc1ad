"""A part of an object as a stream, read while it is sent: no copy of it lies in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from io import RawIOBase
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK: Final = 1024 * 1024
"""Bytes read at once where a whole piece is read."""


class Piece(RawIOBase):
    """Some bytes of something that can be read at an offset, by several threads at once."""

    def __init__(self, read_at: Callable[[int, int], bytes], offset: int, size: int) -> None:
        super().__init__()
        self._read_at = read_at
        self._offset = offset
        self._size = size
        self._position = 0

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

    def fresh(self) -> Self:
        """Go back to the beginning."""
        self._position = 0
        return self

    def blocks(self) -> Iterator[bytes]:
        """Read all of it, block by block."""
        self.fresh()
        while block := self.read(BLOCK):
            yield block

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be begun again."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes: a block at least, since http.client would send 16 KiB at a time."""
        left = self._size - self._position
        data = self._read_at(self._offset + self._position, left if size < 0 else min(left, max(size, BLOCK)))
        self._position += len(data)
        return data

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read the next bytes, no more than there is room for."""
        view = memoryview(buffer).cast("B")
        data = self._read_at(self._offset + self._position, min(len(view), self._size - self._position))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position."""
        self._position = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence] + offset
        return self._position

    def tell(self) -> int:
        """Tell the position."""
        return self._position
