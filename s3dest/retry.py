"""When to try again: the one retry layer, composed of tenacity. botocore's own retries are off."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from s3dest.errors import CredentialsError, S3DestError

log = logging.getLogger(__name__)

FIRST_WAIT: Final = 0.1
"""Seconds up to which the first wait is drawn; it doubles with each try."""

LONGEST_WAIT: Final = 20.0
"""Seconds up to which any wait is drawn, as in the standard mode of AWS's SDKs."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and sleep, so that a test can bring its own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Deadline:
    """When a request ends with all its tries: counted from the first on, with what it costs to get keys for it."""

    def __init__(self, limit: timedelta, clock: Clock) -> None:
        self._limit = limit.total_seconds()
        self._clock = clock
        self._end: float | None = None
        self._excused = False

    def begin(self) -> Self:
        """Count from now on, if it does not count yet."""
        if self._end is None:
            self._end = self._clock.now() + self._limit
        return self

    def excuse(self, wait: float) -> None:
        """Do not count a wait before the first try: many may wait for their turn, and each is to have its tries."""
        if self._end is not None and not self._excused:
            self._end += wait
        self._excused = True

    @property
    def left(self) -> float:
        """Seconds until the end."""
        return self._limit if self._end is None else max(0.0, self._end - self._clock.now())

    @property
    def is_over(self) -> bool:
        """Whether no other request may begin; a request of one try has that whole."""
        return self._limit > 0 and self.left == 0

    def allows(self, wait: float) -> bool:
        """Tell whether there is time for a wait and another try."""
        self.begin()
        return self._end is not None and self._clock.now() + wait < self._end


def retrying(deadline: Deadline, *, clock: Clock, what: str, on_retry: Callable[[], None]) -> Retrying:
    """Try again while the error is retryable and the deadline allows one more wait: full jitter, a log line each.

    A wait that would end after the deadline is drawn anew, once, from what is left: else a short deadline might be
    given up in its first third. The last error is raised as it is.
    """
    exponential = wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT)
    is_last = False

    def wait(state: RetryCallState) -> float:
        nonlocal is_last
        drawn = exponential(state)
        if is_last or deadline.allows(drawn):
            return drawn
        is_last = True
        return deadline.left * random.random()  # noqa: S311  # jitter, no secret

    def out_of_time(state: RetryCallState) -> bool:
        return not deadline.allows(state.upcoming_sleep)

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        number, wait = state.attempt_number, state.upcoming_sleep
        log.warning("%s: attempt %d failed (%s), next in %.2f s", what, number, _reason(error), wait)
        on_retry()

    return Retrying(
        retry=retry_if_exception(_is_retryable),
        wait=wait,
        stop=out_of_time,
        sleep=clock.sleep,
        before_sleep=tell,
        reraise=True,
    )


def _reason(error: BaseException | None) -> str:
    """Name what failed; where that was getting keys, which is no fault of the request, with the operation."""
    if not isinstance(error, S3DestError):
        return type(error).__name__
    return f"{error.operation}: {error.code}" if isinstance(error, CredentialsError) else error.code


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, S3DestError) and error.retryable
