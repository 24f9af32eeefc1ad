"""Partitions: Hive's folders, rows parted without their columns, and the memory of thousands of open objects."""

from __future__ import annotations

import datetime as dt
import enum
import gzip
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest
from dateutil import tz  # type: ignore[import-untyped]  # it has no types
from fake import FakeAws
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from s3dest import ConfigError, Parquet, Receipt, RowError, TransferOptions
from s3dest.formats.partition import DEFAULT, Partition, Partitioning, folder

ID = "01a209ce-4dde-7311-ab01-8184d030eb7f"


class Country(enum.Enum):
    """An enum."""

    DE = "DE"


def by(*names: str) -> Partitioning:
    """Part by columns."""
    return Partitioning(names, longest=500)


def partition_of(value: object) -> str:
    """Write the folder of one value."""
    ((partition, rows, numbers),) = by("c").split([{"c": value, "id": 1}], 0)
    assert (rows, numbers) == ([{"id": 1}], [0])
    return folder(partition)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, DEFAULT),
        ("DE", "DE"),
        ("", ""),
        ("a b/c=d%", "a b%2Fc%3Dd%25"),
        ("8:00 \x01\x7f{[]^}", "8%3A00 %01%7F%7B%5B%5D%5E}"),
        ("Köln", "Köln"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (-0.5, "-0.5"),
        (Decimal("1.10"), "1.10"),
        (dt.date(2026, 11, 25), "2026-11-25"),
        (dt.datetime(2026, 11, 25, 12, 0, tzinfo=dt.UTC), "2026-11-25 12%3A00%3A00+00%3A00"),
        (dt.time(12, 0), "12%3A00%3A00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Country.DE, "DE"),
    ],
)
def test_what_a_value_becomes(value: object, text: str) -> None:
    """As Hive writes it; the same for Arrow data, where it has the type."""
    assert partition_of(value) == f"c={text}/"
    if not isinstance(value, enum.Enum):
        column = pa.array([value.bytes], pa.uuid()) if isinstance(value, UUID) else pa.array([value])
        batch = pa.record_batch({"c": column, "id": [1]})
        ((partition, rest, numbers),) = by("c").split_arrow(batch, 0)
        assert (folder(partition), rest.to_pylist(), numbers) == (f"c={text}/", [{"id": 1}], [0])


@pytest.mark.parametrize("name", ["country", "contry"])
@pytest.mark.parametrize("arrow", [False, True])
def test_a_column_of_which_no_row_has_a_value_is_told(
    aws: FakeAws, caplog: pytest.LogCaptureFixture, name: str, *, arrow: bool
) -> None:
    """It may be misspelt, and what lies in the customer's bucket by then cannot be taken back."""
    rows: list[dict[str, object]] = [{"id": 1, "country": None}, {"id": 2, "country": "DE"}]
    with aws.destination() as destination, destination.append("orders", partition_by=[name]) as append:
        if arrow:
            append.write_arrow(pa.Table.from_pylist(rows))
        else:
            append.write_many(rows)
    assert (f"is parted by {name!r}, of which no row has a value" in caplog.text) is (name == "contry")


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_a_folder_gives_its_value_back(text: str) -> None:
    """Engines undo the escapes; no text can leave its folder or begin another."""
    written = folder((("c", text),))
    assert written.count("/") == 1
    assert unquote(written[:-1]) == f"c={text}"


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        b"x",
        [1],
        {"a": 1},
        "\ud800",
        DEFAULT,
        object(),
        Decimal("NaN"),
        pd.NaT,
        10**5000,
        dt.time(12, tzinfo=ZoneInfo("Europe/Amsterdam")),
        dt.datetime(9999, 12, 31, tzinfo=tz.tzstr("EST5EDT,0/0,J365/25")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_without_a_folder_is_refused(value: object) -> None:
    """With row and column."""
    with pytest.raises(RowError) as caught:
        list(by("c").split([{"c": "x"}, {"c": value}], 40))
    assert (caught.value.row, caught.value.column) == (41, "c")


BERLIN = ZoneInfo("Europe/Berlin")
ALIKE: list[tuple[Any, Any]] = [
    (0.0, -0.0),
    (Decimal("1.0"), Decimal("1.00")),
    (dt.datetime(2026, 10, 25, 2, tzinfo=BERLIN), dt.datetime(2026, 10, 25, 2, tzinfo=BERLIN, fold=1)),
    (dt.datetime(2026, 1, 1, 1, tzinfo=BERLIN), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
    (True, 1),
    (1, 1.0),
]


@pytest.mark.parametrize(("first", "second"), ALIKE, ids=str)
def test_equal_values_of_other_texts_have_folders_of_their_own(first: object, second: object) -> None:
    """Whichever of them came first."""
    assert first == second
    parting = by("c")
    for one, other in ((first, second), (second, first)):
        found = [folder(part) for part, _, _ in parting.split([{"c": one}, {"c": other}], 0)]
        assert found == [partition_of(one), partition_of(other)]
        assert len(set(found)) == 2


UNKNOWN_TO_PYTHON: list[Any] = [
    pa.array([0, 1], pa.time64("ns")),
    pa.array([0, 1], pa.timestamp("ns")),
    pa.array([0, 1], pa.timestamp("ns", "Europe/Berlin")),
    pa.array([0, 10**12], pa.timestamp("s")),
    pa.array([0, 2**31 - 1], pa.int32()).cast(pa.date32()),
    pa.array([None, 0], pa.timestamp("s", "Foo/Bar")),
]


@pytest.mark.parametrize("column", UNKNOWN_TO_PYTHON, ids=lambda column: str(column.type))
def test_a_folder_loses_no_nanoseconds(column: Any) -> None:
    """What Python has no value for is refused, with its row, whether pandas is there or not."""
    batch = pa.record_batch({"c": column.take(pa.array([0, 0, 1, 1]))})
    with pytest.raises(RowError, match="no folder") as caught:
        list(by("c").split_arrow(batch, 40))
    assert (caught.value.row, caught.value.column) == (42, "c")


def test_a_folder_is_not_named_after_what_stands_for_a_value() -> None:
    """A period's number, say, where the library that knows its months is not there."""
    field = pa.field("c", pa.int64(), metadata={"ARROW:extension:name": "pandas.period"})
    batch = pa.record_batch([pa.array([673])], schema=pa.schema([field]))
    with pytest.raises(RowError, match="not known here") as caught:
        list(by("c").split_arrow(batch, 40))
    assert (caught.value.row, caught.value.column) == (40, "c")


def test_arrow_columns_of_every_encoding_name_folders() -> None:
    """Dictionaries and views as plain text; a nested column has no folder."""
    text = pa.array(["x", None, "x"])
    for column in (text.dictionary_encode(), text.cast(pa.string_view()), text.cast(pa.large_string())):
        batch = pa.RecordBatch.from_arrays([column, pa.array([1, 2, 3])], ["c", "id"])
        parts = {folder(partition): numbers for partition, _, numbers in by("c").split_arrow(batch, 0)}
        assert parts == {"c=x/": [0, 2], f"c={DEFAULT}/": [1]}
    with pytest.raises(RowError, match="no folder") as caught:
        list(by("c").split_arrow(pa.RecordBatch.from_arrays([pa.array([[1]])], ["c"]), 7))
    assert (caught.value.row, caught.value.column) == (7, "c")


def test_a_folder_too_long_for_a_key_is_refused() -> None:
    """Before anything of its row is sent."""
    with pytest.raises(RowError, match="too long"):
        list(Partitioning(["c"], longest=10).split([{"c": "x" * 20}], 0))


@pytest.mark.parametrize("names", ["country", ["a", "a"], [1], [""], None, ["dt"], ["\ud800"]])
def test_odd_names_are_refused(names: Any) -> None:
    """When the transfer is opened."""
    with pytest.raises(ConfigError) as caught:
        Partitioning(names, longest=500)
    assert caught.value.code == "partition_by"


def test_rows_keep_their_order() -> None:
    """In each partition; true, 1 and 1.0 are not one value, and a missing column is null."""
    rows: list[dict[str, object]] = [
        {"c": value, "id": number} for number, value in enumerate([1, True, 1.0, "1", None, 1])
    ]
    rows.append({"id": 6})
    parts = {folder(partition): numbers for partition, _, numbers in by("c").split(rows, 0)}
    assert parts == {"c=1/": [0, 3, 5], "c=true/": [1], "c=1.0/": [2], f"c={DEFAULT}/": [4, 6]}


def test_several_columns_are_folders_in_folders() -> None:
    """The same parts for rows and Arrow data, in order of their first rows or not."""
    rows = [{"a": number % 3, "b": None if number % 5 else "x", "id": number} for number in range(60)]
    plain: dict[Partition, list[int]] = {part: numbers for part, _, numbers in by("b", "a").split(rows, 7)}
    batch = pa.RecordBatch.from_pylist(rows)
    arrow = {part: (rest.to_pylist(), numbers) for part, rest, numbers in by("b", "a").split_arrow(batch, 7)}
    assert {part: numbers for part, (_, numbers) in arrow.items()} == plain
    assert all(
        row == {"id": number - 7} for rest, numbers in arrow.values() for row, number in zip(rest, numbers, strict=True)
    )
    assert folder(next(iter(plain))) == "b=x/a=0/"


def delivered(aws: FakeAws, rows: Any, *, arrow: bool = False, **options: Any) -> Receipt:
    """Append rows by country."""
    tuning = options.pop("tuning", {})
    with aws.destination(auth=aws.user, options=TransferOptions(**tuning)) as destination:
        with destination.append("orders", transfer_id=ID, partition_by=["country"], **options) as append:
            (append.write_arrow if arrow else append.write_many)(rows)
        return append.receipt


ROWS: list[dict[str, object]] = [{"id": number, "country": f"C{number % 7}"} for number in range(3000)]


@pytest.mark.parametrize("arrow", [False, True])
def test_each_object_has_rows_of_one_partition(aws: FakeAws, *, arrow: bool) -> None:
    """Under its folder, below the date's, and the manifest names its values."""
    receipt = delivered(aws, pa.Table.from_pylist(ROWS) if arrow else ROWS, arrow=arrow)
    assert (receipt.rows, len(receipt.objects)) == (3000, 7)
    for item in receipt.objects:
        ((name, value),) = item.partition
        assert f"/dt=2026-11-23/{name}={value}/{ID}-" in item.key
        lines = gzip.decompress(aws.store.objects[item.key].data).splitlines()
        numbers = [json.loads(line) for line in lines]
        assert numbers == [{"id": row["id"]} for row in ROWS if row["country"] == value]
    manifest = json.loads(aws.store.objects[receipt.manifest_key or ""].data)
    assert [entry["meta"]["partition"] for entry in manifest["entries"]] == [
        dict(item.partition) for item in receipt.objects
    ]


@pytest.mark.parametrize("tuning", [{"max_memory": 2000}, {"object_size": 1500}, {"object_rows": 100}])
@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet"])
def test_equal_rows_make_equal_objects_in_any_memory(file_format: Any, tuning: dict[str, Any]) -> None:
    """However they come, and whether or not there is memory for them."""
    if file_format == "parquet" and "object_size" in tuning:
        tuning = {"object_size": 6000}  # of which its footer takes a share
    seen = []
    for memory in (tuning, {**tuning, "max_memory": 10**9}):
        for way in (ROWS, iter(ROWS)):
            with FakeAws() as aws:
                receipt = delivered(aws, way, format=file_format, tuning=memory)
                assert receipt.rows == 3000
                seen.append({key for key in aws.store.objects if "/_manifests/" not in key})
    assert seen[0] == seen[1] == seen[2] == seen[3]


@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet"])
def test_a_few_heavy_rows_make_equal_objects_however_they_come(file_format: Any) -> None:
    """Objects are numbered in the order in which batches open them, so a batch must end at the same row."""
    rows: list[dict[str, object]] = [
        {"id": number, "country": "B" if 65 <= number < 467 else "A", "s": "x"} for number in range(1200)
    ]
    for row in rows[465:467]:  # more bytes than a batch has, in the middle of one
        row["s"] = "x" * 600_000
    tuning = {"object_rows": 300}
    seen = []
    for way in (rows, iter(rows)):
        with FakeAws() as aws:
            seen.append([item.key for item in delivered(aws, way, format=file_format, tuning=tuning).objects])
    assert seen[0] == seen[1]


@pytest.mark.parametrize("arrow", [False, True], ids=["rows", "arrow"])
@pytest.mark.parametrize("width", [100, *(pytest.param(width, marks=pytest.mark.slow) for width in (300, 5000))])
@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet"])
def test_no_object_is_larger_than_asked(file_format: Any, width: int, *, arrow: bool) -> None:
    """Whatever rows a batch brings to how many objects, and however large the first ones are."""
    rows = [{"id": id_, "country": "FR" if id_ % 3 else "DE", "text": os.urandom(width).hex()} for id_ in range(300)]
    data: Any = pa.Table.from_pylist(rows) if arrow else rows
    for partition_by in ([], ["country"]):
        with FakeAws() as aws, aws.destination(options=TransferOptions(object_size=30_000)) as destination:
            with destination.append("orders", format=file_format, partition_by=partition_by) as append:
                if arrow:
                    append.write_arrow(data)
                else:
                    append.write_many(data)
            assert append.receipt.rows == 300
            assert max(item.size for item in append.receipt.objects) <= 30_000


def test_a_thousand_partitions_fit_into_little_memory(aws: FakeAws) -> None:
    """Each row a partition of its own: spilled, and each put with one request at the end."""
    rows = [{"id": number, "country": str(number)} for number in range(1000)]
    receipt = delivered(aws, rows, tuning={"max_memory": 10_000})
    assert (receipt.rows, len(receipt.objects)) == (1000, 1000)
    assert set(aws.operations) == {"PutObject"}


def test_parquet_of_many_partitions_writes_groups_early(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or each would hold its own 32 MiB of rows; values and order are the same."""
    monkeypatch.setattr("s3dest.assembly.LEAST_HELD", 1000)
    monkeypatch.setattr("s3dest.assembly.COLUMN_BATCH", 256)
    receipt = delivered(aws, ROWS, format=Parquet(), tuning={"max_memory": 16_000})
    assert receipt.rows == 3000
    groups = 0
    for item in receipt.objects:
        file = pa.parquet.ParquetFile(pa.BufferReader(aws.store.objects[item.key].data))
        groups += file.num_row_groups
        value = item.partition[0][1]
        assert file.read().column("id").to_pylist() == [row["id"] for row in ROWS if row["country"] == value]
    assert groups > 2 * len(receipt.objects)


def test_a_row_that_fails_is_named_by_its_number_in_the_transfer(aws: FakeAws) -> None:
    """Not in its partition; and nothing is visible."""
    rows = [*ROWS[:100], {"id": float("nan"), "country": "C1"}]
    with pytest.raises(RowError, match="Row 100") as caught:
        delivered(aws, rows)
    assert (caught.value.row, caught.value.column) == (100, "id")
    assert aws.store.objects == {}


@pytest.fixture
def single_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each row encoded by itself."""
    monkeypatch.setattr("s3dest.assembly.FIRST_BATCH", 1)
    monkeypatch.setattr("s3dest.assembly.COLUMN_BATCH", 1)


def parted(*columns: dict[str, Any], arrow: bool) -> tuple[Receipt, Any]:
    """Append to Parquet by country, table by table or row by row; read the manifest."""
    with FakeAws() as aws, aws.destination() as destination:
        with destination.append("orders", format="parquet", partition_by=["country"]) as append:
            for some in columns:
                table = pa.table(some)
                if arrow:
                    append.write_arrow(table)
                else:
                    append.write_many(table.to_pylist())
        manifest = json.loads(aws.store.objects[append.receipt.manifest_key or ""].data)
    return append.receipt, manifest


APART: dict[str, list[dict[str, Any]]] = {
    "two at odds": [{"country": ["A"], "y": [1]}, {"country": ["B"], "y": ["text"]}],
    "one at odds with a third": [
        {"country": ["A"], "y": [1]},
        {"country": ["C"], "z": [1.5]},
        {"country": ["B"], "y": [Decimal("1.5")]},
        {"country": ["A"], "y": [0.5]},
    ],
    "nested": [{"country": ["A"], "y": [{"n": [1]}]}, {"country": ["B"], "y": [{"n": ["text"]}]}],
}


@pytest.mark.parametrize("arrow", [False, True], ids=["rows", "arrow"])
@pytest.mark.parametrize("later", APART.values(), ids=APART)
@pytest.mark.usefixtures("single_rows")
def test_partitions_have_no_types_that_do_not_go_together(later: Any, *, arrow: bool) -> None:
    """Each knows its own rows only; the row that makes the difference is named by its number in the transfer."""
    opened = {"country": ["A", "B", "C"], "x": [1, 2, 3]}
    last = {**later[-1], "y": [None, *later[-1]["y"]], "country": 2 * later[-1]["country"]}
    with pytest.raises(RowError, match="column 'y'") as caught:
        parted(opened, *later[:-1], last, arrow=arrow)
    assert (caught.value.row, caught.value.column) == (3 + len(later), "y")


@pytest.mark.parametrize("arrow", [False, True], ids=["rows", "arrow"])
@pytest.mark.usefixtures("single_rows")
def test_a_partition_keeps_its_own_narrower_types(*, arrow: bool) -> None:
    """The manifest tells those that hold what is in all objects."""
    receipt, manifest = parted(
        {"country": ["A", "B"], "x": [1, 2]},
        {"country": ["A"], "x": [0.5]},
        {"country": ["B"], "y": ["text"]},
        {"country": ["A"], "z": [True], "y": ["text"]},
        arrow=arrow,
    )
    types = [{column.name: column.type for column in item.columns or ()} for item in receipt.objects]
    assert types == [{"x": "double", "z": "bool", "y": "string"}, {"x": "int64", "y": "string"}]
    told = {column["name"]: column["type"] for column in manifest["schema"]}
    assert told == {"x": "double", "y": "string", "z": "bool"}


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_columns_are_those_of_the_first_rows_of_all_partitions(aws: FakeAws, name: str) -> None:
    """As they are where nothing is parted: CSV would refuse what only the rows of a later partition have."""
    rows: list[dict[str, object]] = [
        {"country": "A", "x": 1},
        {"country": "B", "y": "text", "x": 0.5},
        {"country": "C"},
    ]
    receipt = delivered(aws, rows, format=name)
    assert len(receipt.objects) == 3
    kinds = ("double", "string") if name == "parquet" else (None, None)
    for item in receipt.objects:
        assert [(column.name, column.type) for column in item.columns or ()] == list(zip("xy", kinds, strict=True))


def test_a_prepared_append_knows_its_partitions(aws: FakeAws) -> None:
    """It is committed by any process, to the same keys."""
    with aws.destination() as destination:
        append = destination.append("orders", partition_by=["country"])
        append.write_many(ROWS[:20])
        prepared = type(append.prepare()).model_validate_json(append.prepare().model_dump_json())
        receipt = destination.commit(prepared)
    assert [dict(item.partition) for item in receipt.objects] == [{"country": f"C{number}"} for number in range(7)]


class Order(BaseModel):
    """A pydantic model, one of whose columns has another name in rows."""

    id: int | None
    land: str = Field(serialization_alias="country")


@pytest.mark.parametrize(
    "schema", [{"id": int, "country": str}, pa.schema([("id", pa.int64()), ("country", pa.string())]), Order]
)
@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
def test_a_schema_may_have_the_columns(aws: FakeAws, name: str, schema: object) -> None:
    """They are in no object, and so not in its schema."""
    receipt = delivered(aws, ROWS[:10], format=name, schema=schema)
    columns = {(column.name, column.type) for item in receipt.objects for column in item.columns or ()}
    assert {name for name, _ in columns} == {"id"}
    assert name != "parquet" or columns == {("id", "int64")}


def test_a_file_has_no_partition(aws: FakeAws, tmp_path: Path) -> None:
    """It is refused before it is read; the writer stays open."""
    with aws.destination() as destination, destination.append("orders", partition_by=["country"]) as append:
        with pytest.raises(ConfigError, match="partition"):
            append.write_file(tmp_path / "missing")
        append.write_many(ROWS[:3])
    assert append.receipt.rows == 3


def test_a_schema_of_another_kind_is_refused(aws: FakeAws) -> None:
    """Since nothing can be taken out of it."""
    with pytest.raises(ConfigError, match="partition_by"):
        delivered(aws, ROWS[:10], schema=object())
