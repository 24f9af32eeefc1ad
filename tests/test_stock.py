"""A writer's objects: kept while the budget allows, sent up beyond it, spilled when nothing else helps."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from workbench import Inline

from s3dest import JsonLines, TransferOptions, TransportError
from s3dest.beginning import Beginning
from s3dest.budget import Budget
from s3dest.finished import FinishedObject
from s3dest.options import MIB
from s3dest.shelf import Spill
from s3dest.spool import Rows, Spool
from s3dest.stock import Stock

ROW = {"d": "x" * 92}
SIZE = 101
"""Bytes of a row's line."""


class StubUploads:
    """Uploads that end when the test says so."""

    def __init__(self, budget: Budget) -> None:
        self.started: list[tuple[FinishedObject, str]] = []
        self.futures: list[Future[Any]] = []
        self.failure: Exception | None = None
        self.at_once = True
        self.aborted = self.cancelled = False
        self._budget = budget

    def start(self, item: FinishedObject, key: str) -> Future[Any]:
        """Bring an object up."""
        future: Future[Any] = Future()
        self.started.append((item, key))
        self.futures.append(future)
        self._budget.drain(item.in_memory)
        if self.at_once:
            self.end(len(self.started) - 1)
        return future

    def end(self, place: int) -> None:
        """Let an object be up."""
        item, key = self.started[place]
        item.release(drained=True)
        self.futures[place].set_result(key)

    def bring(self, item: FinishedObject, key: str) -> None:
        """Bring an object up and wait for it."""
        self.start(item, key).result(0)

    def cancel(self) -> None:
        """Let nothing more begin."""
        self.cancelled = True

    @property
    def under_way(self) -> int:
        """Count those that are not up."""
        return sum(not future.done() for future in self.futures)

    def wait_for_one(self) -> None:
        """End the oldest that is under way."""
        self.end([future.done() for future in self.futures].index(False))

    def raise_failure(self) -> None:
        """Raise what the test says."""
        if self.failure:
            raise self.failure

    def results(self) -> list[Any]:
        """Return the keys."""
        return [future.result(0) for future in self.futures]

    def abort(self) -> tuple[()]:
        """Give up."""
        self.aborted = True
        return ()


class Ground:
    """A stock over stub uploads, and objects of plain lines in it."""

    def __init__(self, limit: int, *, part_size: int = 5 * MIB) -> None:
        self.budget = Budget(limit)
        self.uploads = StubUploads(self.budget)
        self.made = 0
        self.stock = Stock(
            self.budget,
            Inline,
            self._make,
            key_of=lambda item: f"key-{item.number}",
            part_size=part_size,
            signed=False,
            md5=False,
            beginning=Beginning("jsonl", "none"),
        )

    def build(self, rows: int, number: int = 0) -> Spool:
        """Build an object, a row at a time."""
        options = TransferOptions()
        spool = Spool(JsonLines(compression="none"), self.stock.workshop, options, number=number)
        for row in range(rows):
            spool.add(Rows([ROW]), first_row=row)
        return spool

    def finish(self, rows: int, number: int = 0) -> None:
        """Build an object and close it."""
        self.stock.finish(self.build(rows, number))

    def _make(self) -> Any:
        self.made += 1
        return self.uploads


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give temporary files a folder, and see that none has a name."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def test_what_fits_stays_at_hand() -> None:
    """No upload is begun, not even the threads for it; the budget knows every byte."""
    ground = Ground(10 * SIZE)
    for number in range(3):
        ground.finish(3, number)
    assert [(item.number, item.size) for item in ground.stock.at_hand] == [(0, 3 * SIZE), (1, 3 * SIZE), (2, 3 * SIZE)]
    assert (ground.budget.held, ground.stock.bytes_encoded, ground.made) == (9 * SIZE, 9 * SIZE, 0)
    assert ground.stock.prepared() == []
    ground.stock.release()
    assert ground.budget.held == 0


def test_beyond_the_budget_finished_objects_go_up() -> None:
    """All that are finished, in order; the one under construction stays in memory."""
    ground = Ground(7 * SIZE)
    for number in range(2):
        ground.finish(3, number)
    spool = ground.build(3, 2)
    assert [key for _, key in ground.uploads.started] == ["key-0", "key-1"]
    assert (ground.stock.at_hand, spool.press._raw.in_memory, ground.budget.held) == ([], 3 * SIZE, 3 * SIZE)
    ground.stock.finish(spool)
    assert list(map(str, ground.stock.prepared())) == ["key-0", "key-1"]
    assert list(map(str, ground.stock.prepare())) == ["key-0", "key-1", "key-2"]
    assert (ground.budget.held, ground.made) == (0, 1)


def test_an_object_beyond_the_whole_budget_leaves_memory() -> None:
    """It goes on in a file without a name, gives its memory back, and goes up as soon as it is finished."""
    ground = Ground(3 * SIZE)
    spool = ground.build(10)
    assert spool.press._raw.in_memory <= ground.budget.held <= 3 * SIZE
    ground.uploads.at_once = False
    ground.stock.finish(spool)
    ((item, _),) = ground.uploads.started
    assert item.is_spilled
    assert item.read(0, item.size) == b'{"d":"%s"}\n' % (b"x" * 92) * 10
    assert ground.stock.at_hand == []
    ground.uploads.end(0)
    assert ground.budget.held == 0


def test_a_small_object_on_disk_stays_at_hand_at_the_end() -> None:
    """Nobody needs its place any more: one request instead of three, of thousands of partitions, say."""
    ground = Ground(SIZE)
    for spool in [ground.build(4, number) for number in range(3)]:
        ground.stock.finish(spool, at_end=True)
    assert [item.is_spilled for item in ground.stock.at_hand] == [True] * 3
    assert ground.made == 0
    large = Ground(SIZE, part_size=SIZE)
    large.stock.finish(large.build(4), at_end=True)
    assert (large.made, large.stock.at_hand) == (1, [])
    for each in (ground, large):
        each.stock.release()
        assert each.budget.held == 0


def test_files_do_not_pile_up() -> None:
    """With two of them on their way the writer waits for one: the disk must not fill either."""
    ground = Ground(SIZE)
    ground.uploads.at_once = False
    seen = []
    for number in range(4):
        ground.finish(3, number)
        seen.append(ground.uploads.under_way)
    assert seen == [1, 2, 2, 2]
    for place in (2, 3):
        ground.uploads.end(place)


def test_a_failed_upload_fails_the_writer() -> None:
    """At the next row, not at the end; and while it waits for a file to go up."""
    ground = Ground(SIZE)
    ground.uploads.at_once = False
    for number in range(2):
        ground.finish(3, number)
    spool = ground.build(3, 2)
    ground.uploads.failure = TransportError("lost")
    with pytest.raises(TransportError):
        spool.add(Rows([ROW]), first_row=3)
    with pytest.raises(TransportError):
        ground.stock.raise_failure()
    ground.stock.release()
    for place in range(2):
        ground.uploads.end(place)
    assert ground.budget.held == 0


@pytest.mark.parametrize("rows", [0, 2, 10])
def test_letting_go_frees_everything(rows: int) -> None:
    """Objects at hand, one under construction, spilled or not; twice is no error, and nothing is sent."""
    ground = Ground(8 * SIZE)
    ground.finish(3)
    (item,) = ground.stock.at_hand
    ground.build(rows, 1)
    made = ground.made
    for _ in range(2):
        ground.stock.release()
        assert (ground.budget.held, ground.stock.at_hand) == (0, [])
    assert item.in_memory == 0
    assert (ground.made, ground.uploads.aborted) == (made, False)


def test_a_full_disk_keeps_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that cannot be spilled when it is finished fails its transfer; the budget is that of others, too."""

    def refuse(_spill: Spill, _pieces: object) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    ground = Ground(4 * SIZE)
    spool = ground.build(3)
    ground.budget.force(2 * SIZE)  # another writer's
    monkeypatch.setattr(Spill, "write", refuse)
    with pytest.raises(OSError, match="No space left"):
        ground.stock.finish(spool)
    ground.stock.release()
    assert ground.budget.held == 2 * SIZE


def test_giving_up_aborts_what_went_up() -> None:
    """If nothing did, nobody is asked."""
    ground = Ground(4 * SIZE)
    ground.build(3)
    assert ground.stock.abort() == ()
    assert (ground.made, ground.budget.held) == (0, 0)
    for number in range(2):
        ground.finish(3, number)
    ground.stock.abort()
    assert ground.uploads.aborted
    assert ground.budget.held == 0


@pytest.mark.parametrize(("limit", "held"), [(1000, 300), (250, 300)])
def test_a_small_file_is_taken_into_memory(tmp_path: Path, limit: int, held: int) -> None:
    """What is at hand makes room for it; if there is none for it at all it is taken all the same, and counted."""
    path = tmp_path / "file"
    path.write_bytes(bytes(300))
    ground = Ground(limit, part_size=300)
    ground.finish(2)
    ground.stock.add_file(path, number=1, rows=None)
    assert ground.stock.at_hand[-1].number == 1
    assert len(ground.uploads.started) == (limit < 500)
    assert ground.budget.held == held + (2 * SIZE if limit > 500 else 0)
    ground.stock.release()
    assert ground.budget.held == 0


def test_a_large_file_goes_up_at_once(tmp_path: Path) -> None:
    """The call returns when it is up, and no memory was taken."""
    path = tmp_path / "file"
    path.write_bytes(bytes(300))
    ground = Ground(1000, part_size=299)
    ground.stock.add_file(path, number=1, rows=7)
    ((item, key),) = ground.uploads.started
    assert (key, item.rows, item.size, item.shelf) == ("key-1", 7, 300, None)
    assert (ground.stock.at_hand, ground.budget.held, ground.stock.bytes_encoded) == ([], 0, 300)
