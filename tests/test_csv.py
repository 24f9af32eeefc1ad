r"""CSV: what each kind of value becomes, what is refused, and that null, nothing and the text of null stay apart.

value                        becomes
None, a missing key          the null text, without quotes
"text"                       "text", quotes doubled
True, 7, 7.5                 true, 7, 7.5; NaN and Infinity nan, inf, -inf
Decimal("1.10")              1.10
datetime, date, time         "2026-11-23T12:00:00+00:00", "2026-11-23", "12:00:00"
UUID                         "0192f0e4-…"
an enum                      its value
b"\x00\xff"                  "AP8=" (Base64)
mapping, list, tuple         JSON
a dataclass                  JSON of its fields
"""

from __future__ import annotations

import collections
import csv
import datetime as dt
import gzip
import io
import math
import uuid
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from encoding import TEXTS, Colour, Level, Number, Point, Text, encoded, surrogate
from hypothesis import given
from hypothesis import strategies as st

from s3dest import ConfigError, RowError
from s3dest.formats.csv import Csv

PLAIN = Csv(compression="none")
NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


VALUES: list[tuple[Any, str]] = [
    (None, ""),
    (True, "true"),
    (False, "false"),
    ("text", '"text"'),
    ("", '""'),
    ('a "b",\r\nc', '"a ""b"",\r\nc"'),
    (Text("text"), '"text"'),
    (7, "7"),
    (Number(7), "7"),
    (2**80, "1208925819614629174706176"),
    (7.5, "7.5"),
    (1e22, "1e+22"),
    (-0.0, "-0.0"),
    (math.nan, "nan"),
    (-math.inf, "-inf"),
    (NOON, '"2026-11-23T12:00:00+00:00"'),
    (NOON.replace(tzinfo=None, microsecond=5), '"2026-11-23T12:00:00.000005"'),
    (NOON.date(), '"2026-11-23"'),
    (dt.time(12, 0, 0, 10_000), '"12:00:00.010000"'),
    (dt.time(12, tzinfo=dt.UTC), '"12:00:00+00:00"'),
    (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    (Decimal("1.10"), "1.10"),
    (Decimal("-1E+30"), "-1E+30"),
    (Colour.RED, '"red"'),
    (Level.HIGH, "3"),
    (b"\x00\xff", '"AP8="'),
    (bytearray(b"a"), '"YQ=="'),
    (memoryview(b"a"), '"YQ=="'),
    ([1, [None]], '"[1,[null]]"'),
    ((1,), '"[1]"'),
    ({"a": "b"}, '"{""a"":""b""}"'),
    ({"a": dt.time(0, 0, 0, 10_000)}, '"{""a"":""00:00:00.010000""}"'),
    (collections.OrderedDict(a=1), '"{""a"":1}"'),
    (Point(1, [Point(2)]), '"{""x"":1,""_y"":[{""x"":2,""_y"":null}]}"'),
]


@pytest.mark.parametrize(("value", "text"), VALUES, ids=[text for _, text in VALUES])
def test_what_a_value_becomes(value: Any, text: str) -> None:
    """As the table at the top says."""
    assert encoded(PLAIN, [{"id": 1, "value": value}]).decode() == f'"id","value"\r\n1,{text}\r\n'


REFUSED: list[Any] = [
    {1, 2},
    1j,
    object(),
    Point,
    range(3),
    {1: "a"},
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("-Infinity"),
    dt.timedelta(1),
    dt.time(12, tzinfo=ZoneInfo("Europe/Amsterdam")),
    10**5000,
    surrogate(),
    [surrogate()],
    [math.nan],
    {"a": math.inf},
    [2**64],
]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: type(value).__name__)
def test_what_cannot_be_written_is_refused(value: Any) -> None:
    """Naming row and column, and not the value, which is the customer's."""
    rows: list[Any] = [{"fine": 1, "odd": None}, {"fine": 1, "odd": value}]
    with pytest.raises(RowError, match="Row 11, column 'odd'") as caught:
        encoded(PLAIN, [{"fine": 0, "odd": 0}] * 10, rows)
    assert (caught.value.row, caught.value.column) == (11, "odd")


def test_columns_are_fixed_by_the_first_rows() -> None:
    """All of them, in the order in which they appear; a later row may lack some, and have no other."""
    assert encoded(PLAIN, [{"a": 1}, {"b": 2}], [{"b": 3}, {}]) == b'"a","b"\r\n1,\r\n,2\r\n,3\r\n,\r\n'
    with pytest.raises(RowError, match="Row 1 has the column 'c'") as caught:
        encoded(PLAIN, [{"a": 1}], [{"a": 1, "c": 2}])
    assert (caught.value.row, caught.value.column) == (1, "c")
    assert "schema=" in str(caught.value.remedy)


def test_columns_are_fixed_by_the_schema() -> None:
    """Its order counts, also for rows of another order, and the next object has the same."""
    assert encoded(PLAIN, [{"b": 1, "a": 2}], schema={"a": None, "b": "int64"}) == b'"a","b"\r\n2,1\r\n'
    encoder = PLAIN.encoder()
    encoder.encode([{"a": 1, "b": 2}], first_row=0)
    assert encoded(PLAIN, [{"b": 3}], schema=encoder.schema) == b'"a","b"\r\n,3\r\n'
    with pytest.raises(RowError, match="Row 0 has the column 'c', which is none of those that are fixed"):
        encoded(PLAIN, [{"c": 1}], schema={"a": None})


def test_a_null_is_no_text() -> None:
    """Nor is a text ever taken for null."""
    rows = [{"a": None, "b": ""}, {"a": "NULL", "b": "nan"}, {"a": None, "b": math.nan}]
    file_format = Csv(compression="none", null="NULL", header=False)
    assert encoded(file_format, rows) == b'NULL,""\r\n"NULL","nan"\r\nNULL,nan\r\n'


@pytest.mark.parametrize(
    "batch", [[{"a": 1}, {"a": None}], pa.record_batch({"a": pa.array([1, None])})], ids=["rows", "arrow"]
)
def test_a_null_alone_is_an_empty_line(batch: Any) -> None:
    """Readers pass over it, and with quotes it were an empty text: it needs a text of its own."""
    with pytest.raises(RowError, match="only column, 'a'") as caught:
        encoded(PLAIN, batch)
    assert (caught.value.row, caught.value.column) == (1, "a")
    assert encoded(Csv(compression="none", null="-"), batch) == b'"a"\r\n1\r\n-\r\n'
    assert encoded(PLAIN, [{"a": ""}, {"a": 0}, {"a": False}]) == b'"a"\r\n""\r\n0\r\nfalse\r\n'


def test_a_row_without_columns_is_refused() -> None:
    """It were an empty line."""
    with pytest.raises(RowError, match="no columns"):
        encoded(PLAIN, [{}])


@pytest.mark.parametrize("name", [1, None, b"a", surrogate()], ids=lambda value: ascii(value).partition(" at 0x")[0])
def test_a_column_name_is_text(name: Any) -> None:
    """In the first rows and later; the error names the row, and can be printed."""
    for rows in ([[{"a": 1}, {name: 1}]], [[{"a": 1}], [{name: 1}]]):
        with pytest.raises(RowError, match="Row 1 has") as caught:
            encoded(PLAIN, *rows)
        assert caught.value.row == 1
        str(caught.value).encode()


@pytest.mark.parametrize(
    "options",
    [
        {"delimiter": ""},
        {"delimiter": ",,"},
        *({"delimiter": char} for char in '"\r\n\x000aZ.-+ü'),
        {"null": 'a"'},
        {"null": ","},
        {"null": ";", "delimiter": ";"},
        {"null": "\n"},
        *({"null": null} for null in ("0", "1.5", "nan", "-inf", "Infinity", "true", "false", " 1", "ü")),
        {"compression": "lz4"},
    ],
    ids=lambda value: ascii(value).partition(" at 0x")[0],
)
def test_options_that_no_reader_could_undo_are_refused(options: dict[str, Any]) -> None:
    """A delimiter inside numbers, or a null that is a value."""
    with pytest.raises(ConfigError, match="Csv"):
        Csv(**options)


@pytest.mark.parametrize("delimiter", [";", "\t", "|", "\x01", " ", ":"])
def test_any_delimiter_beside_texts(delimiter: str) -> None:
    """A field that holds it is a text, and quoted."""
    data = encoded(
        Csv(delimiter=delimiter, compression="none", header=False), [{"a": f"x{delimiter}y", "b": NOON, "c": 1}]
    )
    (fields,) = csv.reader(io.StringIO(data.decode()), delimiter=delimiter)
    assert fields == [f"x{delimiter}y", NOON.isoformat(), "1"]


FIELDS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | TEXTS
    | st.datetimes()
    | st.binary(max_size=4)
)


@given(
    st.lists(st.fixed_dictionaries({"a": FIELDS, "b": FIELDS, 'c,"\r\n': FIELDS}), min_size=1, max_size=8),
    st.integers(0, 8),
)
def test_rows_come_back_as_they_were(rows: list[dict[str, Any]], cut: int) -> None:
    """By Python's reader, which tells what was quoted, however the rows were batched."""
    cut = max(1, cut)
    data = encoded(PLAIN, rows[:cut], rows[cut:])
    assert data == encoded(PLAIN, rows, schema=dict.fromkeys(rows[0]))
    assert gzip.decompress(encoded(Csv(), rows[:cut], rows[cut:])) == data
    header, *lines = csv.reader(io.StringIO(data.decode(), newline=""), strict=True)
    assert header == list(rows[0])
    for row, line in zip(rows, lines, strict=True):
        for value, text in zip(map(row.get, header), line, strict=True):
            if isinstance(value, float):
                assert float(text) == value
            elif isinstance(value, (bool, int, str)):
                assert text == (str(value).lower() if isinstance(value, bool) else str(value))
            elif value is None:
                assert text == ""


@given(st.lists(st.tuples(st.none() | TEXTS, st.none() | st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=8))
def test_pyarrow_reads_the_same_values(rows: list[tuple[Any, Any]]) -> None:
    """Nulls and empty texts apart, with line breaks inside of texts."""
    data = encoded(PLAIN, [{"a": a, "b": b, "end": True} for a, b in rows])
    table = pa_csv.read_csv(
        io.BytesIO(data),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types={"a": pa.string(), "b": pa.int64()},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    assert list(zip(table["a"].to_pylist(), table["b"].to_pylist(), strict=True)) == rows


@pytest.mark.parametrize(
    ("compression", "extension", "content_type"),
    [("gzip", "csv.gz", "application/gzip"), ("zstd", "csv.zst", "application/zstd"), ("none", "csv", "text/csv")],
)
def test_what_a_format_says_of_itself(compression: Any, extension: str, content_type: str) -> None:
    """For keys, headers and the manifest."""
    file_format = Csv(compression=compression)
    assert (file_format.name, file_format.compression) == ("csv", compression)
    assert (file_format.extension, file_format.content_type) == (extension, content_type)


def test_no_rows_are_no_text() -> None:
    """Beside the header of a schema."""
    assert encoded(PLAIN, [], schema={"a": None}) == b'"a"\r\n'


def test_help_tells_what_values_become() -> None:
    """What help() shows of the class names each kind of value that the tests know."""
    for word in ("null", "datetime", "date", "time", "UUID", "Decimal", "enum", "Base64", "dataclasses", "NaN", "sets"):
        assert word in (Csv.__doc__ or "")
