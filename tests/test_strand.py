"""Strands: tasks in order, one at a time, on threads that others use too."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from workbench import Delayed

from s3dest import S3DestError
from s3dest.strand import AT_MOST, Strand

TIMEOUT = 20
"""Seconds after which a thread that hangs fails its test."""


def assert_(truth: object) -> None:
    """Assert in a lambda."""
    assert truth


def test_tasks_run_in_order_one_at_a_time() -> None:
    """Also where threads are many."""
    done: list[int] = []
    inside = threading.Semaphore(1)

    def task(number: int) -> None:
        assert inside.acquire(blocking=False)
        done.append(number)
        inside.release()

    with ThreadPoolExecutor(4) as pool:
        strand = Strand(pool)
        for number in range(200):
            strand.submit(lambda number=number: task(number))  # type: ignore[misc]
        strand.settle()
        assert done == list(range(200))


def test_too_many_tasks_wait() -> None:
    """Whoever brings them faster than they are done is slowed down: what waits is in memory."""
    go, brought = threading.Event(), []
    with ThreadPoolExecutor(1) as pool:
        strand = Strand(pool)

        def bring() -> None:
            for number in range(AT_MOST + 2):
                strand.submit(lambda: assert_(go.wait(TIMEOUT)))
                brought.append(number)

        for _ in range(AT_MOST):
            strand.submit(lambda: assert_(go.wait(TIMEOUT)))
        other = threading.Thread(target=bring)
        other.start()
        other.join(0.05)
        assert brought == []
        go.set()
        other.join(TIMEOUT)
        strand.settle()
        assert len(brought) == AT_MOST + 2


def test_a_failure_is_raised_to_whoever_comes_next() -> None:
    """By the next task, and by waiting; tasks after it do not run."""
    ran: list[int] = []
    pool = Delayed()
    strand = Strand(pool)

    def fail() -> None:
        message = "broken"
        raise ValueError(message)

    strand.submit(fail)
    strand.submit(lambda: ran.append(1))
    pool.run()
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            strand.settle()
        with pytest.raises(ValueError, match="broken"):
            strand.submit(lambda: ran.append(2))
    pool.run()
    assert ran == []


def test_a_pool_that_was_closed_is_told_in_a_typed_error() -> None:
    """It is the destination that was closed under the writer."""
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(S3DestError) as caught:
        Strand(pool).submit(lambda: None)
    assert caught.value.code == "closed"
