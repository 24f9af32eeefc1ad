"""Zstandard: readers undo it, and equal bytes give equal bytes however they are cut."""

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
from s3dest.formats.zstd import ZstdStream


def compressed(*pieces: bytes) -> bytes:
    """Compress pieces into one frame."""
    stream = ZstdStream()
    return b"".join([*(stream.compress(piece) for piece in pieces), stream.finish()])


def decompressed(data: bytes) -> bytes:
    """Read the frame, whose size is not in its header."""
    return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()


@given(st.lists(st.binary(max_size=2000), max_size=8))
def test_what_goes_in_comes_out(pieces: list[bytes]) -> None:
    """By two readers."""
    data = compressed(*pieces)
    assert decompressed(data) == b"".join(pieces)
    assert pa.CompressedInputStream(pa.BufferReader(data), "zstd").read() == b"".join(pieces)


@pytest.mark.parametrize("step", [1000, 65_536, 131_072, 131_073, 700_000])
def test_equal_bytes_give_equal_bytes(step: int) -> None:
    """However they are cut: batches differ, objects must not."""
    data = b"".join(b'{"id":%d,"text":"%d"}\n' % (number, number * number) for number in range(30_000))
    assert compressed(*(data[start : start + step] for start in range(0, len(data), step))) == compressed(data)


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


@pytest.mark.parametrize("sizes", [[], [0], [1], [1000] * 3, [100_000] * 5, [1_000_000, 1], [131_072] * 2])
def test_what_is_withheld_is_known(sizes: list[int]) -> None:
    """The end is never larger than was said: objects must not grow past their limit."""
    stream = ZstdStream()
    for size in sizes:
        stream.compress(os.urandom(size))
    bound = stream.pending
    assert len(stream.finish()) <= bound


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the format is made, with the extra that brings it."""
    missing: dict[str, Any] = sys.modules
    monkeypatch.setitem(missing, "zstandard", None)
    with pytest.raises(ConfigError, match="zstandard") as caught:
        JsonLines(compression="zstd")
    assert caught.value.code == "extra_missing"
    assert "s3dest[zstd]" in str(caught.value.remedy)
