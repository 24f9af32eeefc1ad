"""Hive partitions: rows parted by the values of some columns, which the folder names hold and the rows do not.

What a value's text is: ``None`` and a missing column Hive's default partition; ``bool`` ``true`` and ``false``; ``str``
itself; ``int``, finite ``float`` and ``Decimal`` their digits; ``datetime`` its ISO text with a space, ``date`` and
``time`` their ISO text; ``UUID`` its text; an enum its value. All else is a `RowError`: NaN and Infinity, bytes, nested
values, nanoseconds, half surrogate pairs, a time whose zone has no offset without a date, and the text of the default
partition, which no reader could tell from null.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from s3dest.errors import ConfigError, RowError
from s3dest.formats.arrow import REFUSALS, first_refused, objects_of, require_meaning, settled
from s3dest.formats.encoder import Row, name_refusal, show
from s3dest.formats.iso import iso_datetime, iso_time
from s3dest.formats.values import simple
from s3dest.kind import type_name
from s3dest.schema import Fields, annotations_of

if TYPE_CHECKING:
    import pyarrow as pa

Partition = tuple[tuple[str, str | None], ...]
"""Names of the columns and the texts of their values, in order; ``None`` for null. Empty where nothing is parted."""

DEFAULT: Final = "__HIVE_DEFAULT_PARTITION__"
"""What stands for null in a folder's name (Hive's ``hive.exec.default.partition.name``)."""

_ODD: Final = re.compile(r"[\x00-\x1f\x7f\"#%'*/:=?\\{\[\]^]")
"""What Hive escapes in a folder's name (``FileUtils.escapePathName``)."""

_ONE_TEXT: Final = frozenset({type(None), bool, int, str, dt.date, UUID})
"""Types whose equal values have equal texts: not so 0.0 and -0.0, 1.0 and 1.00, or one instant in two zones."""

_KNOWN_AT_MOST: Final = 100_000
"""Partitions remembered by their values; beyond, the memory is begun anew."""


def folder(partition: Partition) -> str:
    """Write a partition as Hive does, each folder with a slash: ``country=DE/day=8%3A00/``."""
    return "".join(f"{_escape(name)}={DEFAULT if text is None else _escape(text)}/" for name, text in partition)


def _escape(text: str) -> str:
    return _ODD.sub(lambda match: f"%{ord(match[0]):02X}", text)


class Partitioning:
    """Parts rows by some of their columns. Of no use to several threads at once.

    Args:
        names: The columns, outermost folder first.
        longest: UTF-8 bytes that the folders of a key may have.

    Raises:
        ConfigError: They are no column names, or one is there twice.
    """

    def __init__(self, names: Sequence[str], *, longest: int) -> None:
        if isinstance(names, str) or not isinstance(names, Sequence):
            message = "partition_by takes a list of column names."
            raise ConfigError(message, code="partition_by", remedy='For one column, write partition_by=["country"].')
        for name in names:
            if not name or name_refusal(name, 0) is not None:
                message = "partition_by takes names of columns, which are texts of UTF-8 that are not empty."
                raise ConfigError(message, code="partition_by", remedy="Name columns of the rows.")
            if name == "dt":
                message = "The folder dt= is that of the transfer's date; a column of this name cannot be one below it."
                raise ConfigError(message, code="partition_by", remedy="Give the column another name.")
        if len(set(names)) < len(names):
            message = "partition_by has a column twice."
            raise ConfigError(message, code="partition_by", remedy="Name each column once.")
        self.names = tuple(names)
        self._longest = longest
        self._known: dict[tuple[object, ...], Partition] = {}

    def without(self, schema: object) -> object:
        """Take the columns out of a schema that a caller gave: they are in no object.

        Raises:
            ConfigError: The schema's kind is not known.
        """
        if schema is None:
            return None
        if isinstance(schema, Mapping):
            return {name: kind for name, kind in schema.items() if name not in self.names}
        if hasattr(schema, "get_field_index"):
            arrow: pa.Schema = schema
            for name in self.names:
                if name in arrow.names:
                    arrow = arrow.remove(arrow.get_field_index(name))
            return arrow
        if (annotations := annotations_of(schema)) is not None:
            return Fields({name: kind for name, kind in annotations.items() if name not in self.names})
        message = "With partition_by, a schema is a mapping of column names to types, a pydantic model class or a "
        message += "pyarrow schema."
        raise ConfigError(message, code="schema", remedy="Leave out the columns that are parted by.")

    def split(self, rows: Sequence[Row], first_row: int) -> Iterator[tuple[Partition, list[Row], list[int]]]:
        """Part rows; each partition has the rows without the columns, and their numbers, in order.

        Raises:
            RowError: A value has no folder.
        """
        parts: dict[Partition, tuple[list[Row], list[int]]] = {}
        names = self.names
        for number, row in enumerate(rows, first_row):
            values = [row.get(name) for name in names]
            partition = self._partition(values, number)
            part = parts.get(partition)
            if part is None:
                part = parts[partition] = ([], [])
            part[0].append({name: value for name, value in row.items() if name not in names})
            part[1].append(number)
        for partition, (some, numbers) in parts.items():
            yield partition, some, numbers

    def split_arrow(
        self, batch: pa.RecordBatch, first_row: int
    ) -> Iterator[tuple[Partition, pa.RecordBatch, list[int]]]:
        """Part a batch; each partition has its rows in order, without the columns, and their numbers.

        Raises:
            RowError: A value has no folder.
        """
        import pyarrow as pa  # noqa: PLC0415  # whoever has a batch has the library
        import pyarrow.compute as pc  # noqa: PLC0415

        batch = settled(batch, first_row)
        given = set(batch.schema.names)
        require_meaning(batch.select([name for name in self.names if name in given]), first_row)
        groups: Any = pa.array([0] * batch.num_rows, pa.int64())
        columns: list[tuple[Any, list[object]]] = []  # numbers, and what they stand for
        for name in self.names:
            column = batch.column(name) if name in given else pa.nulls(batch.num_rows)
            if pa.types.is_null(column.type):
                column = column.cast(pa.string())
            codes, values = _coded(column, name, first_row)
            columns.append((codes.indices, values))
            # numbered anew with each column: the product of all numbers could be large
            mixed = pc.add(pc.multiply(groups, len(codes.dictionary)), codes.indices.cast(pa.int64()))
            groups = mixed.dictionary_encode().indices.cast(pa.int64())
        order = pc.array_sort_indices(groups)  # stable
        rest = batch.drop_columns([name for name in self.names if name in given])
        counts = pc.value_counts(groups.take(order))
        start = 0
        for count in counts.field("counts").to_pylist():
            places = order.slice(start, count)
            first = places[0].as_py()
            chosen = [values[indices[first].as_py()] for indices, values in columns]
            numbers = pc.add(places.cast(pa.int64()), first_row).to_pylist()
            yield self._partition(chosen, numbers[0]), rest.take(places), numbers
            start += count

    def _partition(self, values: Sequence[object], number: int) -> Partition:
        kinds = tuple(map(type, values))
        if not _ONE_TEXT.issuperset(kinds):
            return self._found(values, number)
        key = (*values, *kinds)  # True is 1 to a dict: the types belong to what is remembered
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _KNOWN_AT_MOST:
                self._known.clear()
            known = self._known[key] = self._found(values, number)
        return known

    def _found(self, values: Sequence[object], number: int) -> Partition:
        partition = tuple((name, _text(value, name, number)) for name, value in zip(self.names, values, strict=True))
        if len(folder(partition).encode()) > self._longest:
            message = f"Row {number}: the folders of its partition would make a key too long for S3."
            raise RowError(message, row=number, column=self.names[-1], remedy="Part by a column of shorter values.")
        return partition


def _coded(column: pa.Array, name: str, first_row: int) -> tuple[pa.DictionaryArray, list[object]]:
    """Number a column's different values, and make Python's objects of them.

    Raises:
        RowError: They are of a type without numbers, or Python has no such value.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    stored = column.storage if isinstance(column, pa.ExtensionArray) else column  # UUIDs are numbered by their bytes
    try:
        codes = stored.dictionary_encode(null_encoding="encode")
    except pa.ArrowNotImplementedError:
        raise _no_folder(first_row, name, column.type) from None
    different = codes.dictionary if stored is column else pa.ExtensionArray.from_storage(column.type, codes.dictionary)
    try:
        return codes, objects_of(different)
    except REFUSALS:
        place = first_refused(len(different), lambda size: objects_of(different.slice(0, size)))
    row = first_row + pc.index(codes.indices, place).as_py()
    raise _no_folder(row, name, column.type)


def _no_folder(row: int, name: str, kind: object) -> RowError:
    message = f"Row {row}, column {show(name)}: no folder can be named after this {kind}."
    return RowError(
        message,
        row=row,
        column=name,
        remedy="Part by a column of texts, numbers, booleans, dates or times, or convert the value.",
    )


def _text(value: object, name: str, number: int) -> str | None:
    if value is None:
        return None
    try:
        text = _plain(value)
        text.encode()
    except (TypeError, ValueError):  # also thousands of digits, and half a surrogate pair
        raise _no_folder(number, name, type_name(value)) from None
    if text == DEFAULT:
        message = f"Row {number}, column {show(name)}: the text is Hive's name for null."
        raise RowError(message, row=number, column=name, remedy="Write None, or another text.")
    return text


def _plain(value: object) -> str:  # a list of types
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float) and math.isfinite(value):
        return float.__repr__(value)
    if isinstance(value, Decimal) and value.is_finite():
        return str(Decimal(value))
    if isinstance(value, dt.datetime):
        if type(value) is not dt.datetime:  # a pandas Timestamp, whose nanoseconds would be in its text or not
            return _plain(simple(value))
        return iso_datetime(value, " ")
    if isinstance(value, dt.time):
        return iso_time(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError
