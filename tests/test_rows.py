"""Rows as callers bring them: copied, and weighed, whatever they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from s3dest import RowError
from s3dest.formats.columns import columns_of
from s3dest.rows import Scale, as_row, as_rows, weight_of


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: int
    y: str


class Model(BaseModel):
    """A pydantic model."""

    x: int
    y: str


VALUES = (
    st.none() | st.integers() | st.text(max_size=9) | st.binary(max_size=9) | st.lists(st.text(max_size=5), max_size=3)
)
ROWS = st.dictionaries(st.text(max_size=3), VALUES, max_size=5)


def length(value: Any) -> int:
    """Add up what is long in a value, plainly."""
    if isinstance(value, (str, bytes)):
        return len(value)
    return sum(map(length, value)) if isinstance(value, list) else 0


@given(st.lists(ROWS, max_size=8))
def test_a_row_weighs_what_its_texts_do(rows: list[dict[str, object]]) -> None:
    """The same every time, however rows were weighed before it: batches must not depend on what came first."""
    scale = Scale()
    for row in rows:
        plain = sum(map(length, row.values()))
        assert scale.weight(row) == plain
        copied = scale.copied(row) or scale.carefully_copied(row, 0)
        assert copied == (row, plain)
        assert copied[0] is not row
    assert scale.weigh(rows) == sum(map(scale.weight, rows))


@given(st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES}), min_size=1, max_size=8))
def test_columns_weigh_what_their_rows_do(rows: list[dict[str, object]]) -> None:
    """Or a batch would end elsewhere, as rows come in lists or one by one; what is nested is left to a second look."""
    columns = columns_of(rows)
    assert columns is not None
    nested = any(isinstance(value, list) for row in rows for value in row.values())
    assert weight_of(columns) == (None if nested else Scale().weigh(rows))


def test_what_is_nested_is_copied_too() -> None:
    """A caller may change it before it is encoded."""
    row = {"a": [1, {"b": bytearray(b"x")}], "c": memoryview(b"y")}
    assert Scale().copied(row) is None
    copied, _ = Scale().carefully_copied(row, 0)
    row["a"][1]["b"][0] = 0  # type: ignore[index]
    assert copied == {"a": [1, {"b": bytearray(b"x")}], "c": b"y"}


@pytest.mark.parametrize("row", [MappingProxyType({"x": 1, "y": "a"}), Point(1, "a"), Model(x=1, y="a")])
def test_rows_of_every_kind_are_mappings(row: Any) -> None:
    """Dataclasses of their fields, models of what they dump."""
    assert Scale().copied(row) is None
    assert Scale().carefully_copied(row, 0) == ({"x": 1, "y": "a"}, 1)
    assert [dict(mapping) for mapping in as_rows([row, {"z": 1}], 0)] == [{"x": 1, "y": "a"}, {"z": 1}]


@pytest.mark.parametrize("row", [None, 1, "text", ["a"], Point, Model])
def test_what_is_no_row_is_refused(row: Any) -> None:
    """With its number."""
    with pytest.raises(RowError) as caught:
        as_row(row, 7)
    assert caught.value.row == 7
    assert Scale().weight(row) == 0


def test_a_guess_looks_at_some_rows() -> None:
    """It finds what is heavy on the whole; single rows may escape it, since they are in memory anyway."""
    heavy: list[Mapping[str, object]] = [{"a": "x" * 1000}] * 100
    light: list[Mapping[str, object]] = [{"a": "x"}] * 100
    assert Scale().guess(heavy) > 100_000
    assert Scale().guess(light) < 200


def test_kinds_of_rows_are_not_remembered_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that all differ would fill the memory."""
    monkeypatch.setattr("s3dest.rows._KINDS_AT_MOST", 10)
    scale = Scale()
    for number in range(100):
        scale.weight(dict.fromkeys(range(number), "x"))
        assert len(scale._long) <= 10
