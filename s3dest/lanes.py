"""How many requests may be under way: fewer when S3 asks for fewer, more again when it serves them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from s3dest.errors import ThrottledError

log = logging.getLogger(__name__)


class TooLateError(Exception):
    """Raised where no lane came free in time."""


class Lanes:
    """A semaphore that halves its limit at each throttling and regains a lane with every full round of successes.

    Additive increase, multiplicative decrease, as TCP does it: many destinations behind one limit share it fairly.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._most = limit
        self._taken = 0
        self._successes = 0
        self._free = threading.Condition()

    @contextmanager
    def taken(self, patience: float | None = None) -> Iterator[None]:
        """Hold a lane for one try of one request; what it raises tells how it went.

        Args:
            patience: Seconds that the lane may be waited for; ``None`` for ever.

        Raises:
            TooLateError: All were taken for so long.
        """
        longest = None if patience is None else min(patience, threading.TIMEOUT_MAX)
        with self._free:
            if not self._free.wait_for(lambda: self._taken < self.limit, longest):
                raise TooLateError
            self._taken += 1
        throttled = False
        try:
            yield
        except ThrottledError:
            throttled = True
            raise
        finally:
            self._give_back(throttled=throttled)

    def _give_back(self, *, throttled: bool) -> None:
        with self._free:
            self._taken -= 1
            if throttled:
                self._successes = 0
                if self.limit > 1:
                    self.limit = max(1, self.limit // 2)
                    log.info("S3 throttles: %d requests at once from now on", self.limit)
            else:
                self._successes += 1
                if self._successes >= self.limit and self.limit < self._most:
                    self._successes = 0
                    self.limit += 1
            self._free.notify_all()
