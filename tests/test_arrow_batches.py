"""Batches that wait to be written: small ones are made one, and none is anybody else's memory."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3dest.formats.arrow_batches import Batches

SCHEMA = pa.schema([("id", pa.int64()), ("text", pa.string()), ("list", pa.list_(pa.int8()))])


def batch_of(numbers: list[int]) -> pa.RecordBatch:
    """Make a batch, which is a slice of a larger one."""
    rows = [{"id": number, "text": "x" * (number % 7), "list": [1] * (number % 3)} for number in [0, *numbers, 0]]
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA).slice(1, len(numbers))


@given(st.lists(st.lists(st.integers(0, 1000), max_size=3), max_size=200), st.booleans())
def test_rows_stay_as_they_are(parts: list[list[int]], own: bool) -> None:  # noqa: FBT001  # hypothesis gives it
    """In their order, however many batches become one; the last can be taken back."""
    batches = Batches()
    for part in parts:
        batches.add(batch_of(part))
        if own:
            batches.own()
    if parts:
        assert batches.pop().to_pylist() == batch_of(parts.pop()).to_pylist()
    numbers = [number for part in parts for number in part]
    table = pa.Table.from_batches(batches, schema=SCHEMA)
    assert table.to_pylist() == batch_of(numbers).to_pylist()
    assert (batches.rows, bool(batches)) == (len(numbers), bool(parts))
    assert batches.nbytes == sum(batch_of(part).nbytes for part in parts)


def test_small_ones_are_few() -> None:
    """Else a thousand of them would cost a hundred times what their values do; large ones are not copied."""
    batches = Batches()
    for number in range(1000):
        batches.add(batch_of([number]))
    assert len(list(batches)) < 30
    large = Batches()
    for _ in range(20):
        large.add(batch_of(list(range(1000))))
    assert len(list(large)) == 20


def addresses(batches: Any) -> set[int]:
    """List the memory that batches are in."""
    buffers = [buffer for batch in batches for column in batch.columns for buffer in column.buffers()]
    return {buffer.address for buffer in buffers if buffer is not None}


@pytest.mark.parametrize("count", [1, 3, 10])
def test_what_was_brought_is_let_go_of(count: int) -> None:
    """Once is enough: what is here already is not copied again."""
    batches, brought = Batches(), [batch_of(list(range(50))) for _ in range(count)]
    for batch in brought:
        batches.add(batch)
    batches.own()
    assert addresses(batches).isdisjoint(addresses(brought))
    before = addresses(batches)
    batches.own()
    assert addresses(batches) == before
    batches.pop()
    again = batch_of([2])
    batches.add(again)
    batches.own()
    assert addresses(batches).isdisjoint(addresses([again]))
    more = batch_of([1])
    batches.add(more)
    batches.own()
    assert addresses(batches).isdisjoint(addresses([more]))
