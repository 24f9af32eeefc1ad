"""Rows as callers bring them: read as mappings, copied, and weighed, so that no batch of them is large."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from itertools import compress
from typing import Any, Final, cast
from uuid import UUID

from s3dest.errors import RowError
from s3dest.formats.columns import Columns
from s3dest.formats.encoder import Row, RowLike, show

_DEEPEST: Final = 4  # levels of nesting whose texts are weighed

_LONG: Final = frozenset({str, bytes, bytearray})
_IMMUTABLE: Final = frozenset(
    {str, bytes, int, float, bool, type(None), Decimal, dt.datetime, dt.date, dt.time, dt.timedelta, UUID}
)
_FLAT: Final = _IMMUTABLE | _LONG

_KINDS_AT_MOST: Final = 1000
_STRIDE: Final = 127  # one row in so many is weighed where a guess is enough; a prime, since rows may alternate


class Scale:
    """Weighs rows: adds up the lengths of their texts and binaries, for what else there is in one is small.

    Rows of the same types are weighed alike, so it remembers where such rows have their texts.
    """

    def __init__(self) -> None:
        self._long: dict[tuple[type, ...], tuple[bool, ...] | None] = {}

    def copied(self, row: RowLike) -> tuple[Row, int] | None:
        """Copy a row, since callers reuse them and it is encoded later, and tell its weight; ``None`` if it needs care.

        Called once a row: it costs as much as encoding does.
        """
        if type(row) is not dict:
            return None
        taken = row.copy()
        values = taken.values()
        long = self._long.get(tuple(map(type, values)))
        if long is None:
            return None
        return taken, sum(map(len, compress(values, long)))

    def carefully_copied(self, row: RowLike, number: int) -> tuple[Row, int]:
        """Copy any row, and tell its weight.

        Raises:
            RowError: It is no mapping, or holds something that cannot be copied.
        """
        taken = dict(as_row(row, number))
        if self._places(tuple(map(type, taken.values()))) is not None:
            return taken, self.weight(taken)
        for column, value in taken.items():
            if type(value) not in _IMMUTABLE:
                taken[column] = _copy(value, number, column)
        return taken, _weight(taken)

    def weight(self, row: object) -> int:
        """Weigh a row; what is no mapping weighs nothing."""
        if type(row) is dict:
            long = self._places(tuple(map(type, row.values())))
            if long is not None:
                return sum(map(len, compress(row.values(), long)))
        return _weight(row)

    def weigh(self, rows: Sequence[object]) -> int:
        """Weigh rows together."""
        return sum(map(self.weight, rows))

    def guess(self, rows: Sequence[object]) -> int:
        """Guess from some of them what rows weigh together."""
        return self.weigh(rows[::_STRIDE]) * _STRIDE

    def _places(self, kinds: tuple[type, ...]) -> tuple[bool, ...] | None:
        """Tell which values of a row of these types have a length; ``None`` if one needs more than a look."""
        try:
            return self._long[kinds]
        except KeyError:
            if len(self._long) >= _KINDS_AT_MOST:
                self._long.clear()
            plain = _IMMUTABLE.issuperset(kinds)
            long = self._long[kinds] = tuple(kind in _LONG for kind in kinds) if plain else None
            return long


def weight_of(columns: Columns) -> int | None:
    """Tell what rows weigh together that these are the columns of; ``None`` if some need more than a look."""
    weight = 0
    for column in columns.values():
        if not column.kinds <= _IMMUTABLE:
            return None
        long: list[Any] = column.values
        if column.kinds <= _LONG:
            weight += sum(map(len, long))
        elif column.kinds & _LONG:
            weight += sum([len(value) for value in long if type(value) in _LONG])
    return weight


def as_rows(rows: Sequence[RowLike], first_row: int) -> Sequence[Row]:
    """Read rows as mappings.

    Raises:
        RowError: One is none.
    """
    if set(map(type, rows)) == {dict}:
        return cast("Sequence[Row]", rows)
    return [as_row(row, number) for number, row in enumerate(rows, first_row)]


def as_row(row: RowLike, number: int) -> Row:
    """Read the columns of a mapping, a dataclass or a pydantic model.

    Raises:
        RowError: It is none of these.
    """
    if isinstance(row, Mapping):
        return row
    if not isinstance(row, type):
        if is_dataclass(row):
            return {field.name: getattr(row, field.name) for field in fields(row)}
        if hasattr(row, "model_dump"):
            return row.model_dump(by_alias=True, warnings="none")
    message = f"Row {number} is a {type(row).__name__}, not a mapping of column names to values."
    remedy = "Rows are mappings, dataclasses or pydantic models."
    raise RowError(message, row=number, remedy=remedy)


def _copy(value: object, number: int, column: str) -> object:
    if isinstance(value, memoryview):
        return bytes(value)
    try:
        return copy.deepcopy(value)
    except Exception as error:
        # whatever a foreign class raises when it is copied, or a nesting without end
        message = f"Row {number}, column {show(column)}: this {type(value).__name__} cannot be copied."
        raise RowError(
            message, row=number, column=column, remedy="Convert the value to a plain one before it is written."
        ) from error


def _weight(row: object, depth: int = 0) -> int:
    if not isinstance(row, Mapping):
        return 0
    values = row.values()
    weight = sum([len(value) for value in values if type(value) in _LONG])
    if depth < _DEEPEST and not _FLAT.issuperset(map(type, values)):
        for value in values:
            if isinstance(value, Mapping):
                weight += _weight(value, depth + 1)
            elif isinstance(value, (list, tuple)):
                weight += _weight(dict(enumerate(value)), depth + 1)
    return weight
