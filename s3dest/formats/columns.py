"""Rows as columns: all at once where they are alike, which costs a fraction of looking at each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Self


@dataclass(frozen=True, slots=True)
class Values:
    """A column's values, in order."""

    values: list[object]
    kinds: frozenset[type]
    """The types that occur."""

    @classmethod
    def of(cls, values: list[object]) -> Self:
        """Look which types there are."""
        return cls(values, frozenset(map(type, values)))


Columns = dict[str, Values]
"""Columns by name, one at least, of equal length."""


def columns_of(rows: Sequence[Mapping[str, object]]) -> Columns | None:
    """Turn rows into columns if all are dicts with the same keys, in any order, and have any; else ``None``."""
    first = rows[0]
    if not first or set(map(type, rows)) != {dict} or set(map(len, rows)) != {len(first)}:
        return None
    try:
        return {name: Values.of(list(map(itemgetter(name), rows))) for name in first}
    except KeyError:
        return None
