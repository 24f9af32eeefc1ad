"""Lanes: as many requests at once as S3 bears, by additive increase and multiplicative decrease."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3dest import RequestError, ThrottledError
from s3dest.lanes import Lanes, TooLateError

TIMEOUT = 120
"""Seconds after which a thread that hangs fails its test."""


def succeed(lanes: Lanes, times: int = 1) -> None:
    """Make requests that are served."""
    for _ in range(times):
        with lanes.taken():
            pass


def throttle(lanes: Lanes) -> None:
    """Make a request that S3 is too busy for."""
    with pytest.raises(ThrottledError), lanes.taken():
        raise ThrottledError


def test_each_throttling_halves_down_to_one() -> None:
    """One lane is always left, or nothing would ever move again."""
    lanes = Lanes(9)
    limits = []
    for _ in range(5):
        throttle(lanes)
        limits.append(lanes.limit)
    assert limits == [4, 2, 1, 1, 1]
    succeed(lanes)


def test_a_full_round_of_successes_regains_one_lane() -> None:
    """As many successes as there are lanes, up to the limit it began with and no further."""
    lanes = Lanes(4)
    throttle(lanes)
    throttle(lanes)
    limits = []
    for _ in range(12):
        succeed(lanes)
        limits.append(lanes.limit)
    assert limits == [2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4]


def test_a_lane_may_be_waited_for_no_longer_than_so() -> None:
    """Who gives up has taken none."""
    lanes = Lanes(1)
    with lanes.taken(), pytest.raises(TooLateError), lanes.taken(0.01):
        pass
    with lanes.taken(float("inf")):
        pass


def test_a_throttling_begins_the_round_anew() -> None:
    """Successes of before do not count towards the next lane."""
    lanes = Lanes(8)
    throttle(lanes)
    succeed(lanes, 3)
    throttle(lanes)
    succeed(lanes, 1)
    assert lanes.limit == 2
    succeed(lanes, 1)
    assert lanes.limit == 3


@pytest.mark.parametrize("error", [RequestError(), KeyboardInterrupt()], ids=["refusal", "interrupt"])
def test_other_failures_give_the_lane_back_and_halve_nothing(error: BaseException) -> None:
    """A refusal says nothing about the load, and a lane that is never given back would be lost for good."""
    lanes = Lanes(2)
    for _ in range(5):
        with pytest.raises(type(error)), lanes.taken():
            raise error
    assert lanes.limit == 2
    succeed(lanes)


@given(st.integers(1, 20), st.lists(st.booleans(), max_size=60))
def test_the_limit_stays_between_one_and_what_was_allowed(most: int, throttled: list[bool]) -> None:
    """Whatever S3 answers, in whatever order."""
    lanes = Lanes(most)
    for is_throttled in throttled:
        throttle(lanes) if is_throttled else succeed(lanes)
        assert 1 <= lanes.limit <= most


def test_so_many_threads_and_no_more() -> None:
    """Three meet inside, time and again, and never a fourth."""
    lanes, meeting, inside = Lanes(3), threading.Barrier(3), threading.Semaphore(3)

    def request(_: int) -> None:
        with lanes.taken():
            assert inside.acquire(blocking=False)
            meeting.wait(TIMEOUT)
            inside.release()

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(request, range(30)))


def test_after_halving_the_next_waits_for_the_surplus_to_leave() -> None:
    """Requests under way are not disturbed, but nobody takes the place of those too many."""
    lanes, order = Lanes(2), []
    may_leave, waiting, second_is_in = threading.Event(), threading.Event(), threading.Event()

    def second() -> None:
        with lanes.taken():
            second_is_in.set()
            assert may_leave.wait(TIMEOUT)
            order.append("second leaves")

    def third() -> None:
        waiting.set()
        with lanes.taken():
            order.append("third enters")

    with ThreadPoolExecutor(2) as pool, ExitStack() as first:
        first.enter_context(lanes.taken())
        futures = [pool.submit(second)]
        assert second_is_in.wait(TIMEOUT)
        futures.append(pool.submit(third))
        assert waiting.wait(TIMEOUT)
        first.__exit__(ThrottledError, ThrottledError(), None)
        assert lanes.limit == 1
        order.append("first has left")
        may_leave.set()
        for future in futures:
            future.result(TIMEOUT)
    assert order == ["first has left", "second leaves", "third enters"]


def test_regained_lanes_are_used_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the limit rises, those who wait are woken: one lane becomes two while only one was given back."""
    lanes, inside = Lanes(2), threading.Barrier(3)
    throttle(lanes)
    waiting = threading.Semaphore(0)
    wait_for = lanes._free.wait_for

    def tell_and_wait(predicate: object, timeout: float | None = None) -> bool:
        waiting.release()
        return wait_for(predicate, timeout)  # type: ignore[arg-type]

    monkeypatch.setattr(lanes._free, "wait_for", tell_and_wait)

    def request() -> None:
        with lanes.taken():
            inside.wait(TIMEOUT)

    with ThreadPoolExecutor(2) as pool:
        with lanes.taken():
            futures = [pool.submit(request) for _ in range(2)]
            for _ in range(3):
                assert waiting.acquire(timeout=TIMEOUT)
            with lanes._free:
                pass  # the last of the two is really waiting now
        inside.wait(TIMEOUT)
        for future in futures:
            future.result(TIMEOUT)
    assert lanes.limit == 2
