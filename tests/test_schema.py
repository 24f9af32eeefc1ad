"""Schemas: as callers give them, as rows widen them, and as the manifest tells them; and what may be a row."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import io
import json
import sqlite3
import time
import warnings
from contextlib import closing
from itertools import product
from typing import Any, NamedTuple
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from encoding import Point, Text
from fake import FakeAws
from pydantic import BaseModel, Field, computed_field

from s3dest import ConfigError, JsonLines, RowError, TransferOptions
from s3dest.formats.csv import Csv
from s3dest.formats.parquet import Parquet, _File
from s3dest.kind import kind_of
from s3dest.schema import Column, annotations_of, columns_of

PYTHON = ("int64", "date32[day]", None, "string")


class Order(BaseModel):
    """A pydantic model with all that changes what it dumps."""

    id: int
    at: dt.datetime | None = None
    total: float = Field(default=0.5, alias="Total")
    note: str = Field(default="x", validation_alias="n", serialization_alias="Note")
    secret: str = Field(default="hidden", exclude=True)
    tags: list[str] = []

    @computed_field
    def double(self) -> float:
        """Compute a column."""
        return self.total * 2


@dataclasses.dataclass(slots=True)
class Line:
    """A dataclass, with a field that begins with an underscore."""

    id: int
    _note: str = "x"


class Named(NamedTuple):
    """A tuple with names is no mapping."""

    id: int


def manifest(aws: FakeAws) -> Any:
    """Read the only manifest."""
    (data,) = (stored.data for key, stored in aws.store.objects.items() if "/_manifests/" in f"/{key}")
    return json.loads(data)


def stored(aws: FakeAws) -> list[bytes]:
    """Read the data objects that the manifest names, in its order."""
    urls = [entry["url"] for entry in manifest(aws)["entries"]]
    return [aws.store.objects[url.removeprefix("s3://acme-lake/")].data for url in urls]


@pytest.mark.parametrize(
    ("schema", "columns"),
    [
        ({}, ()),
        ({Text("red"): "int8"}, (("red", "int8"),)),
        ({"a": None, "b": "int64", "c": pa.date32()}, (("a", None), ("b", "int64"), ("c", "date32[day]"))),
        ({"a": int, "b": dt.date | None, "c": dt.datetime, "d": UUID | None}, tuple(zip("abcd", PYTHON, strict=True))),
        (pa.schema([("a", pa.int8()), ("b", pa.list_(pa.string()))]), (("a", "int8"), ("b", "list<item: string>"))),
        (Order, tuple((name, None) for name in ("id", "at", "Total", "Note", "tags", "double"))),
    ],
    ids=["empty", "own text", "mapping", "Python", "pyarrow", "pydantic"],
)
def test_columns_of_what_callers_give(schema: Any, columns: Any) -> None:
    """By name, in order; a model's are those that it dumps."""
    assert columns_of(schema) == tuple(Column(*pair) for pair in columns)


@pytest.mark.parametrize("schema", [None, 1, "a", ["a"], Order(id=1), dt.date, Line])
def test_what_is_no_schema_is_refused(schema: Any) -> None:
    """With what is one."""
    with pytest.raises(ConfigError, match=rf"A schema is .*, not {kind_of(schema)}\.") as caught:
        columns_of(schema)
    assert caught.value.code == "schema"


@pytest.mark.parametrize("schema", [{"\ud800": "int64"}, {"1": "int64", 1: "string"}, {None: None}])
@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
def test_the_names_of_a_schema_are_texts(aws: FakeAws, name: Any, schema: Any) -> None:
    """Or the manifest could not be written when the objects were visible already."""
    with aws.destination() as destination, pytest.raises(ConfigError, match="in the schema") as caught:
        destination.append("orders", format=name, schema=schema)
    assert caught.value.code == "schema"


@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("kind", [complex, int | str, list[int], 7], ids=str)
def test_the_types_of_a_schema_are_types(aws: FakeAws, name: Any, kind: Any) -> None:
    """Told when the writer is opened: readers of the manifest could not know what ``int | str`` is."""
    with aws.destination() as destination, pytest.raises(ConfigError, match=r"The type .* in the schema") as caught:
        destination.append("orders", format=name, schema={"id": kind, "day": "date32"}, partition_by=["day"])
    assert caught.value.code == "schema"


@pytest.mark.parametrize("file_format", [JsonLines(), Csv(), Parquet()], ids=lambda item: item.name)
def test_a_schema_has_each_name_once(file_format: Any) -> None:
    """Before the first row, in every format."""
    with pytest.raises(ConfigError, match="Two columns of the schema") as caught:
        file_format.encoder(pa.schema([("a", pa.int8()), ("a", pa.int8())]))
    assert caught.value.code == "schema"


def test_the_columns_of_a_model_are_those_of_its_rows() -> None:
    """Aliases, excluded and computed fields count as in its dump."""
    assert list(annotations_of(Order) or ()) == list(Order(id=1, Total=1).model_dump(by_alias=True))
    assert annotations_of(Order(id=1)) is None


def types_of(schema: Any) -> dict[str, str | None]:
    """Tell the types that Parquet makes of a schema."""
    return {column.name: column.type for column in Parquet().encoder(schema).columns or ()}


def test_parquet_reads_types() -> None:
    """Arrow's names, Python's types and a model's annotations; what has no plain one is found in the rows."""
    kinds = {"a": int, "b": "timestamp[us]", "c": pa.int8(), "d": None, "e": UUID, "f": dt.time, "g": dt.date}
    assert list(types_of(kinds).values()) == "int64 timestamp[us] int8 null string time64[us] date32[day]".split()
    named = "timestamp[ms, tz=Europe/Berlin] decimal128(10, 2) decimal256(50, 0)".split(" d")
    names = [named[0], *(f"d{name}" for name in named[1:])]
    assert list(types_of(dict(zip("abc", names, strict=True))).values()) == names
    assert types_of(Order) == {
        "id": "int64",
        "at": "null",  # with a zone or without: the rows tell
        "Total": "double",
        "Note": "string",
        "tags": "null",
        "double": "double",
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"a": "integer"},
        {"a": complex},
        {"a": "decimal128(39, 2)"},
        {"a": "timestamp[ms, tz=]"},
        {"a": "timestamp[m, tz=UTC]"},
        {"a": 7},
        {"a": "duration[s]"},
        pa.schema([("a", pa.list_(pa.duration("s")))]),
        pa.schema([("a", pa.int8()), ("a", pa.int8())]),
        7,
    ],
    ids=str,
)
def test_parquet_refuses_what_is_no_type(schema: Any) -> None:
    """Before the first row."""
    with pytest.raises(ConfigError) as caught:
        Parquet().encoder(schema)
    assert caught.value.code == "schema"


def test_the_manifest_tells_each_objects_columns(aws: FakeAws) -> None:
    """Where a column widens or comes in, a new object begins, and readers know what is where."""
    with aws.destination() as destination, destination.append("orders", format=Parquet(row_group_rows=1)) as append:
        append.write_many([{"a": number} for number in range(64)])
        append.write_many([{"a": 0.5, "b": "x"} for number in range(1)])
    told = manifest(aws)
    one, two = {"name": "a", "type": "int64"}, {"name": "a", "type": "double"}
    assert [entry["meta"]["schema"] for entry in told["entries"]] == [[one], [two, {"name": "b", "type": "string"}]]
    assert [entry["meta"]["record_count"] for entry in told["entries"]] == [64, 1]
    assert told["schema"] == [two, {"name": "b", "type": "string"}]
    read = [pq.read_table(io.BytesIO(data)) for data in stored(aws)]
    assert [table.num_rows for table in read] == [64, 1]
    assert read[1].to_pylist() == [{"a": 0.5, "b": "x"}]


def test_types_without_a_common_one_fail_and_can_be_aborted(aws: FakeAws) -> None:
    """Nothing is visible, and the row is named."""
    with aws.destination() as destination:
        append = destination.append("orders", format="parquet")
        append.write_many([{"a": number} for number in range(100)])
        with pytest.raises(RowError, match=r"[Rr]ow 100\b.*column 'a'"):
            append.write_many([{"a": "text"}] * 10_000)
        append.abort()
    assert not aws.store.objects


def in_lists(rows: list[Any], size: int) -> Any:
    """Write rows in lists of that size."""

    def write(append: Any) -> None:
        for start in range(0, len(rows), size):
            append.write_many(rows[start : start + size])

    return write


@pytest.mark.parametrize(
    "kind", ["light", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("heavy", "nested", "dataclass"))]
)
def test_lists_of_any_size_give_equal_objects(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of columns end where those of single rows do, whatever is heavy in between."""
    monkeypatch.setattr("s3dest.spool._SMALLEST_GROUP", 40_000)
    rows: list[Any] = [
        {"id": number, "text": hashlib.sha512(b"%d" % number).hexdigest()[: number % 90]} for number in range(20_000)
    ]
    if kind == "heavy":
        rows[9000:9040] = [{"id": number, "text": "y" * 100_000} for number in range(9000, 9040)]
    elif kind == "nested":
        rows = [{**row, "list": [row["text"]] * 3} for row in rows]
    elif kind == "dataclass":
        rows = [Point(row["id"], row["text"]) for row in rows]
    ways = [in_lists(rows, size) for size in (1, 10, 700, 5000, len(rows))]
    found = []
    for way, object_size in product(ways, (150_000, 500_000)):
        with FakeAws() as aws, aws.destination(options=TransferOptions(object_size=object_size)) as destination:
            with destination.append("o", transfer_id="x", transfer_date="2026-11-23", format="parquet") as append:
                way(append)
            found.append([(item.key, item.rows) for item in append.receipt.objects])
    assert found == found[:2] * len(ways)
    assert len(found[0]) > len(found[1])


@pytest.mark.parametrize("way", ["rows", "arrow", "parted"])
def test_parquet_fills_objects_with_what_rows_have_become(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that shrink to a tenth do not end in objects of a tenth of the size that is wanted."""
    monkeypatch.setattr("s3dest.spool._SMALLEST_GROUP", 5000)
    rows = [{"id": number, "half": number % 2, "text": "the same again " * 10} for number in range(40_000)]
    partition_by = ["half"] if way == "parted" else []
    with (
        FakeAws() as aws,
        aws.destination(options=TransferOptions(object_size=50_000)) as destination,
        destination.append("o", format="parquet", partition_by=partition_by) as append,
    ):
        if way == "arrow":
            append.write_arrow(pa.Table.from_pylist(rows))
        else:
            append.write_many(rows)
    last = {item.partition: item for item in append.receipt.objects}
    full = [item.size for item in append.receipt.objects if item is not last[item.partition]]
    assert len(full) >= 2
    assert all(0.6 * 50_000 < size <= 50_000 for size in full), full


def test_slow_threads_give_equal_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an object ends must not depend on whether its row groups are written yet."""
    monkeypatch.setattr("s3dest.formats.parquet.ROW_GROUP_BYTES", 40_000)
    monkeypatch.setattr("s3dest.spool._SMALLEST_GROUP", 10_000)
    monkeypatch.setattr("s3dest.assembly.ARROW_BATCH", 2000)
    monkeypatch.setattr("s3dest.assembly.COLUMN_BATCH", 2000)
    monkeypatch.setattr("s3dest.assembly.BATCH_BYTES", 10_000)  # the size of a row as stored matters
    write: Any = _File._write
    table = pa.table({"id": range(60_000), "text": [f"{number * 7919 % 10_007}" for number in range(60_000)]})
    found = []
    for slow in (0.0, 0.01, 0.0):

        def slowly(*arguments: Any, slow: float = slow) -> bytes:
            time.sleep(slow)
            data: bytes = write(*arguments)
            return data

        monkeypatch.setattr(_File, "_write", slowly)
        for arrow in (False, True):
            with FakeAws() as aws, aws.destination(options=TransferOptions(object_size=150_000)) as destination:
                with destination.append("o", transfer_id="x", transfer_date="2026-11-23", format="parquet") as append:
                    if arrow:
                        append.write_arrow(table)
                    else:
                        append.write_many(table.to_pylist())
                found.append([(item.key, item.rows, item.size) for item in append.receipt.objects])
    assert found == found[:2] * 3
    assert all(size <= 150_000 for objects in found for _, _, size in objects)
    assert len(found[0]) > 2


@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
def test_equal_rows_give_equal_objects(name: Any) -> None:
    """Whether they come one by one, in lists or in generators."""
    rows = [{"id": number, "text": f"{number}", "even": number % 2 or None} for number in range(3000)]
    found = []
    for way in (lambda w: w.write_many(rows), lambda w: w.write_many(iter(rows)), lambda w: [w.write(r) for r in rows]):
        with FakeAws() as aws, aws.destination(options=TransferOptions(object_rows=1000)) as destination:
            with destination.append("orders", transfer_id="x", transfer_date="2026-11-23", format=name) as append:
                way(append)
            found.append([item.key for item in append.receipt.objects])
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 3


@pytest.mark.parametrize("bring", [list, tuple, iter], ids=["list", "tuple", "generator"])
@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
def test_dataclasses_and_models_are_rows(bring: Any, name: Any) -> None:
    """By their fields, a model's by alias as it dumps them, whatever they stand beside."""
    orders = [Order(id=number, Total=number) for number in range(100)]
    same = [order.model_dump(by_alias=True) for order in orders]
    lines = [Line(number, "é") for number in range(100)]
    kinds: Any = {"jsonl": JsonLines(compression="none"), "csv": Csv(compression="none"), "parquet": Parquet()}
    for rows, plain in ((orders, same), (lines, [{"id": number, "_note": "é"} for number in range(100)])):
        found = []
        for given in (rows, plain, [*rows[:70], *plain[70:]]):
            with FakeAws() as other, other.destination() as destination:
                with destination.append("orders", format=kinds[name]) as append:
                    append.write_many(bring(given))
                found.append(stored(other))
        assert found[0] == found[1] == found[2]


def test_a_dataclass_row_may_be_changed_after_it_was_written(aws: FakeAws) -> None:
    """It was copied, lists in it too."""
    order = Order(id=1, tags=["x"])
    with aws.destination() as destination, destination.append("orders", format=JsonLines(compression="none")) as append:
        append.write(order)
        order.tags.append("y")
    assert [json.loads(data)["tags"] for data in stored(aws)] == [["x"]]


@pytest.mark.parametrize("row", [Line, Order, Named(1), [1], "row", None], ids=str)
def test_what_is_no_row_is_refused(aws: FakeAws, row: Any) -> None:
    """A class is none, and a tuple has no columns."""
    for given in ([{"id": 1}] * 64 + [row], [row] * 64):
        with aws.destination() as destination:
            append = destination.append("orders")
            with pytest.raises(RowError, match=f"Row {given.index(row)} is a"):
                append.write_many(given)
            append.abort()


def cursor_rows() -> list[Any]:
    """Take a row out of a database in each of the ways that Python knows."""
    with closing(sqlite3.connect(":memory:")) as database:
        rows = database.execute("SELECT 1 AS id").fetchall()
        database.row_factory = sqlite3.Row
        return rows + database.execute("SELECT 1 AS id").fetchall()


PLAIN_ROW, OWN_ROW = cursor_rows()


@pytest.mark.parametrize(
    ("row", "way"),
    [
        (Named(1), "Write its _asdict()."),
        (OWN_ROW, "Write dict(row)."),
        (PLAIN_ROW, "Of a cursor's, make a dict: dict(zip(names, row))."),
        ([{"id": 1}], "For several at once, there is write_many()."),
        (pa.table({"id": [1]}), "For tables and data frames, there is write_arrow()."),
        (1, "Rows are mappings, dataclasses or pydantic models."),
    ],
    ids=["named", "own", "tuple", "rows", "table", "number"],
)
def test_what_is_no_row_yet_has_its_way(aws: FakeAws, row: Any, way: str) -> None:
    """A cursor's rows are the commonest source."""
    with aws.destination() as destination:
        append = destination.append("orders")
        with pytest.raises(RowError) as caught:
            append.write(row)
        append.abort()
    assert caught.value.remedy.endswith(way)


def test_a_model_with_a_wrong_value_is_written_as_it_is(aws: FakeAws) -> None:
    """Pydantic would warn; what can be written is no matter of ours."""
    wrong: Any = "seven"
    order = Order.model_construct(id=wrong)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with aws.destination() as destination, destination.append("orders", format=JsonLines("none")) as append:
            append.write(order)
    assert json.loads(stored(aws)[0])["id"] == "seven"
