"""The journal: what was prepared and is being committed, so that a killed process's transfer can be finished.

A pipeline may keep it in its own database: `Journal` is a protocol of three methods, `SharedJournal` adds four.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Protocol, runtime_checkable

import orjson

from s3dest.errors import ConfigError
from s3dest.file_lock import locked
from s3dest.local_file import is_path, of_journal
from s3dest.prepared import PreparedAppend

_SUFFIX: Final = ".json"
_DRAFT: Final = (".s3dest-", ".tmp")
_DRAFTS: Final = re.compile(r"\.s3dest-[a-z0-9_]{8}\.tmp")  # with what tempfile puts in between

_BEGUN: Final = b"\n"
_FINISHED: Final = b"\t"
"""Marks after an entry's JSON, which take no part in it."""

_HELD_AT_MOST: Final = 64
"""Entries whose files are kept open: those of transfers that are being committed, or failed to be."""


@runtime_checkable
class Journal(Protocol):
    """Remembers what is being committed. An entry holds the prepared appends of one transfer."""

    def save(self, prepared: Sequence[PreparedAppend]) -> bool:
        """Remember an entry durably before returning; do nothing and return ``False`` if the transfer has one."""

    def forget(self, prepared: Sequence[PreparedAppend]) -> None:
        """Forget the entry of the transfer that these belong to; do nothing if there is none."""

    def load(self) -> Iterable[Sequence[PreparedAppend]]:
        """Return all entries, of all destinations that share the journal."""


@runtime_checkable
class SharedJournal(Journal, Protocol):
    """A journal that tells who saved an entry that another process is at it, too; both may live, and either die.

    Without this a process whose uploads another has completed takes them for lost, where the store forgets them.
    """

    def begin(self, prepared: Sequence[PreparedAppend]) -> bool:
        """Mark this very entry durably as being finished by another process than saved it.

        Returns ``False`` if it is not there, or another one of the same transfer is.
        """

    def finish(self, prepared: Sequence[PreparedAppend]) -> None:
        """Forget the entry of the transfer as committed, so that who saved this very entry can tell."""

    def was_finished(self, prepared: Sequence[PreparedAppend]) -> bool:
        """Tell whether this very entry, which was saved by this process, has been finished, and not just forgotten.

        To be wrong here is to name what is not there: ``False`` where it is not known.
        """

    def withdraw(self, prepared: Sequence[PreparedAppend]) -> bool:
        """Forget this very entry, if it is there and not marked, which nobody does meanwhile.

        Returns ``False`` if it is marked, or may be.
        """


class FileJournal:
    """A journal in a folder: one file a transfer, written whole or not at all. Processes may share it.

    It is a `SharedJournal`: an entry is marked by a line's end after its JSON, and when it is finished by a tab. On a
    file system without locks nothing is withdrawn: the uploads of what is given up are left to a lifecycle rule.

    Args:
        path: The folder; it is made when the first entry is saved. A ``~`` stands for a user's home.

    Raises:
        ConfigError: There is no such user, or no folder can be called so.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not is_path(path):
            message = f"No folder can be called {os.fspath(path)!r}, as the journal's is to be."
            raise ConfigError(message, code="journal", remedy="Give a path that the system can have.")
        self._saved: OrderedDict[Path, _Held] = OrderedDict()
        try:
            self.path = Path(path).expanduser()
        except RuntimeError as error:
            message = f"The journal's folder {os.fspath(path)!r} is in the home of nobody."
            raise ConfigError(message, code="journal", remedy="Write ./~ for a folder that is called so.") from error

    def save(self, prepared: Sequence[PreparedAppend]) -> bool:
        """Write an entry to the disk.

        Raises:
            LocalFileError: The folder cannot be written; nothing has been committed then.
        """
        text = orjson.dumps([share.model_dump(mode="json") for share in prepared])
        with of_journal(str(self.path)):
            self.path.mkdir(parents=True, exist_ok=True)
            with self._draft() as (file, draft):
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                held = _Held(os.open(draft, os.O_RDONLY))
                try:
                    os.link(draft, self._file(prepared))  # whole, and only if there is none
                except FileExistsError:
                    return False
            self._hold(self._file(prepared), held)
            self._sync()
        return True

    def forget(self, prepared: Sequence[PreparedAppend]) -> None:
        """Remove an entry.

        Raises:
            LocalFileError: It cannot be removed.
        """
        with of_journal(str(self.path)):
            self._saved.pop(self._file(prepared), None)
            self._file(prepared).unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):
                self._sync()

    def begin(self, prepared: Sequence[PreparedAppend]) -> bool:
        """Mark an entry as being finished.

        Raises:
            LocalFileError: It cannot be marked.
        """
        with of_journal(str(self.path)), self._alone(prepared) as (file, _):
            if file is None:
                return False
            _mark(file, _BEGUN)
        return True

    def finish(self, prepared: Sequence[PreparedAppend]) -> None:
        """Remove an entry, of which the `FileJournal` that has saved it can tell that it is finished.

        Raises:
            LocalFileError: It cannot be removed.
        """
        if self._file(prepared) not in self._saved:  # or nobody else can ask
            with of_journal(str(self.path)), self._alone(prepared) as (file, _):
                if file is not None:
                    _mark(file, _FINISHED)
        self.forget(prepared)

    def was_finished(self, prepared: Sequence[PreparedAppend]) -> bool:
        """Tell whether an entry that this object has saved was finished."""
        held = self._saved.get(self._file(prepared))
        return held is not None and held.is_finished(prepared)

    def withdraw(self, prepared: Sequence[PreparedAppend]) -> bool:
        """Remove an entry that is not marked.

        Raises:
            LocalFileError: It cannot be removed.
        """
        with of_journal(str(self.path)), self._alone(prepared) as (file, sure):
            if file is None:
                return True
            file.seek(0)
            if not sure or _marks(file.read()):
                return False
            self.forget(prepared)
        return True

    def load(self) -> Iterator[tuple[PreparedAppend, ...]]:
        """Read all entries; what is wrong with one of them is raised after the others.

        Raises:
            ConfigError: A file in the folder is none of ours, damaged, or cannot be read.
            LocalFileError: The folder cannot be read.
        """
        failure: ConfigError | None = None
        for file in self._files():
            try:
                entry = self._read(file)
            except ConfigError as error:
                failure = failure or error
                continue
            if entry is not None:
                yield entry
        if failure is not None:
            raise failure

    def __repr__(self) -> str:
        """Show the folder."""
        return f"FileJournal({str(self.path)!r})"

    def __getstate__(self) -> dict[str, object]:
        """Pickle the folder: what a process has saved is its own."""
        return {**vars(self), "_saved": OrderedDict()}

    def _hold(self, file: Path, held: _Held) -> None:
        self._saved[file] = held
        if len(self._saved) > _HELD_AT_MOST:
            self._saved.popitem(last=False)

    @contextmanager
    def _draft(self) -> Iterator[tuple[BinaryIO, Path]]:
        """Open a file for an entry to be; it is locked, so that others see that somebody is at it."""
        while True:
            number, name = tempfile.mkstemp(dir=self.path, prefix=_DRAFT[0], suffix=_DRAFT[1])
            with os.fdopen(number, "wb") as file, locked(file):  # without locks nobody tidies up either
                if not Path(name).exists():  # it was taken for left behind before it was locked
                    continue
                try:
                    yield file, Path(name)
                finally:
                    Path(name).unlink(missing_ok=True)
                return

    def _tidy_up(self, drafts: Iterable[Path]) -> None:
        """Remove what processes left behind that were killed while they saved."""
        import fcntl  # noqa: PLC0415

        for draft in drafts:
            with contextlib.suppress(OSError), draft.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                draft.unlink()

    @contextmanager
    def _alone(self, prepared: Sequence[PreparedAppend]) -> Iterator[tuple[BinaryIO | None, bool]]:
        """Open this very entry, ``None`` if it is not there; tell whether no other process is at it meanwhile."""
        try:
            file = self._file(prepared).open("r+b", buffering=0)
        except FileNotFoundError:
            yield None, True
            return
        with file, locked(file) as alone:
            yield (file if self._is_there(file, prepared) else None), alone

    def _is_there(self, file: BinaryIO, prepared: Sequence[PreparedAppend]) -> bool:
        # the number of its names does not tell: a process killed while it saved leaves a second one
        try:
            named = os.path.samestat(os.fstat(file.fileno()), self._file(prepared).stat())
            return named and _entry(file.read()) == tuple(prepared)
        except (FileNotFoundError, ValueError):
            return False

    def _files(self) -> list[Path]:
        with of_journal(str(self.path)):
            try:
                files = sorted(self.path.iterdir())
            except FileNotFoundError:  # nothing was ever saved
                return []
        self._tidy_up(file for file in files if _DRAFTS.fullmatch(file.name))
        return [file for file in files if file.suffix == _SUFFIX and not file.name.startswith(".")]

    def _read(self, file: Path) -> tuple[PreparedAppend, ...] | None:
        remedy = "Move the file away and repeat its transfer."
        try:
            return _entry(file.read_bytes())
        except FileNotFoundError:  # another process has finished it meanwhile
            return None
        except OSError as error:
            message = f"{file} cannot be read: {error.strerror}."
            raise ConfigError(message, code="journal", remedy=f"Let this process read it. {remedy}") from error
        except ValueError as error:
            message = f"{file} is no entry of a journal."
            raise ConfigError(message, code="journal", remedy=remedy) from error

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


class _Held:
    """An entry, to be read for as long as this lives, whatever becomes of its file."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def is_finished(self, prepared: Sequence[PreparedAppend]) -> bool:
        """Tell whether it is this very entry, and was finished; not where NFS has lost what another host removed."""
        try:
            text = os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0)
        except OSError:
            return False
        return _FINISHED in _marks(text) and _entry(text) == tuple(prepared)

    def __del__(self) -> None:
        os.close(self._descriptor)


def _mark(file: BinaryIO, mark: bytes) -> None:
    file.seek(0, os.SEEK_END)
    file.write(mark)
    os.fsync(file.fileno())


def _marks(text: bytes) -> bytes:
    return text[len(text.rstrip(_BEGUN + _FINISHED)) :]


def _entry(text: bytes) -> tuple[PreparedAppend, ...]:
    """Read an entry.

    Raises:
        ValueError: It is none. One without a share would be passed over, and its transfer with it.
    """
    entry = orjson.loads(text)
    if isinstance(entry, list) and entry:
        return tuple(PreparedAppend.model_validate(share) for share in entry)
    message = "An entry is a list of prepared appends."
    raise ValueError(message)
