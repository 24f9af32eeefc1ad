"""Zstandard: readers of every kind undo it, and equal blocks give equal bytes."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from s3dest import ConfigError
from s3dest.formats.jsonl import JsonLines
from s3dest.formats.zstd import ZstdBlocks


def compressed(*pieces: bytes) -> bytes:
    """Compress blocks into one frame."""
    blocks = ZstdBlocks()
    return b"".join([*(blocks.compress(piece) for piece in pieces), blocks.finish()])


def decompressed(data: bytes) -> bytes:
    """Read the frame, whose size is not in its header."""
    return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()


@given(st.lists(st.binary(max_size=2000), max_size=8))
def test_what_goes_in_comes_out(pieces: list[bytes]) -> None:
    """By two readers."""
    data = compressed(*pieces)
    assert decompressed(data) == b"".join(pieces)
    assert pa.CompressedInputStream(pa.BufferReader(data), "zstd").read() == b"".join(pieces)


def test_equal_blocks_give_equal_bytes() -> None:
    """Nothing of the time or the process is in them."""
    blocks = [b"".join(b"%d\n" % (number * number) for number in range(first, first + 9000)) for first in (0, 50_000)]
    assert compressed(*blocks) == compressed(*blocks)


def test_it_is_one_frame_with_a_checksum() -> None:
    """So that damage is noticed."""
    data = compressed(b"row\n" * 50_000, b"row\n")
    parameters = zstandard.get_frame_parameters(data)
    assert parameters.has_checksum
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    assert decompressor.decompress(data) == b"row\n" * 50_001
    assert decompressor.unused_data == b""
    with pytest.raises(zstandard.ZstdError):
        decompressed(data[:-1] + bytes([data[-1] ^ 1]))


@pytest.mark.parametrize("size", [0, 1, 1000, 131_072, 1_000_000])
def test_what_does_not_shrink_grows_by_little(size: int) -> None:
    """Objects must not grow past their limit: a press counts on this."""
    blocks = ZstdBlocks()
    blocks.compress(b"")
    assert len(blocks.compress(os.urandom(size))) <= size + size // 512 + 64
    assert len(blocks.finish()) <= 64


def test_nothing_is_held_between_blocks() -> None:
    """What a block becomes is there before the next one comes: a reader that has it, has all of it."""
    blocks = ZstdBlocks()
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    for piece in (b"first", b"second" * 100_000, b"third"):
        assert decompressor.decompress(blocks.compress(piece)) == piece


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the format is made, with the extra that brings it."""
    missing: dict[str, Any] = sys.modules
    monkeypatch.setitem(missing, "zstandard", None)
    with pytest.raises(ConfigError, match="zstandard") as caught:
        JsonLines(compression="zstd")
    assert caught.value.code == "extra_missing"
    assert "s3dest[zstd]" in str(caught.value.remedy)
