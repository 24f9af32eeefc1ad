"""An object that will not change any more, at hand in memory, on disk, or in the caller's file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from s3dest.digests import Digests, PartDigests
from s3dest.formats.partition import Partition
from s3dest.local_file import to_append
from s3dest.schema import Column
from s3dest.shelf import Shelf


@dataclass(slots=True)
class FinishedObject:
    """An object and where its bytes are."""

    number: int
    """Its place among the writer's objects, from 0."""
    rows: int | None
    """Rows in it, if they were counted."""
    size: int
    """Bytes."""
    digests: Digests
    shelf: Shelf | None = field(default=None, repr=False)
    """Where its bytes are, unless they are in a file of the caller's."""
    file: BinaryIO | None = field(default=None, repr=False)
    """The caller's file, who may write to it."""
    parts: Sequence[PartDigests] | None = None
    """Digests of each part of such a file."""
    columns: tuple[Column, ...] | None = None
    """Its columns, if the format knows any."""
    partition: Partition = ()
    """Which values all its rows have in the columns that the transfer is parted by."""

    @property
    def in_memory(self) -> int:
        """Bytes that it holds of the budget."""
        return self.shelf.in_memory if self.shelf is not None else 0

    @property
    def is_spilled(self) -> bool:
        """Whether some of it is on disk, in a file of ours."""
        return self.shelf is not None and self.shelf.is_spilled

    def read(self, offset: int, size: int) -> bytes:
        """Read a piece; threads may read at once."""
        if self.shelf is not None:
            return self.shelf.read(offset, size)
        assert self.file is not None  # noqa: S101  # one of the two is set
        with to_append(str(self.file.name)):
            return os.pread(self.file.fileno(), size, offset)

    def release(self, *, drained: bool = False) -> None:
        """Let go of the bytes; ``drained`` if the budget was told that they would go."""
        if self.shelf is not None:
            self.shelf.release(drained=drained)
        if self.file is not None:
            self.file.close()
