"""A lock on an open file, among processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO


@contextmanager
def locked(file: BinaryIO) -> Iterator[bool]:
    """Hold the file's lock, once nobody else does; yields ``False`` where the file system has no locks.

    It is given back by name: a child that was forked meanwhile has a copy of the file, which would keep it.
    """
    import fcntl  # noqa: PLC0415  # POSIX's alone, and importing s3dest shall not need it

    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)
