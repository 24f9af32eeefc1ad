"""How text formats are compressed, and what that does to an object's name and media type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, Protocol

from s3dest.errors import ConfigError
from s3dest.formats.gzip import GzipBlocks
from s3dest.formats.zstd import ZstdBlocks

Compression = Literal["gzip", "zstd", "none"]

SUFFIXES: Final[dict[str, str]] = {"gzip": ".gz", "zstd": ".zst", "none": ""}
"""What follows the format's own suffix in a key."""

MEDIA_TYPES: Final[dict[str, str]] = {"gzip": "application/gzip", "zstd": "application/zstd"}
"""Media types of compressed objects. Never a Content-Encoding, which readers would undo behind the file's name."""


class Compressor(Protocol):
    """Compresses blocks of one object; equal blocks in equal order give equal bytes."""

    def compress(self, block: bytes) -> bytes:
        """Return all that a block becomes: a few bytes more than it has, at most, for each 64 KiB of it."""

    def finish(self) -> bytes:
        """Return the last bytes, a few hundred at most."""


def compressor(compression: Compression) -> Compressor | None:
    """Make the compressor of that name; there is none where nothing is compressed."""
    makers: dict[str, Callable[[], Compressor]] = {"gzip": GzipBlocks, "zstd": ZstdBlocks}
    return makers[compression]() if compression in makers else None


def check(format_name: str, compression: str) -> None:
    """Refuse a compression that is unknown, or whose library is missing.

    Raises:
        ConfigError: It is one of these.
    """
    if compression not in SUFFIXES:
        message = f"{format_name} knows the compressions {', '.join(map(repr, SUFFIXES))}, not {compression!r}."
        raise ConfigError(message, code="format", remedy="Choose one of them.")
    compressor(compression)  # type: ignore[arg-type]  # just checked
