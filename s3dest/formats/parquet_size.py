"""How many bytes Arrow data takes at most when it is stored as Parquet: objects must not grow past their limit.

A column is stored as its dictionary and indices, or, when the dictionary grows large, plainly from there on; with
levels for nulls and lists; in pages, each with a header and statistics; and the footer repeats the statistics. An index
is no longer than its value, so that only those of the values in the dictionary come on top.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from s3dest.formats.arrow import require_pyarrow

if TYPE_CHECKING:
    import pyarrow as pa

_LEVELS: Final = 0.5
"""Bytes a value, for each level of nesting: bits for nulls and lists, packed by eight or as the length of a run. Short
runs between packed ones are the worst, and take 0.25 (measured)."""

_INDEX: Final = 3
"""Bytes of an index into a dictionary of a megabyte, at most: 20 bits."""

_DICTIONARY_ROWS: Final = 1024
"""Values after which pyarrow looks again how large a dictionary has grown."""

DICTIONARY: Final = 1024 * 1024
"""Bytes above which pyarrow adds nothing to a dictionary, by default."""

_PAGE: Final = 1024 * 1024
_PAGE_ROWS: Final = 20_000
"""Where pyarrow ends a page, in bytes and in rows."""

_HEADER: Final = 256
"""Bytes of a page's header, or of a column's entry in the footer, without statistics and name (measured: 100)."""

_STATISTIC: Final = 4096
"""Bytes above which pyarrow leaves a smallest or largest value out."""

_SMALLEST: Final = 4
"""Bytes of the smallest Parquet type but for truth values."""


@dataclass(slots=True)
class _Leaf:
    """One column of Parquet, which has no nested ones."""

    name: int
    depth: int
    values: int = 0
    size: int = 0
    width: int = 0

    def add(self, array: Any) -> None:  # noqa: ANN401  # an array of pyarrow
        self.values += len(array)
        try:
            width = -(-array.type.bit_width // 8)
        except ValueError:  # of no fixed width
            import pyarrow.compute as pc  # noqa: PLC0415  # with the extra only

            plain = require_pyarrow().types.is_null(array.type)
            self.width = max(self.width, 0 if plain else pc.max(pc.binary_length(array)).as_py() or 0)
            self.size += array.nbytes + (len(array) * _SMALLEST if plain else 0)  # else with lengths of four bytes
        else:
            self.width = max(_SMALLEST, width)
            self.size += len(array) * self.width

    @property
    def statistics(self) -> int:
        return 2 * min(_STATISTIC, self.width)

    def footer(self, groups: int) -> int:
        return groups * (_HEADER + self.statistics + self.name)

    def most(self, groups: int, dictionary: int) -> int:
        pages = 2 * groups + self.size // _PAGE + self.values // _PAGE_ROWS
        entries = min(self.values, groups * (dictionary // _SMALLEST + _DICTIONARY_ROWS))
        levels = int(self.values * _LEVELS * self.depth)
        data = self.size + entries * _INDEX + levels + pages * (_HEADER + self.statistics)
        # what does not shrink grows a little when it is compressed
        return data + data // 64 + self.footer(groups)


class GroupSize:
    """Tells how many bytes row groups take at most when they are stored, with what the footer says about them."""

    def __init__(self, dictionary: int) -> None:
        self._dictionary = dictionary  # bytes above which nothing is added to one
        self._leaves: list[_Leaf] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Take a batch in; all are of one schema."""
        found = [
            leaf
            for field, column in zip(batch.schema, batch.columns, strict=True)
            for leaf in _leaves(column, len(field.name.encode()), 1)
        ]
        if not self._leaves:
            self._leaves = [_Leaf(name, depth) for name, depth, _ in found]
        for leaf, (_, _, array) in zip(self._leaves, found, strict=True):
            leaf.add(array)

    def copy(self) -> GroupSize:
        """Begin another one with what this one has."""
        other = GroupSize(self._dictionary)
        other._leaves = [replace(leaf) for leaf in self._leaves]
        return other

    def most(self, groups: int) -> int:
        """Tell the bytes, if it is stored as so many row groups."""
        return sum(leaf.most(groups, self._dictionary) for leaf in self._leaves)

    def footer(self, groups: int) -> int:
        """Tell the part of it that comes at the end of the object."""
        return sum(leaf.footer(groups) for leaf in self._leaves)


def most_of_schema(schema: pa.Schema) -> int:
    """Tell how many bytes the footer has at most for the schema, which is there twice: Parquet's own, and Arrow's."""
    return 4 * int(schema.serialize().size)


def _leaves(array: Any, name: int, depth: int) -> Iterator[tuple[int, int, Any]]:  # noqa: ANN401  # an array of pyarrow
    types = require_pyarrow().types
    kind = array.type
    if hasattr(array, "storage"):  # of an extension type
        yield from _leaves(array.storage, name, depth)
    elif types.is_struct(kind):
        for number in range(kind.num_fields):
            inner = len(kind.field(number).name.encode()) + 8
            yield from _leaves(array.field(number), name + inner, depth + 1)
    elif types.is_map(kind):
        # an entry of a list has levels of its own, and so has a list without any
        yield from _leaves(_with_gaps(array, array.keys), name + 24, depth + 1)
        yield from _leaves(_with_gaps(array, array.items), name + 24, depth + 1)
    elif types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        yield from _leaves(_with_gaps(array, array.flatten()), name + 24, depth + 1)
    else:
        yield name, depth, array


def _with_gaps(lists: Any, inner: Any) -> Any:  # noqa: ANN401  # arrays of pyarrow
    """Lengthen what is in lists by a null for each list: it may be empty, and takes levels all the same."""
    arrow = require_pyarrow()
    return arrow.concat_arrays([inner, arrow.nulls(len(lists), inner.type)])
