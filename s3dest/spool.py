"""One object under construction: rows in, encoded bytes and their digests kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from s3dest.formats.encoder import Format, Row
from s3dest.s3 import Body


@dataclass(frozen=True, slots=True)
class FinishedObject:
    """An object that will not change any more."""

    number: int
    """Its place among the writer's objects, from 0."""

    rows: int
    """Rows in it."""

    body: Body
    """Its bytes and digests."""


class Spool:
    """Encodes rows into one object in memory."""

    def __init__(self, file_format: Format, *, number: int, began: float) -> None:
        self.rows = 0
        self.size = 0
        self.began = began
        self._number = number
        self._encoder = file_format.encoder()
        self._pieces: list[bytes] = []
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)

    def add(self, rows: Sequence[Row], *, first_row: int) -> None:
        """Encode rows.

        Raises:
            RowError: One of them cannot be; the object is spoilt.
        """
        self._keep(self._encoder.encode(rows, first_row=first_row))
        self.rows += len(rows)

    def finish(self) -> FinishedObject:
        """Close the object; nothing can be added any more."""
        self._keep(self._encoder.finish())
        body = Body(b"".join(self._pieces), self._sha256.digest(), self._md5.digest())
        return FinishedObject(self._number, self.rows, body)

    def _keep(self, data: bytes) -> None:
        if data:
            self._pieces.append(data)
            self._sha256.update(data)
            self._md5.update(data)
            self.size += len(data)
