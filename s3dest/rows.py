"""Rows as callers bring them: read as mappings, copied, and weighed, so that no batch of them is large."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from enum import Enum
from itertools import compress
from typing import Any, Final, cast
from uuid import UUID

from s3dest.errors import RowError, S3DestError
from s3dest.formats.columns import Columns
from s3dest.formats.encoder import Row, RowLike, show
from s3dest.formats.values import fields_of, is_record
from s3dest.kind import converted, kind_of, type_name

_ITEM: Final = 8  # bytes of one item of what is nested, beside its text: of a list of numbers, say
_ENOUGH: Final = 16 * 1024 * 1024  # bytes of a row beyond which it is not weighed on: it may hold itself

_LONG: Final = frozenset({str, bytes, bytearray})
_IMMUTABLE: Final[frozenset[type]] = frozenset(
    {str, bytes, int, float, bool, type(None), Decimal, dt.datetime, dt.date, dt.time, dt.timedelta, UUID}
)
_FLAT: Final = _IMMUTABLE | _LONG
_NEVER_CHANGED: Final[tuple[type, ...]] = (*(_IMMUTABLE - {bool, type(None)}), Enum)  # subclasses of these, too

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
        if column.kinds == {str}:
            weight += len("".join(long))  # faster than to ask each
        elif column.kinds <= _LONG:
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
    """Read the columns of a mapping, a dataclass or a pydantic model, once: what its class raises is raised here.

    Raises:
        RowError: It is none of these, or does not give its columns.
    """
    if type(row) is dict:
        return row
    try:
        return _read(row, number)
    except S3DestError:
        raise
    except Exception as error:
        # whatever a foreign class raises when it is read; its text may tell a value
        message = f"Row {number} is {kind_of(row)} that does not give its columns: {type(error).__name__}."
        remedy = "Make a dict of the row before it is written, or fix what computes its columns."
        raise RowError(message, row=number, remedy=remedy) from error


def _read(row: RowLike, number: int) -> Row:
    if isinstance(row, Mapping):
        return dict(row)
    if is_record(row):
        try:
            return fields_of(row)
        except TypeError:
            raise _unset(row, number) from None
    what = kind_of(row)
    if hasattr(row, "model_dump") and not isinstance(row, type):
        dumped: object = row.model_dump(by_alias=True, warnings="none")
        if isinstance(dumped, Mapping):
            return dict(dumped)
        what = f"{what} that dumps {kind_of(dumped)}"
    message = f"Row {number} is {what}, not a mapping of column names to values."
    remedy = f"Rows are mappings, dataclasses or pydantic models. {_way(row)}".rstrip()
    raise RowError(message, row=number, remedy=remedy)


def _way(row: object) -> str:
    """Say how to write what is no row, where it is known."""
    if hasattr(type(row), "_asdict"):
        return "Write its _asdict()."
    if hasattr(type(row), "keys"):  # sqlite3's own rows
        return "Write dict(row)."
    if isinstance(row, (list, tuple)) and all(isinstance(item, Mapping) for item in row):
        return "For several at once, there is write_many()."
    if isinstance(row, (list, tuple)):
        return "Of a cursor's, make a dict: dict(zip(names, row))."
    arrow = hasattr(row, "__arrow_c_stream__") or hasattr(row, "__arrow_c_array__")
    return "For tables and data frames, there is write_arrow()." if arrow else ""


def _unset(row: Any, number: int) -> RowError:  # noqa: ANN401  # a dataclass
    name = next(field.name for field in fields(row) if not hasattr(row, field.name))
    message = f"Row {number}, column {show(name)}: this field of the {type(row).__name__} was never set."
    return RowError(message, row=number, column=name, remedy="Set it, to None say, or give it a default.")


def _copy(value: object, number: int, column: str) -> object:
    try:
        return _copied(value)
    except Exception as error:
        # whatever a foreign class raises when it is copied, or a nesting without end
        message = f"Row {number}, column {show(column)}: this {type_name(value)} cannot be copied."
        raise RowError(message, row=number, column=column, remedy=f"{converted(value)}.") from error


def _copied(value: object) -> object:
    kind = type(value)
    if kind in _IMMUTABLE or isinstance(value, _NEVER_CHANGED):
        return value
    if kind is list:
        return list(map(_copied, cast("list[object]", value)))
    if kind is dict:
        return {name: _copied(inner) for name, inner in cast("dict[object, object]", value).items()}
    if isinstance(value, memoryview):
        return bytes(value)
    try:
        return copy.deepcopy(value)
    except Exception:
        # what stands for a mapping or a list is one, whether Python can copy it or not
        if isinstance(value, Mapping):
            return {name: _copied(inner) for name, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return list(map(_copied, value))
        if is_record(value):
            return {name: _copied(inner) for name, inner in fields_of(value).items()}
        raise


def _weight(row: object) -> int:
    if not isinstance(row, Mapping):
        return 0
    weight = 0
    nested: list[Collection[object]] = [row.values()]
    while nested and weight < _ENOUGH:
        values = nested.pop()
        kinds = set(map(type, values))
        if not kinds.isdisjoint(_LONG):
            long: Collection[Any] = values
            weight += sum([len(value) for value in long if type(value) in _LONG])
        if kinds <= _FLAT:
            continue
        for value in values:
            if type(value) in _FLAT:
                continue
            if isinstance(value, (str, bytes, bytearray)):
                weight += len(value)
            elif isinstance(value, memoryview):
                weight += value.nbytes
            elif (parts := _parts(value)) is not None:
                weight += _ITEM * len(parts)
                nested.append(parts)
    return weight


def _parts(value: object) -> Collection[object] | None:
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, Mapping):
        return [*value, *value.values()]
    if is_record(value):
        return [getattr(value, field.name, None) for field in fields(value)]
    return None
