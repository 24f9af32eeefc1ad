"""A clock that stands still until somebody sleeps on it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from s3dest.retry import Clock


class ManualClock:
    """Time for s3dest, the fake STS and the fake S3 alike.

    Attributes:
        slept: Every sleep, in seconds.
    """

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._elapsed = 0.0
        self._lock = threading.Lock()
        self._start = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def now(self) -> float:
        """Return seconds since an arbitrary beginning, as ``time.monotonic`` does."""
        return 1000.0 + self._elapsed

    @property
    def utc(self) -> datetime:
        """The time of day at AWS."""
        return self._start + timedelta(seconds=self._elapsed)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._elapsed += seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass, and remember it."""
        self.slept.append(seconds)
        self.advance(seconds)

    @property
    def injected(self) -> Clock:
        """The clock as s3dest wants it."""
        return Clock(now=self.now, sleep=self.sleep)
