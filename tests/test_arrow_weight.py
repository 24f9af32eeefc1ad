"""What Arrow data weighs once it is decoded, and how it is cut before it is."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from s3dest import RowError
from s3dest.formats.arrow import batches, settled
from s3dest.formats.arrow_weight import light_head

KIB = 1024
ROWS = 2000
LONG = "y" * KIB


def many(values: Any, indices: Any = None) -> pa.Array:
    """Make a dictionary whose first value, or what the indices choose, stands for many rows."""
    return pa.DictionaryArray.from_arrays(pa.array(indices or [0] * ROWS, pa.int32()), values)


def each(values: Any) -> pa.Array:
    """Make a list of one value for each row."""
    return pa.ListArray.from_arrays(pa.array(range(ROWS + 1), pa.int32()), values)


def views() -> pa.Array:
    """Make texts of polars that all lie in one place."""
    frame = pl.DataFrame({"id": range(ROWS)}).with_columns(a=pl.lit(LONG))
    (batch,) = batches(frame.select("a"))
    return batch.column(0)


def shared_lists() -> pa.Array:
    """Make lists that all are the same part of what is there."""
    return pa.ListViewArray.from_arrays([0] * ROWS, [1] * ROWS, pa.array([LONG]))


SHORT: dict[str, Any] = {
    "dictionary": lambda: many(pa.array([LONG, None])),
    "dictionary of views": lambda: many(pa.array([LONG], pa.string_view())),
    "dictionary of lists": lambda: many(pa.array([[LONG]])),
    "runs": lambda: pa.RunEndEncodedArray.from_arrays([ROWS], pa.array([LONG.encode()])),
    "views": views,
    "views of lists": shared_lists,
    "list": lambda: each(many(pa.array([LONG]))),
    "struct": lambda: pa.StructArray.from_arrays([many(pa.array([LONG]))], ["x"]),
    "map": lambda: pa.MapArray.from_arrays(range(ROWS + 1), pa.array(["k"] * ROWS), many(pa.array([LONG]))),
}


@pytest.mark.parametrize("kind", SHORT)
def test_what_is_decoded_is_not_large(kind: str) -> None:
    """Whatever part of a batch it is, and however short it is now."""
    batch = pa.record_batch({"id": range(ROWS), "a": SHORT[kind]()})
    start = 0
    while start < ROWS:
        some = light_head(batch.slice(start), 100 * KIB)
        assert 40 <= some.num_rows <= 100 or start + some.num_rows == ROWS
        plain = settled(some, 0).column("a")
        assert plain.nbytes < 110 * KIB
        start += some.num_rows


@pytest.mark.parametrize("heavy", [0, 999, 1999])
def test_one_long_value_stands_for_few_rows(heavy: int) -> None:
    """Those beside it do not hide it."""
    values = pa.array(["", "z" * 1000 * KIB])
    batch = pa.record_batch({"a": many(values, [int(row in range(heavy, heavy + 9)) for row in range(ROWS)])})
    start, sizes = 0, []
    while start < ROWS:
        some = light_head(batch.slice(start), KIB)
        sizes.append(settled(some, 0).column(0).nbytes)
        start += some.num_rows
    assert max(sizes) < 1010 * KIB
    assert len(sizes) < 100


def test_one_long_nested_value_stands_for_few_rows() -> None:
    """As many short ones beside it do not hide."""
    values = pa.array([[], ["z" * 1000 * KIB], *[[]] * 3000])
    batch = pa.record_batch({"a": many(values, [int(row % 2) for row in range(ROWS)])})
    assert light_head(batch, 5000 * KIB).num_rows <= 12


def test_what_cannot_be_weighed_is_a_typed_error() -> None:
    """Lists that all are null hide values that pyarrow can make no empty column of."""
    hidden = pa.ListArray.from_arrays([0, 1, 2], many(pa.array([{"a": 1}]), [0, 0]), mask=pa.array([True, True]))
    batch = pa.record_batch({"a": hidden})
    assert light_head(batch, 1) is batch
    with pytest.raises(RowError):
        settled(batch, 0)


def test_values_are_not_looked_at_for_each_row() -> None:
    """Slices are a share of what the values take, or a million of them would be read for every few rows."""
    values = pa.array([f"{number:0{KIB}}" for number in range(800)])
    assert light_head(pa.record_batch({"a": many(values, list(range(800)))}), 1).num_rows >= 50


def test_plain_data_is_taken_as_it_is() -> None:
    """And so is what is light, empty or broken."""
    plain = pa.record_batch({"a": [LONG] * ROWS, "b": pa.array([[1]] * ROWS)})
    assert light_head(plain, 1) is plain
    broken = pa.Array.from_buffers(pa.string(), 3, pa.array([b"a", b"\xff", b"c"]).buffers())
    beyond = pa.DictionaryArray.from_arrays(pa.array([7] * ROWS, pa.int32()), pa.array(["x"]), safe=False)
    for column in (beyond, many(pa.array(["x"])), many(pa.array([], pa.string()), [None]), many(broken), views()[:0]):
        batch = pa.record_batch({"a": column})
        assert light_head(batch, 100 * KIB).num_rows == batch.num_rows
