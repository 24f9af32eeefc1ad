"""Strands: tasks in order, one at a time, on threads that others use too."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from workbench import Delayed

from s3dest import S3DestError
from s3dest.strand import AT_MOST, Strand

TIMEOUT = 20
"""Seconds after which a thread that hangs fails its test."""


def never() -> None:
    """Fail: the task was to run."""
    raise AssertionError


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
            strand.submit(partial(task, number), drop=never)
        strand.settle()
        assert done == list(range(200))


def test_whoever_gives_way_lets_a_task_have_the_interpreter() -> None:
    """At once: it would wait for the switch interval otherwise, and that is forever here."""
    begun, go, done = threading.Event(), threading.Event(), []

    def task() -> None:
        begun.set()
        go.wait(TIMEOUT)
        done.append(1)

    interval = sys.getswitchinterval()
    with ThreadPoolExecutor(1) as pool:
        strand = Strand(pool)
        strand.give_way()
        sys.setswitchinterval(TIMEOUT)
        try:
            strand.submit(task, drop=never)
            begun.wait(TIMEOUT)
            go.set()
            for _ in range(10_000):
                if done:
                    break
                strand.give_way()
            assert done
        finally:
            sys.setswitchinterval(interval)


def test_too_many_tasks_wait() -> None:
    """Whoever brings them faster than they are done is slowed down: what waits is in memory."""
    go, brought = threading.Event(), []
    with ThreadPoolExecutor(1) as pool:
        strand = Strand(pool)

        def bring() -> None:
            for number in range(AT_MOST + 2):
                strand.submit(lambda: assert_(go.wait(TIMEOUT)), drop=never)
                brought.append(number)

        for _ in range(AT_MOST):
            strand.submit(lambda: assert_(go.wait(TIMEOUT)), drop=never)
        other = threading.Thread(target=bring)
        other.start()
        other.join(0.05)
        assert brought == []
        go.set()
        other.join(TIMEOUT)
        strand.settle()
        assert len(brought) == AT_MOST + 2


def test_a_failure_is_raised_to_whoever_comes_next() -> None:
    """By the next task, and by waiting; tasks after it do not run, and are told so."""
    ran: list[int] = []
    dropped: list[int] = []
    pool = Delayed()
    strand = Strand(pool)

    def fail() -> None:
        message = "broken"
        raise ValueError(message)

    strand.submit(fail, drop=never)
    strand.submit(lambda: ran.append(1), drop=lambda: dropped.append(1))
    pool.run()
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            strand.settle()
        with pytest.raises(ValueError, match="broken"):
            strand.submit(lambda: ran.append(2), drop=lambda: dropped.append(2))
    pool.run()
    assert (ran, dropped) == ([], [1, 2, 2])


def test_a_pool_can_be_closed_between_tasks() -> None:
    """However many wait: whoever closes a destination waits for one at most, and the writer is told."""
    go, begun = threading.Event(), threading.Event()
    pool = ThreadPoolExecutor(1)
    strand = Strand(pool)

    def wait() -> None:
        begun.set()
        assert go.wait(TIMEOUT)

    ran: list[int] = []
    dropped: list[int] = []
    strand.submit(wait, drop=never)
    strand.submit(lambda: ran.append(1), drop=lambda: dropped.append(1))
    assert begun.wait(TIMEOUT)
    pool.shutdown(wait=False)
    go.set()
    with pytest.raises(S3DestError) as caught:
        strand.settle()
    assert (caught.value.code, ran, dropped) == ("closed", [], [1])


def test_a_pool_that_was_closed_is_told_in_a_typed_error() -> None:
    """It is the destination that was closed under the writer."""
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    dropped: list[int] = []
    with pytest.raises(S3DestError) as caught:
        Strand(pool).submit(never, drop=lambda: dropped.append(1))
    assert dropped == [1]
    assert caught.value.code == "closed"
