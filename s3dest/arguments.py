"""What callers give a writer: refused before anything of it is taken, so that the transfer is none the worse."""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from s3dest.errors import ConfigError
from s3dest.formats.encoder import RowLike
from s3dest.kind import kind_of
from s3dest.local_file import is_path

_TABLES: Final = frozenset({"DataFrame", "LazyFrame", "Table", "RecordBatch", "RecordBatchReader"})
"""Those of pandas, polars and pyarrow; to go through one gives names, columns or batches, and no rows."""

_SIGNS: Final = ("__arrow_c_stream__", "__arrow_c_array__", "collect_schema")
"""What they have, and others of these names have not; the last is a LazyFrame's."""


def rows_of(rows: Iterable[RowLike]) -> Iterable[RowLike]:
    """Begin with rows: a list or tuple as it is, or an iterator.

    Raises:
        ConfigError: It is no iterable of rows, but one row, a table, or none.
    """
    # a class of its own may have its own way through
    if any(isinstance(rows, kind) and type(rows).__iter__ is kind.__iter__ for kind in (list, tuple)):
        return rows
    if type(rows).__name__ in _TABLES and any(hasattr(rows, sign) for sign in _SIGNS):
        message = f"write_many() takes an iterable of rows, and {kind_of(rows)} is one of something else."
        remedy = "For tables and data frames, use write_arrow(); collect() a lazy one before."
        raise ConfigError(message, code="not_rows", remedy=remedy)
    try:
        if not isinstance(rows, (str, bytes, bytearray, memoryview, Mapping)):
            return iter(rows)
    except TypeError as error:
        raise _no_rows(rows) from error
    raise _no_rows(rows)


def require_unused(rows: Iterable[RowLike]) -> None:
    """Refuse a generator that has ended: a second attempt would commit nothing, and its rows be lost under its id.

    Raises:
        ConfigError: It has ended.
    """
    if inspect.isgenerator(rows) and inspect.getgeneratorstate(rows) == inspect.GEN_CLOSED:
        message = "write_many() was given a generator that has ended already: an earlier attempt has used its rows up."
        raise ConfigError(message, code="rows_used_up", remedy="Make a new generator for each attempt, or give a list.")


@contextlib.contextmanager
def whole(rows: Iterable[RowLike]) -> Iterator[None]:
    """End a generator that the body could not take whole: its rest is no transfer for another attempt."""
    try:
        yield
    except BaseException:
        if isinstance(rows, Generator):
            with contextlib.suppress(Exception):  # it may be running in another thread
                rows.close()
        raise


def _no_rows(rows: object) -> ConfigError:
    message = f"write_many() takes an iterable of rows, not {kind_of(rows)}; for one row, write()."
    return ConfigError(message, code="not_rows", remedy="Give a list or a generator of rows.")


def path_of(given: str | os.PathLike[str]) -> Path:
    """Read the path of a file.

    Raises:
        ConfigError: It is none.
    """
    if is_path(given):
        return Path(os.fsdecode(given))
    is_text = isinstance(given, (str, bytes, os.PathLike))
    what = f"{kind_of(given)} with NUL or half a surrogate pair in it" if is_text else kind_of(given)
    message = f"write_file() takes the path of a file, not {what}."  # and says nothing of rows that it is given
    raise ConfigError(message, code="path", remedy="Give a text or a pathlib.Path.")


def require_count(rows: object) -> None:
    """Refuse what counts no rows.

    Raises:
        ConfigError: It is no number, and not ``None``.
    """
    if rows is not None and (type(rows) is not int or rows < 0):
        message = "write_file() takes the number of rows as a whole number, or None if it is not known."
        raise ConfigError(message, code="rows", remedy="Leave rows out, or count them.")
