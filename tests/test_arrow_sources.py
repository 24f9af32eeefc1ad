"""Arrow data of any library: how it is taken, what is refused, and that its source is let go of."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import itertools
import sys
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from encoding import encoded
from fake import FakeAws

from s3dest import ConfigError, Csv, JsonLines, RowError
from s3dest.formats.arrow import batches
from s3dest.formats.parquet import Parquet

FORMATS = [JsonLines(compression="none"), Csv(compression="none", null="NULL"), Parquet()]


def test_what_speaks_no_arrow_is_refused() -> None:
    """Rows have their own method, and a column is no table."""
    for data in ([{"a": 1}], None, pa.array([1]), pa.chunked_array([[1]])):
        wrong: Any = data
        with pytest.raises(ConfigError, match=r"write_arrow\(\) takes") as caught:
            list(batches(wrong))
        assert caught.value.code == "not_arrow"


def frame(*columns: Any, names: str = "ab") -> Any:
    """Make a frame of pandas."""
    return pd.DataFrame(dict(enumerate(columns))).set_axis(list(names[: len(columns)]), axis="columns")


UNREADABLE: dict[str, tuple[Any, str]] = {
    "mixed": (lambda: frame([1, 2], [1, "Mrs. Secret"]), "column b with type object"),
    "twins": (lambda: frame([1], [2], names="aa"), r"Duplicate column names found: \['a', 'a'\]"),
    "complex": (lambda: frame([1j]), "column a with type complex128"),
    "wide integers": (lambda: pl.DataFrame({"a": pl.Series([1], dtype=pl.Int128)}), "format string"),
    "null rows": (lambda: pl.Series([{"a": 1}, None]), "a row is null as a whole"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_pyarrow_cannot_read_is_told(kind: str) -> None:
    """By what it says of it, but for values."""
    make, words = UNREADABLE[kind]
    with pytest.raises(ConfigError, match=words) as caught:
        list(batches(make()))
    assert caught.value.code == "not_arrow"
    assert "Secret" not in str(caught.value)


def test_a_source_keeps_its_own_error() -> None:
    """What a reader raises is no matter of ours."""

    def broken() -> Any:
        yield TABLE.to_batches()[0]
        yield 1 // 0

    with pytest.raises(pa.ArrowException, match="division"):
        list(batches(pa.RecordBatchReader.from_batches(TABLE.schema, broken())))


@pytest.mark.parametrize("taken", [1, None])
def test_a_source_is_let_go_of(taken: int | None) -> None:
    """At the end, or when there is no need of more: a connection would be in use."""
    with duckdb.connect() as connection:
        found = batches(connection.sql("SELECT range AS a FROM range(1000000)"))
        assert list(itertools.islice(found, taken))
        found.close()
        with pytest.raises(StopIteration):
            next(found)
        assert connection.sql("SELECT 1").fetchall() == [(1,)]


def test_a_source_is_let_go_of_where_python_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing can be imported any more."""
    found = batches(TABLE)
    next(found)
    missing: dict[str, Any] = sys.modules
    monkeypatch.setitem(missing, "pyarrow", None)
    found.close()


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it."""
    missing: dict[str, Any] = sys.modules
    monkeypatch.setitem(missing, "pyarrow", None)
    with pytest.raises(ConfigError, match="pyarrow") as caught:
        Parquet()
    assert caught.value.code == "extra_missing"


TABLE = pa.table(
    {
        "id": [1, 2, None],
        "text": ["a", None, 'ü"'],
        "at": pa.array([dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC), None, None], pa.timestamp("us", "UTC")),
        "price": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-2.00")], pa.decimal128(9, 2)),
        "tags": pa.array([["x"], [], None], pa.list_(pa.string())),
    }
)


def polars_frame() -> Any:
    """Make the table a frame of polars."""
    return pl.from_arrow(TABLE)


def pandas_frame() -> Any:
    """Make the table a frame of pandas."""
    return TABLE.to_pandas(types_mapper=pd.ArrowDtype)


def duckdb_relation() -> Any:
    """Make the table a relation of duckdb."""
    return duckdb.from_arrow(TABLE)


SOURCES: dict[str, Any] = {
    "table": lambda: TABLE,
    "batch": lambda: TABLE.to_batches()[0],
    "chunks": lambda: pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)]),
    "reader": TABLE.to_reader,
    "polars": polars_frame,
    "pandas": pandas_frame,
    "duckdb": duckdb_relation,
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("file_format", FORMATS, ids=lambda item: item.name)
def test_any_library_is_taken(source: str, file_format: Any) -> None:
    """And the values are the same in every format."""
    data = encoded(file_format, *batches(SOURCES[source]()))
    if file_format.name == "parquet":
        assert pq.read_table(io.BytesIO(data)).to_pylist() == TABLE.to_pylist()
    else:
        assert data == encoded(file_format, TABLE.to_pylist())


@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
def test_a_writer_takes_tables(name: Any) -> None:
    """Beside rows, in order; an empty one adds nothing, and a transfer of empty ones is a transfer."""
    with FakeAws() as aws, aws.destination() as destination:
        with destination.append("orders", format=name) as append:
            append.write({"id": 0, "text": "row"})
            append.write_arrow(TABLE.select(["id", "text"]).slice(0, 1))
            append.write_arrow(TABLE.slice(0, 0))
        assert append.receipt.rows == 2
        with destination.append("empty", format=name) as append:
            append.write_arrow(TABLE.slice(0, 0))
        assert (append.receipt.rows, append.receipt.objects) == (0, ())
        broken = destination.append("broken", format=name)
        with pytest.raises(RowError):
            broken.write_arrow(pa.table({"odd": pa.array([1], pa.duration("s"))}))
        broken.abort()


@pytest.mark.parametrize("partition_by", [[], ["part"]], ids=["whole", "parted"])
@pytest.mark.parametrize(
    "file_format", [*FORMATS, Parquet(row_group_rows=1000)], ids=["jsonl", "csv", "parquet", "groups"]
)
def test_a_table_may_be_changed_after_it_was_written(aws: FakeAws, file_format: Any, partition_by: list[str]) -> None:
    """As a row may: pandas and NumPy change their memory in place, which Arrow data made of them shares."""
    numbers = np.arange(20_500)
    kept = numbers.copy()
    with (
        aws.destination() as destination,
        destination.append("orders", format=file_format, partition_by=partition_by) as append,
    ):
        for _ in range(3):
            numbers[:] = kept
            append.write_arrow(pa.table({"part": ["a"] * len(numbers), "id": numbers}))
            numbers[:] = -1
    (key,) = [item.key for item in append.receipt.objects]
    data = aws.store.objects[key].data
    if isinstance(file_format, Parquet):
        assert pq.read_table(io.BytesIO(data))["id"].to_pylist() == 3 * list(kept)
    else:
        assert b"-1" not in data
