r"""Parquet: what each kind of value becomes, what is refused, and how columns widen.

value                        becomes
None, a missing key          null
True, "text", 7, 7.5, b"\x00"  themselves; NaN and Infinity too
datetime, with zone          the instant, in UTC
datetime, naive              a local timestamp
date, time                   themselves
UUID                         its text
Decimal                      a decimal, wide enough
an enum                      its value
mapping, dataclass           a struct; a missing key is null
list, tuple                  a list
"""

from __future__ import annotations

import collections
import datetime as dt
import io
import math
import types
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from encoding import Colour, Level, Number, Point, Text, encoded, group_of, read, surrogate

from s3dest import ConfigError, RowError
from s3dest.formats.encoder import SchemaGrown
from s3dest.formats.parquet import Parquet

UTC = dt.UTC
INDIA = dt.timezone(dt.timedelta(hours=5, minutes=30))
NOON = dt.datetime(2026, 11, 23, 12)  # noqa: DTZ001  # a naive one is the point
FORMAT = Parquet()


VALUES: list[tuple[Any, str, Any]] = [
    (None, "null", None),
    (True, "bool", True),
    ("text", "string", "text"),
    (Text("text"), "string", "text"),
    (7, "int64", 7),
    (Number(7), "int64", 7),
    (-(2**63), "int64", -(2**63)),
    (7.5, "double", 7.5),
    (math.inf, "double", math.inf),
    (NOON.replace(tzinfo=INDIA), "timestamp[us, tz=UTC]", NOON.replace(hour=6, minute=30, tzinfo=UTC)),
    (NOON, "timestamp[us]", NOON),
    (dt.datetime(1, 1, 1), "timestamp[us]", dt.datetime(1, 1, 1)),  # noqa: DTZ001
    (NOON.date(), "date32[day]", NOON.date()),
    (dt.time(12, 0, 0, 5), "time64[us]", dt.time(12, 0, 0, 5)),
    (uuid.UUID(int=1), "string", "00000000-0000-0000-0000-000000000001"),
    (Decimal("1.10"), "decimal128(3, 2)", Decimal("1.10")),
    (Decimal(10) ** 40, "decimal256(41, 0)", Decimal(10) ** 40),
    (Colour.RED, "string", "red"),
    (Level.HIGH, "int64", 3),
    (b"\x00\xff", "binary", b"\x00\xff"),
    (bytearray(b"a"), "binary", b"a"),
    (memoryview(b"a"), "binary", b"a"),
    ([1, 2], "list<element: int64>", [1, 2]),
    (((1,), ()), "list<element: list<element: int64>>", [[1], []]),
    ([], "list<element: null>", []),
    ([uuid.UUID(int=1)], "list<element: string>", ["00000000-0000-0000-0000-000000000001"]),
    ({"a": {"b": 1}}, "struct<a: struct<b: int64>>", {"a": {"b": 1}}),
    (types.MappingProxyType({"a": 1}), "struct<a: int64>", {"a": 1}),
    (collections.OrderedDict(a=Colour.RED), "struct<a: string>", {"a": "red"}),
    (Point(1, NOON), "struct<x: int64, _y: timestamp[us]>", {"x": 1, "_y": NOON}),
    (
        [{"a": 1}, {"b": True}],
        "list<element: struct<a: int64, b: bool>>",
        [{"a": 1, "b": None}, {"a": None, "b": True}],
    ),
]


@pytest.mark.parametrize(("value", "kind", "back"), VALUES, ids=[kind for _, kind, _ in VALUES])
def test_what_a_value_becomes(value: Any, kind: str, back: Any) -> None:
    """As the table at the top says, alone and beside nulls and rows without it."""
    table = read(encoded(FORMAT, [{"id": 1, "value": value}, {"id": 2, "value": None}, {"id": 3}]))
    assert str(table.schema.field("value").type) == kind
    assert table.column("value").to_pylist() == [back, None, None]


def test_nan_is_kept() -> None:
    """It equals nothing, so it has a test of its own."""
    (value,) = read(encoded(FORMAT, [{"value": math.nan}])).column("value").to_pylist()
    assert math.isnan(value)


REFUSED: list[Any] = [
    2**63,
    -(2**63) - 1,
    {1, 2},
    frozenset(),
    1j,
    object(),
    Point,
    range(3),
    {1: "a"},
    {b"a": 1},
    {},
    [{}],
    {surrogate(): 1},
    Decimal("NaN"),
    Decimal("Infinity"),
    dt.time(12, tzinfo=UTC),
    dt.timedelta(1),
    surrogate(),
    [surrogate()],
    [1, "a"],
    [True, 1],
    [1.0, True],
    ["a", b"a"],
    [NOON, NOON.date()],
    [NOON, NOON.replace(tzinfo=UTC)],
    [{"a": 1}, {"a": "b"}],
    [[1], {"a": 1}],
]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: ascii(value).partition(" at 0x")[0])
@pytest.mark.parametrize("place", [0, 1, 4])
def test_what_cannot_be_written_is_refused(value: Any, place: int) -> None:
    """Naming row and column, and not the value, which is the customer's."""
    rows: list[Any] = [{"fine": number} for number in range(5)]
    rows[place] = {"fine": 1, "odd": value}
    with pytest.raises(RowError, match=rf"Row {10 + place}, column 'odd'") as caught:
        encoded(FORMAT, [{"fine": 0}] * 10, rows)
    assert (caught.value.row, caught.value.column) == (10 + place, "odd")


@pytest.mark.parametrize(
    ("wrap", "most"),
    [
        (lambda value: [value], 49),
        (lambda value: {"a": value}, 98),
        (lambda value: [{"a": value}], 32),
    ],
    ids=["lists", "structs", "lists of structs"],
)
def test_what_is_written_can_be_read(wrap: Callable[[object], object], most: int) -> None:
    """As deep as pyarrow reads it back, and refused beyond."""
    value: object = 1
    for _ in range(most):
        value = wrap(value)
    assert read(encoded(FORMAT, [{"a": value}])).to_pylist() == [{"a": value}]
    with pytest.raises(RowError) as caught:
        encoded(FORMAT, [{"a": wrap(value)}])
    assert (caught.value.row, caught.value.column) == (0, "a")


@pytest.mark.parametrize(
    ("wrap", "most"),
    [
        (pa.list_, 49),
        (lambda kind: pa.struct({"a": kind}), 98),
        (lambda kind: pa.map_(pa.string(), kind), 49),
        (lambda kind: pa.list_(pa.struct({"a": kind})), 32),
        (lambda kind: pa.list_(kind, 1), 49),
        (lambda kind: pa.opaque(pa.list_(getattr(kind, "storage_type", kind)), "a", "b"), 49),
    ],
    ids=["lists", "structs", "maps", "lists of structs", "lists of fixed size", "an extension of lists"],
)
def test_arrow_data_that_is_written_can_be_read(wrap: Any, most: int) -> None:
    """The same of its types, and of those of a schema."""
    kind = pa.int64()
    for _ in range(most):
        kind = wrap(kind)
    read(encoded(FORMAT, pa.record_batch({"a": pa.nulls(1, kind)})))
    read(encoded(FORMAT, [{"a": None}], schema=pa.schema({"a": kind})))
    with pytest.raises(RowError, match="deeper than readers") as caught:
        encoded(FORMAT, pa.record_batch({"a": pa.nulls(1, wrap(kind))}))
    assert caught.value.column == "a"
    with pytest.raises(ConfigError, match="deeper than readers"):
        encoded(FORMAT, [{"a": None}], schema=pa.schema({"a": wrap(kind)}))


def test_a_bottomless_value_is_refused() -> None:
    """One that holds itself, or is nested beyond reason."""
    own: list[Any] = []
    own.append(own)
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    for value in (own, deep):
        with pytest.raises(RowError) as caught:
            encoded(FORMAT, [{"odd": value}])
        assert caught.value.column == "odd"


MIXED: list[tuple[Any, Any]] = [
    (1, "a"),
    ("a", 1),
    ("a", b"a"),
    (b"a", "a"),
    (1, True),
    (True, 1),
    (1.5, True),
    (True, 1.5),
    (Decimal("1.5"), 1.5),
    (1.5, Decimal("1.5")),
    (NOON, NOON.date()),
    (NOON.date(), NOON),
    (NOON, NOON.replace(tzinfo=UTC)),
    (NOON.replace(tzinfo=UTC), NOON),
    (1, NOON),
    (2**53 + 1, 0.5),
    ([1], {"a": 1}),
    ([1], 1),
    ({"a": 1}, {"a": "b"}),
    (["a"], [b"a"]),
]


@pytest.mark.parametrize(("one", "other"), MIXED, ids=lambda value: ascii(value).partition(" at 0x")[0])
def test_types_are_never_mixed(one: Any, other: Any) -> None:
    """Not in a batch, where pyarrow would change some of these without a word, and not in two batches of one object."""
    rows: list[Any] = [{"odd": one}, {"odd": None}, {"odd": other}]
    with pytest.raises(RowError, match=r"[Rr]ow 2\b.*'odd'") as caught:
        encoded(FORMAT, rows)
    assert (caught.value.row, caught.value.column) == (2, "odd")
    if (one, other) == (2**53 + 1, 0.5):
        return  # these two are each at home in an object of their own
    with pytest.raises(RowError, match=r"[Rr]ow 2\b.*'odd'"):
        encoded(FORMAT, rows[:2], rows[2:])


@pytest.mark.parametrize(
    ("before", "rows", "wrong"),
    [
        (1, [None, None, "x", "x"], 2),
        (1, [None, [1], None], 1),
        ({"a": 1}, [{"b": 1}, None, {"a": None}, {"a": "x"}], 3),
        ([{"a": 1}], [[], [None], [{"a": 1}], [{"a": b"x"}]], 3),
        ([1], [[None], [2], ["x"]], 2),
    ],
    ids=str,
)
def test_the_row_that_brings_another_type_is_named(before: Any, rows: list[Any], wrong: int) -> None:
    """Not the first one of the batch in which it came."""
    try:
        found = [pa.array(rows)]
    except pa.ArrowInvalid:
        found = []
    for batch in ([{"a": value} for value in rows], *(pa.record_batch({"a": column}) for column in found)):
        with pytest.raises(RowError, match=r"'a'") as caught:
            encoded(FORMAT, [{"a": before}] * 5, batch)
        assert (caught.value.row, caught.value.column) == (5 + wrong, "a")


@pytest.mark.parametrize(
    ("full", "hollow", "back"),
    [
        ({"x": 1}, {}, {"x": None}),
        ([{"x": 1}], [{}], [{"x": None}]),
        ({"y": {"x": 1}}, {"y": {}}, {"y": {"x": None}}),
    ],
    ids=["mapping", "list", "nested"],
)
def test_an_empty_mapping_has_the_fields_that_are_known(full: Any, hollow: Any, back: Any) -> None:
    """In whatever batch it comes; where none are known yet, the row is named."""
    for batches in ([[full, hollow]], [[full], [hollow]], [[full], [None, hollow], [full]]):
        table = read(encoded(FORMAT, *([{"a": value} for value in batch] for batch in batches)))
        assert table["a"].to_pylist()[-2 if len(batches) > 2 else -1] == back
    assert read(encoded(FORMAT, [{"a": hollow}, {"a": full}]))["a"].to_pylist() == [back, full]
    with pytest.raises(RowError, match="Row 2, column 'a': this mapping is empty") as caught:
        encoded(FORMAT, [{"a": None}], [{"a": None}, {"a": hollow}])
    assert (caught.value.row, caught.value.column) == (2, "a")


def test_nulls_of_another_type_are_refused_from_the_first_on() -> None:
    """Arrow data tells what they are."""
    with pytest.raises(RowError, match="From row 5 on, column 'a' is string; before it was int64"):
        encoded(FORMAT, [{"a": 1}] * 5, pa.record_batch({"a": pa.nulls(3, pa.string())}))


@pytest.mark.parametrize("number", [Decimal(1).scaleb(-60), Decimal("1.5"), Decimal(10) ** 70, Decimal(10) ** 75])
def test_integers_beside_decimals_do_not_depend_on_batches(number: Decimal) -> None:
    """The same are taken, and as the same type, or none."""
    found = []
    for batches in ([[{"a": 1}, {"a": number}]], [[{"a": 1}], [{"a": number}]], [[{"a": number}], [{"a": 1}]]):
        try:
            found.append(str(read(encoded(FORMAT, *batches)).schema.field("a").type))
        except RowError as error:
            found.append(f"refused in {error.column}")
    assert len(set(found)) == 1, found


def test_large_integers_are_refused_beside_decimals_too() -> None:
    """In the next batch they would be by themselves."""
    with pytest.raises(RowError, match="Row 1, column 'a'"):
        encoded(FORMAT, [{"a": Decimal(1)}, {"a": 2**64}])
    schema = pa.schema([("a", pa.decimal128(38, 0))])
    assert read(encoded(FORMAT, [{"a": Decimal(1)}, {"a": 2**64}], schema=schema))["a"].to_pylist()[1] == 2**64


WIDENED: list[tuple[Any, Any, str, Any]] = [
    (None, 1, "int64", 1),
    (1, 1.5, "double", 1.5),
    (Decimal("1.5"), Decimal("10.25"), "decimal128(4, 2)", Decimal("10.25")),
    (1, Decimal("0.5"), "decimal128(21, 1)", Decimal("0.5")),
    ([], [1], "list<element: int64>", [1]),
    ([{"a": 1}], [{"b": 1}], "list<element: struct<a: int64, b: int64>>", [{"a": None, "b": 1}]),
    ({"a": 1}, {"b": "x"}, "struct<a: int64, b: string>", {"a": None, "b": "x"}),
    (NOON.replace(tzinfo=INDIA), NOON.replace(tzinfo=UTC), "timestamp[us, tz=UTC]", NOON.replace(tzinfo=UTC)),
]


@pytest.mark.parametrize(("one", "other", "kind", "back"), WIDENED, ids=[str(kind) for _, _, kind, _ in WIDENED])
def test_a_column_widens(one: Any, other: Any, kind: str, back: Any) -> None:
    """In place, while nothing is written, whichever comes first."""
    for batches in ([[{"a": one}], [{"a": other}]], [[{"a": one}, {"a": other}]]):
        table = read(encoded(FORMAT, *batches))
        assert table.column("a").to_pylist()[1] == back
    assert str(read(encoded(FORMAT, [{"a": one}], [{"a": other}])).schema.field("a").type) == kind
    assert read(encoded(FORMAT, [{"a": other}], [{"a": one}])).column("a").to_pylist()[0] == back


@pytest.mark.parametrize(
    ("first", "second", "columns"),
    [
        ([{"a": 1}], [{"a": 1.5}], {"a": "double"}),
        ([{"a": 1}], [{"b": 1}], {"a": "int64", "b": "int64"}),
        ([{"a": None}], [{"a": "x"}], {"a": "string"}),
    ],
)
def test_what_is_written_keeps_its_schema(first: Any, second: Any, columns: dict[str, str]) -> None:
    """Then rows that do not fit ask for a new object, and this one has taken none of them in."""
    file_format = Parquet(row_group_rows=1)
    encoder = file_format.encoder()
    encoder.encode(first, first_row=0)
    data = group_of(encoder)
    with pytest.raises(SchemaGrown) as grown:
        encoder.encode(second, first_row=1)
    assert read(data + encoder.finish()).to_pylist() == first
    rolled = file_format.encoder(grown.value.schema)
    rolled.encode(second, first_row=1)
    assert read(rolled.finish()).num_rows == 1
    assert {column.name: column.type for column in rolled.columns or ()} == columns


def test_integers_that_no_float_holds_stay_in_their_object() -> None:
    """The column is a float from the next object on."""
    encoder = FORMAT.encoder()
    data = encoder.encode([{"a": 2**53 + 1}], first_row=0)
    with pytest.raises(SchemaGrown):
        encoder.encode([{"a": 0.5}], first_row=1)
    assert read(data + encoder.finish()).to_pylist() == [{"a": 2**53 + 1}]


@pytest.mark.parametrize("row", [["a"], "a", None, 7], ids=lambda value: repr(value).partition(" at 0x")[0])
def test_a_row_is_a_mapping(row: Any) -> None:
    """Anything else is named."""
    with pytest.raises(RowError, match="Row 1 is a") as caught:
        encoded(FORMAT, [{"a": 1}, row])
    assert (caught.value.row, caught.value.column) == (1, None)


def test_a_column_name_is_text() -> None:
    """Half a pair is none, and the error can be printed."""
    for name in (1, None, b"a", surrogate()):
        rows: list[Any] = [{"a": 1}, {name: 1}]
        with pytest.raises(RowError, match="Row 1 has") as caught:
            encoded(FORMAT, rows)
        str(caught.value).encode()


def test_what_pyarrow_does_not_write_is_refused() -> None:
    """It says so when the row group is written; the column is found."""
    inner = pa.field("x", pa.int8(), nullable=False)
    wrong = pa.StructArray.from_arrays([pa.array([1, None], pa.int8())], fields=[inner])
    with pytest.raises(RowError, match="Column 'v': Parquet has no place for") as caught:
        encoded(Parquet(), pa.record_batch({"id": pa.array([1, 2]), "v": wrong}))
    assert caught.value.column == "v"


@pytest.mark.parametrize("wrap", [lambda column: column, lambda column: pa.ListArray.from_arrays([0, 1, 2], column)])
def test_structs_without_fields_are_refused(wrap: Any) -> None:
    """Parquet has none; the row is named."""
    nothing = wrap(pa.array([{}, None], pa.struct([])))
    with pytest.raises(RowError, match="no struct without fields") as caught:
        encoded(Parquet(), [{"id": 1}], pa.record_batch({"v": nothing}))
    assert (caught.value.row, caught.value.column) == (1, "v")


def test_a_null_that_arrow_data_denies_is_refused() -> None:
    """The row is named, whichever batch it is in."""
    field = pa.field("v", pa.int64(), nullable=False)
    fine, wrong = (pa.RecordBatch.from_arrays([pa.array([1, last])], schema=pa.schema([field])) for last in (2, None))
    for batches in ([wrong], [fine, wrong]):
        with pytest.raises(RowError, match="allows no null") as caught:
            encoded(Parquet(), *batches)
        assert (caught.value.row, caught.value.column) == (2 * len(batches) - 1, "v")


@pytest.mark.parametrize("schema", [None, {"v": "timestamp[s]"}])
def test_seconds_that_parquet_has_no_place_for_are_refused(schema: Any) -> None:
    """It has milliseconds only."""
    moments = pa.array([0, 2**62], pa.timestamp("s"))
    with pytest.raises(RowError, match="Row 1, column 'v'"):
        encoded(Parquet(), pa.record_batch({"v": moments}), schema=schema)


@pytest.mark.parametrize(("precision", "stored"), [(5, "decimal128(8, 0)"), (36, "decimal256(39, 0)")])
@pytest.mark.parametrize("wrap", [lambda kind: kind, pa.list_], ids=["plain", "list"])
def test_decimals_that_count_thousands_count_ones(precision: int, stored: str, wrap: Any) -> None:
    """Parquet has no others; as Arrow data, or by a schema."""
    kind = wrap(pa.decimal128(precision, -3))
    value: Any = [Decimal(7000)] if pa.types.is_list(kind) else Decimal(7000)
    batch = pa.record_batch({"v": pa.array([value, None], kind)})
    for data in (encoded(FORMAT, batch), encoded(FORMAT, batch.to_pylist(), schema=pa.schema([("v", kind)]))):
        table = read(data)
        assert stored in str(table.schema.field("v").type)
        assert table.to_pylist() == batch.to_pylist()


def test_decimals_of_too_many_thousands_are_refused() -> None:
    """No decimal has their digits."""
    kind = pa.decimal256(76, -3)
    with pytest.raises(RowError, match="more digits") as caught:
        encoded(FORMAT, pa.record_batch({"v": pa.array([Decimal(7000)], kind)}))
    assert (caught.value.row, caught.value.column) == (0, "v")
    with pytest.raises(ConfigError, match="more digits"):
        Parquet().encoder(pa.schema([("v", kind)]))


def test_seconds_are_told_as_they_are_stored() -> None:
    """In milliseconds, at any depth."""
    batch = pa.record_batch({"v": pa.array([[0], None, [1]], pa.list_(pa.timestamp("s", "UTC")))})
    table = pq.read_table(io.BytesIO(encoded(Parquet(), batch)))
    assert table.schema.field("v").type.value_type == pa.timestamp("ms", "UTC")
    assert table.to_pylist() == batch.to_pylist()


def test_a_row_without_columns_is_refused() -> None:
    """A table without columns has no rows; where columns are known, it is a row of nulls."""
    with pytest.raises(RowError, match="no columns"):
        encoded(FORMAT, [{}])
    assert read(encoded(FORMAT, [{"a": 1}], [{}])).to_pylist() == [{"a": 1}, {"a": None}]
    nothing = pa.record_batch({"a": [1]}).select([])
    with pytest.raises(RowError, match="no columns"):
        encoded(FORMAT, nothing)
    assert read(encoded(FORMAT, [{"a": 1}], nothing)).to_pylist() == [{"a": 1}, {"a": None}]


def test_row_groups_are_closed_at_their_rows_and_bytes() -> None:
    """By rows, exactly; the bytes are those in memory."""
    data = encoded(Parquet(row_group_rows=3), [{"a": n} for n in range(3)], [{"a": n} for n in range(7)])
    groups = pq.ParquetFile(io.BytesIO(data)).metadata
    assert [groups.row_group(number).num_rows for number in range(groups.num_row_groups)] == [3, 3, 3, 1]
    batch = pa.record_batch({"a": pa.array([b"x" * 2**20] * 20)})
    assert pq.ParquetFile(io.BytesIO(encoded(FORMAT, batch, batch, batch))).metadata.num_row_groups == 2


@pytest.mark.parametrize("compression", ["zstd", "snappy", "none"])
def test_what_a_format_says_of_itself(compression: Any) -> None:
    """For keys, headers and the manifest; and pages are compressed as it says."""
    file_format = Parquet(compression=compression)
    assert (file_format.name, file_format.compression, file_format.extension) == ("parquet", compression, "parquet")
    assert file_format.content_type == "application/vnd.apache.parquet"
    metadata = pq.ParquetFile(io.BytesIO(encoded(file_format, [{"a": 1}]))).metadata
    names = {"zstd": "ZSTD", "snappy": "SNAPPY", "none": "UNCOMPRESSED"}
    assert metadata.row_group(0).column(0).compression == names[compression]


def test_wrong_options_are_refused() -> None:
    """At once."""
    unknown: Any = "gzip"
    with pytest.raises(ConfigError, match="not 'gzip'"):
        Parquet(compression=unknown)
    with pytest.raises(ConfigError, match="at least 1"):
        Parquet(row_group_rows=0)


def test_nothing_is_an_empty_file() -> None:
    """Without rows there are no bytes, with or without a schema."""
    assert encoded(FORMAT) == b""
    assert encoded(FORMAT, [], schema={"a": "int64"}) == b""


def test_help_tells_what_values_become() -> None:
    """What help() shows of the class names each kind of value that the tests know."""
    for word in ("null", "datetime", "date", "time", "UUID", "Decimal", "enum", "bytes", "dataclasses", "NaN", "sets"):
        assert word in (Parquet.__doc__ or "")
