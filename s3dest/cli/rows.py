"""Rows to deliver: from a CSV or JSON Lines file, or the inventory of the running Python environment."""

from __future__ import annotations

import csv
import gzip
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO, Any, Final, NoReturn, Self

Row = dict[str, Any]


class InputError(Exception):
    """What was given cannot be read as rows; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class RowSource:
    """Rows that can be read as often as needed, the same each time."""

    title: str
    """What they are, for people."""
    table: str
    """The table to append them to."""
    count: int
    """How many there are."""
    read: Callable[[], Iterator[Row]]
    """Begins a new reading."""

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """Read a file, once to the end: what cannot be delivered is found before anything is.

        Raises:
            InputError: There is no such file, its suffix is unknown, a line is no row, or there is none.
        """
        suffix = path.name.lower().removesuffix(".gz").rpartition(".")[2]
        if suffix not in _READERS:
            message = f"{path}: the name must end in .csv, .jsonl or .ndjson, or one of these and .gz."
            raise InputError(message)

        def read() -> Iterator[Row]:
            return _lines_of(path, _READERS[suffix])

        count = sum(1 for _ in read())
        if not count:
            message = f"{path} holds no rows."
            raise InputError(message)
        return cls(str(path), path.name.partition(".")[0].lstrip("_") or "rows", count, read)

    @classmethod
    def of_environment(cls) -> Self:
        """Take the inventory of this Python environment: each file that a package installed.

        Raises:
            InputError: There is no record of installed files.
        """
        rows = list(_installed())
        if not rows:
            message = "This Python environment keeps no record of installed files; give a FILE with rows."
            raise InputError(message)
        return cls(f"the files installed in {sys.prefix}", "installed_files", len(rows), lambda: iter(rows))


def _installed() -> Iterator[Row]:
    packages = [(package, package.metadata) for package in metadata.distributions()]  # parsed anew at each access
    named = {about["Name"]: (about["Version"], package.files) for package, about in packages if "Name" in about}
    for name, (version, files) in sorted(named.items()):
        for file in files or ():
            yield {
                "package": name,
                "version": version,
                "path": file.as_posix(),
                "type": file.suffix.removeprefix(".") or None,
                "size": file.size,
                "hash": file.hash.value if file.hash else None,
                "hash_algorithm": file.hash.mode if file.hash else None,
            }


def _lines_of(path: Path, reader: Callable[[IO[str], Path], Iterator[Row]]) -> Iterator[Row]:
    """Read a text file row by row; its own troubles become sentences."""
    try:
        with _opened(path) as text:
            yield from reader(text, path)
    except UnicodeDecodeError as error:
        message = f"{path} is not text in UTF-8 ({error.reason})."
        raise InputError(message) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        message = f"{path} ends in .gz but is not a whole gzip file: {error}"
        raise InputError(message) from error
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise InputError(message) from error


def _opened(path: Path) -> IO[str]:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _csv_rows(text: IO[str], path: Path) -> Iterator[Row]:
    reader = csv.reader(text, strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) < len(header) or "" in header:
            _refuse(path, 1, "the header must name each column, and no two the same")
        for fields in reader:
            if len(fields) not in {0, len(header)}:
                _refuse(path, reader.line_num, f"{len(fields)} fields, where the header names {len(header)}")
            if fields:
                yield dict(zip(header, fields, strict=True))
    except csv.Error as error:
        _refuse(path, reader.line_num, f"not CSV: {error}")


def _json_rows(text: IO[str], path: Path) -> Iterator[Row]:
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            _refuse(path, number, f"not JSON: {getattr(error, 'msg', error)}")  # its own line number is always 1
        if not isinstance(row, dict):
            _refuse(path, number, 'each line must be a JSON object, such as {"id": 1}')
        yield row


def _no_number(name: str) -> NoReturn:
    message = f"{name} is no number in JSON"
    raise ValueError(message)


def _refuse(path: Path, line: int, problem: str) -> NoReturn:
    message = f"{path}, line {line}: {problem}."
    raise InputError(message)


_READERS: Final = {"csv": _csv_rows, "jsonl": _json_rows, "ndjson": _json_rows}
