"""Arrow data of every library, in every format: the bytes that rows of the same values give, and nothing changed."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from encoding import TEXTS, encoded
from hypothesis import given
from hypothesis import strategies as st

from s3dest import JsonLines, RowError
from s3dest.formats.arrow import batches, settled
from s3dest.formats.arrow_types import unite
from s3dest.formats.csv import Csv
from s3dest.formats.csv_arrow import lines_of
from s3dest.formats.parquet import Parquet, _bring

UTC = dt.UTC
JSON = JsonLines(compression="none")
CSV = Csv(compression="none", null="NULL")
FORMATS = [JSON, CSV, Parquet()]


def whole(value: Any) -> Any:
    """Take microseconds off."""
    return value.replace(microsecond=0)


INSTANTS = st.datetimes(dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29), timezones=st.just(UTC))  # noqa: DTZ001
COLUMNS: list[Any] = [
    (pa.int8(), st.integers(-128, 127)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float64(), st.floats(allow_nan=False, allow_infinity=False)),
    (pa.float64(), st.integers(-20, 20).flatmap(lambda power: st.floats(1, 10).map(lambda x: x * 10.0**power))),
    (pa.float32(), st.floats(width=32, allow_nan=False, allow_infinity=False)),
    (pa.bool_(), st.booleans()),
    (pa.string(), TEXTS),
    (pa.large_string(), TEXTS),
    (pa.date32(), st.dates()),
    (pa.timestamp("us"), st.datetimes()),
    (pa.timestamp("us"), st.datetimes().map(whole)),
    (pa.timestamp("s"), st.datetimes().map(whole)),
    (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(UTC))),
    (pa.timestamp("us", "Europe/Amsterdam"), INSTANTS),
    (pa.timestamp("us", "America/New_York"), INSTANTS.filter(lambda moment: moment.year > 1973)),
    (pa.timestamp("ms", "+05:30"), INSTANTS.map(whole)),
    (pa.time64("us"), st.times()),
    (pa.time64("ns"), st.times()),
    (pa.time32("s"), st.times().map(whole)),
    (pa.decimal128(20, 4), st.decimals(-(10**10), 10**10, places=4)),
    (pa.binary(), st.binary(max_size=5)),
    (pa.list_(pa.string()), st.lists(TEXTS, max_size=3)),
    (pa.struct([("a", pa.string())]), st.fixed_dictionaries({"a": st.none() | TEXTS})),
    (pa.map_(pa.string(), pa.int8()), st.just([("a", 1), ("a", 2)])),
    (pa.null(), st.none()),
]


@st.composite
def record_batches(draw: Any) -> pa.RecordBatch:
    """Generate a batch, sliced or not."""
    rows = draw(st.integers(1, 6))
    columns = {}
    for number in range(draw(st.integers(1, 4))):
        kind, values = draw(st.sampled_from(COLUMNS))
        column = pa.array(draw(st.lists(st.none() | values, min_size=rows, max_size=rows)), kind)
        if pa.types.is_string(kind) and draw(st.booleans()):
            column = column.dictionary_encode()
        columns[draw(TEXTS) + str(number)] = column
    return pa.record_batch(columns).slice(draw(st.integers(0, rows - 1)))


@given(record_batches())
def test_text_is_the_same_as_of_rows(batch: pa.RecordBatch) -> None:
    """Byte for byte, though no row is ever made."""
    for file_format in (JSON, CSV, Csv(compression="none", null="\\N", delimiter="\t", header=False)):
        assert encoded(file_format, batch) == encoded(file_format, batch.to_pylist())


@given(record_batches(), st.integers(1, 3))
def test_equal_tables_give_equal_bytes(batch: pa.RecordBatch, step: int) -> None:
    """However text is cut into batches, and compressed."""
    cut = [batch.slice(start, step) for start in range(0, batch.num_rows, step)]
    for file_format in (JSON, CSV, JsonLines(), Csv(null="-"), JsonLines(compression="zstd")):
        assert encoded(file_format, *cut) == encoded(file_format, batch)


def text(values: Any, kind: Any = None) -> list[Any]:
    """Write a column as JSON Lines and read it again."""
    lines = encoded(JSON, pa.record_batch({"a": pa.array(values, kind)})).splitlines()
    return [json.loads(line)["a"] for line in lines]


def test_nanoseconds_are_kept() -> None:
    """Python has none, Arrow does: nine digits where they are needed, six or none elsewhere."""
    values = [1, 1_000, 1_000_000_000, None]
    ends = [".000000001", ".000001", "", None]
    seconds = [0, 0, 1, None]
    for kind in (pa.timestamp("ns"), pa.time64("ns"), pa.timestamp("ns", "UTC"), pa.timestamp("ns", "Asia/Kolkata")):
        start, zone = "1970-01-01T00:00:0", {None: "", "UTC": "+00:00", "Asia/Kolkata": "+05:30"}
        tz = getattr(kind, "tz", None)
        if tz == "Asia/Kolkata":
            start = "1970-01-01T05:30:0"
        if kind == pa.time64("ns"):
            start = "00:00:0"
        wanted = [None if end is None else f"{start}{at}{end}{zone[tz]}" for at, end in zip(seconds, ends, strict=True)]
        assert text(values, kind) == wanted
    table = pa.record_batch({"a": pa.array([1, None], pa.timestamp("ns"))})
    assert pq.read_table(io.BytesIO(encoded(Parquet(), table)))["a"].cast("int64").to_pylist() == [1, None]


@pytest.mark.parametrize("file_format", [JSON, CSV], ids=lambda item: item.name)
@pytest.mark.parametrize("kind", [pa.time64("ns"), pa.timestamp("ns"), pa.timestamp("ns", "UTC")], ids=str)
def test_nanoseconds_in_nested_values_are_refused(kind: Any, file_format: Any) -> None:
    """These go by way of Python objects, which have none; whole microseconds are the same as in rows."""
    for values in ([[[1000]], [[1]]], [[{"t": 1000}], [{"t": 1}]]):
        nested = pa.list_(pa.struct([("t", kind)])) if isinstance(values[0][0], dict) else pa.list_(pa.list_(kind))
        fine, lost = pa.array(values[:1], nested), pa.array(values, nested)
        rows = encoded(file_format, pa.record_batch({"a": fine}))
        assert b"00:00:00.000001" in rows
        with pytest.raises(RowError) as caught:
            encoded(file_format, pa.record_batch({"a": lost}))
        assert (caught.value.row, caught.value.column) == (1, "a")


def test_summer_time_goes_on_after_2037() -> None:
    """Pyarrow's own zones end there; and has odd offsets before 1973."""
    moments = [dt.datetime(2040, 7, 1, tzinfo=UTC), dt.datetime(1937, 1, 1, tzinfo=UTC)]
    assert text(moments, pa.timestamp("us", "Europe/Berlin")) == [
        "2040-07-01T02:00:00+02:00",
        "1937-01-01T01:00:00+01:00",
    ]


@pytest.mark.parametrize(
    ("zone", "written"),
    [("+02:00", "02:00:00+02:00"), ("-05:30", "18:30:00-05:30"), ("Asia/Kathmandu", "05:45:00+05:45")],
)
def test_zones_are_names_or_offsets(zone: str, written: str) -> None:
    """As Arrow has both."""
    (found,) = text([dt.datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("us", zone))
    assert found[11:] == written


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../passwd", "+2"])
def test_an_unknown_zone_is_an_error(zone: str) -> None:
    """With its name, not a guess."""
    batch = pa.record_batch({"a": pa.array([0], pa.timestamp("us", zone))})
    with pytest.raises(RowError) as caught:
        encoded(JSON, batch)
    assert f"tz={zone}]" in str(caught.value)


def test_offsets_are_those_of_each_moment() -> None:
    """Zones changed them at odd seconds before 1973, and offsets had seconds."""
    zone = "Europe/Amsterdam"
    edge = dt.datetime(1937, 6, 30, 22, 40, 28, tzinfo=UTC)
    moments = [edge + dt.timedelta(seconds=seconds) for seconds in (-60, -28, -1, 0, 1, 60)]
    for values in (moments, [dt.datetime(1880, 1, 1, tzinfo=UTC)], [dt.datetime(2026, 3, 29, 1, tzinfo=UTC)]):
        batch = pa.record_batch({"a": pa.array(values, pa.timestamp("us", zone))})
        for file_format in (JSON, CSV):
            assert encoded(file_format, batch) == encoded(file_format, batch.to_pylist())


def test_an_offset_of_nearly_an_hour_is_a_whole_one() -> None:
    """In JSON, whose offsets are minutes; Aden's was six seconds less than three hours."""
    batch = pa.record_batch({"a": pa.array([dt.datetime(1900, 1, 1, tzinfo=UTC)], pa.timestamp("us", "Asia/Aden"))})
    assert encoded(JSON, batch) == encoded(JSON, batch.to_pylist()) == b'{"a":"1900-01-01T02:59:54+03:00"}\n'


def test_floats_are_written_alike() -> None:
    """Whatever their size: pyarrow, Python and orjson each begin exponents elsewhere."""
    digits = [1.0, 1.5, 1.2345678901234567, 9.999999999999999]
    numbers = [sign * digit * 10.0**power for power in range(-30, 30) for digit in digits for sign in (1, -1)]
    numbers += [0.0, -0.0, 5e-324, 1.7976931348623157e308, 2.0**53, 0.1 + 0.2]
    for kind in (pa.float64(), pa.float32()):
        batch = pa.record_batch({"a": pa.array(numbers[:-5] if kind == pa.float32() else numbers, kind)})
        for file_format in (JSON, CSV):
            assert encoded(file_format, batch) == encoded(file_format, batch.to_pylist())


@pytest.mark.parametrize(
    "character",
    [*map(chr, range(0x21)), '"', "\\", "\x7f", "\u2028", "ü", "😀"],
    ids=lambda value: ascii(value).partition(" at 0x")[0],
)
def test_every_odd_character_is_escaped(character: str) -> None:
    """As orjson does."""
    for value in (character, f"a{character}{character}b", f"\\{character}"):
        assert encoded(JSON, pa.record_batch({character: [value, None]})) == encoded(
            JSON, [{character: value}, {character: None}]
        )


def struct_of(kind: pa.DataType) -> pa.DataType:
    """Make the type of a struct of one field."""
    return pa.struct([("x", kind)])


def indexed(values: Any, kind: Any) -> pa.Array:
    """Make a dictionary of a type for which pyarrow does it by no cast, repeating its first value."""
    return pa.DictionaryArray.from_arrays(pa.array([0, None, 1, 0]), pa.array(values, kind))


def runs(values: Any, kind: Any) -> pa.Array:
    """Make runs of two rows each."""
    return pa.RunEndEncodedArray.from_arrays([2, 4], pa.array(values, kind))


def listed(values: pa.Array) -> pa.Array:
    """Make four lists, one of them null and one empty, of four values."""
    return pa.ListArray.from_arrays(pa.array([0, 1, None, 1, 4]), values)


LISTS = pa.list_(pa.large_list(pa.string()))
MAPS = pa.map_(pa.string(), pa.string())

HOLLOW_KIND = pa.struct([("x", pa.string()), ("y", pa.large_list(pa.null()))])
HOLLOW = pa.array(
    [{"x": "t", "y": [None, None]}, None, {"x": "u", "y": []}, {"x": "v", "y": [None]}],
    pa.struct([("x", pa.string_view()), ("y", pa.large_list(pa.null()))]),
)

PLAIN: list[Any] = [
    (pa.array(["a", None, "b", "a"]).dictionary_encode(), pa.string()),
    (pa.array([1, None, 2, 1]).dictionary_encode(), pa.int64()),
    (pa.array(["a", None, "b", "a"], pa.string_view()), pa.string()),
    (pa.array([b"a", None, b"\xff", b""], pa.binary_view()), pa.binary()),
    (pa.array(["a", None, "b", "a"], pa.large_string()), pa.large_string()),
    (pa.array([[1], None, [], [2, 3]], pa.large_list(pa.int8())), pa.large_list(pa.int8())),
    (pa.array([[1, 2], None, [3, 4], [5, 6]], pa.list_(pa.int8(), 2)), pa.list_(pa.int8())),
    (pa.RunEndEncodedArray.from_arrays([3, 4], ["a", "b"]), pa.string()),
    (pa.array([["a"], None, [], ["b"]], pa.list_(pa.string_view())), pa.list_(pa.string())),
    (pa.array([[1], None, [], [2, 3]], pa.list_view(pa.int8())), pa.list_(pa.int8())),
    (pa.ListViewArray.from_arrays([3, 1, 0, 0], [1, 2, 0, 2], [1, 2, 3, 4]), pa.list_(pa.int64())),
    (pa.array([[["a"]], None, [], [None]], pa.list_(pa.large_list_view(pa.string_view()))), LISTS),
    (pa.array([{"x": [1]}, None, {"x": None}, {}], struct_of(pa.list_view(pa.int8()))), struct_of(pa.list_(pa.int8()))),
    (indexed(["a", "b"], pa.string_view()), pa.string()),
    (indexed([b"a", None], pa.binary_view()), pa.binary()),
    (indexed([["a"], []], pa.list_(pa.string_view())), pa.list_(pa.string())),
    (runs(["a", None], pa.string_view()), pa.string()),
    (runs([["a"], []], pa.list_(pa.string())), pa.list_(pa.string())),
    (listed(indexed(["a", "b"], pa.string_view())), pa.list_(pa.string())),
    (listed(runs(["a", "b"], pa.string())), pa.list_(pa.string())),
    (pa.StructArray.from_arrays([indexed(["a", "b"], pa.string_view())], ["x"]), struct_of(pa.string())),
    (pa.MapArray.from_arrays([0, 1, 1, 3, 4], runs(["a", "b"], pa.string()), indexed("cd", pa.string())), MAPS),
    (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, None, 2], pa.int8())), pa.bool_()),
    (listed(pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, None, 2], pa.int8()))), pa.list_(pa.bool_())),
    (pa.array([dt.date(2026, 1, 1), None] * 2, pa.date64()), pa.date32()),
    (pa.nulls(4), pa.null()),
    (pa.array([[None], None, [], [None, None]]), pa.list_(pa.null())),
    (pa.array([[[None]], [[]]] * 2, pa.list_(pa.list_(pa.null()), 1)), pa.list_(pa.list_(pa.null()))),
    (HOLLOW, HOLLOW_KIND),
    (pa.array([dt.datetime(2026, 1, 1)] * 4, pa.timestamp("s")), pa.timestamp("s")),  # noqa: DTZ001
]


@pytest.mark.parametrize(("column", "kind"), PLAIN, ids=[str(column.type) for column, _ in PLAIN])
@pytest.mark.parametrize("start", [0, 1, 3])
def test_encodings_are_undone(column: Any, kind: pa.DataType, start: int) -> None:
    """What a format could not tell from the plain type is that type, sliced or not, with all values."""
    batch = pa.record_batch({"a": column, "end": [1, 2, 3, 4]}).slice(start)
    assert settled(batch, 0).schema.field("a").type.equals(kind)
    assert settled(batch, 0).to_pylist() == batch.to_pylist()
    assert pq.read_table(io.BytesIO(encoded(Parquet(), batch))).to_pylist() == batch.to_pylist()
    for file_format in (JSON, CSV):
        assert encoded(file_format, batch) == encoded(file_format, batch.to_pylist())


@pytest.mark.parametrize("file_format", FORMATS, ids=lambda item: item.name)
def test_categories_of_polars_are_texts(file_format: Any) -> None:
    """Its dictionaries have views, which pyarrow does not decode by itself."""
    texts = {"c": ["x", None, "y"], "e": ["x", "y", "x"], "l": [["x"], None, ["y", "x"]]}
    kinds: Any = {"c": pl.Categorical, "e": pl.Enum(["x", "y"]), "l": pl.List(pl.Categorical)}
    frames = pl.DataFrame(texts, schema=kinds), pl.DataFrame(texts)
    found: list[Any] = [encoded(file_format, *batches(frame)) for frame in frames]
    if file_format.name == "parquet":
        found = [pq.read_table(io.BytesIO(data)).to_pylist() for data in found]
    assert found[0] == found[1]


@pytest.mark.parametrize("file_format", [JSON, CSV], ids=lambda item: item.name)
@pytest.mark.parametrize("wrap", [lambda column: column, lambda column: pa.ListArray.from_arrays([0, 1, 2], column)])
def test_extension_types_are_written_by_what_they_mean(wrap: Any, file_format: Any) -> None:
    """As Python's objects of them are, or not at all: a month of pandas would be its number since 1970."""
    known = pa.array([bytes(16), bytes(15) + b"a"], pa.uuid())
    batch = pa.record_batch({"a": wrap(known)})
    assert encoded(file_format, batch) == encoded(file_format, batch.to_pylist())
    months = pa.array(pd.period_range("2020-01", "2020-02", freq="M"))
    with pytest.raises(RowError, match=r"Row 0, column 'a': this .*pandas\.period") as caught:
        encoded(file_format, pa.record_batch({"a": wrap(months)}))
    assert (caught.value.row, caught.value.column) == (0, "a")
    # where nobody has imported pandas
    numbers = pa.schema([pa.field("a", pa.int64(), metadata={"ARROW:extension:name": "pandas.period"})])
    with pytest.raises(RowError, match=r"Row 1, column 'a': .*pandas\.period") as caught:
        encoded(file_format, pa.record_batch({"a": [0]}), pa.record_batch([pa.array([600])], schema=numbers))


def test_dictionaries_may_differ_from_batch_to_batch() -> None:
    """As they do where categories come in as they are found."""
    found = [pa.record_batch({"a": pa.array(values).dictionary_encode()}) for values in (["x", "y"], ["z", "x"])]
    table = pq.read_table(io.BytesIO(encoded(Parquet(), *found)))
    assert table["a"].to_pylist() == ["x", "y", "z", "x"]


def broken_text() -> pa.Array:
    """Make a text that is no UTF-8, as a careless producer may."""
    return pa.Array.from_buffers(pa.string(), 3, pa.array([b"a", b"\xff", b"c"]).buffers())


REFUSED: list[Any] = [
    (broken_text(), 1, "broken"),
    (pa.array([0, 1, 0], pa.date64()), 1, "loses"),
    (pa.array([1, 2, 3], pa.duration("s")), 0, "none of the formats"),
    (pa.array([(1, 2, 3)] * 3, pa.month_day_nano_interval()), 0, "none of the formats"),
    (pa.array([[1]] * 3, pa.list_(pa.duration("s"))), 0, "none of the formats"),
    (pa.UnionArray.from_sparse(pa.array([0, 0, 0], pa.int8()), [pa.array([1, 2, 3])]), 0, "none of the formats"),
    (pa.StructArray.from_arrays([pa.array([1, 2, 3])] * 2, ["x", "x"]), 0, "one name"),
    (pa.nulls(3, pa.map_(pa.string(), pa.list_view(pa.int8()))), 0, "none of the formats"),
]


@pytest.mark.parametrize(("column", "row", "words"), REFUSED, ids=[str(column.type) for column, _, _ in REFUSED])
@pytest.mark.parametrize("file_format", FORMATS, ids=lambda item: item.name)
def test_what_no_format_has_is_refused(column: Any, row: int, words: str, file_format: Any) -> None:
    """Naming row and column."""
    fine = pa.record_batch({"odd": pa.nulls(10)})
    with pytest.raises(RowError, match=words) as caught:
        encoded(file_format, fine, pa.record_batch({"odd": column}))
    assert (caught.value.row, caught.value.column) == (10 + row, "odd")


@pytest.mark.parametrize("file_format", FORMATS, ids=lambda item: item.name)
def test_two_columns_of_one_name_are_refused(file_format: Any) -> None:
    """In rows one would hide the other."""
    with pytest.raises(RowError, match="two columns of the name 'a'") as caught:
        encoded(file_format, pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]))
    assert (caught.value.row, caught.value.column) == (0, "a")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.list_(pa.float64())], ids=str)
def test_json_has_no_nan(number: float, kind: Any) -> None:
    """CSV and Parquet have."""
    values = [[number]] if pa.types.is_list(kind) else [number]
    batch = pa.record_batch({"a": pa.array([None, None, *values], kind)})
    with pytest.raises(RowError) as caught:
        encoded(JSON, batch)
    assert (caught.value.row, caught.value.column) == (2, "a")
    if not pa.types.is_list(kind):
        assert encoded(CSV, batch) == f'"a"\r\nNULL\r\nNULL\r\n{number}\r\n'.encode()


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.timestamp("s", "UTC"), pa.date32()], ids=str)
def test_a_year_without_four_digits_has_no_text(kind: Any) -> None:
    """Python knows none, nor do most readers; Parquet keeps the count."""
    count = pa.int32() if pa.types.is_date(kind) else pa.int64()
    batch = pa.record_batch({"a": pa.array([0, 2**31 - 1 if pa.types.is_date(kind) else 2**60], count).cast(kind)})
    for file_format in (JSON, CSV):
        with pytest.raises(RowError) as caught:
            encoded(file_format, batch)
        assert (caught.value.row, caught.value.column) == (1, "a")


def test_columns_that_change_from_batch_to_batch() -> None:
    """JSON Lines takes them as they are, CSV has fixed ones, Parquet widens."""
    one, two = pa.record_batch({"a": [1], "b": [1]}), pa.record_batch({"b": [1.5]})
    assert encoded(JSON, one, two) == b'{"a":1,"b":1}\n{"b":1.5}\n'
    assert encoded(CSV, one, two) == b'"a","b"\r\n1,1\r\nNULL,1.5\r\n'
    assert pq.read_table(io.BytesIO(encoded(Parquet(), one, two))).to_pylist() == [
        {"a": 1, "b": 1.0},
        {"a": None, "b": 1.5},
    ]
    with pytest.raises(RowError, match="Row 1 has the column 'a'"):
        encoded(CSV, two, one)
    schema = pa.schema([("a", pa.int16()), ("b", pa.int64())])
    with pytest.raises(RowError, match="Row 1, column 'b'"):
        encoded(Parquet(), one, two, schema=schema)


def test_rows_without_columns() -> None:
    """JSON Lines has them."""
    batch = pa.record_batch({"a": [1, 2]}).select([])
    assert encoded(JSON, batch) == b"{}\n{}\n"
    with pytest.raises(RowError, match="no columns"):
        encoded(CSV, batch)


class Listing:
    """Stands for a batch or its schema, and counts how often the names are listed: each list is made anew."""

    def __init__(self, of: Any, lists: list[str]) -> None:
        """Stand for it."""
        self._of = of
        self._lists = lists

    def __getattr__(self, name: str) -> Any:
        """Count, or pass on."""
        if name == "names":
            self._lists.append(name)
        found = getattr(self._of, name)
        return Listing(found, self._lists) if name == "schema" else found

    def __iter__(self) -> Iterator[Any]:
        """Pass on."""
        return iter(self._of)


NAMES = [f"c{number}" for number in range(50)]


@pytest.mark.parametrize(
    "read",
    [
        lambda batch: lines_of(batch, NAMES, 0, delimiter=",", null="", convert=str),
        lambda batch: _bring(batch, batch._of.schema, 0),
        lambda batch: unite(batch.schema, batch, frozenset(), 0),
    ],
    ids=["csv", "parquet", "unite"],
)
def test_names_are_not_listed_once_a_column(read: Any) -> None:
    """That took seconds where there are thousands."""
    batch = pa.record_batch({name: [1] for name in NAMES})
    lists: list[str] = []
    read(Listing(batch, lists))
    assert len(lists) < 5
