"""Zstandard by the ``zstandard`` library; extra ``zstd``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3dest.errors import ConfigError

if TYPE_CHECKING:
    from zstandard import ZstdCompressionObj

LEVEL: Final = 3
"""The library's default: about the size of gzip's best, at several times its speed."""

_OVERHEAD: Final = 1024
"""Frame header and checksum, and three bytes a block of 128 KiB that does not shrink."""


class ZstdStream:
    """Compresses what it is given into one frame; its output does not depend on how the input is cut."""

    __slots__ = ("_compressor", "_withheld")

    def __init__(self) -> None:
        self._compressor = _compressor()
        self._withheld = 0

    @property
    def pending(self) -> int:
        """At most how many bytes `finish` would return."""
        return self._withheld + _OVERHEAD

    def compress(self, data: bytes) -> bytes:
        """Take data in and return the bytes that became ready, perhaps none."""
        ready = self._compressor.compress(data)
        # the frame header comes at once and stands for nothing held back
        self._withheld = len(data) + _BLOCK if len(ready) > _HEADER else self._withheld + len(data)
        return ready

    def finish(self) -> bytes:
        """Return the last bytes."""
        return self._compressor.flush()


_BLOCK: Final = 128 * 1024  # what zstd gathers before it compresses (ZSTD_BLOCKSIZE_MAX)
_HEADER: Final = 18  # bytes of the longest frame header (RFC 8878, 3.1.1.1)


def _compressor() -> ZstdCompressionObj:
    try:
        import zstandard  # noqa: PLC0415  # with the extra only
    except ImportError as error:
        message = "Zstandard compression needs the zstandard library."
        raise ConfigError(message, code="extra_missing", remedy="pip install 's3dest[zstd]'") from error
    return zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()
