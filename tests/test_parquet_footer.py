"""Row groups written side by side and joined are, to the byte, the file that pyarrow writes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3dest.formats.parquet_footer import MAGIC, joined, split


def written(tables: Sequence[pa.Table], **options: Any) -> bytes:
    """Have pyarrow write a file."""
    file = BytesIO()
    with pq.ParquetWriter(file, tables[0].schema, **options) as writer:
        for table in tables:
            writer.write_table(table, row_group_size=1000)
    return file.getvalue()


def side_by_side(tables: Sequence[pa.Table], **options: Any) -> bytes:
    """Have it write a file for each, and join these."""
    parts = [split(memoryview(written([table], **options))) for table in tables]
    return b"".join(
        [MAGIC, *(part.pages for part in parts), joined([(part.footer, len(part.pages)) for part in parts])]
    )


@st.composite
def _tables(draw: st.DrawFn) -> list[pa.Table]:
    names = draw(st.lists(st.sampled_from("abcdefg"), min_size=1, unique=True))
    values: dict[str, st.SearchStrategy[Any]] = {
        "a": st.integers(-(2**63), 2**63 - 1),
        "b": st.text(max_size=5),
        "c": st.booleans(),
        "d": st.floats(),
        "e": st.lists(st.integers(0, 3), max_size=3),
        "f": st.fixed_dictionaries({"x": st.binary(max_size=3), "y": st.none() | st.dates()}),
        "g": st.none(),
    }
    kinds = [
        pa.int64(),
        pa.string(),
        pa.bool_(),
        pa.float64(),
        pa.list_(pa.int8()),
        pa.struct([("x", pa.binary()), ("y", pa.date32())]),
        pa.null(),
    ]
    schema = pa.schema([(name, kinds["abcdefg".index(name)]) for name in names])
    rows = st.lists(st.fixed_dictionaries({name: st.none() | values[name] for name in names}), max_size=8)
    return [pa.Table.from_pylist(some, schema) for some in draw(st.lists(rows, min_size=1, max_size=5))]


@settings(deadline=None)
@given(_tables(), st.sampled_from(["zstd", "snappy", "none"]), st.booleans())
def test_joined_files_are_one_file(tables: list[pa.Table], compression: str, plain: bool) -> None:  # noqa: FBT001  # drawn
    """Whatever is in them, and in how many groups: nested, null, or no rows at all."""
    options = {"compression": compression, "use_dictionary": not plain}
    assert side_by_side(tables, **options) == written(tables, **options)


@pytest.mark.parametrize("options", [{}, {"version": "1.0"}, {"store_schema": False}, {"write_statistics": False}])
def test_wide_and_long_files_are_joined(options: Any) -> None:
    """More columns and groups than the head of a list has room for, and places of several bytes."""
    tables = [
        pa.table(
            {f"column {name}": [f"{name * row * 7919 % 100_003}" * 3 for row in range(rows)] for name in range(40)}
        )
        for rows in (2500, 1, 900, 3000, *range(1, 21))
    ]
    whole = side_by_side(tables, **options)
    assert whole == written(tables, **options)
    assert pq.read_table(BytesIO(whole)).equals(pa.concat_tables(tables))


def test_one_file_is_itself() -> None:
    """Nothing is moved."""
    table = pa.table({"a": range(3000)})
    assert side_by_side([table]) == written([table])


def _footer(*fields: bytes) -> bytes:
    return b"".join(fields) + b"\0"


def test_what_is_not_known_is_copied() -> None:
    """Fields and types that no writer of today uses: what comes after them is found, and they are left alone."""
    unknown = [
        b"\x81",  # 8: true
        b"\x13\x7f",  # 9: a byte
        b"\x17" + struct.pack("<d", 0.5),  # 10
        b"\x19\x21\x01\x02",  # 11: a list of true and false
        b"\x1a\x35\x02\x04\x80\x01",  # 12: a set of integers
        b"\x1b\x01\x81\x01a\x01",  # 13: a map of a text to true
        b"\x1b\x00",  # 14: an empty one
        b"\x08\xc8\x01\x03abc",  # 100, whose number is written out: text
        b"\x1c" + _footer(b"\x15\x08", b"\x19\xf5\x10" + bytes(16)),  # 101: a struct with a long list
    ]
    group = _footer(b"\x19\x0c", b"\x46\x08", b"\x24\x00", *unknown)  # no columns, at 4, the first one

    def footer(groups: bytes, rows: bytes) -> bytes:
        return _footer(b"\x15\x04", b"\x26" + rows, b"\x19" + groups, *(field for field in unknown))

    one = footer(b"\x1c" + group, b"\x0a")
    moved = _footer(b"\x19\x0c", b"\x46\xd8\x0f", b"\x24\x02", *unknown)
    two = footer(b"\x2c" + group + moved, b"\x14")
    assert joined([(one, 1000), (one, 7)]) == two + struct.pack("<I", len(two)) + MAGIC


def test_a_type_of_the_future_is_refused() -> None:
    """Where its value ends cannot be known."""
    with pytest.raises(ValueError, match="unknown type 13"):
        joined([(b"\x1d\x00\x00", 1)])
