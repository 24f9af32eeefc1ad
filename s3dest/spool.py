"""One object under construction: rows in, encoded bytes kept in memory, or in a file without a name beyond that.

The file has no name on disk from the beginning, so that nothing of it is left whatever ends the process.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from s3dest.formats.encoder import ArrowEncoder, Format, Row
from s3dest.piece import BLOCK
from s3dest.schema import Column

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Digests:
    """Digests of an object's bytes."""

    sha256: bytes
    md5: bytes
    crc32: int


class _Digester:
    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc32 = 0

    def update(self, data: bytes) -> None:
        self._sha256.update(data)
        self._md5.update(data)
        self._crc32 = zlib.crc32(data, self._crc32)

    def digests(self) -> Digests:
        return Digests(self._sha256.digest(), self._md5.digest(), self._crc32)


@dataclass(slots=True)
class FinishedObject:
    """An object that will not change any more, at hand in memory or in a file."""

    number: int
    """Its place among the writer's objects, from 0."""
    rows: int | None
    """Rows in it, if they were counted."""
    size: int
    """Bytes."""
    digests: Digests
    memory: BytesIO | None = field(default=None, repr=False)
    file: BinaryIO | None = field(default=None, repr=False)
    columns: tuple[Column, ...] | None = None
    """Its columns, if the format knows any."""
    foreign: bool = False
    """Whether the file is the caller's, who may write to it."""

    def read(self, offset: int, size: int) -> bytes:
        """Read a piece; threads may read at once."""
        if self.memory is not None:
            with self.memory.getbuffer() as view:
                return bytes(view[offset : offset + size])
        assert self.file is not None  # noqa: S101  # one of the two is set
        return os.pread(self.file.fileno(), size, offset)

    def release(self) -> None:
        """Let go of the bytes."""
        if self.file is not None:
            self.file.close()
        self.memory = self.file = None


class Spool:
    """Encodes rows into one object."""

    def __init__(self, file_format: Format, *, number: int, schema: object = None) -> None:
        self.rows = 0
        self.size = 0
        self._number = number
        self._encoder = file_format.encoder(schema)
        self._digester = _Digester()
        self._memory: BytesIO | None = BytesIO()
        self._file: BinaryIO | None = None

    @property
    def in_memory(self) -> int:
        """Bytes that it holds of the budget."""
        return self.size if self._memory is not None else 0

    @property
    def most(self) -> int:
        """At most how many bytes the object would have if it were finished now."""
        return self.size + self._encoder.pending

    @property
    def schema(self) -> object:
        """What the next object's encoder is to be made with."""
        return self._encoder.schema

    def add(self, rows: Sequence[Row], *, first_row: int) -> int:
        """Encode rows; return how many bytes became ready and want a place in memory.

        Raises:
            RowError: One of them cannot be encoded; the object is spoilt.
            SchemaGrown: They need a new object; this one has taken none of them in.
        """
        data = self._encoder.encode(rows, first_row=first_row)
        self.rows += len(rows)
        return self._keep(data)

    def add_arrow(self, batch: pa.RecordBatch, *, first_row: int) -> int:
        """Encode an Arrow batch, as it is where the encoder can; else like `add`."""
        if not isinstance(self._encoder, ArrowEncoder):
            return self.add(batch.to_pylist(), first_row=first_row)
        data = self._encoder.encode_arrow(batch, first_row=first_row)
        self.rows += batch.num_rows
        return self._keep(data)

    def finish(self) -> tuple[FinishedObject, int]:
        """Close the object; return it, and how many last bytes want a place in memory."""
        more = self._keep(self._encoder.finish())
        finished = FinishedObject(
            self._number,
            self.rows,
            self.size,
            self._digester.digests(),
            memory=self._memory,
            file=self._file,
            columns=self._encoder.columns,
        )
        return finished, more

    def spill(self) -> None:
        """Move the bytes from memory to a file."""
        if self._memory is None:
            return
        self._file = tempfile.TemporaryFile(prefix="s3dest-", buffering=0)  # noqa: SIM115  # lives as long as the object
        with self._memory.getbuffer() as view:
            self._file.write(view)
        self._memory = None

    def discard(self) -> None:
        """Let go of the bytes."""
        if self._file is not None:
            self._file.close()
        self._memory = self._file = None

    def _keep(self, data: bytes) -> int:
        if not data:
            return 0
        self._digester.update(data)
        self.size += len(data)
        if self._memory is not None:
            self._memory.write(data)
            return len(data)
        assert self._file is not None  # noqa: S101  # it has been spilled
        self._file.write(data)
        return 0


def from_file(path: Path, *, number: int, rows: int | None, into_memory: int) -> FinishedObject:
    """Digest a file; one of up to ``into_memory`` bytes is kept, another is read again when it goes up."""
    digester = _Digester()
    size = 0
    memory: BytesIO | None = BytesIO()
    with ExitStack() as on_error:
        file = on_error.enter_context(path.open("rb", buffering=0))
        while block := file.read(BLOCK):
            digester.update(block)
            size += len(block)
            if memory is not None and size <= into_memory:
                memory.write(block)
            else:
                memory = None
        if memory is None:
            on_error.pop_all()
            return FinishedObject(number, rows, size, digester.digests(), file=file, foreign=True)
    return FinishedObject(number, rows, size, digester.digests(), memory=memory)
