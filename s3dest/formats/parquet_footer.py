"""Footers of Parquet files: row groups that were written side by side, each as a file, told as those of one file.

pyarrow writes a file's row groups one after the other, on one core. A footer is a Thrift struct in the compact protocol
(parquet-format, "File Format"; Thrift, "Thrift Compact protocol encoding"): the places in it are moved here, and all
else is copied as it stands, known or not, so that the file is, to the byte, what pyarrow would have written.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MAGIC: Final = b"PAR1"

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
"""Types of the compact protocol."""

_FIXED: Final = {_TRUE: 0, _FALSE: 0, _BYTE: 1, _DOUBLE: 8}
"""Bytes of a field's value, where these are always as many."""

_VARINTS: Final = frozenset({_I16, _I32, _I64})
_LONG_LIST: Final = 15  # of so many or more: their number stands behind

_ROWS, _GROUPS = 3, 4
"""Fields of a footer (parquet.thrift, ``FileMetaData``)."""


@dataclass(frozen=True, slots=True)
class _Fields:
    """Which fields of a struct tell a place in the file, or a row group's number in it."""

    places: frozenset[int] = frozenset()
    number: int | None = None
    inner: Mapping[int, _Fields] = field(default_factory=dict)
    """Structs, or lists of these."""


_COLUMN: Final = _Fields(
    places=frozenset({2, 4, 6}),  # file_offset, offset_index_offset, column_index_offset
    # data_page_offset, index_page_offset, dictionary_page_offset, bloom_filter_offset
    inner={3: _Fields(places=frozenset({9, 10, 11, 14}))},
)
"""``ColumnChunk``, with its ``ColumnMetaData``."""

_GROUP: Final = _Fields(places=frozenset({5}), number=7, inner={1: _COLUMN})
"""``RowGroup``."""


class Part(NamedTuple):
    """What a file of some row groups consists of."""

    pages: memoryview
    """All before the footer, without the magic number in front."""
    footer: bytes


def split(file: memoryview) -> Part:
    """Take a file apart."""
    (size,) = struct.unpack("<I", file[-8:-4])
    return Part(file[len(MAGIC) : -8 - size], bytes(file[-8 - size : -8]))


def joined(footers: Sequence[tuple[bytes, int]]) -> bytes:
    """Make the end of a file whose row groups stand one after the other, behind a magic number.

    Args:
        footers: Of each part its footer, and how many bytes its pages are; of one schema.
    """
    rows = groups = start = 0
    moved = bytearray()
    for footer, size in footers:
        reader = _Reader(footer)
        before = groups
        for name, kind, _ in reader.fields():
            if name == _ROWS:
                rows += reader.integer()
            elif name == _GROUPS:
                count, _ = reader.list_head()
                for _ in range(count):
                    _copy(reader, moved, _GROUP, move=start, number=before)
                groups += count
            else:
                reader.skip(kind)
        start += size
    whole = _with_groups(footers[0][0], rows, groups, bytes(moved))
    return whole + struct.pack("<I", len(whole)) + MAGIC


def _with_groups(footer: bytes, rows: int, groups: int, moved: bytes) -> bytes:
    """Copy a footer, with other row groups."""
    reader, whole = _Reader(footer), bytearray()
    for name, kind, head in reader.fields():
        begin = reader.at
        reader.skip(kind)
        whole += head
        if name == _ROWS:
            whole += _integer(rows)
        elif name == _GROUPS:
            whole += _list_head(groups) + moved
        else:
            whole += footer[begin : reader.at]
    return bytes(whole + b"\0")


class _Reader:
    """Reads the compact protocol."""

    __slots__ = ("_data", "at")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def fields(self) -> Iterator[tuple[int, int, bytes]]:
        """Read a struct: each field's id, its type, and its head as it stands. Whoever asks reads its value."""
        name = 0
        while head := self._data[self.at]:
            begin = self.at
            self.at += 1
            delta = head >> 4
            name = name + delta if delta else self.integer()
            yield name, head & 0x0F, self._data[begin : self.at]
        self.at += 1

    def integer(self) -> int:
        """Read an integer with a sign."""
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def list_head(self) -> tuple[int, int]:
        """Read how many there are, and of which type."""
        head = self._data[self.at]
        self.at += 1
        count = head >> 4
        return (self._varint() if count == _LONG_LIST else count), head & 0x0F

    def skip(self, kind: int, *, alone: bool = True) -> None:
        """Pass a value; one that is not alone but in a list or a map has a byte for true or false."""
        if kind in _VARINTS:
            self._varint()
        elif kind == _BINARY:
            size = self._varint()
            self.at += size
        elif kind in _FIXED:
            self.at += _FIXED[kind] if alone else max(1, _FIXED[kind])
        elif kind == _STRUCT:
            for _, inner, _ in self.fields():
                self.skip(inner)
        elif kind in {_LIST, _SET}:
            count, inner = self.list_head()
            for _ in range(count):
                self.skip(inner, alone=False)
        elif kind == _MAP:
            count = self._varint()
            kinds = self._data[self.at] if count else 0
            self.at += bool(count)
            for _ in range(count):
                self.skip(kinds >> 4, alone=False)
                self.skip(kinds & 0x0F, alone=False)
        else:
            message = f"the footer has a value of the unknown type {kind}"
            raise ValueError(message)

    def copied(self, begin: int) -> bytes:
        """Return what was read since then, as it stands."""
        return self._data[begin : self.at]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._data[self.at]) & 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
            self.at += 1
        self.at += 1
        return value | byte << shift


def _copy(reader: _Reader, target: bytearray, known: _Fields, *, move: int, number: int) -> None:
    """Copy a struct, with what it tells of places moved."""
    for name, kind, head in reader.fields():
        target += head
        if name in known.places:
            place = reader.integer()
            target += _integer(place + move if place else 0)  # nothing is at 0: there is none
        elif name == known.number:
            target += _integer(reader.integer() + number)
        elif name in known.inner:
            begin = reader.at
            count = reader.list_head()[0] if kind == _LIST else 1
            target += reader.copied(begin)
            for _ in range(count):
                _copy(reader, target, known.inner[name], move=move, number=number)
        else:
            begin = reader.at
            reader.skip(kind)
            target += reader.copied(begin)
    target.append(0)


def _integer(value: int) -> bytes:
    return _varint(value << 1 if value >= 0 else ~(value << 1))


def _list_head(count: int) -> bytes:
    return bytes([count << 4 | _STRUCT]) if count < _LONG_LIST else bytes([0xF0 | _STRUCT]) + _varint(count)


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:  # noqa: PLR2004  # seven bits a byte
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
