"""Files that are encoded already: digested where they lie, kept if they are small, and nothing else than they were."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from pathlib import Path

import pytest
from workbench import workshop

from s3dest.errors import ConfigError, LocalFileError
from s3dest.file import from_file
from s3dest.finished import FinishedObject

DATA = bytes(range(256)) * 20


def read(item: FinishedObject) -> bytes:
    """Read an object whole."""
    return item.read(0, item.size)


@pytest.mark.parametrize(
    ("limit", "kept"), [(len(DATA), True), (len(DATA) - 1, False), (len(DATA) // 2, False), (999, False)]
)
@pytest.mark.parametrize("signed", [True, False])
def test_a_file_is_kept_if_it_is_small(tmp_path: Path, limit: int, *, kept: bool, signed: bool) -> None:
    """A larger one stays where it is; its digests are known either way, and its rows as far as the caller told."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(DATA)
    shop = workshop()
    item = from_file(path, shop, number=5, rows=500, part=limit, signed=signed)
    assert (item.file is None, item.in_memory, shop.budget.held) == (kept, len(DATA) * kept, len(DATA) * kept)
    assert (item.number, item.rows, item.size) == (5, 500, len(DATA))
    assert (item.digests.sha256, item.digests.crc32) == (hashlib.sha256(DATA).digest(), zlib.crc32(DATA))
    assert read(item) == DATA
    parts = [DATA[start : start + limit] for start in range(0, len(DATA), limit)]
    digests = [(zlib.crc32(part), hashlib.sha256(part).digest() if signed else None) for part in parts]
    assert item.parts == (None if kept else digests)
    item.release()
    assert path.read_bytes() == DATA
    assert shop.budget.held == 0


def test_bytes_are_digested_before_others_take_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is read faster than it is digested; its blocks share a few places in memory."""
    monkeypatch.setattr("s3dest.file._BLOCK", 100)
    path = tmp_path / "rows.jsonl"
    data = bytes(number * 7919 % 251 for number in range(5000))
    path.write_bytes(data)
    sha256 = hashlib.sha256

    class Slow:
        def __init__(self) -> None:
            self._digest = sha256()

        def update(self, block: bytes) -> None:
            time.sleep(0.001)
            self._digest.update(block)

        def digest(self) -> bytes:
            return self._digest.digest()

    with ThreadPoolExecutor(2) as pool, monkeypatch.context() as patch:
        patch.setattr("s3dest.file.hashlib.sha256", Slow)
        item = from_file(path, workshop(pool=pool), number=0, rows=None, part=1024, signed=True)
    assert item.parts is not None
    for number, part in enumerate(item.parts):
        assert part.sha256 == sha256(data[number * 1024 : (number + 1) * 1024]).digest()
    assert item.digests.sha256 == sha256(data).digest()
    assert item.digests.crc32 == zlib.crc32(data)
    item.release()


def test_a_file_that_grows_into_larger_parts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parts would be others than those that were digested."""
    monkeypatch.setattr("s3dest.piece.MAX_PARTS", 10)
    monkeypatch.setattr("s3dest.file._BLOCK", 100)
    path = tmp_path / "rows.jsonl"
    path.write_bytes(DATA)
    writable = os.open(path, os.O_WRONLY)

    class Growing(FileIO):
        def readinto(self, buffer: object) -> int:
            os.pwrite(writable, b"more", len(DATA))
            return super().readinto(buffer)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", lambda self, *_, **__: Growing(str(self)))
    with pytest.raises(ConfigError) as caught:
        from_file(path, workshop(), number=0, rows=None, part=512, signed=False)
    os.close(writable)
    assert caught.value.code == "file_changed"


def test_a_file_may_go_once_it_is_taken(tmp_path: Path) -> None:
    """It is open already: removing it takes nothing away."""
    for limit in (1000, len(DATA)):
        path = tmp_path / "rows.jsonl"
        path.write_bytes(DATA)
        item = from_file(path, workshop(), number=0, rows=None, part=limit, signed=False)
        path.unlink()
        assert read(item) == DATA
        item.release()


def test_an_empty_file_is_an_object_too(tmp_path: Path) -> None:
    """Of no bytes, with the digests of nothing."""
    (tmp_path / "empty").touch()
    item = from_file(tmp_path / "empty", workshop(), number=0, rows=0, part=100, signed=False)
    assert (item.size, read(item), item.digests.crc32) == (0, b"", 0)
    assert item.digests.sha256 == hashlib.sha256().digest()


@pytest.mark.parametrize("limit", [10_000, 100])
def test_a_pipe_is_read_once(tmp_path: Path, limit: int) -> None:
    """It cannot be read again when it goes up: it is kept, in memory or on disk."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(DATA,))
    writer.start()
    shop = workshop(limit)
    item = from_file(path, shop, number=0, rows=None, part=10, signed=False)
    writer.join()
    assert (item.file, item.size, read(item)) == (None, len(DATA), DATA)
    item.release()
    assert shop.budget.held == 0


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file is the caller's, and a folder is no file; the system's own error is the cause."""
    for path, number, cause in (
        (tmp_path / "missing", errno.ENOENT, FileNotFoundError),
        (tmp_path, errno.EISDIR, OSError),
    ):
        with pytest.raises(LocalFileError) as caught:
            from_file(path, workshop(), number=0, rows=None, part=100, signed=False)
        assert (caught.value.code, caught.value.errno) == ("file_unreadable", number)
        assert caught.value.filename == str(path)
        assert str(path) in str(caught.value)
        assert isinstance(caught.value.__cause__, cause)
