"""Parquet by a schema of the caller's: what fits it is kept, and what does not is refused."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from encoding import encoded, read

from s3dest import Parquet, RowError

UTC = dt.UTC
NOON = dt.datetime(2026, 11, 23, 12)  # noqa: DTZ001  # a naive one is the point
FORMAT = Parquet()

FITS: list[tuple[Any, pa.DataType, Any]] = [
    (1, pa.int8(), 1),
    (2**64 - 1, pa.uint64(), 2**64 - 1),
    (2**70, pa.decimal128(38, 2), Decimal(2**70)),
    (1, pa.float64(), 1.0),
    (0.1, pa.float32(), 0.10000000149011612),
    ("a", pa.large_string(), "a"),
    (b"ab", pa.binary(2), b"ab"),
    (NOON, pa.timestamp("s"), NOON),
    (NOON.replace(tzinfo=UTC), pa.timestamp("ms", "Asia/Kolkata"), NOON.replace(tzinfo=UTC)),
    (dt.time(12), pa.time32("s"), dt.time(12)),
    ({"a": 1}, pa.map_(pa.string(), pa.int64()), [("a", 1)]),
    ([("a", 1)], pa.map_(pa.string(), pa.float64()), [("a", 1.0)]),
    ({}, pa.map_(pa.string(), pa.int64()), []),
    ({"b": 1}, pa.struct([("a", pa.string()), ("b", pa.int16())]), {"a": None, "b": 1}),
    ([1], pa.list_(pa.int32()), [1]),
    ("a", pa.dictionary(pa.int32(), pa.string()), "a"),
    (uuid.UUID(int=1), pa.string(), str(uuid.UUID(int=1))),
    (None, pa.int8(), None),
]


@pytest.mark.parametrize(("value", "kind", "back"), FITS, ids=[str(kind) for _, kind, _ in FITS])
def test_a_schema_is_kept(value: Any, kind: pa.DataType, back: Any) -> None:
    """A value that fits a column's type is stored in it."""
    table = read(encoded(FORMAT, [{"a": value}], schema=pa.schema([("a", kind)])))
    assert table.column("a").to_pylist() == [back]


MISFITS: list[tuple[Any, pa.DataType]] = [
    (128, pa.int8()),
    (1.5, pa.int64()),
    (Decimal("0.1"), pa.int64()),
    (True, pa.int64()),
    (True, pa.float64()),
    (True, pa.decimal128(5, 2)),
    (1, pa.bool_()),
    (1, pa.string()),
    (b"a", pa.string()),
    ("a", pa.binary()),
    (b"abc", pa.binary(2)),
    (1e300, pa.float32()),
    ([1e300], pa.list_(pa.float32())),
    (Decimal("1.5"), pa.float64()),
    (Decimal("1.555"), pa.decimal128(5, 2)),
    (2**53 + 1, pa.float64()),
    (2**24 + 1, pa.float32()),
    (2049, pa.float16()),
    ([2049], pa.list_(pa.float16())),
    ({"x": 2049}, pa.struct([("y", pa.int8()), ("x", pa.float16())])),
    ([0.5, 2**24 + 1], pa.list_(pa.float32())),
    (math.nan, pa.int64()),
    (NOON, pa.date32()),
    (NOON.date(), pa.timestamp("us")),
    (12, pa.timestamp("us")),
    (12, pa.date32()),
    (NOON.replace(microsecond=5), pa.timestamp("ms")),
    (NOON, pa.timestamp("us", "UTC")),
    (NOON.replace(tzinfo=UTC), pa.timestamp("us")),
    (dt.datetime(1, 1, 1), pa.timestamp("ns")),  # noqa: DTZ001
    (dt.time(12, 0, 0, 5), pa.time32("ms")),
    ({"a": 1, "z": 1}, pa.struct([("a", pa.int64())])),
    ([{"z": 1}], pa.list_(pa.struct([("a", pa.int64())]))),
    ({"a": "b"}, pa.map_(pa.string(), pa.int64())),
    ({1: 1}, pa.map_(pa.string(), pa.int64())),
]


@pytest.mark.parametrize(("value", "kind"), MISFITS, ids=[f"{value!a}-{kind}" for value, kind in MISFITS])
def test_what_a_schema_has_no_place_for_is_refused(value: Any, kind: pa.DataType) -> None:
    """Though pyarrow would round, cut or drop most of these."""
    schema = pa.schema([("a", kind)])
    with pytest.raises(RowError, match="column 'a'") as caught:
        encoded(FORMAT, [{"a": None}, {"a": value}], schema=schema)
    assert (caught.value.row, caught.value.column) == (1, "a")


@pytest.mark.parametrize(
    ("first", "value", "why"),
    [
        (1, "x", "this str does not go with the values before it"),
        (1, 1j, "this complex has no type in Parquet"),
        (1j, 1j, "this complex has no type in Parquet"),
    ],
)
def test_what_is_refused_alone_does_not_blame_others(first: Any, value: Any, why: str) -> None:
    """Row 0 has none before it."""
    with pytest.raises(RowError, match=why):
        encoded(FORMAT, [{"a": first}, {"a": value}])


@pytest.mark.parametrize(("kind", "number"), [(pa.float16(), 2049), (pa.float32(), 2**24 + 1)], ids=str)
def test_an_integer_is_never_rounded(kind: pa.DataType, number: int) -> None:
    """Whatever floats it stands beside, which are; nor is one of Arrow data."""
    schema = pa.schema([("a", kind)])
    fine = [{"a": number - 1}, {"a": 1 / 3}]
    assert read(encoded(FORMAT, fine, schema=schema))["a"].to_pylist()[0] == number - 1
    for bad in ([*fine, {"a": number}], pa.record_batch({"a": [number - 1, None, number]})):
        with pytest.raises(RowError, match="column 'a'") as caught:
            encoded(FORMAT, bad, schema=schema)
        assert caught.value.row == 2


def test_a_column_without_nulls_takes_none() -> None:
    """Neither None nor a row without it, nor Arrow data with a null."""
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False), pa.field("b", pa.int64())])
    assert read(encoded(FORMAT, [{"a": 1}], schema=schema)).to_pylist() == [{"a": 1, "b": None}]
    null = pa.record_batch({"a": pa.array([1, None])})
    for bad in ([{"a": 1}, {"a": None}], [{"a": 1}, {"b": 1}], null, pa.record_batch({"a": ["x", None]})):
        with pytest.raises(RowError, match="allows no null") as caught:
            encoded(FORMAT, bad, schema=schema)
        assert (caught.value.row, caught.value.column) == (1, "a")
    with pytest.raises(RowError, match=r"Row 0, column 'a'.*allows no null"):
        encoded(FORMAT, pa.record_batch({"a": pa.nulls(2, pa.string())}), schema=schema)


@pytest.mark.parametrize("kind", [pa.int64(), pa.string(), pa.list_(pa.int8()), pa.timestamp("us", "UTC")], ids=str)
@pytest.mark.parametrize(
    "given", [pa.struct([("x", pa.int8())]), pa.list_(pa.string()), pa.binary(16), pa.bool_(), pa.null()], ids=str
)
def test_a_null_fits_whatever_type_it_comes_with(given: pa.DataType, kind: pa.DataType) -> None:
    """A column of nothing else says nothing about its values; pyarrow casts only some of them."""
    batch = pa.record_batch({"a": pa.nulls(2, given)})
    table = read(encoded(FORMAT, batch, schema=pa.schema([("a", kind)])))
    assert (table["a"].to_pylist(), table["a"].type) == ([None, None], kind)
