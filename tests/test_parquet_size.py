"""Parquet's size: objects keep their limit, whatever their columns, and tables come back."""

from __future__ import annotations

import datetime as dt
import io
import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from encoding import encoded
from hypothesis import given, settings
from hypothesis import strategies as st

from s3dest.formats.parquet import Parquet

UTC = dt.UTC


def read(data: bytes) -> pa.Table:
    """Read one object."""
    return pq.read_table(io.BytesIO(data))


SCALARS: list[Any] = [
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.int8(), st.integers(-128, 127)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.bool_(), st.booleans()),
    (pa.string(), st.text(st.characters(codec="utf-8"), max_size=6)),
    (pa.binary(), st.binary(max_size=6)),
    (pa.date32(), st.dates()),
    (pa.timestamp("us"), st.datetimes()),
    (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(UTC))),
    (pa.time64("us"), st.times()),
    (pa.decimal128(20, 2), st.decimals(-1000, 1000, places=2)),
    (pa.null(), st.none()),
]


@st.composite
def columns(draw: Any, length: int, depth: int = 2) -> tuple[pa.DataType, list[Any]]:
    """Generate a column of any type."""
    shape = draw(st.integers(0, 3)) if depth else 0
    if shape == 1:
        kind, inner = draw(columns(2 * length, depth - 1))
        return pa.list_(kind), [
            draw(st.none() | st.just(inner[2 * n : 2 * n + 2]) | st.just([])) for n in range(length)
        ]
    if shape == 2:
        fields = [draw(columns(length, depth - 1)) for _ in range(2)]
        values = [dict(zip("ab", pair, strict=True)) for pair in zip(*(items for _, items in fields), strict=True)]
        return pa.struct([("a", fields[0][0]), ("b", fields[1][0])]), values
    kind, values = draw(st.sampled_from(SCALARS))
    return kind, draw(st.lists(st.none() | values, min_size=length, max_size=length))


@st.composite
def tables(draw: Any) -> pa.Table:
    """Generate a table."""
    rows = draw(st.integers(1, 9))
    found = {f"c{number}": draw(columns(rows)) for number in range(draw(st.integers(1, 4)))}
    return pa.table({name: pa.array(values, kind) for name, (kind, values) in found.items()})


@settings(max_examples=25)
@given(tables(), st.integers(1, 9), st.sampled_from(["zstd", "snappy", "none"]), st.integers(1, 4))
def test_tables_come_back_within_the_bound(table: pa.Table, step: int, compression: Any, group: int) -> None:
    """As Arrow data and as rows; equal ones give equal bytes; and the end is never larger than was said."""
    file_format = Parquet(compression=compression, row_group_rows=group)
    batches = table.to_batches(max_chunksize=step)
    encoder = file_format.encoder()
    size = bound = 0
    pieces = []
    for batch in batches:
        encoder.encode_arrow(batch, first_row=0)
        taken = encoder.take_group()
        if taken is not None:
            pieces.append(taken.write())
            assert len(pieces[-1]) <= taken.most
            size += len(pieces[-1])
        bound = size + encoder.pending
    data = b"".join([*pieces, encoder.finish()])
    assert len(data) <= bound
    assert read(data).to_pylist() == table.to_pylist()
    assert encoded(file_format, *batches) == data
    again = encoded(file_format, *(batch.to_pylist() for batch in batches), schema=table.schema)
    assert read(again).to_pylist() == table.to_pylist()
    assert read(again).schema.equals(read(data).schema)


@pytest.mark.parametrize(
    "rows",
    [
        [{f"column {number}": number for number in range(500)}],
        [{"x" * 3000: number} for number in range(200)],
        [{"a": f"{number}" * 800} for number in range(200)],
        [{"a": [number] * 50} for number in range(200)],
        [{"a": [[]] * 200}] * 20,
        [{"a": number % 2 == 0, "b": number} for number in range(500)],
    ],
    ids=["many columns", "long name", "long texts", "lists", "empty lists", "small values"],
)
@pytest.mark.parametrize("group", [1, 10**6])
def test_the_end_is_never_larger_than_was_said(rows: list[Any], group: int) -> None:
    """Names, statistics and levels count."""
    encoder = Parquet(compression="none", row_group_rows=group).encoder()
    size = len(encoder.encode(rows, first_row=0))
    bound = encoder.pending
    assert len(encoder.finish()) <= bound
    assert bound + size < 200_000 + 1500 * len(rows) * (1 + len(rows[0])) + 10 * len(str(rows))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_runs_of_nulls_between_others_are_the_worst_levels(depth: int) -> None:
    """Packed by eight, then a run of eight: half of the bytes say what follows."""
    values: list[Any] = ([None, 1] * 4 + [1] * 8) * 5_000
    for _ in range(depth - 1):
        values = [[value] for value in values]
    encoder = Parquet(compression="none").encoder()
    encoder.encode_arrow(pa.record_batch({"a": pa.array(values)}), first_row=0)
    bound = encoder.pending
    assert len(encoder.finish()) <= min(bound, depth * len(values) // 2)


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_dictionaries_stay_within_the_bound(compression: Any) -> None:
    """One that is full beside indices and what came after it; long texts make it larger than its limit."""
    source = random.Random(2)  # noqa: S311
    for texts in (
        [f"{number:06}" for number in range(300_000)],
        [source.randbytes(4).hex() for _ in range(100_000)],
        [source.randbytes(2000).hex() for _ in range(3000)],
    ):
        encoder = Parquet(compression=compression).encoder()
        encoder.encode_arrow(pa.record_batch({"a": pa.array(texts)}), first_row=0)
        bound = encoder.pending
        assert len(encoder.finish()) <= bound < 1.1 * sum(map(len, texts)) + 5 * len(texts) + 900_000


def test_incompressible_columns_stay_within_the_bound() -> None:
    """Small types, with a dictionary that is of no use, are the worst."""
    source = random.Random(1)  # noqa: S311
    numbers = [source.getrandbits(15) for _ in range(100_000)]
    table = pa.table(
        {"a": pa.array(numbers, pa.int16()), "b": [number * 2**40 + n for n, number in enumerate(numbers)]}
    )
    for compression in ("none", "snappy", "zstd"):
        encoder = Parquet(compression=compression).encoder()
        (batch,) = table.to_batches()
        encoder.encode_arrow(batch, first_row=0)
        bound = encoder.pending
        size = len(encoder.finish())
        assert size <= bound < 4 * table.nbytes
