"""From an object's raw bytes to its stored ones: compressed in blocks of fixed size, digested, and kept.

Blocks are compressed and digested on the destination's threads while the next ones are being encoded. They are cut at
fixed places, so that the same bytes become the same object however and whenever they come.
"""

from __future__ import annotations

import threading
from collections import deque
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

GROUPS_AT_ONCE: Final = 2
"""Groups of rows of one object that are made to bytes at once: each holds its rows in memory until then."""

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
    md5: bool = False
    """Whether the objects' MD5 is needed."""
    presses: set[Press] = field(default_factory=set)
    """Those at work: what they hold can be spilled, and is given up with the writer."""


def block_size(object_size: int) -> int:
    """Choose how much is compressed at once in objects of that size."""
    return min(BLOCK, max(_SMALLEST_BLOCK, object_size // _BLOCKS))


class _Making:
    """A group of rows on its way to bytes."""

    __slots__ = ("made", "promise", "strand")

    def __init__(self, pool: Executor, promise: int) -> None:
        self.strand = Strand(pool)  # of this one task
        self.promise = promise  # bytes that it becomes at most, less those that are passed on
        self.made: bytes | None = None  # what it has become, until that is passed on


class Press:
    """Makes the stored bytes of one object. One thread brings raw bytes; any thread may discard it."""

    def __init__(self, workshop: Workshop, *, compressor: Compressor | None, block: int) -> None:
        self.kept = Shelf(workshop.budget, workshop.spill)
        self._workshop = workshop
        self._compressor = compressor
        self._block = block
        self._raw = Shelf(workshop.budget, workshop.spill)
        self._digester = Digester(md5=workshop.md5)
        self._making: deque[_Making] = deque()
        self._coming: deque[_Making] = deque()  # those of them that are not passed on
        self._order = threading.Lock()  # while they are
        self._strand: Strand | None = None
        self._lock = threading.RLock()  # a finaliser may discard in a thread that is in the middle of something here
        self._stored = 0  # stored bytes of the blocks that are done
        self._under_way = 0  # raw bytes of those that are not
        self._held: int | None = 0  # bytes of rows that are no group yet; none once all is given up
        workshop.presses.add(self)

    def bound(self, more: int = 0) -> int:
        """Tell how many bytes the object would have at most, finished now or with ``more`` raw ones.

        What is under way counts as if it did not shrink, so that knowing more only lowers it; a group counts as it
        was promised until somebody settles it, whether it is done or not.
        """
        with self._lock:
            known = self._stored + self._most(self._under_way) + sum(making.promise for making in self._making)
        return known + self._most(self._raw.size + more) + (_END if self._compressor else 0)

    def settle(self) -> None:
        """Wait for what is under way: `bound` depends on the bytes alone then, not on when they were done."""
        self._settle_groups()
        if self._strand is not None:
            self._strand.settle()

    def wait_for_groups(self) -> None:
        """Wait until those that are on their way have become bytes; `bound` knows no more of them than before.

        Raises:
            Exception: What made one fail.
        """
        for making in self._making:
            making.strand.settle()

    def settle_group(self) -> bool:
        """Wait for the first of the groups that are on their way, whose bytes count then; tell if there was one.

        Raises:
            Exception: What made it fail.
        """
        if not self._making:
            return False
        self._making[0].strand.settle()
        self._making.popleft()
        return True

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
        """Have a group of rows made to bytes, beside one before it, once memory has room for the rows.

        Raises:
            S3DestError: An object on its way up has failed, or the destination was closed.
        """
        if self._raw.size:
            self._hand_over(self._raw.size)
        if len(self._making) == GROUPS_AT_ONCE:
            self.settle_group()
        making = _Making(self._workshop.pool(), group.most)
        self.hold(0)
        self._workshop.make_room(group.held)
        self._workshop.budget.drain(group.held)
        self._making.append(making)
        self._coming.append(making)
        making.strand.submit(partial(self._make, group, making), drop=partial(self._let_go, group))

    def finish(self) -> Digests:
        """Make the last bytes, and wait for those before."""
        self._settle_groups()
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
            while self._coming:
                making = self._coming.popleft()
                made, making.made = making.made, None
                held += len(made or b"")
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
        self._settle_groups()
        self._submit(self._begin(size))

    def _submit(self, block: bytes, *, wait: bool = True) -> None:
        if self._strand is None:
            self._strand = Strand(self._workshop.pool())
        self._strand.submit(partial(self._press, block), drop=partial(self._end, len(block), 0), wait=wait)

    def _settle_groups(self) -> None:
        while self.settle_group():
            pass

    def _make(self, group: Group, making: _Making) -> None:
        try:
            made = group.write()
        finally:
            self._let_go(group)
        with self._lock:
            self._workshop.budget.force(len(made))
            making.made = made
            if self._held is None and making.made is not None:  # given up before, or by a finaliser just now
                making.made = None
                self._workshop.budget.give_back(len(made))
        # they may be done in another order than they came
        with self._order:
            while (next_made := self._next_made()) is not None:
                # Never waits, lest it held up the thread that is to digest: there are few of them.
                self._submit(next_made, wait=False)

    def _next_made(self) -> bytes | None:
        with self._lock:
            if not self._coming or (made := self._coming[0].made) is None:
                return None
            making = self._coming.popleft()
            making.promise -= len(made)
            making.made = None
            self._under_way += len(made)
        self._workshop.budget.drain(len(made))
        return made

    def _let_go(self, group: Group) -> None:
        self._workshop.budget.give_back(group.held, drained=True)

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
