"""The journal: what was prepared and is being committed, so that a killed process's transfer can be finished.

A pipeline may keep it in its own database: `Journal` is a protocol of three methods.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import orjson

from s3dest.errors import ConfigError
from s3dest.prepared import PreparedAppend

_SUFFIX: Final = ".json"


@runtime_checkable
class Journal(Protocol):
    """Remembers what is being committed. An entry holds the prepared appends of one transfer."""

    def save(self, prepared: Sequence[PreparedAppend]) -> bool:
        """Remember an entry durably before returning; do nothing and return ``False`` if the transfer has one."""

    def forget(self, prepared: Sequence[PreparedAppend]) -> None:
        """Forget the entry of the transfer that these belong to; do nothing if there is none."""

    def load(self) -> Iterable[Sequence[PreparedAppend]]:
        """Return all entries, of all destinations that share the journal."""


class FileJournal:
    """A journal in a folder: one file a transfer, written whole or not at all. Processes may share it.

    Args:
        path: The folder; it is made when the first entry is saved.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def save(self, prepared: Sequence[PreparedAppend]) -> bool:
        """Write an entry to the disk.

        Raises:
            OSError: The folder cannot be written; nothing has been committed then.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.path, prefix=".", suffix=".tmp") as file:
            file.write(orjson.dumps([share.model_dump(mode="json") for share in prepared]))
            file.flush()
            os.fsync(file.fileno())
            try:
                os.link(file.name, self._file(prepared))  # whole, and only if there is none
            except FileExistsError:
                return False
        self._sync()
        return True

    def forget(self, prepared: Sequence[PreparedAppend]) -> None:
        """Remove an entry."""
        self._file(prepared).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self._sync()

    def load(self) -> Iterator[tuple[PreparedAppend, ...]]:
        """Read all entries.

        Raises:
            ConfigError: A file in the folder is none of ours, or damaged.
        """
        for file in sorted(self.path.glob(f"[!.]*{_SUFFIX}")):
            try:
                text = file.read_bytes()
            except FileNotFoundError:  # another process has finished it meanwhile
                continue
            try:
                entry = tuple(PreparedAppend.model_validate(share) for share in _shares(orjson.loads(text)))
            except ValueError as error:
                message = f"{file} is no entry of a journal."
                remedy = "Move the file away and repeat its transfer."
                raise ConfigError(message, code="journal", remedy=remedy) from error
            yield entry

    def __repr__(self) -> str:
        """Show the folder."""
        return f"FileJournal({str(self.path)!r})"

    def _file(self, prepared: Sequence[PreparedAppend]) -> Path:
        first = prepared[0]
        store = (first.endpoint_url or "", first.bucket, first.prefix)
        identity = (*store, first.table, first.transfer_id, first.transfer_date.isoformat())
        return self.path / (hashlib.sha256("\0".join(identity).encode()).hexdigest()[:40] + _SUFFIX)

    def _sync(self) -> None:
        folder = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _shares(entry: object) -> list[object]:
    """Refuse what no entry can be: one without a share would be passed over, and its transfer with it."""
    if isinstance(entry, list) and entry:
        return entry
    message = "An entry is a list of prepared appends."
    raise ValueError(message)
