r"""JSON Lines: what each kind of value becomes, what is refused, and that equal rows give equal bytes.

value                        becomes
None                         null
True, "text", 7, 7.5         themselves
datetime, with zone          "2026-11-23T12:00:00+00:00"
datetime, naive              "2026-11-23T12:00:00"
date, time                   "2026-11-23", "12:00:00"
UUID                         "0192f0e4-…"
Decimal("1.10")              "1.10"
an enum                      its value
b"\x00\xff"                  "AP8=" (Base64)
mapping, list, tuple         JSON, nested
a dataclass                  an object of its fields
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import gzip
import json
import math
import re
import types
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import encoding
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3dest import ConfigError, JsonLines, RowError

UTC = dt.UTC
INDIA = dt.timezone(dt.timedelta(hours=5, minutes=30))


class Colour(enum.Enum):
    """An enum of text."""

    RED = "red"


class Level(enum.IntEnum):
    """An enum that is a number."""

    HIGH = 3


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: Any
    y: Any = None


class Lookalike(Mapping[str, object]):
    """A mapping that is no dict."""

    def __init__(self, **values: object) -> None:
        self.values_ = values

    def __getitem__(self, name: str) -> object:
        return self.values_[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


def encoded(*batches: list[Any], compression: Any = "none") -> bytes:
    """Encode batches of rows into one object."""
    return encoding.encoded(JsonLines(compression=compression), *batches)


VALUES = [
    (None, "null"),
    (True, "true"),
    ("text", '"text"'),
    ('ü\u2028\x00\n"\\', '"ü\u2028\\u0000\\n\\"\\\\"'),
    (7, "7"),
    (2**63 - 1, "9223372036854775807"),
    (2**64 - 1, "18446744073709551615"),
    (-(2**63), "-9223372036854775808"),
    (7.5, "7.5"),
    (-0.0, "-0.0"),
    (dt.datetime(2026, 11, 23, 12, tzinfo=UTC), '"2026-11-23T12:00:00+00:00"'),
    (dt.datetime(2026, 11, 23, 12, 0, 0, 5, tzinfo=INDIA), '"2026-11-23T12:00:00.000005+05:30"'),
    (dt.datetime(2026, 11, 23, 12), '"2026-11-23T12:00:00"'),  # noqa: DTZ001  # a naive one is the point
    (dt.date(2026, 11, 23), '"2026-11-23"'),
    (dt.time(12, 0), '"12:00:00"'),
    (uuid.UUID("0192f0e4-0000-7000-8000-000000000000"), '"0192f0e4-0000-7000-8000-000000000000"'),
    (decimal.Decimal("1.10"), '"1.10"'),
    (decimal.Decimal("-0E+3"), '"-0E+3"'),
    (Colour.RED, '"red"'),
    (Level.HIGH, "3"),
    (b"\x00\xff", '"AP8="'),
    (bytearray(b"a"), '"YQ=="'),
    (memoryview(b"a"), '"YQ=="'),
    ([1, [2, (3,)]], "[1,[2,[3]]]"),
    ({"a": {"b": None}}, '{"a":{"b":null}}'),
    (Lookalike(a=1), '{"a":1}'),
    (types.MappingProxyType({"a": 1}), '{"a":1}'),
    (collections.OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
    (Point(1, Point(2)), '{"x":1,"y":{"x":2,"y":null}}'),
]


@pytest.mark.parametrize(("value", "text"), VALUES, ids=[f"{type(value).__name__}-{text}" for value, text in VALUES])
def test_what_a_value_becomes(value: Any, text: str) -> None:
    """As the table at the top says."""
    assert encoded([{"value": value}]) == f'{{"value":{text}}}\n'.encode()


def surrogate() -> str:
    """Make half of a pair, which no UTF-8 holds."""
    return "\ud800"


REFUSED: list[Any] = [
    2**64,
    -(2**63) - 1,
    {1, 2},
    frozenset(),
    1j,
    object(),
    Point,
    {1: "a"},
    {"a": {None: 1}},
    range(3),
    decimal.Decimal("NaN"),
    decimal.Decimal("Infinity"),
    dt.timedelta(1),
    surrogate(),
    [surrogate()],
]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: ascii(value).partition(" at 0x")[0])
@pytest.mark.parametrize("place", [0, 1, 4])
def test_what_cannot_be_written_is_refused(value: Any, place: int) -> None:
    """Naming row and column, and not the value, which is the customer's."""
    rows: list[Any] = [{"fine": number, "ok": None} for number in range(5)]
    rows[place] = {"fine": 1, "odd": value}
    with pytest.raises(RowError) as caught:
        encoded([{"fine": 0}] * 10, rows)
    assert (caught.value.row, caught.value.column) == (10 + place, "odd")
    assert caught.value.__cause__ is None
    assert re.search(r"Row \d+, column 'odd'", str(caught.value))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda value: value,
        lambda value: [1, [value]],
        lambda value: (value,),
        lambda value: {"deep": {"deeper": [{"x": value}]}},
        lambda value: Point(None, [value]),
        lambda value: Lookalike(a=value),
        lambda value: types.MappingProxyType({"a": value}),
        lambda value: [Lookalike(a=[Point(value)])],
    ],
    ids=["plain", "list", "tuple", "dict", "dataclass", "mapping", "proxy", "mixed"],
)
def test_nan_is_refused_at_any_depth(number: float, wrap: Any) -> None:
    """Orjson would write null without a word."""
    with pytest.raises(RowError, match=r"Row 1, column 'odd': JSON has no NaN") as caught:
        encoded([{"odd": None, "fine": "null"}, {"fine": None, "odd": wrap(number)}])
    assert (caught.value.row, caught.value.column) == (1, "odd")


def test_nan_in_an_enum_is_refused() -> None:
    """Its value counts."""
    nowhere = enum.Enum("nowhere", {"FAR": math.inf})
    with pytest.raises(RowError):
        encoded([{"odd": nowhere.FAR}])


def test_nan_among_keys_that_are_null_is_found() -> None:
    """The text may hold the word null in many places."""
    assert encoded([{"null": "null"}]) == b'{"null":"null"}\n'
    with pytest.raises(RowError):
        encoded([{"null": math.nan}])


def test_a_bottomless_value_is_refused() -> None:
    """One that holds itself, or is nested beyond reason."""
    own: list[Any] = []
    own.append(own)
    deep: list[Any] = []
    for _ in range(2000):
        deep = [deep]
    for value in (own, deep):
        with pytest.raises(RowError) as caught:
            encoded([{"odd": value}])
        assert caught.value.column == "odd"


@pytest.mark.parametrize(
    "row", [["a"], "a", b"a", None, 7, ("a", 1), Point(1)], ids=lambda value: repr(value).partition(" at 0x")[0]
)
def test_a_row_is_a_mapping(row: Any) -> None:
    """Anything else would become a line that is no object."""
    with pytest.raises(RowError, match="Row 1 is a") as caught:
        encoded([{"a": 1}, row])
    assert (caught.value.row, caught.value.column) == (1, None)


def test_any_mapping_is_a_row() -> None:
    """Also one that is no dict, and one of a subclass."""
    rows = [
        Lookalike(a=1),
        collections.OrderedDict(a=1),
        collections.defaultdict(int, a=1),
        types.MappingProxyType({"a": 1}),
    ]
    assert encoded(rows) == b'{"a":1}\n' * 4


@pytest.mark.parametrize("name", [1, None, ("a",), b"a"])
def test_a_column_name_is_text(name: Any) -> None:
    """Orjson would refuse; the error says which row."""
    with pytest.raises(RowError, match="column name") as caught:
        encoded([{"a": 1}, {name: 1}])
    assert caught.value.row == 1


def test_a_column_with_half_a_pair_can_be_named() -> None:
    """The error's own text must be printable; the value is not to blame."""
    for value in (1, "text"):
        with pytest.raises(RowError, match="Row 1 has the column name") as caught:
            encoded([{"a": 1}, {surrogate(): value}])
        str(caught.value).encode()


def test_a_row_without_columns_is_a_row() -> None:
    """And no rows are no bytes."""
    assert encoded([{}, {}]) == b"{}\n{}\n"
    assert encoded([]) == b""
    assert encoded() == b""


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
NESTED = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
ROWS = st.lists(st.dictionaries(st.text(), NESTED, max_size=4), max_size=12)


@given(ROWS, st.integers(0, 12))
def test_rows_come_back_as_they_were(rows: list[Any], cut: int) -> None:
    """Each on a line of its own, whatever is inside, and however they were batched."""
    data = encoded(rows)
    assert data.count(b"\n") == len(rows)
    assert [json.loads(line) for line in data.split(b"\n")[:-1]] == rows
    assert encoded(rows[:cut], rows[cut:]) == data
    assert gzip.decompress(encoded(rows[:cut], rows[cut:], compression="gzip")) == data


@given(ROWS)
def test_equal_rows_give_equal_bytes(rows: list[Any]) -> None:
    """The order of columns is the row's own; a copy of everything gives the same."""
    assert encoded(json.loads(json.dumps(rows)), compression="gzip") == encoded(rows, compression="gzip")


@pytest.mark.parametrize(
    ("compression", "extension", "content_type"),
    [("gzip", "jsonl.gz", "application/gzip"), ("none", "jsonl", "application/x-ndjson")],
)
def test_what_a_format_says_of_itself(compression: Any, extension: str, content_type: str) -> None:
    """For keys, headers and the manifest."""
    file_format = JsonLines(compression=compression)
    assert (file_format.name, file_format.compression) == ("jsonl", compression)
    assert (file_format.extension, file_format.content_type) == (extension, content_type)


def test_an_unknown_compression_is_refused() -> None:
    """At once, with the known ones."""
    unknown: Any = "lz4"
    with pytest.raises(ConfigError, match=r"'gzip', 'zstd', 'none', not 'lz4'"):
        JsonLines(compression=unknown)


def test_help_tells_what_values_become() -> None:
    """What help() shows of the class names each kind of value that the tests know."""
    for word in ("null", "datetime", "date", "time", "UUID", "Decimal", "enum", "Base64", "dataclasses", "NaN", "sets"):
        assert word in (JsonLines.__doc__ or "")
