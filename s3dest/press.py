"""From an object's raw bytes to its stored ones: compressed in blocks of fixed size, digested, and kept.

Blocks are compressed and digested on the destination's threads while the next ones are being encoded. They are cut at
fixed places, so that the same bytes become the same object however and whenever they come.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from s3dest.budget import Budget
from s3dest.digests import Digester, Digests
from s3dest.formats.compression import Compressor
from s3dest.formats.encoder import Group
from s3dest.shelf import Shelf, Spill
from s3dest.strand import Strand

BLOCK: Final = 4 * 1024 * 1024
"""Bytes handed to another thread at once. Each time, it waits for up to 5 ms for the interpreter's lock."""

_SMALLEST_BLOCK: Final = 16 * 1024
_BLOCKS: Final = 16
"""An object has so many blocks at least: the raw bytes of the last one count as if they did not shrink."""

_END: Final = 1024
"""Bytes at most that a compressor adds to all of an object: header, trailer, checksum."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What objects of one writer are made with."""

    budget: Budget
    spill: Spill
    pool: Callable[[], Executor]
    """Gives threads for compressing and digesting."""
    make_room: Callable[[int], bool]
    """Takes bytes of the budget, waiting or spilling as needed, and tells whether memory has room for them; if not,
    they are to leave it at once. Raises what made an upload fail."""
    presses: set[Press] = field(default_factory=set)
    """Those at work: what they hold can be spilled, and is given up with the writer."""


def block_size(object_size: int) -> int:
    """Choose how much is compressed at once in objects of that size."""
    return min(BLOCK, max(_SMALLEST_BLOCK, object_size // _BLOCKS))


class Press:
    """Makes the stored bytes of one object. One thread brings raw bytes; any thread may discard it."""

    def __init__(self, workshop: Workshop, *, compressor: Compressor | None, block: int) -> None:
        self.kept = Shelf(workshop.budget, workshop.spill)
        self._workshop = workshop
        self._compressor = compressor
        self._block = block
        self._raw = Shelf(workshop.budget, workshop.spill)
        self._digester = Digester()
        self._making: Strand | None = None  # of groups
        self._strand: Strand | None = None
        self._lock = threading.Lock()
        self._stored = 0  # stored bytes of the blocks that are done
        self._under_way = 0  # raw bytes of those that are not
        self._promised = 0  # bytes at most that the last group becomes
        self._made = 0  # what it has become
        self._held: int | None = 0  # bytes of rows that are no group yet; none once all is given up
        workshop.presses.add(self)

    def bound(self, more: int = 0) -> int:
        """Tell how many bytes the object would have at most, finished now or with ``more`` raw ones.

        What is under way counts as if it did not shrink, so that knowing more only lowers it; the last group counts
        as it was promised until somebody settles, whether it is done or not.
        """
        with self._lock:
            known = self._stored + self._most(self._under_way) + self._promised - self._made
        return known + self._most(self._raw.size + more) + (_END if self._compressor else 0)

    def settle(self) -> None:
        """Wait for what is under way: `bound` depends on the bytes alone then, not on when they were done."""
        self._settle_group()
        if self._strand is not None:
            self._strand.settle()

    def take(self, data: bytes) -> None:
        """Take raw bytes in, once memory has room for them.

        Raises:
            S3DestError: An object on its way up has failed, or the destination was closed.
        """
        if not data:
            return
        if self._strand is not None:
            self._strand.give_way()
        room = self._workshop.make_room(len(data))
        self._raw.add(data)
        while self._raw.size >= self._block:
            self._hand_over(self._block)
        if not room:
            self._raw.spill()

    def hold(self, size: int) -> None:
        """Count the rows that an encoder holds for this object, which nothing can move elsewhere."""
        with self._lock:
            if self._held is None:
                return
            change, self._held = size - self._held, size
        if change > 0:
            self._workshop.budget.force(change)
        else:
            self._workshop.budget.give_back(-change)

    def take_group(self, group: Group) -> None:
        """Have a group of rows made to bytes, once that of before is done and memory has room for the rows.

        Raises:
            S3DestError: An object on its way up has failed, or the destination was closed.
        """
        if self._raw.size:
            self._hand_over(self._raw.size)
        self._settle_group()
        self.hold(0)
        self._workshop.make_room(group.held)
        self._workshop.budget.drain(group.held)
        self._promised = group.most
        if self._making is None:
            self._making = Strand(self._workshop.pool())
        self._making.submit(partial(self._make, group), drop=partial(self._let_go, group))

    def finish(self) -> Digests:
        """Make the last bytes, and wait for those before."""
        self._settle_group()
        if self._strand is not None:
            if self._raw.size:
                self._hand_over(self._raw.size)
            self._strand.settle()
        elif self._raw.size:
            block = self._begin(self._raw.size)  # a small object: another thread would cost more than it saves
            self._press(block)
        if self._compressor is not None:
            self._keep(self._compressor.finish())
        self._workshop.presses.discard(self)
        return self._digester.digests()

    def spill(self) -> None:
        """Move to disk what is in memory, but for what is under way."""
        self._raw.spill()
        self.kept.spill()

    def discard(self) -> None:
        """Let go of all bytes, also of what is under way, as soon as it is done."""
        self._raw.release()
        self.kept.release()
        with self._lock:
            held, self._held = self._held or 0, None
        self._workshop.budget.give_back(held)
        self._workshop.presses.discard(self)

    def _most(self, size: int) -> int:
        # deflate and zstd store what does not shrink, with a few bytes for each 64 or 128 KiB
        return size + size // 512 + 64 if size and self._compressor else size

    def _begin(self, size: int) -> bytes:
        block = self._raw.cut(size)
        with self._lock:
            self._under_way += size
        self._workshop.budget.drain(size)
        return block

    def _hand_over(self, size: int) -> None:
        self._submit(self._begin(size))

    def _submit(self, block: bytes) -> None:
        if self._strand is None:
            self._strand = Strand(self._workshop.pool())
        self._strand.submit(partial(self._press, block), drop=partial(self._end, len(block), 0))

    def _make(self, group: Group) -> None:
        try:
            made = group.write()
        finally:
            self._let_go(group)
        size = len(made)
        with self._lock:
            self._made = size
            self._under_way += size
        self._workshop.budget.force(size)
        self._workshop.budget.drain(size)
        # Never waits, lest it held up the thread that is to digest: there are two blocks before it at most.
        self._submit(made)

    def _let_go(self, group: Group) -> None:
        self._workshop.budget.give_back(group.held, drained=True)

    def _settle_group(self) -> None:
        if self._making is not None:
            self._making.settle()
            self._promised = self._made = 0

    def _press(self, block: bytes) -> None:
        stored = 0
        try:
            made = block if self._compressor is None else self._compressor.compress(block)
            stored = len(made)
            self._keep(made)
        finally:
            self._end(len(block), stored)

    def _keep(self, made: bytes) -> None:
        self._digester.update(made)
        self._workshop.budget.force(len(made))
        self.kept.add(made)

    def _end(self, size: int, stored: int) -> None:
        with self._lock:
            self._under_way -= size
            self._stored += stored
        self._workshop.budget.give_back(size, drained=True)
