"""Bytes of one object: in memory, or in files without names that the objects of a writer share.

The files have no name on disk from the beginning, so that nothing of them is left whatever ends the process; and they
are shared, so that thousands of objects under construction need but a few.
"""

from __future__ import annotations

import os
import tempfile
import threading
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO, Final

from s3dest.budget import Budget
from s3dest.local_file import temporary

SEGMENT: Final = 64 * 1024 * 1024
"""Bytes after which a new file is begun: a file's space is free again when the last bytes in it are not needed."""

_GATHERED: Final = 64 * 1024
"""Bytes up to which small pieces are put together: each object of Python's costs as much as a short row."""


class _Segment:
    """One file and how much of it is used."""

    __slots__ = ("file", "size", "users")

    def __init__(self) -> None:
        self.file: BinaryIO = tempfile.TemporaryFile(prefix="s3dest-", buffering=0)  # noqa: SIM115  # closed by `free`
        self.size = 0
        self.users = 0


@dataclass(frozen=True, slots=True)
class _Extent:
    """Some bytes in a segment."""

    segment: _Segment
    offset: int
    size: int

    def __len__(self) -> int:
        return self.size


class Spill:
    """Where shelves put what memory has no room for. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a finaliser may free while its own thread is writing
        self._segment: _Segment | None = None

    def write(self, pieces: Sequence[bytes | bytearray]) -> _Extent:
        """Write bytes to disk, as one extent.

        Raises:
            LocalFileError: The disk is full, say.
        """
        with temporary():
            return self._write(pieces)

    def _write(self, pieces: Sequence[bytes | bytearray]) -> _Extent:
        with self._lock:
            segment = self._segment
            if segment is None or segment.size >= SEGMENT:
                segment = self._segment = _Segment()
            extent = _Extent(segment, segment.size, sum(map(len, pieces)))
            segment.users += 1
            segment.size += extent.size
        try:
            offset = extent.offset
            for piece in pieces:
                _write_at(segment.file.fileno(), piece, offset)
                offset += len(piece)
        except BaseException:
            self.free(extent)
            raise
        return extent

    def free(self, extent: _Extent) -> None:
        """Let go of bytes; the last ones of a file close it."""
        with self._lock:
            segment = extent.segment
            segment.users -= 1
            if not segment.users:
                segment.file.close()
                if self._segment is segment:
                    self._segment = None


def _write_at(descriptor: int, data: bytes | bytearray, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


class Shelf:
    """Bytes in order. Those in memory are counted in the budget, by whoever puts them here; the shelf gives them back.

    One thread changes it at a time; once it is complete, threads may read at once. Any thread may release it.
    """

    def __init__(self, budget: Budget, spill: Spill) -> None:
        self.size = 0
        self.in_memory = 0
        self._budget = budget
        self._spill = spill
        self._lock = threading.RLock()  # a finaliser may release while its own thread is adding
        self._pieces: list[bytes | bytearray | _Extent] = []
        self._starts: list[int] | None = None
        self._released = False

    @property
    def is_spilled(self) -> bool:
        """Whether some of it is on disk."""
        return self.in_memory < self.size

    def add(self, data: bytes) -> None:
        """Put bytes here that the budget has been told of."""
        if not data:
            return
        with self._lock:
            if self._released:
                self._budget.give_back(len(data))
                return
            size = len(data)
            self.size += size
            self.in_memory += size
            self._starts = None
            last = self._pieces[-1] if self._pieces else None
            if isinstance(last, bytearray) and len(last) + len(data) <= _GATHERED:
                last += data
            else:
                self._pieces.append(bytearray(data) if len(data) < _GATHERED // 4 else data)
            if self._released:  # by a finaliser, in the middle of this
                self.release()

    def spill(self) -> None:
        """Move all that is in memory to disk, as one piece."""
        with self._lock:
            held = [piece for piece in self._pieces if not isinstance(piece, _Extent)]
            if not held:
                return
            # what is on disk stands before what is in memory
            self._pieces[-len(held) :] = [self._spill.write(held)]
            self._starts = None
            size, self.in_memory = self.in_memory, 0
            self._budget.give_back(size)

    def read(self, offset: int, size: int) -> bytes:
        """Read some bytes; fewer at the end."""
        size = min(size, self.size - offset)
        if size <= 0:
            return b""
        starts = self._starts
        if starts is None:
            starts = self._starts = [0, *accumulate(map(len, self._pieces))]
        place = bisect_right(starts, offset) - 1
        found: list[bytes] = []
        while size > 0:
            piece = self._pieces[place]
            begin = offset - starts[place]
            some = min(size, len(piece) - begin)
            found.append(_part(piece, begin, some))
            offset, size, place = offset + some, size - some, place + 1
        return found[0] if len(found) == 1 else b"".join(found)

    def cut(self, size: int) -> bytes:
        """Take the first bytes away, into memory where they are counted from now on."""
        with self._lock:
            data = self.read(0, size)
            spilled, left = 0, size
            while left:
                piece = self._pieces.pop(0)
                some = min(left, len(piece))
                left -= some
                if some < len(piece):
                    self._pieces.insert(0, self._rest(piece, some))
                if isinstance(piece, _Extent):
                    spilled += some
                    if some == len(piece):
                        self._spill.free(piece)
            self._starts = None
            self.size -= size
            self.in_memory -= size - spilled
            self._budget.force(spilled)
            return data

    def release(self, *, drained: bool = False) -> None:
        """Let go of all bytes, now and of what still comes; ``drained`` if the budget was told that they would go."""
        with self._lock:
            self._released = True
            pieces, self._pieces = self._pieces, []
            size, self.in_memory = self.in_memory, 0
            for piece in pieces:
                if isinstance(piece, _Extent):
                    self._spill.free(piece)
            self._budget.give_back(size, drained=drained)

    @staticmethod
    def _rest(piece: bytes | bytearray | _Extent, begin: int) -> bytes | bytearray | _Extent:
        if isinstance(piece, _Extent):
            return _Extent(piece.segment, piece.offset + begin, piece.size - begin)
        return piece[begin:]


def _part(piece: bytes | bytearray | _Extent, begin: int, size: int) -> bytes:
    if isinstance(piece, _Extent):
        with temporary():
            return os.pread(piece.segment.file.fileno(), size, piece.offset + begin)
    if type(piece) is bytes and size == len(piece):
        return piece
    return bytes(memoryview(piece)[begin : begin + size])
