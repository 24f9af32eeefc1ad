"""The memory budget: what is taken, what waits, and who is woken."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from s3dest import budget as module
from s3dest.budget import Budget

TIMEOUT = 120
"""Seconds after which a thread that hangs fails its test."""


class Waits:
    """Counts who is really waiting, so that a test need not sleep."""

    def __init__(self, budget: Budget, monkeypatch: pytest.MonkeyPatch) -> None:
        self._budget = budget
        self._begun = threading.Semaphore(0)
        wait = budget._freed.wait

        def tell_and_wait(timeout: float | None = None) -> bool:
            self._begun.release()
            return wait(timeout)

        monkeypatch.setattr(budget._freed, "wait", tell_and_wait)

    def meet(self, number: int) -> None:
        """Return when so many have begun to wait."""
        for _ in range(number):
            assert self._begun.acquire(timeout=TIMEOUT)
        with self._budget._freed:
            pass  # whoever began to wait has let go of the lock


@pytest.fixture(autouse=True)
def _nobody_looks_by_himself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a waiting thread wait until it is woken: looking again now and then would hide a lost wake-up."""
    monkeypatch.setattr(module, "WAIT", 2 * TIMEOUT)


def test_it_takes_up_to_the_limit() -> None:
    """The last byte fits, one more does not, and a refusal takes nothing."""
    budget = Budget(10)
    assert budget.take(6)
    assert not budget.take(5)
    assert budget.held == 6
    assert budget.take(4)
    budget.give_back(10)
    assert budget.held == 0


def test_what_is_there_already_is_counted_whatever_the_limit() -> None:
    """The budget tells the truth, and nothing more is taken until enough is given back."""
    budget = Budget(10)
    budget.force(15)
    assert budget.held == 15
    assert not budget.take(1)
    budget.give_back(6)
    assert budget.take(1)


def test_nobody_waits_for_what_never_comes() -> None:
    """If nothing is on its way up, waiting would be for ever: the writer is told at once, and must help itself."""
    budget = Budget(10)
    assert budget.take(8)
    assert not budget.take_drained(3)
    assert budget.take_drained(2)
    assert budget.held == 10


def test_a_writer_waits_for_what_is_on_its_way_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on as soon as that is freed."""
    budget = Budget(10)
    waits = Waits(budget, monkeypatch)
    assert budget.take(9)
    budget.drain(9)
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(budget.take_drained, 5)
        waits.meet(1)
        assert not taken.done()
        budget.give_back(9, drained=True)
        assert taken.result(TIMEOUT)
    assert budget.held == 5


def test_what_is_too_much_at_any_time_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """When all is up and there is still no room, the writer is told, and does not wait any longer."""
    budget = Budget(10)
    waits = Waits(budget, monkeypatch)
    assert budget.take(10)
    budget.drain(4)
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(budget.take_drained, 5)
        waits.meet(1)
        budget.give_back(4, drained=True)
        assert not taken.result(TIMEOUT)
    assert budget.held == 6


def test_all_who_wait_are_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """One big object makes room for many small ones: no wake-up is lost."""
    budget = Budget(10)
    waits = Waits(budget, monkeypatch)
    assert budget.take(10)
    budget.drain(10)
    with ThreadPoolExecutor(5) as pool:
        taken = [pool.submit(budget.take_drained, 2) for _ in range(5)]
        waits.meet(5)
        budget.give_back(10, drained=True)
        assert all(future.result(TIMEOUT) for future in taken)
    assert budget.held == 10


def test_one_who_can_go_on_is_not_kept_by_one_who_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    """The large request waits on while the small one, which came later, is served."""
    budget = Budget(10)
    waits = Waits(budget, monkeypatch)
    assert budget.take(10)
    budget.drain(10)
    with ThreadPoolExecutor(2) as pool:
        large = pool.submit(budget.take_drained, 9)
        waits.meet(1)
        small = pool.submit(budget.take_drained, 2)
        waits.meet(1)
        budget.give_back(3, drained=True)
        assert small.result(TIMEOUT)
        assert not large.done()
        budget.give_back(2)
        budget.give_back(7, drained=True)
        assert large.result(TIMEOUT)
    assert budget.held == 9


def test_many_threads_leave_nothing_behind() -> None:
    """After any number of transfers that took, drained and gave back, the budget is whole, and was never exceeded."""
    budget = Budget(100)
    seen: list[int] = []

    def transfer(size: int) -> bool:
        took = budget.take_drained(size)
        if not took:
            return False
        seen.append(budget.held)
        budget.drain(size)
        budget.give_back(size, drained=True)
        return True

    with ThreadPoolExecutor(8) as pool:
        futures: list[Future[bool]] = [pool.submit(transfer, 1 + number % 60) for number in range(2000)]
        outcomes = [future.result(TIMEOUT) for future in futures]
    assert any(outcomes)
    assert max(seen) <= 100
    assert (budget.held, budget._draining) == (0, 0)
