"""Zstandard by the ``zstandard`` library; extra ``zstd``."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Final

from s3dest.errors import ConfigError
from s3dest.loading import LOADING

if TYPE_CHECKING:
    from zstandard import ZstdCompressionObj

LEVEL: Final = 3
"""The library's default: about the size of gzip's best, at several times its speed."""


class ZstdBlocks:
    """Compresses blocks into one frame; all that a block becomes is there before the next one comes."""

    __slots__ = ("_compressor",)

    def __init__(self) -> None:
        _require_zstandard()
        self._compressor: ZstdCompressionObj | None = None

    def compress(self, block: bytes) -> bytes:
        """Return all that a block becomes."""
        zstandard, compressor = _require_zstandard(), self._begun()
        return compressor.compress(block) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def finish(self) -> bytes:
        """Return the last bytes."""
        return self._begun().flush()

    def _begun(self) -> ZstdCompressionObj:
        # made with the first block: it takes megabytes, and thousands of objects may be waiting for theirs
        if self._compressor is None:
            zstandard = _require_zstandard()
            self._compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()
        return self._compressor


def _require_zstandard() -> ModuleType:
    try:
        with LOADING:
            import zstandard  # noqa: PLC0415  # with the extra only
    except ImportError as error:
        message = "Zstandard compression needs the zstandard library."
        raise ConfigError(message, code="extra_missing", remedy="pip install 's3dest[zstd]'") from error
    return zstandard
