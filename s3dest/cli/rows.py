"""Rows to deliver: from CSV, JSON Lines and Parquet, or the inventory of the running Python environment."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import partial
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn, Self

from s3dest.cli.json_object import KeyTwiceError, with_each_key_once
from s3dest.cli.settings import SettingsProblem

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]

STDIN: Final = Path("-")
_CHUNK: Final = 10_000
_PARQUET: Final = "parquet"
_SHORT_NUMBER: Final = 16
"""Characters of a decimal fraction that surely is a float's: a point, and 15 digits (IEEE 754's double precision)."""
_UNTRAPPED: Final = Context(traps=[])  # an exponent beyond Decimal's makes a NaN
_LONGEST_FIELD: Final = 2**31 - 1
"""Characters in a CSV field: as many as Python's module can count everywhere; by itself it takes 131,072."""


class InputError(Exception):
    """What was given cannot be read as rows, or not be written; the message is a sentence for the user."""

    def __init__(self, message: str, *, code: str = "input") -> None:
        super().__init__(message)
        self.code = code


def standard_input() -> IO[bytes]:
    """Return standard input.

    Raises:
        InputError: It is closed.
    """
    if sys.stdin is None:  # so Python has it where it was closed from the beginning
        message = "Standard input is closed: give a file, or pipe something in."
        raise InputError(message)
    return sys.stdin.buffer


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
            InputError: There is no such file, a line is no row, or there is none.
            SettingsProblem: The suffix is unknown.
        """
        suffix = path.name.lower().removesuffix(".gz").rpartition(".")[2]
        if suffix not in _READERS:
            message = f"{path}: the name must end in .csv, .jsonl or .ndjson, or one of these and .gz."
            raise SettingsProblem(message)

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


@dataclass(frozen=True, slots=True)
class Input:
    """A file, or standard input, to be read once from its beginning to its end."""

    path: Path
    kind: str
    """``csv``, ``jsonl`` or ``parquet``."""
    size: int | None
    """Bytes as they lie there; ``None`` for standard input."""
    delimiter: str = ","
    """What is between fields of CSV."""

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        return "standard input" if self.path == STDIN else str(self.path)

    @classmethod
    def of(cls, path: Path, kind: str | None, *, delimiter: str = ",") -> Self:
        """Find out what a file is, by its name unless ``kind`` says so.

        Raises:
            InputError: There is no such file.
            SettingsProblem: Its name does not tell what it is.
        """
        suffix = path.name.lower().removesuffix(".gz").rpartition(".")[2]
        found = kind or {"ndjson": "jsonl"}.get(suffix, suffix)
        if path == STDIN:
            return cls(path, kind or "jsonl", None, delimiter)
        if found not in {*_READERS, _PARQUET}:
            message = (
                f"{path}: the name must end in .csv, .jsonl, .ndjson (or one of these and .gz) or .parquet; "
                "or say --input."
            )
            raise SettingsProblem(message)
        try:
            size = path.stat().st_size
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror}."
            raise InputError(message) from error
        return cls(path, found, size, delimiter)

    @contextmanager
    def opened(self) -> Iterator[Reading]:
        """Open it for its rows; gzip is recognised by its first bytes, also on standard input."""
        try:
            raw = standard_input() if self.path == STDIN else self.path.open("rb")
        except OSError as error:
            message = f"{self.path} cannot be read: {error.strerror}."
            raise InputError(message) from error
        try:
            yield Reading(self.name, raw, self._reader)
        finally:
            if self.path != STDIN:
                raw.close()

    @property
    def _reader(self) -> _Reader:
        return partial(_csv_rows, delimiter=self.delimiter) if self.kind == "csv" else _READERS[self.kind]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Read a Parquet file.

        Raises:
            InputError: pyarrow is missing, or it is no Parquet file.
        """
        try:
            import pyarrow as pa  # noqa: PLC0415  # an extra
            from pyarrow import parquet  # noqa: PLC0415
        except ImportError as error:
            message = "Parquet files need pyarrow, which comes with: pip install 's3dest[parquet]'"
            raise InputError(message) from error
        if self.path == STDIN:
            message = "Parquet cannot be read from standard input: its index is at the end. Give a file."
            raise InputError(message)
        try:
            with parquet.ParquetFile(self.path) as file:
                yield from file.iter_batches()
        except (pa.ArrowException, OSError) as error:
            message = f"{self.path} is not a Parquet file: {str(error).splitlines()[0]}"
            raise InputError(message) from error


class Reading:
    """Rows of one open input, and how far it has been read."""

    def __init__(self, name: str, raw: IO[bytes], reader: _Reader) -> None:
        self._name = name
        self._reader = reader
        self._counted = _Counted(raw)
        self._told = 0

    def advanced(self) -> int:
        """Tell how many bytes were read since it was last asked."""
        told, self._told = self._told, self._counted.count
        return self._told - told

    def chunks(self) -> Iterator[list[Row]]:
        """Read rows, many at a time.

        Raises:
            InputError: A line is no row, or the file is damaged.
        """
        rows = _rows_of(self._name, self._text, self._reader)
        while chunk := list(islice(rows, _CHUNK)):
            yield chunk

    def _text(self) -> IO[str]:
        buffered = io.BufferedReader(self._counted, 1 << 18)
        packed = self._name.lower().endswith(".gz") or buffered.peek(2)[:2] == b"\x1f\x8b"
        data: Any = gzip.GzipFile(fileobj=buffered) if packed else buffered
        return io.TextIOWrapper(data, encoding="utf-8-sig", newline="")


class _Counted(io.RawIOBase):
    """Counts the bytes read from a stream, and leaves closing it to others."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__()
        self._raw = raw
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  # a buffer: collections.abc has it from 3.12 on
        read = getattr(self._raw, "read1", self._raw.read)
        data = read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


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


def _lines_of(path: Path, reader: _Reader) -> Iterator[Row]:
    """Read a text file row by row."""
    return _rows_of(str(path), lambda: _opened(path), reader)


def _rows_of(path: str, opened: Callable[[], IO[str]], reader: _Reader) -> Iterator[Row]:
    """Read a text row by row; its own troubles become sentences."""
    try:
        with opened() as text:
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


def _csv_rows(text: IO[str], path: str, *, delimiter: str = ",") -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) < len(header) or "" in header:
            _refuse(path, 1, "the header must name each column, and no two the same")
        for fields in reader:
            if len(fields) not in {0, len(header)}:
                _refuse(path, reader.line_num, f"{len(fields)} fields, where the header names {len(header)}")
            if fields:
                yield dict(zip(header, fields, strict=True))
            elif len(header) == 1:  # which some write for an empty text, and some for null
                _refuse(path, reader.line_num, 'empty, in a file of one column: leave it out, or write "" for a text')
    except csv.Error as error:
        _refuse(path, reader.line_num, f"not CSV: {error}")


def _json_rows(text: IO[str], path: str) -> Iterator[Row]:
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(
                line, parse_constant=_no_number, parse_float=_whole_number, object_pairs_hook=with_each_key_once
            )
        except (_LossError, KeyTwiceError) as error:
            _refuse(path, number, str(error))
        except (ValueError, RecursionError) as error:
            _refuse(path, number, f"not JSON: {getattr(error, 'msg', error)}")  # its own line number is always 1
        if not isinstance(row, dict):
            _refuse(path, number, 'each line must be a JSON object, such as {"id": 1}')
        yield row


def _no_number(name: str) -> NoReturn:
    message = f"{name} is no number in JSON"
    raise ValueError(message)


class _LossError(Exception):
    """Something of a row would be lost; the message says what."""


def _whole_number(text: str) -> float:
    """Read a number that is no integer, and refuse one with more to it than a float holds."""
    number = float(text)
    if math.isinf(number) or ((len(text) > _SHORT_NUMBER or not number) and not _is_written_from(number, text)):
        message = f"{text:.40} has more to it than a float holds: write it as a string"
        raise _LossError(message)
    return number


def _is_written_from(number: float, text: str) -> bool:
    """Tell whether a float is the same that is written with as many digits, or with as few as will do and zeros."""
    given = Decimal(text, _UNTRAPPED)
    if given.is_nan():
        return False
    digits = len(given.as_tuple().digits)
    return given in {Decimal(repr(number)), Decimal(f"{number:.{digits - 1}e}")}


def _refuse(path: str, line: int, problem: str) -> NoReturn:
    message = f"{path}, line {line}: {problem}."
    raise InputError(message)


_Reader = Callable[[IO[str], str], Iterator[Row]]
_READERS: Final[dict[str, _Reader]] = {"csv": _csv_rows, "jsonl": _json_rows, "ndjson": _json_rows}
