"""Parts of an object as streams: what they are made of, and whether it is what was digested."""

from __future__ import annotations

import io
import zlib

import pytest

from s3dest.piece import BLOCK, MAX_PARTS, Piece, part_size

DATA = bytes(range(256)) * (3 * BLOCK // 256) + b"tail"


def piece_of(data: bytes, *, crc32: int | None = None, size: int = len(DATA)) -> Piece:
    """Make a piece that is said to have a size and a CRC32."""
    return Piece(lambda offset, size: data[offset : offset + size], 0, size, crc32=crc32)


def test_it_is_read_in_blocks_and_begun_again() -> None:
    """By a block at least; into a buffer as much as there is room for."""
    piece = piece_of(DATA)
    assert len(piece.read(16)) == BLOCK
    assert piece.tell() == BLOCK
    assert piece.read() == DATA[BLOCK:]
    assert piece.read() == b""
    assert b"".join(piece.blocks()) == DATA
    buffer = bytearray(10)
    assert piece.fresh().readinto(buffer) == 10
    assert buffer == DATA[:10]
    assert piece.seek(0, io.SEEK_END) == len(piece) == len(DATA)


def test_its_checksum_is_the_known_one_or_that_of_its_bytes() -> None:
    """What is known is not read for it."""
    assert piece_of(DATA).checksum() == zlib.crc32(DATA)
    assert piece_of(b"", crc32=7).checksum() == 7


@pytest.mark.parametrize("first", [0, 1, 2])
def test_bytes_that_were_altered_are_seen(first: int) -> None:
    """In the last whole reading, whatever was read before: for a signature, or in a try that broke off."""
    data = bytearray(DATA)
    piece = Piece(lambda offset, size: bytes(data[offset : offset + size]), 0, len(data), crc32=zlib.crc32(DATA))
    for _ in range(first):
        piece.fresh().read(1)
        piece.seek(0)
        assert piece.read() == DATA
        assert not piece.is_altered
    piece.seek(0)
    data[BLOCK + 5] ^= 1
    piece.read(1)
    assert not piece.is_altered
    piece.read()
    assert piece.is_altered
    assert piece.fresh().checksum() == zlib.crc32(DATA)
    data[:] = DATA
    assert piece.read() == DATA
    assert not piece.is_altered


def test_what_is_not_digested_before_cannot_be_altered() -> None:
    """Nobody but the library has it."""
    piece = piece_of(DATA)
    assert piece.read() == DATA
    assert not piece.is_altered


@pytest.mark.parametrize("left", [0, 1, BLOCK])
def test_bytes_that_end_too_early_are_an_error(left: int) -> None:
    """A shorter body would keep the server waiting for its rest."""
    piece = piece_of(DATA[:left], crc32=zlib.crc32(DATA))
    if left:
        assert piece.read(1) == DATA[:left]
    with pytest.raises(EOFError):
        piece.read()
    assert piece.is_altered


def test_parts_grow_only_as_far_as_their_number_demands() -> None:
    """There are 10,000 at most."""
    assert part_size(MAX_PARTS * 8, 8) == 8
    assert part_size(MAX_PARTS * 8 + 1, 8) == 9
