"""Processes that are really killed, against a store that really answers: each row exactly once all the same."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import loopback
import pytest
from loopback import Job, Loopback
from promises import (
    data_keys,
    is_manifest,
    manifests,
    named_keys,
    named_rows,
    require_nothing_replaced,
    require_polite,
    require_true,
)

from s3dest import Destination, Receipt

pytestmark = pytest.mark.slow

WAYS = ["memory", "pending", "prepare", "journal"]
REQUESTS = {"memory": 4, "pending": 22, "prepare": 16, "journal": 16}
"""At most how many requests each way takes, an abort that is not needed not counted."""

PATIENCE = 120
"""Seconds that a process may take on a busy machine."""

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["loopback", "s3dest.append", "s3dest.wire"])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """Run the store for one test."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Loopback() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make the folder that the processes of a test share."""
    (tmp_path / "tmp").mkdir()
    return tmp_path


class Killer:
    """Kills a process at one of its requests, which is not answered any more, nor is any later one."""

    def __init__(self, job: Job, due: Callable[[int], bool]) -> None:
        self._due = due
        self._started = threading.Event()
        self._job = job
        self._victim: Any = None

    def __call__(self, number: int) -> None:
        """Look at a request."""
        assert self._started.wait(PATIENCE)
        if self._due(number):
            self._victim.kill()
            raise ConnectionAbortedError

    def run(self) -> int:
        """Start the process and return how it ended."""
        self._victim = start(self._job)
        self._started.set()
        self._victim.join(PATIENCE)
        return int(self._victim.exitcode)


def start(job: Job, answers: Any = None) -> Any:
    """Start a process."""
    process = PROCESSES.Process(target=loopback.work_alone, args=(job, answers))
    process.start()
    return process


def require_once(server: Loopback, job: Job) -> None:
    """See that each row is there exactly once, and no file is left."""
    assert sorted(named_rows(server.store), key=lambda row: row["id"]) == job.rows
    assert set(named_keys(server.store)) == data_keys(server.store)
    assert len(manifests(server.store)) == 1
    assert list((job.folder / "tmp").iterdir()) == []
    assert list(job.journal.load()) == []
    require_polite(server.log)
    require_nothing_replaced(server.store)


def kill_at_each_request(server: Loopback, job: Job, moment: str) -> None:
    """Kill a process at its first request, another at its second, and so on; each time, let another one finish."""
    for number in range(1, REQUESTS[job.way] + 1):
        server.empty()
        killer = Killer(job, number.__le__)
        setattr(server, moment, killer)
        ended = killer.run()
        setattr(server, moment, lambda _number: None)
        if ended == 0:
            assert number > len(server.log)
            break
        assert ended == -signal.SIGKILL
        # what is named is whole, or there is nothing named
        assert len(named_rows(server.store)) in {0, len(job.rows)}
        require_true(loopback.work(job), server.store)
        require_once(server, job)


@pytest.mark.parametrize("way", WAYS)
def test_a_process_killed_at_any_request(server: Loopback, folder: Path, way: Any) -> None:
    """Before it takes effect: the next process with the same id finishes, each row being there once."""
    kill_at_each_request(server, Job(server.url, folder, way), "before")


def test_a_process_killed_after_any_request(server: Loopback, folder: Path) -> None:
    """After it takes effect, before the answer can be written down; without a journal it is like before the next."""
    kill_at_each_request(server, Job(server.url, folder, "journal"), "after")


@pytest.mark.parametrize("way", WAYS)
def test_a_process_killed_in_the_very_end(server: Loopback, folder: Path, way: Any) -> None:
    """After the manifest is there: all is committed already, and the next process is told so."""
    job = Job(server.url, folder, way)
    killer = Killer(job, lambda number: is_manifest(server.log[number - 1].key))
    server.after = killer
    assert killer.run() == -signal.SIGKILL
    server.after = lambda _number: None
    receipt = loopback.work(job)
    assert receipt.already_committed
    require_true(receipt, server.store)
    require_once(server, job)


@pytest.mark.parametrize("way", WAYS)
def test_processes_killed_between_rows(server: Loopback, folder: Path, way: Any) -> None:
    """Several in a row, at the beginning, in the middle and at the end of the rows: the last one finishes."""
    job = Job(server.url, folder, way)
    for row in (0, 30, 55, 30):
        process = start(replace(job, dies_at=row))
        process.join(PATIENCE)
        assert process.exitcode == -signal.SIGKILL
        assert named_rows(server.store) == []
    require_true(loopback.work(job), server.store)
    require_once(server, job)


def race(server: Loopback, *jobs: Job) -> list[Receipt]:
    """Let processes do their jobs at once: none gets an answer to its first request before the others have asked."""
    gate = threading.Barrier(len(jobs))

    def meet(number: int) -> None:
        if number <= len(jobs):
            gate.wait(PATIENCE)

    server.before = meet
    queues = [PROCESSES.SimpleQueue() for _ in jobs]
    processes = [start(job, answers) for job, answers in zip(jobs, queues, strict=True)]
    for process in processes:
        process.join(PATIENCE)
        assert process.exitcode == 0
    return [Receipt.model_validate_json(answers.get()) for answers in queues]


@pytest.mark.parametrize("way", ["memory", "pending", "prepare"])
def test_two_processes_at_once_with_the_same_rows(server: Loopback, folder: Path, way: Any) -> None:
    """One manifest, one set of objects, and one of the two is told that the other was first."""
    for _ in range(3):
        server.empty()
        job = Job(server.url, folder, way)
        receipts = race(server, job, job)
        assert sorted(receipt.already_committed for receipt in receipts) == [False, True]
        for receipt in receipts:
            # the one that lost may have made objects, which the other's manifest names
            require_true(receipt.model_copy(update={"orphans": ()}), server.store)
            assert set(receipt.orphans) <= data_keys(server.store)
        require_once(server, job)


@pytest.mark.parametrize("way", ["memory", "pending", "prepare"])
def test_two_processes_at_once_with_other_rows(server: Loopback, folder: Path, way: Any) -> None:
    """One manifest names the rows of the first; the other is told, and what it left is named in its receipt."""
    for _ in range(3):
        server.empty()
        jobs = [Job(server.url, folder, way), Job(server.url, folder, way, first=1000)]
        receipts = race(server, *jobs)
        assert sorted(receipt.already_committed for receipt in receipts) == [False, True]
        (winner,) = [job for job, receipt in zip(jobs, receipts, strict=True) if not receipt.already_committed]
        (loser,) = [receipt for receipt in receipts if receipt.already_committed]
        assert sorted(named_rows(server.store), key=lambda row: row["id"]) == winner.rows
        assert set(loser.orphans) == {stored.key for stored in loser.objects}
        assert set(loser.orphans) == data_keys(server.store) - set(named_keys(server.store))
        for receipt in receipts:
            require_true(receipt, server.store)
        require_nothing_replaced(server.store)


def test_resume_finishes_what_a_killed_process_left(server: Loopback, folder: Path) -> None:
    """From the journal alone, without the rows."""
    job = Job(server.url, folder, "journal")
    killer = Killer(job, lambda number: server.log[number - 1].operation == "CompleteMultipartUpload")
    server.after = killer
    assert killer.run() == -signal.SIGKILL
    server.after = lambda _number: None
    assert manifests(server.store) == {}
    assert data_keys(server.store)
    (entry,) = job.journal.load()
    with Destination(loopback.config(server.url), journal=job.journal) as destination:
        (receipt,) = destination.resume()
        assert destination.resume() == []
    assert (receipt.rows, len(entry[0].objects)) == (60, len(receipt.objects))
    require_true(receipt, server.store)
    require_once(server, job)
    assert is_manifest(server.log[-1].key)
