"""How text formats are compressed, and what that does to an object's name and media type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, Protocol

from s3dest.errors import ConfigError
from s3dest.formats.gzip import GzipStream
from s3dest.formats.zstd import ZstdStream

Compression = Literal["gzip", "zstd", "none"]

SUFFIXES: Final[dict[str, str]] = {"gzip": ".gz", "zstd": ".zst", "none": ""}
"""What follows the format's own suffix in a key."""

MEDIA_TYPES: Final[dict[str, str]] = {"gzip": "application/gzip", "zstd": "application/zstd"}
"""Media types of compressed objects. Never a Content-Encoding, which readers would undo behind the file's name."""


class Compressor(Protocol):
    """Compresses a stream of bytes; the same bytes give the same result however they are cut."""

    @property
    def pending(self) -> int:
        """At most how many bytes `finish` would return."""

    def compress(self, data: bytes) -> bytes:
        """Take data in and return the bytes that became ready, perhaps none."""

    def finish(self) -> bytes:
        """Return the last bytes."""


class Plain:
    """Compresses nothing."""

    pending = 0

    def compress(self, data: bytes) -> bytes:
        """Return what it is given."""
        return data

    def finish(self) -> bytes:
        """Return nothing more."""
        return b""


def compressor(compression: Compression) -> Compressor:
    """Make the compressor of that name."""
    makers: dict[str, Callable[[], Compressor]] = {"gzip": GzipStream, "zstd": ZstdStream, "none": Plain}
    return makers[compression]()


def check(format_name: str, compression: str) -> None:
    """Refuse a compression that is unknown, or whose library is missing.

    Raises:
        ConfigError: It is one of these.
    """
    if compression not in SUFFIXES:
        message = f"{format_name} knows the compressions {', '.join(map(repr, SUFFIXES))}, not {compression!r}."
        raise ConfigError(message, code="format")
    compressor(compression)  # type: ignore[arg-type]  # just checked
