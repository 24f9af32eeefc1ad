"""The lock on a file: held by one process, given back though a child has a copy of the file, or not to be had."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from s3dest.file_lock import locked

if TYPE_CHECKING:
    import pytest


def is_free(path: Path) -> bool:
    """Tell whether somebody else could have the lock now."""
    with path.open("rb") as other:
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_a_child_that_was_forked_meanwhile_keeps_no_lock(tmp_path: Path) -> None:
    """It has a copy of the open file, and lives on: nobody could resume what the journal has, until it ends."""
    path = tmp_path / "entry"
    path.touch()
    reading, writing = os.pipe()
    with path.open("r+b", buffering=0) as file, locked(file) as alone:
        assert alone
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # until the parent closes its end
            os._exit(0)
        assert not is_free(path)
    try:
        assert is_free(path)
    finally:
        os.close(writing)
        os.close(reading)
        os.waitpid(child, 0)


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs no lock is done all the same."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (tmp_path / "entry").open("wb") as file, locked(file) as alone:
        assert not alone
