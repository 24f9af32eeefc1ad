"""The retry layer: what is tried again, how long, and what the log tells."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from fake import ManualClock

from s3dest.errors import CredentialsError, S3DestError
from s3dest.retry import FIRST_WAIT, LONGEST_WAIT, Deadline, retrying

MINUTE = timedelta(minutes=1)


class Calls:
    """A function that fails so many times, each time taking so long."""

    def __init__(self, clock: ManualClock, error: Exception, *, failures: int = 10**6, seconds: float = 0.0) -> None:
        self.count = 0
        self.clock = clock
        self.error = error
        self.failures = failures
        self.seconds = seconds

    def __call__(self) -> str:
        """Fail, or return at last."""
        self.count += 1
        self.clock.advance(self.seconds)
        if self.count <= self.failures:
            raise self.error
        return "done"


@pytest.fixture
def clock() -> ManualClock:
    """Make a clock."""
    return ManualClock()


def tries(
    clock: ManualClock, calls: Calls, *, deadline: timedelta = MINUTE, on_retry: Callable[[], None] = lambda: None
) -> str:
    """Call as s3dest calls S3."""
    limit = Deadline(deadline, clock.injected)
    limit.begin()
    return retrying(limit, clock=clock.injected, what="PutObject acme-lake/a", on_retry=on_retry)(calls)


def test_a_wait_is_excused_once(clock: ManualClock) -> None:
    """Before the first try: those before later ones are part of what a request may take."""
    limit = Deadline(MINUTE, clock.injected).begin()
    limit.excuse(10)
    limit.excuse(10)
    assert limit.left == 70


def test_the_log_tells_whose_failure_it_was(clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    """STS's is none of the request that needs keys."""
    error = CredentialsError(code="service_unavailable", operation="AssumeRole", retryable=True)
    tries(clock, Calls(clock, error, failures=1))
    assert "PutObject acme-lake/a: attempt 1 failed (AssumeRole: service_unavailable), next in" in caplog.text


def test_a_retryable_error_is_tried_again(clock: ManualClock) -> None:
    """Until it works."""
    calls = Calls(clock, S3DestError(retryable=True), failures=3)
    assert tries(clock, calls) == "done"
    assert calls.count == 4


@pytest.mark.parametrize(
    "error", [S3DestError(retryable=False), LookupError()], ids=lambda value: repr(value).partition(" at 0x")[0]
)
def test_other_errors_are_raised_at_once(clock: ManualClock, error: Exception) -> None:
    """As they are, and without a wait."""
    calls = Calls(clock, error)
    with pytest.raises(type(error)) as caught:
        tries(clock, calls)
    assert caught.value is error
    assert (calls.count, clock.slept) == (1, [])


@pytest.mark.parametrize("seconds", [0.0, 7.0, 59.0, 61.0])
def test_the_deadline_counts_tries_and_waits(clock: ManualClock, seconds: float) -> None:
    """No try begins after it, and no wait that would end after it is begun; the last error is raised as it is."""
    calls = Calls(clock, S3DestError("the last", retryable=True), seconds=seconds)
    with pytest.raises(S3DestError, match="the last") as caught:
        tries(clock, calls)
    assert caught.value is calls.error
    assert clock.now() - 1000 <= max(60 + seconds, seconds)
    assert sum(clock.slept) <= 60
    assert calls.count == len(clock.slept) + 1


def test_waits_are_drawn_from_a_range_that_doubles(clock: ManualClock) -> None:
    """Full jitter: between nothing and a bound that grows to twenty seconds, so that callers drift apart."""
    for _ in range(20):
        with pytest.raises(S3DestError):
            retrying(Deadline(10 * MINUTE, clock.injected), clock=clock.injected, what="it", on_retry=lambda: None)(
                Calls(clock, S3DestError(retryable=True))
            )
        for place, wait in enumerate(clock.slept):
            assert 0 <= wait <= min(LONGEST_WAIT, FIRST_WAIT * 2**place)
        assert any(later < earlier for earlier, later in pairwise(clock.slept))
        clock.slept.clear()


def test_there_is_a_last_try_before_the_deadline(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """One, where the wait that was drawn would end after it."""
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    monkeypatch.setattr(random, "random", lambda: 0.5)
    calls = Calls(clock, S3DestError("throttled", retryable=True))
    with pytest.raises(S3DestError):
        tries(clock, calls, deadline=timedelta(seconds=5))
    assert clock.slept == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 0.95])


def test_retries_are_counted(clock: ManualClock) -> None:
    """Once for each try after the first."""
    told: list[int] = []
    tries(clock, Calls(clock, S3DestError(retryable=True), failures=3), on_retry=lambda: told.append(1))
    assert len(told) == 3


def test_each_wait_is_a_warning(clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    """With what is tried, the attempt, the code and the wait."""
    calls = Calls(clock, S3DestError("secret?", code="throttled", retryable=True), failures=2)
    with caplog.at_level(logging.DEBUG, "s3dest"):
        tries(clock, calls)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    first, second = caplog.messages
    assert first.startswith("PutObject acme-lake/a: attempt 1 failed (throttled), next in ")
    assert second.startswith("PutObject acme-lake/a: attempt 2 failed (throttled), next in ")


def test_a_deadline_counts_from_the_first_try(clock: ManualClock) -> None:
    """Whoever waits for a lane meanwhile has all of it left."""
    deadline = Deadline(MINUTE, clock.injected)
    clock.advance(1000)
    deadline.begin()
    clock.advance(50)
    deadline.begin()
    assert deadline.allows(9)
    assert not deadline.allows(10)
