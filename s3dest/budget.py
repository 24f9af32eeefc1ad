"""The memory budget that all transfers of a destination share."""

from __future__ import annotations

import threading

WAIT = 0.5
"""Seconds after which a waiting writer looks again whether anything is being freed."""


class Budget:
    """Counts bytes in memory; those on their way up are *draining*, and will be freed without the writer's help."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self._draining = 0
        self._freed = threading.Condition()

    def take(self, size: int) -> bool:
        """Take ``size`` bytes, or none if that would be too much."""
        with self._freed:
            if self.held + size > self.limit:
                return False
            self.held += size
            return True

    def force(self, size: int) -> None:
        """Take bytes that are there already, whatever the limit says."""
        with self._freed:
            self.held += size

    def drain(self, size: int) -> None:
        """Say that bytes taken before are on their way up."""
        with self._freed:
            self._draining += size

    def give_back(self, size: int, *, drained: bool = False) -> None:
        """Free bytes taken before."""
        with self._freed:
            self.held -= size
            if drained:
                self._draining -= size
            self._freed.notify_all()

    def take_drained(self, size: int) -> bool:
        """Take ``size`` bytes, waiting while bytes on their way up will make room; none if nothing will."""
        with self._freed:
            while self.held + size > self.limit:
                if self._draining <= 0:
                    return False
                self._freed.wait(WAIT)
            self.held += size
            return True
