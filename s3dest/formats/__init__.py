"""Rows to bytes: one format a file, each behind the `Encoder` protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from s3dest.errors import ConfigError
from s3dest.formats.csv import Csv
from s3dest.formats.encoder import Format
from s3dest.formats.jsonl import JsonLines
from s3dest.formats.parquet import Parquet

BY_NAME: Final[dict[str, Callable[[], Format]]] = {"jsonl": JsonLines, "csv": Csv, "parquet": Parquet}
"""The formats that ``Destination.append`` knows by name, with their default options."""


def by_name(name: str) -> Format:
    """Make the format of that name.

    Raises:
        ConfigError: There is none, or its library is missing.
    """
    if name not in BY_NAME:
        message = f"The format {name!r} is unknown; {', '.join(map(repr, BY_NAME))} are known."
        raise ConfigError(message, code="format", remedy="Choose one of them, or give a Format of your own.")
    return BY_NAME[name]()
