"""Files of this machine that fail: what the system says, as an error of ours with a code and a remedy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import gettempdir

from s3dest.errors import LocalFileError


def is_path(given: str | os.PathLike[str]) -> bool:
    """Tell whether the system can have such a path: without NUL, and without what no encoding has."""
    try:
        return b"\0" not in os.fsencode(given)
    except (TypeError, UnicodeEncodeError):
        return False


@contextmanager
def telling(what: str, *, code: str, remedy: str) -> Iterator[None]:
    """Turn an `OSError` of the body into a `LocalFileError` that names ``what`` cannot be used."""
    try:
        yield
    except OSError as error:
        message = f"{what} cannot be used: {error.strerror or error}."
        failure = LocalFileError(message, code=code, remedy=remedy)
        failure.errno, failure.filename = error.errno, None if error.filename is None else str(error.filename)
        raise failure from error


@contextmanager
def temporary() -> Iterator[None]:
    """Use a temporary file."""
    remedy = "Make room there, or let TMPDIR name another folder; a larger max_memory needs less of it."
    try:
        folder = gettempdir()
    except FileNotFoundError:  # of all that could be one, none can be written
        folder = "a folder that can be written"
    with telling(f"A temporary file in {folder}", code="temporary_file", remedy=remedy):
        yield


@contextmanager
def to_append(path: str) -> Iterator[None]:
    """Use a file that a caller appends as it is."""
    remedy = "See that the file is there and this process may read it, and repeat the transfer."
    with telling(f"The file {path}", code="file_unreadable", remedy=remedy):
        yield


@contextmanager
def of_journal(path: str) -> Iterator[None]:
    """Use a file of a journal."""
    remedy = "See that the folder can be written and read by this process, and that its disk has room."
    with telling(f"The journal in {path}", code="journal_unusable", remedy=remedy):
        yield
