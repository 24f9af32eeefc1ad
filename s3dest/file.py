"""A file that is encoded already, as an object: digested where it lies, not read into memory."""

from __future__ import annotations

import hashlib
import stat
from concurrent.futures import Executor
from contextlib import ExitStack
from functools import partial
from io import FileIO
from itertools import cycle
from os import fstat
from pathlib import Path
from typing import Final

from isal import isal_zlib

from s3dest.digests import Digests, PartDigests
from s3dest.errors import ConfigError
from s3dest.finished import FinishedObject
from s3dest.local_file import to_append
from s3dest.piece import BLOCK, part_size
from s3dest.press import BLOCK as PRESSED
from s3dest.press import Press, Workshop
from s3dest.strand import AT_MOST, Strand

_BLOCK: Final = 1024 * 1024
"""Bytes read at once, while those before are digested: SHA-256 takes its time, and nothing goes up before its end."""


def from_file(
    path: Path, workshop: Workshop, *, number: int, rows: int | None, part: int, signed: bool
) -> FinishedObject:
    """Digest a file. One of up to ``part`` bytes is kept, another is read again when it goes up.

    What is no regular file can be read once only, and is kept as rows are: in memory, or on disk. If requests are
    ``signed`` by a digest of their body, that of each part is taken as well, while a processor has nothing to do.

    Raises:
        LocalFileError: It cannot be read.
        ConfigError: It has grown under way.
    """
    with to_append(str(path)), ExitStack() as on_error:
        file = on_error.enter_context(path.open("rb", buffering=0))
        found = fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size <= part:
            return _kept(file, workshop, number=number, rows=rows)
        size_of_part = part_size(found.st_size, part)
        size, digests, parts = _digest(file, size_of_part, workshop.pool(), signed=signed)
        if part_size(size, part) != size_of_part:
            raise file_changed(str(path))
        on_error.pop_all()
    return FinishedObject(number, rows, size, digests, file=file, parts=parts)


def file_changed(name: str) -> ConfigError:
    """Build the error for bytes that are not those digested any more."""
    message = f"The bytes for {name} changed while they were read: the file was written to after write_file()."
    return ConfigError(message, code="file_changed", remedy="Append files that nobody writes to any more.")


def _digest(file: FileIO, part: int, pool: Executor, *, signed: bool) -> tuple[int, Digests, list[PartDigests]]:
    """Read a file whole; return its size, its digests, and those of each part."""
    whole, part_by_part = _Behind(pool), _Behind(pool)
    # one more than wait to be digested, so that the next one is free
    buffers = cycle([memoryview(bytearray(_BLOCK)) for _ in range(AT_MOST + 1)])
    crc32s, size = [0], 0
    while read := file.readinto((buffer := next(buffers))[: part - size % part]):
        if size and not size % part:
            crc32s.append(0)
            part_by_part.begin_another()
        whole.take(buffer[:read])
        if signed:
            part_by_part.take(buffer[:read])
        crc32s[-1] = isal_zlib.crc32(buffer[:read], crc32s[-1])
        size += read
    (sha256,), sha256s = whole.finish(), part_by_part.finish()
    crc32 = crc32s[0]
    for number, following in enumerate(crc32s[1:], 1):
        crc32 = isal_zlib.crc32_combine(crc32, following, min(part, size - number * part))
    parts = [PartDigests(one, own if signed else None) for one, own in zip(crc32s, sha256s, strict=True)]
    return size, Digests(sha256, crc32, None), parts


class _Behind:
    """Takes SHA-256 on another thread, while more is read."""

    def __init__(self, pool: Executor) -> None:
        self._strand = Strand(pool)
        self._digests = [hashlib.sha256()]

    def take(self, block: memoryview) -> None:
        self._strand.submit(partial(self._digests[-1].update, block), drop=block.release)

    def begin_another(self) -> None:
        self._digests.append(hashlib.sha256())

    def finish(self) -> list[bytes]:
        self._strand.settle()
        return [digest.digest() for digest in self._digests]


def _kept(file: FileIO, workshop: Workshop, *, number: int, rows: int | None) -> FinishedObject:
    press = Press(workshop, compressor=None, block=PRESSED)
    try:
        while block := file.read(BLOCK):
            press.take(block)
        digests = press.finish()
    except BaseException:
        press.discard()
        raise
    return FinishedObject(number, rows, press.kept.size, digests, shelf=press.kept)
