"""Gzip: readers of every kind undo it, and equal bytes give equal bytes."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import zlib

from hypothesis import given
from hypothesis import strategies as st

from s3dest.formats.gzip import GzipStream


def compressed(*pieces: bytes) -> bytes:
    """Compress pieces into one member."""
    stream = GzipStream()
    return b"".join([*(stream.compress(piece) for piece in pieces), stream.finish()])


@given(st.lists(st.binary(max_size=2000), max_size=8))
def test_what_goes_in_comes_out(pieces: list[bytes]) -> None:
    """By Python's gzip and by zlib, from the whole and as a stream; the same pieces give the same bytes."""
    data = compressed(*pieces)
    assert gzip.decompress(data) == b"".join(pieces)
    assert zlib.decompress(data, wbits=31) == b"".join(pieces)
    assert gzip.GzipFile(fileobj=io.BytesIO(data)).read() == b"".join(pieces)
    assert data == compressed(*pieces)


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


def test_what_is_withheld_is_known() -> None:
    """The end is never larger than was said: objects must not grow past their limit."""
    stream = GzipStream()
    for size in (0, 1, 1000, 100_000, 1_000_000):
        stream.compress(os.urandom(size))
    bound = stream.pending
    assert len(stream.finish()) <= bound
