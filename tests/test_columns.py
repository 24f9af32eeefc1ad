"""Rows to columns, all at once."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from s3dest.formats.columns import columns_of

ROWS = st.lists(st.dictionaries(st.sampled_from("abc"), st.one_of(st.none(), st.integers(), st.text())), min_size=1)


@given(ROWS, st.sampled_from([(), ("a",), ("c", "a", "b")]))
def test_columns_are_those_of_rows_that_are_alike(rows: list[dict[str, Any]], names: tuple[str, ...]) -> None:
    """Whatever order a row has its keys in; others are looked at one by one."""
    if names:  # else hardly any are alike
        rows = [{name: row.get(name) for name in sorted(names, key=lambda name: (name in row, name))} for row in rows]
    columns = columns_of(rows)
    keys = set(map(frozenset, rows))
    if len(keys) > 1 or not all(keys):
        assert columns is None
        return
    assert columns is not None
    assert list(columns) == list(rows[0])
    for name, column in columns.items():
        assert column.values == [row[name] for row in rows]
        assert column.kinds == {type(row[name]) for row in rows}


def test_as_many_keys_in_all_are_not_the_same_keys() -> None:
    """They might even follow each other as if they were."""
    assert columns_of([{"a": 1, "b": 2}, {"a": 3}, {"b": 4}]) is None
    assert columns_of([{"a": 1}, {"a": 2, "b": 3}]) is None
    assert columns_of([{"a": 1, "b": 2}, {"a": 3, "b": 4, "c": 5}]) is None
