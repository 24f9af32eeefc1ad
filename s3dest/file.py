"""A file that is encoded already, as an object: digested where it lies, not read into memory."""

from __future__ import annotations

import stat
from contextlib import ExitStack
from os import fstat
from pathlib import Path
from typing import BinaryIO

from s3dest.digests import Digester
from s3dest.finished import FinishedObject
from s3dest.piece import BLOCK
from s3dest.press import BLOCK as PRESSED
from s3dest.press import Press, Workshop


def from_file(path: Path, workshop: Workshop, *, number: int, rows: int | None, into_memory: int) -> FinishedObject:
    """Digest a file. One of up to ``into_memory`` bytes is kept, another is read again when it goes up.

    What is no regular file can be read once only, and is kept as rows are: in memory, or on disk.

    Raises:
        OSError: It cannot be read.
    """
    with ExitStack() as on_error:
        file = on_error.enter_context(path.open("rb", buffering=0))
        found = fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size <= into_memory:
            return _kept(file, workshop, number=number, rows=rows)
        digester, size, buffer = Digester(md5=False), 0, memoryview(bytearray(BLOCK))
        while read := file.readinto(buffer):
            digester.update(buffer[:read])
            size += read
        on_error.pop_all()
    return FinishedObject(number, rows, size, digester.digests(), file=file)


def _kept(file: BinaryIO, workshop: Workshop, *, number: int, rows: int | None) -> FinishedObject:
    press = Press(workshop, compressor=None, block=PRESSED)
    try:
        while block := file.read(BLOCK):
            press.take(block)
        digests = press.finish()
    except BaseException:
        press.discard()
        raise
    return FinishedObject(number, rows, press.kept.size, digests, shelf=press.kept)
