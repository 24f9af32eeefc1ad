"""Objects under construction: in memory, or in a file without a name, and the digests of their bytes."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from s3dest import JsonLines, RowError
from s3dest.spool import FinishedObject, Spool, from_file

ROWS = [{"id": number, "name": f"row {number}"} for number in range(500)]
LINES = b"".join(b'{"id":%d,"name":"row %d"}\n' % (number, number) for number in range(500))


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give temporary files a folder where they can be seen."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def spool() -> Iterator[Spool]:
    """Build an object of plain text."""
    spool = Spool(JsonLines(compression="none"), number=3)
    yield spool
    spool.discard()


def read(item: FinishedObject) -> bytes:
    """Read an object whole."""
    return item.read(0, item.size)


def test_rows_become_an_object(spool: Spool) -> None:
    """It counts rows and bytes, and tells how much of the memory each step needs."""
    assert spool.add(ROWS[:200], first_row=0) + spool.add(ROWS[200:], first_row=200) == len(LINES)
    assert (spool.rows, spool.size, spool.most, spool.in_memory) == (500, len(LINES), len(LINES), len(LINES))
    item, more = spool.finish()
    assert (item.number, item.rows, item.size, more) == (3, 500, len(LINES), 0)
    assert (read(item), item.file, item.foreign) == (LINES, None, False)


def test_what_a_compressor_holds_back_comes_at_the_end() -> None:
    """Every byte is told once: while rows come in, or when the object is finished."""
    spool = Spool(JsonLines(), number=0)
    told = spool.add(ROWS, first_row=0)
    most = spool.most
    item, more = spool.finish()
    assert told + more == item.size <= most
    assert gzip.decompress(read(item)) == LINES


@pytest.mark.parametrize("spill_after", [None, 0, 200, 500])
def test_the_digests_are_those_of_the_bytes(spool: Spool, spill_after: int | None) -> None:
    """Wherever the bytes are, and however often they came."""
    for start in range(0, 500, 50):
        if start == spill_after:
            spool.spill()
        spool.add(ROWS[start : start + 50], first_row=start)
    if spill_after == 500:
        spool.spill()
    item, _ = spool.finish()
    assert read(item) == LINES
    assert item.digests.sha256 == hashlib.sha256(LINES).digest()
    assert item.digests.md5 == hashlib.md5(LINES, usedforsecurity=False).digest()
    assert item.digests.crc32 == zlib.crc32(LINES)
    assert (item.memory is None) is (spill_after is not None)
    item.release()


def test_a_spilled_object_needs_no_memory(spool: Spool) -> None:
    """Neither what was there before nor what comes after; spilling twice changes nothing."""
    spool.add(ROWS[:200], first_row=0)
    spool.spill()
    spool.spill()
    assert spool.in_memory == 0
    assert spool.add(ROWS[200:], first_row=200) == 0
    assert (spool.size, spool.in_memory) == (len(LINES), 0)
    item, more = spool.finish()
    assert (more, read(item)) == (0, LINES)
    item.release()


def test_its_file_has_no_name(spool: Spool, temporary: Path) -> None:
    """So that nothing is left of it whatever ends the process: the folder is empty while the bytes are there."""
    spool.add(ROWS, first_row=0)
    spool.spill()
    assert list(temporary.iterdir()) == []
    item, _ = spool.finish()
    assert list(temporary.iterdir()) == []
    assert item.file is not None
    assert os.fstat(item.file.fileno()).st_nlink == 0
    assert read(item) == LINES
    item.release()


@pytest.mark.parametrize("finished", [False, True])
def test_letting_go_closes_the_file(spool: Spool, *, finished: bool) -> None:
    """Files open for ever would fill the disk, and the process's table."""
    spool.add(ROWS, first_row=0)
    spool.spill()
    file = spool._file
    assert file is not None
    if finished:
        item, _ = spool.finish()
        item.release()
        item.release()
        assert (item.memory, item.file) == (None, None)
    else:
        spool.discard()
        spool.discard()
    assert file.closed


def test_threads_read_at_once(spool: Spool, tmp_path: Path) -> None:
    """Each its own piece of the same object, at its own offset, from memory and from files alike."""
    spool.add(ROWS, first_row=0)
    in_memory, _ = spool.finish()
    spilled = Spool(JsonLines(compression="none"), number=0)
    spilled.add(ROWS, first_row=0)
    spilled.spill()
    in_file, _ = spilled.finish()
    (tmp_path / "rows.jsonl").write_bytes(LINES)
    callers = from_file(tmp_path / "rows.jsonl", number=0, rows=None, into_memory=0)
    with ThreadPoolExecutor(8) as pool:
        for item in (in_memory, in_file, callers):
            pieces = list(pool.map(lambda offset, item=item: item.read(offset, 7), range(0, item.size, 7)))
            assert b"".join(pieces) == LINES
            item.release()


def test_reading_beyond_the_end_gives_what_is_there(spool: Spool) -> None:
    """The last piece is shorter, and there is nothing after it."""
    spool.add(ROWS, first_row=0)
    item, _ = spool.finish()
    assert item.read(item.size - 3, 100) == LINES[-3:]
    assert item.read(item.size, 100) == b""


def test_a_row_that_cannot_be_encoded_is_named(spool: Spool) -> None:
    """By its number in the whole transfer."""
    with pytest.raises(RowError) as caught:
        spool.add([{"id": 1}, {"id": float("nan")}], first_row=40)
    assert (caught.value.row, caught.value.column) == (41, "id")


@pytest.mark.parametrize(("limit", "in_memory"), [(len(LINES), True), (len(LINES) - 1, False), (0, False)])
def test_a_callers_file_is_kept_if_it_is_small(tmp_path: Path, limit: int, *, in_memory: bool) -> None:
    """A larger one stays where it is; its digests are known either way, and its rows as far as the caller told."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(LINES)
    item = from_file(path, number=5, rows=500, into_memory=limit)
    assert (item.memory is not None, item.file is None, item.foreign) == (in_memory, in_memory, not in_memory)
    assert (item.number, item.rows, item.size) == (5, 500, len(LINES))
    assert item.digests.sha256 == hashlib.sha256(LINES).digest()
    assert read(item) == LINES
    item.release()
    assert path.read_bytes() == LINES


def test_a_callers_file_may_go_once_it_is_taken(tmp_path: Path) -> None:
    """It is open already: removing it takes nothing away."""
    for limit in (0, len(LINES)):
        path = tmp_path / "rows.jsonl"
        path.write_bytes(LINES)
        item = from_file(path, number=0, rows=None, into_memory=limit)
        path.unlink()
        assert read(item) == LINES
        item.release()


def test_an_empty_file_is_an_object_too(tmp_path: Path) -> None:
    """Of no bytes, with the digests of nothing."""
    (tmp_path / "empty").touch()
    item = from_file(tmp_path / "empty", number=0, rows=0, into_memory=100)
    assert (item.size, read(item), item.digests.crc32) == (0, b"", 0)
    assert item.digests.sha256 == hashlib.sha256().digest()


def test_a_file_that_cannot_be_read_is_told_as_the_system_tells_it(tmp_path: Path) -> None:
    """A missing file is the caller's, and a folder is no file."""
    with pytest.raises(FileNotFoundError):
        from_file(tmp_path / "missing", number=0, rows=None, into_memory=100)
    with pytest.raises(IsADirectoryError):
        from_file(tmp_path, number=0, rows=None, into_memory=100)


def test_rows_do_not_show_in_its_text(spool: Spool) -> None:
    """What is logged about an object holds no payload."""
    spool.add([{"name": "Mrs. Secret"}], first_row=0)
    item, _ = spool.finish()
    assert "Secret" not in repr(item)
    assert json.loads(read(item)) == {"name": "Mrs. Secret"}
