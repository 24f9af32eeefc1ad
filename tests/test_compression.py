"""Compression of text formats: suffix and media type go with what the bytes are."""

from __future__ import annotations

import gzip
import io
from typing import Any, get_args

import pytest
import zstandard

from s3dest import ConfigError
from s3dest.formats import compression
from s3dest.formats.compression import MEDIA_TYPES, SUFFIXES, Compression, compressor


def undo(name: str, data: bytes) -> bytes:
    """Decompress by a library of others."""
    if name == "gzip":
        return gzip.decompress(data)
    return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()


@pytest.mark.parametrize("name", get_args(Compression))
def test_each_compression_is_what_its_name_says(name: Any) -> None:
    """What goes in comes out; where nothing is compressed, there is no compressor."""
    blocks = compressor(name)
    assert (blocks is None) == (name == "none")
    if blocks is not None:
        ready = blocks.compress(b"row\n" * 1000) + blocks.compress(b"") + blocks.finish()
        assert undo(name, ready) == b"row\n" * 1000


def test_each_compression_has_a_suffix_and_a_media_type() -> None:
    """Plain bytes have the format's own."""
    assert set(SUFFIXES) == set(get_args(Compression)) == {*MEDIA_TYPES, "none"}
    assert (SUFFIXES["none"], SUFFIXES["gzip"], SUFFIXES["zstd"]) == ("", ".gz", ".zst")


@pytest.mark.parametrize("name", ["", "GZIP", "gz", "lz4", None, 1])
def test_an_unknown_compression_is_refused(name: Any) -> None:
    """With the known ones."""
    with pytest.raises(ConfigError, match=r"Some knows the compressions 'gzip', 'zstd', 'none'") as caught:
        compression.check("Some", name)
    assert caught.value.code == "format"
