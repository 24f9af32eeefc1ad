"""Rows as callers bring them: copied, and weighed, whatever they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from fake import FakeAws
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, RootModel, computed_field, model_serializer

from s3dest import RowError, StateError
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
    """Add up what is long in a value, plainly, and eight bytes for each item of a list."""
    if isinstance(value, (str, bytes)):
        return len(value)
    return 8 * len(value) + sum(map(length, value)) if isinstance(value, list) else 0


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


@dataclasses.dataclass
class Anything:
    """A dataclass of one field of any type."""

    value: object


class Text(str):
    """A text of a class of its own."""

    __slots__ = ()


class Tuple(NamedTuple):
    """A tuple of a class of its own."""

    text: str


LONG = "x" * 1000

HEAVY: dict[str, Any] = {
    "subclass": Text(LONG),
    "buffer": memoryview(LONG.encode()),
    "dataclass": Point(1, LONG),
    "tuple": Tuple(LONG),
    "deep": [[[[[[[[LONG]]]]]]]],
    "mixed": {"a": [Point(1, Text(LONG))]},
    "proxy": [MappingProxyType({"a": LONG})],
    "key": {LONG: 1},
    "numbers": [0.5] * 125,
}


@pytest.mark.parametrize("kind", HEAVY)
def test_whatever_holds_a_text_is_weighed(kind: str) -> None:
    """Batches of rows that seem to be light would fill the memory."""
    assert 1000 <= Scale().weight({"id": 1, "a": HEAVY[kind]}) < 1100
    assert 1000 <= Scale().carefully_copied({"id": 1, "a": HEAVY[kind]}, 0)[1] < 1100


def test_what_holds_itself_is_heavy() -> None:
    """And weighed in a moment; the formats refuse it."""
    own: list[Any] = []
    own += [own, own]
    assert 2**20 < Scale().weight({"a": own}) < 2**30


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


@pytest.mark.parametrize(
    "value",
    [
        MappingProxyType({"a": 1}),
        [MappingProxyType({"a": 1})],
        Anything(MappingProxyType({"a": [1]})),
        [memoryview(b"y")],
    ],
    ids=["proxy", "in a list", "in a dataclass", "buffer"],
)
@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
def test_what_python_cannot_copy_is_a_value_all_the_same(name: Any, value: Any) -> None:
    """Whether its row comes alone or in a list, and wherever in it."""
    found = []
    for bring in (lambda append, rows: append.write_many(rows), lambda append, rows: list(map(append.write, rows))):
        with FakeAws() as aws, aws.destination() as destination:
            with destination.append("o", transfer_id="x", transfer_date="2026-11-23", format=name) as append:
                bring(append, [{"a": value}] * 70)
            found.append([item.key for item in append.receipt.objects])
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("wrap", [lambda line: line, lambda line: {"x": line}, lambda line: {"x": [line]}])
def test_a_field_that_was_never_set_is_told(wrap: Any, name: Any) -> None:
    """A dataclass may be without it."""
    line = Point(1, "a")
    del line.x
    with FakeAws() as aws, aws.destination() as destination:
        append = destination.append("orders", format=name)
        with pytest.raises(RowError) as caught:
            append.write_many([{"y": 1}, *[wrap(line)] * 70])
        assert (caught.value.row, caught.value.column) == (1, "x")
        append.abort()


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


class Numbers(RootModel[list[int]]):
    """A model that dumps no mapping."""


class Pairs(RootModel[list[tuple[str, int]]]):
    """A model of which a mapping could be made, that has fewer values."""


class Shouting(Model):
    """A model that dumps a text."""

    @model_serializer
    def shout(self) -> str:
        """Dump a text."""
        return self.y.upper()


class Failing(Model):
    """A model that cannot be read."""

    @computed_field
    def z(self) -> int:
        """Fail."""
        message = "a secret"
        raise KeyError(message)


class Torn(Mapping[str, object]):
    """A mapping that has lost what it holds."""

    def __init__(self, error: BaseException) -> None:
        """Lose it in one way."""
        self._error = error

    def __getitem__(self, key: str) -> object:
        """Fail."""
        raise self._error

    def __iter__(self) -> Iterator[str]:
        """Name one column."""
        return iter(["x"])

    def __len__(self) -> int:
        """Count it."""
        return 1


UNREADABLE: dict[str, Any] = {
    "numbers": Numbers([1, 2]),
    "pairs": Pairs([("a", 1), ("a", 2)]),
    "text": Shouting(x=1, y="a"),
    "computed field": Failing(x=1, y="a"),
    "mapping": Torn(RuntimeError("a secret")),
}


WAYS: dict[str, Any] = {
    "one": lambda append, rows: list(map(append.write, rows)),
    "list": lambda append, rows: append.write_many(rows),
    "generator": lambda append, rows: append.write_many(iter(rows)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("partition_by", [[], ["x"]], ids=["", "parted"])
@pytest.mark.parametrize("row", UNREADABLE.values(), ids=UNREADABLE)
def test_what_does_not_give_its_columns_is_refused(aws: FakeAws, row: Any, partition_by: Any, way: str) -> None:
    """With its number, and with what it raised as the cause, whose text is not repeated: it may be of values."""
    rows = [*[{"x": 1}] * 70, *[row] * 20]
    with aws.destination() as destination:
        append = destination.append("orders", partition_by=partition_by)
        with pytest.raises(RowError, match=f"Row 70 is a {type(row).__name__}") as caught:
            WAYS[way](append, rows)
        append.abort()
    assert caught.value.row == 70
    assert "secret" not in str(caught.value)
    assert (caught.value.__cause__ is not None) == (type(row) in {Failing, Torn})


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StateError("closed"), RowError("Row 3 is bad.", row=3)])
def test_what_is_no_fault_of_the_row_is_not_put_down_to_it(error: BaseException) -> None:
    """An interrupt is one, and an error of this library says by itself whose fault it is."""
    with pytest.raises(type(error)) as caught:
        as_row(Torn(error), 7)
    assert caught.value is error


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
