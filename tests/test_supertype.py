"""Types that hold the values of others, by their names."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pyarrow as pa
import pytest

from s3dest.formats.arrow_types import wider
from s3dest.supertype import supertype

STRUCT = pa.struct([("a", pa.int8()), ("b", pa.list_(pa.timestamp("us", "UTC")))])

HELD: list[tuple[list[Any], Any]] = [
    ([pa.null(), pa.null()], pa.null()),
    ([pa.null(), pa.int8()], pa.int8()),
    ([pa.int8(), pa.int32()], pa.int32()),
    ([pa.uint8(), pa.uint16()], pa.uint16()),
    ([pa.uint32(), pa.int8()], pa.int64()),
    ([pa.float16(), pa.float32()], pa.float32()),
    ([pa.int64(), pa.float32(), pa.uint64()], pa.float64()),
    ([pa.decimal128(5, 2), pa.decimal128(10, 5)], pa.decimal128(10, 5)),
    ([pa.decimal128(5, 2), pa.int64()], pa.decimal128(22, 2)),
    ([pa.decimal128(30, 0), pa.decimal128(30, 20)], pa.decimal256(50, 20)),
    ([pa.decimal128(5, 2), pa.decimal256(5, 1)], pa.decimal256(6, 2)),
    ([pa.string(), pa.large_string()], pa.large_string()),
    ([pa.binary(2), pa.binary(3)], pa.binary()),
    ([pa.binary(2), pa.large_binary()], pa.large_binary()),
    ([pa.time32("ms"), pa.time64("us")], pa.time64("us")),
    ([pa.timestamp("ms"), pa.timestamp("us")], pa.timestamp("us")),
    ([pa.timestamp("ms", "UTC"), pa.timestamp("us", "Asia/Tokyo")], pa.timestamp("us", "UTC")),
    ([pa.timestamp("ms", "Asia/Tokyo"), pa.timestamp("us", "Asia/Tokyo")], pa.timestamp("us", "Asia/Tokyo")),
    ([pa.list_(pa.int8()), pa.list_(pa.null())], pa.list_(pa.int8())),
    ([pa.list_(pa.int8()), pa.large_list(pa.float64())], pa.large_list(pa.float64())),
    ([pa.list_(pa.decimal128(5, 2)), pa.list_(pa.decimal128(6, 2))], pa.list_(pa.decimal128(6, 2))),
    ([pa.map_(pa.string(), STRUCT), pa.map_(pa.string(), pa.null())], pa.map_(pa.string(), STRUCT)),
    ([STRUCT, pa.struct([]), pa.struct([("a", pa.int16())])], pa.struct([("a", pa.int16()), *list(STRUCT)[1:]])),
    ([pa.struct([("b", pa.bool_())]), pa.struct([("a", STRUCT)])], pa.struct([("a", STRUCT), ("b", pa.bool_())])),
    (
        [pa.struct([pa.field("a", pa.int8(), nullable=False)]), pa.struct([pa.field("a", pa.int16(), nullable=False)])],
        pa.struct([("a", pa.int16())]),
    ),
    ([pa.struct([pa.field("a", pa.int8(), nullable=False)]), pa.struct([])], pa.struct([("a", pa.int8())])),
]


@pytest.mark.parametrize(("kinds", "held"), HELD, ids=str)
def test_a_type_holds_the_values_of_others(kinds: list[Any], held: Any) -> None:
    """Whichever of them comes first; one object takes them all with it."""
    for order in permutations(map(str, kinds)):
        assert supertype(order) == str(held)
    assert all(wider(held, kind).equals(held) for kind in kinds)


NOT_HELD: list[list[Any]] = [
    [pa.struct([("x, y", pa.int64())]), pa.struct([("x, y", pa.int64()), ("b", pa.int8())])],
    [pa.uint64(), pa.int64()],
    [pa.timestamp("ms"), pa.timestamp("ns")],
    [pa.timestamp("us"), pa.timestamp("us", "UTC")],
    [pa.int64(), pa.string()],
    [pa.bool_(), pa.int8()],
    [pa.date32(), pa.timestamp("s")],
    [pa.decimal128(5, 2), pa.float64()],
    [pa.decimal256(76, 0), pa.decimal256(76, 70)],
    [pa.string(), pa.binary()],
    [pa.list_(pa.uint64()), pa.list_(pa.int64())],
    [pa.map_(pa.string(), pa.int8()), pa.map_(pa.string(), pa.string())],
    [pa.struct([("a", pa.int8())]), pa.struct([("a", pa.string())])],
    [pa.struct([("a", pa.int8())]), pa.list_(pa.int8())],
    [pa.uuid(), pa.string()],
    ["frob", "int64"],
]


@pytest.mark.parametrize("kinds", NOT_HELD, ids=str)
def test_where_no_type_holds_all_none_is_told(kinds: list[Any]) -> None:
    """A type that does not hold a value would be a lie."""
    for order in permutations(map(str, kinds)):
        assert supertype(order) is None


def test_what_is_not_known_is_not_guessed() -> None:
    """Not even beside a type that is."""
    assert supertype([None, None]) is None
    assert supertype([None, "int8"]) is None
