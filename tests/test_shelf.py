"""Shelves: bytes in order, in memory or in files without names, and the budget told of every one."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3dest import shelf as module
from s3dest.budget import Budget
from s3dest.errors import LocalFileError
from s3dest.shelf import Shelf, Spill


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give temporary files a folder, and see that none has a name, and none stays open."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []
    assert open_files(folder) == 0


def open_files(folder: Path) -> int:
    """Count the process's open files that lie in a folder, those without a name among them."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            found += descriptor.readlink().is_relative_to(folder)
    return found


@pytest.fixture
def budget() -> Budget:
    """Count bytes, without a limit that matters."""
    return Budget(2**40)


def put(shelf: Shelf, budget: Budget, data: bytes) -> None:
    """Add bytes as whoever brings them does."""
    budget.force(len(data))
    shelf.add(data)


STEPS = st.lists(
    st.tuples(st.just("add"), st.binary(max_size=60))
    | st.tuples(st.just("spill"), st.none())
    | st.tuples(st.just("cut"), st.integers(0, 40)),
    max_size=30,
)


@settings(deadline=None)
@given(STEPS, st.integers(8, 64))
def test_it_is_a_queue_of_bytes_wherever_they_are(steps: list[tuple[str, object]], gathered: int) -> None:
    """Against a plain bytes object: what is cut, read and counted, with bytes in memory and on disk in any order."""
    budget, model = Budget(2**40), b""
    shelf, kept = Shelf(budget, Spill()), module._GATHERED
    module._GATHERED = gathered  # type: ignore[misc]  # small, so that pieces are of every kind
    try:
        cut_out = 0
        for step, argument in steps:
            if isinstance(argument, bytes):
                put(shelf, budget, argument)
                model += argument
            elif step == "spill":
                shelf.spill()
                assert shelf.in_memory == 0
            elif isinstance(argument, int):
                size = min(argument, len(model))
                assert shelf.cut(size) == model[:size]
                model, cut_out = model[size:], cut_out + size
            assert (shelf.size, budget.held) == (len(model), shelf.in_memory + cut_out)
            assert shelf.is_spilled == (shelf.in_memory < shelf.size)
            assert shelf.read(0, 10**6) == model
            assert shelf.read(len(model) // 3, 7) == model[len(model) // 3 :][:7]
        shelf.release()
        assert budget.held == cut_out
    finally:
        module._GATHERED = kept  # type: ignore[misc]


def test_what_comes_after_the_release_is_given_back(budget: Budget) -> None:
    """A thread that was still compressing brings its bytes to nobody."""
    shelf = Shelf(budget, Spill())
    put(shelf, budget, b"abc")
    shelf.release()
    put(shelf, budget, b"def")
    shelf.release()
    assert (budget.held, shelf.in_memory) == (0, 0)


@pytest.mark.parametrize("call", range(1, 4))
def test_a_finaliser_may_release_in_the_middle_of_adding(budget: Budget, call: int) -> None:
    """It runs wherever the collector does, in the same thread: nothing stays counted."""
    shelf, calls = Shelf(budget, Spill()), iter(range(1, 10))

    class Bytes(bytes):
        """Some that are looked at, and collected meanwhile."""

        def __len__(self) -> int:
            if next(calls) == call:
                shelf.release()
            return super().__len__()

    budget.force(3)
    shelf.add(Bytes(b"abc"))
    assert next(calls) > call
    assert (budget.held, shelf.in_memory) == (0, 0)


def test_bytes_on_their_way_are_given_back_as_drained(budget: Budget) -> None:
    """Writers that wait for bytes to go up must learn that they are gone."""
    shelf = Shelf(budget, Spill())
    put(shelf, budget, b"abc")
    budget.drain(3)
    shelf.release(drained=True)
    assert (budget.held, budget._draining) == (0, 0)


def test_many_shelves_share_a_file(budget: Budget, temporary: Path) -> None:
    """Thousands of objects under construction need one descriptor, not one each; the last to go closes it."""
    spill = Spill()
    shelves = [Shelf(budget, spill) for _ in range(300)]
    for number, shelf in enumerate(shelves):
        put(shelf, budget, b"%d" % number)
        shelf.spill()
    assert open_files(temporary) == 1
    assert [shelf.read(0, 9) for shelf in shelves] == [b"%d" % number for number in range(300)]
    for shelf in shelves:
        assert open_files(temporary) == 1
        shelf.release()
    assert open_files(temporary) == 0


def test_a_full_file_is_followed_by_another(budget: Budget, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that disk space is free again before the whole transfer ends."""
    monkeypatch.setattr(module, "SEGMENT", 10)
    spill = Spill()
    shelves = [Shelf(budget, spill) for _ in range(3)]
    for shelf in shelves:
        put(shelf, budget, b"x" * 10)
        shelf.spill()
    assert open_files(temporary) == 3
    shelves[0].release()
    assert open_files(temporary) == 2
    for shelf in shelves:
        shelf.release()


def test_a_full_disk_loses_nothing(budget: Budget, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says where room is missing; the bytes are still in memory, and counted."""
    shelf = Shelf(budget, Spill())
    put(shelf, budget, b"abc")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(LocalFileError, match="No space left") as caught:
        shelf.spill()
    assert (caught.value.code, caught.value.errno) == ("temporary_file", errno.ENOSPC)
    assert (shelf.read(0, 3), shelf.in_memory, budget.held) == (b"abc", 3, 3)
    shelf.release()


def test_threads_read_at_once(budget: Budget) -> None:
    """Each its own piece, from memory and from disk."""
    shelf = Shelf(budget, Spill())
    data = os.urandom(200_000)
    put(shelf, budget, data[:100_000])
    shelf.spill()
    for start in range(100_000, 200_000, 1000):
        put(shelf, budget, data[start : start + 1000])
    with ThreadPoolExecutor(8) as pool:
        assert b"".join(pool.map(lambda offset: shelf.read(offset, 777), range(0, len(data), 777))) == data
    shelf.release()
