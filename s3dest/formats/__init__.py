"""Rows to bytes: one format a file, each behind the `Encoder` protocol."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from s3dest.errors import ConfigError
from s3dest.formats.csv import Csv
from s3dest.formats.encoder import Format, unfit
from s3dest.formats.jsonl import JsonLines
from s3dest.formats.parquet import Parquet
from s3dest.layout import LONGEST_EXTENSION

BY_NAME: Final[dict[str, Callable[[], Format]]] = {"jsonl": JsonLines, "csv": Csv, "parquet": Parquet}
"""The formats that ``Destination.append`` knows by name, with their default options."""


_EXTENSION: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_EXTENSION - 1}}}")


def format_of(given: str | Format) -> Format:
    """Make the format of a name, or take the caller's own if keys, headers and manifests can hold what it tells.

    Raises:
        ConfigError: There is none, or its library is missing.
    """
    if isinstance(given, str):
        return _by_name(given)
    if isinstance(given, type) or not hasattr(given, "encoder"):
        message = f"A format is 'jsonl', 'csv', 'parquet' or such as JsonLines() makes, not {given!r:.80}."
        raise ConfigError(
            message,
            code="format",
            remedy="Write format='jsonl', or one with options, such as JsonLines(compression='zstd').",
        )
    if (fault := _fault(given)) is not None:
        raise unfit(given, f"its {fault}", remedy="Change what the format says of itself; Format tells what it is for.")
    return given


def _fault(given: Format) -> str | None:
    for name in ("name", "compression", "content_type"):
        text = getattr(given, name, None)
        if not isinstance(text, str) or not text.isprintable() or not text:
            return f"{name} must be a text of printable characters, and not empty"
    if not given.content_type.isascii():
        return "content_type must be ASCII, as headers are"
    extension = getattr(given, "extension", None)
    if not isinstance(extension, str) or not _EXTENSION.fullmatch(extension):
        return (
            f"extension must be 1 to {LONGEST_EXTENSION} letters, digits, points, dashes, underscores, no point first"
        )
    return None


def _by_name(name: str) -> Format:
    if name not in BY_NAME:
        message = f"The format {name!r} is unknown; {', '.join(map(repr, BY_NAME))} are known."
        raise ConfigError(message, code="format", remedy="Choose one of them, or give a Format of your own.")
    return BY_NAME[name]()
