"""The two protocols between rows and bytes: a format, and the encoder of one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

Row = Mapping[str, object]
"""One row: column names and values."""


class Encoder(Protocol):
    """Turns rows into the bytes of one object; the same rows in the same order give the same bytes."""

    @property
    def pending(self) -> int:
        """At most how many bytes `finish` would return now."""

    def encode(self, rows: Sequence[Row], *, first_row: int) -> bytes:
        """Take rows in and return the bytes that became ready, perhaps none.

        Raises:
            RowError: A row cannot be encoded; ``first_row`` is the number of the first one given.
        """

    def finish(self) -> bytes:
        """Return the last bytes; the encoder is spent."""


class Format(Protocol):
    """A file format with its options."""

    @property
    def name(self) -> str:
        """Name in the manifest: ``jsonl``."""

    @property
    def compression(self) -> str:
        """Compression in the manifest: ``gzip``, ``none``."""

    @property
    def extension(self) -> str:
        """End of the keys: ``jsonl.gz``."""

    @property
    def content_type(self) -> str:
        """Media type of the objects as stored."""

    def encoder(self) -> Encoder:
        """Begin one object."""
