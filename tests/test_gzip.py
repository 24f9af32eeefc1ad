"""Gzip: readers of every kind undo it, and equal bytes give equal bytes."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import zlib
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib

from s3dest.formats import gzip as gzip_blocks
from s3dest.formats.gzip import GzipBlocks


def compressed(*pieces: bytes) -> bytes:
    """Compress blocks into one member."""
    blocks = GzipBlocks()
    return b"".join([*(blocks.compress(piece) for piece in pieces), blocks.finish()])


@given(st.lists(st.binary(max_size=2000), max_size=8))
def test_what_goes_in_comes_out(pieces: list[bytes]) -> None:
    """By Python's gzip and by zlib, from the whole and as a stream; the same pieces give the same bytes."""
    data = compressed(*pieces)
    assert gzip.decompress(data) == b"".join(pieces)
    assert zlib.decompress(data, wbits=31) == b"".join(pieces)
    assert gzip.GzipFile(fileobj=io.BytesIO(data)).read() == b"".join(pieces)
    assert data == compressed(*pieces)


def test_equal_blocks_become_equal_bytes_wherever_memory_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    """ISA-L's shortcut at the start of a block hashes a pointer: one block in some thousands came out differently."""
    alive: list[Any] = []  # each compressor gets a new place while those before it keep theirs

    def compressobj(*args: int) -> Any:
        alive.append(isal_zlib.compressobj(*args))
        return alive[-1]

    monkeypatch.setattr(gzip_blocks, "isal_zlib", SimpleNamespace(**{**vars(isal_zlib), "compressobj": compressobj}))
    rows = b"".join(b'{"id":%d,"name":"row %d"}\n' % (number, number * 7919 % 1000) for number in range(220))
    samples = [rows[start : start + 1000] for start in range(0, 6000, 1000)]
    seen = set()
    for number in range(48_000):
        seen.add(GzipBlocks().compress(samples[number % len(samples)]))
        if len(alive) > 3000:
            alive.clear()
    assert len(seen) == len(samples)


def test_the_command_line_reads_it() -> None:
    """``gzip -t`` checks length and checksum."""
    data = os.urandom(300_000) + b"\0" * 3_000_000
    done = subprocess.run(["gzip", "-dc"], input=compressed(data[:17], data[17:]), check=True, capture_output=True)  # noqa: S607
    assert done.stdout == data


def test_nothing_is_a_member_too() -> None:
    """An empty object is a valid file."""
    assert gzip.decompress(compressed()) == b""


def test_the_header_tells_no_time() -> None:
    """Time, name and system would make equal rows differ."""
    assert compressed(b"x")[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def test_it_is_one_member() -> None:
    """Some readers stop after the first."""
    decompressor = zlib.decompressobj(wbits=31)
    data = compressed(*[b"row\n" * 50_000] * 4)
    assert decompressor.decompress(data) == b"row\n" * 200_000
    assert decompressor.eof
    assert decompressor.unused_data == b""


@pytest.mark.parametrize("size", [*range(40), 1000, 65_536, 1_000_000])
def test_what_does_not_shrink_grows_by_little(size: int) -> None:
    """Objects must not grow past their limit: a press counts on this."""
    blocks = GzipBlocks()
    blocks.compress(b"")
    assert len(blocks.compress(os.urandom(size))) <= size + size // 512 + 64
    assert len(blocks.finish()) <= 64


def test_nothing_is_held_between_blocks() -> None:
    """What a block becomes is there before the next one comes: a reader that has it, has all of it."""
    blocks = GzipBlocks()
    decompressor = zlib.decompressobj(wbits=31)
    for piece in (b"first", b"second" * 100_000, b"third"):
        assert decompressor.decompress(blocks.compress(piece)) == piece
