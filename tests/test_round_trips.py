"""Values come back as they were, by readers that people use: pyarrow, pandas, polars and duckdb, in every format."""

from __future__ import annotations

import datetime as dt
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq
import pytest
from encoding import encoded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3dest import Csv, JsonLines, Parquet

NULL = "NULL"
"""Text of null in CSV: pandas cannot tell a quoted empty text from a missing one."""

KINDS: dict[str, pa.DataType] = {
    "n": pa.int64(),
    "x": pa.float64(),
    "ok": pa.bool_(),
    "text": pa.string(),
    "day": pa.date32(),
    "at": pa.timestamp("us", "UTC"),
}
POLARS: dict[str, Any] = {
    "n": pl.Int64,
    "x": pl.Float64,
    "ok": pl.Boolean,
    "text": pl.String,
    "day": pl.Date,
    "at": pl.Datetime("us", "UTC"),
}
DUCKDB = {"n": "BIGINT", "x": "DOUBLE", "ok": "BOOLEAN", "text": "VARCHAR", "day": "DATE", "at": "TIMESTAMPTZ"}

# pandas has instants of 64 bit nanoseconds, and no reader of text takes the year 1 as year 1
_DAYS = st.dates(dt.date(1700, 1, 1), dt.date(2200, 12, 31))
_INSTANTS = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 12, 31), timezones=st.just(dt.UTC))  # noqa: DTZ001  # bounds are naive
_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=8) | st.sampled_from(
    ['"', "a,b", "two\nlines", '"},{"', "ü\\", " ", ""]
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "n": st.integers(-(2**63), 2**63 - 1) | st.none(),
            # pandas' reader of JSON takes subnormal numbers for zero
            "x": st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False) | st.none(),
            "ok": st.booleans() | st.none(),
            "text": _TEXTS.filter(lambda text: text != NULL) | st.none(),
            "day": _DAYS | st.none(),
            "at": _INSTANTS | st.none(),
        }
    ),
    min_size=1,
    max_size=12,
)

Read = Callable[[bytes, Path], list[dict[str, Any]]]


def of_pandas(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Bring pandas' own types back to Python's."""
    rows: list[dict[str, Any]] = pa.Table.from_pandas(frame, preserve_index=False).cast(pa.schema(KINDS)).to_pylist()
    return rows


def jsonl_by_pyarrow(data: bytes, _path: Path) -> list[dict[str, Any]]:
    """Read JSON Lines by pyarrow."""
    schema = pa.schema({**KINDS, "day": pa.string(), "at": pa.timestamp("us")})
    options = pyarrow.json.ParseOptions(explicit_schema=schema, newlines_in_values=True)
    table = pyarrow.json.read_json(io.BytesIO(data), parse_options=options)
    day = table.column("day").cast(pa.date32())
    rows: list[dict[str, Any]] = table.set_column(4, "day", day).cast(pa.schema(KINDS)).to_pylist()
    return rows


def jsonl_by_pandas(data: bytes, _path: Path) -> list[dict[str, Any]]:
    """Read JSON Lines by pandas, which makes floats of integers beside nulls."""
    frame = pd.read_json(io.BytesIO(data), lines=True, dtype=False, precise_float=True)
    records = frame.to_dict("records")
    rows = [{name: None if pd.isna(value) else value for name, value in row.items()} for row in records]
    for row in rows:
        row["day"] = row["day"] and dt.date.fromisoformat(row["day"])
        row["at"] = row["at"] and dt.datetime.fromisoformat(row["at"])
    return [{str(name): value for name, value in row.items()} for row in rows]


def jsonl_by_polars(data: bytes, _path: Path) -> list[dict[str, Any]]:
    """Read JSON Lines by polars."""
    text = {**POLARS, "day": pl.String, "at": pl.String}
    frame = pl.read_ndjson(io.BytesIO(data), schema=text)
    return frame.with_columns(
        pl.col("day").str.to_date(), pl.col("at").str.to_datetime(time_unit="us", time_zone="UTC")
    ).to_dicts()


def jsonl_by_duckdb(_data: bytes, path: Path) -> list[dict[str, Any]]:
    """Read JSON Lines by duckdb."""
    return by_duckdb(f"read_json('{path}', format='newline_delimited', columns={DUCKDB})")


def csv_by_pyarrow(data: bytes, _path: Path) -> list[dict[str, Any]]:
    """Read CSV by pyarrow."""
    convert = pyarrow.csv.ConvertOptions(
        column_types=pa.schema(KINDS), null_values=[NULL], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    table = pyarrow.csv.read_csv(io.BytesIO(data), convert_options=convert, parse_options=parse)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def csv_by_pandas(data: bytes, _path: Path) -> list[dict[str, Any]]:
    """Read CSV by pandas."""
    kinds = {"n": "Int64", "x": "Float64", "ok": "boolean", "text": "string", "day": "string", "at": "string"}
    frame = pd.read_csv(io.BytesIO(data), dtype=kinds, na_values=[NULL], keep_default_na=False)
    rows = [
        {str(name): None if value is pd.NA else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]
    for row in rows:
        row["day"] = row["day"] and dt.date.fromisoformat(row["day"])
        row["at"] = row["at"] and dt.datetime.fromisoformat(row["at"])
    return rows


def csv_by_polars(data: bytes, _path: Path) -> list[dict[str, Any]]:
    """Read CSV by polars."""
    text = {**POLARS, "day": pl.String, "at": pl.String}
    frame = pl.read_csv(io.BytesIO(data), schema=text, null_values=[NULL])
    return frame.with_columns(
        pl.col("day").str.to_date(), pl.col("at").str.to_datetime(time_unit="us", time_zone="UTC")
    ).to_dicts()


def csv_by_duckdb(_data: bytes, path: Path) -> list[dict[str, Any]]:
    """Read CSV by duckdb."""
    return by_duckdb(
        f"read_csv('{path}', header=true, quote='\"', escape='\"', delim=',', nullstr='{NULL}', "
        f"allow_quoted_nulls=false, auto_detect=false, columns={DUCKDB})"
    )


def parquet_by_pyarrow(data: bytes, _path: Path) -> list[dict[str, Any]]:
    """Read Parquet by pyarrow."""
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(data)).to_pylist()
    return rows


def parquet_by_pandas(data: bytes, _path: Path) -> list[dict[str, Any]]:
    """Read Parquet by pandas."""
    return of_pandas(pd.read_parquet(io.BytesIO(data), dtype_backend="pyarrow"))


def parquet_by_polars(data: bytes, _path: Path) -> list[dict[str, Any]]:
    """Read Parquet by polars."""
    return pl.read_parquet(io.BytesIO(data)).to_dicts()


def parquet_by_duckdb(_data: bytes, path: Path) -> list[dict[str, Any]]:
    """Read Parquet by duckdb."""
    return by_duckdb(f"read_parquet('{path}')")


def by_duckdb(source: str) -> list[dict[str, Any]]:
    """Read whatever duckdb reads."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows: list[dict[str, Any]] = connection.sql(f"SELECT * FROM {source}").to_arrow_table().to_pylist()  # noqa: S608  # ours
    return rows


FORMATS: dict[str, Any] = {
    "jsonl": JsonLines(compression="none"),
    "csv": Csv(compression="none", null=NULL),
    "parquet": Parquet(),
}


@pytest.mark.parametrize(
    "read",
    [
        jsonl_by_pyarrow,
        jsonl_by_pandas,
        jsonl_by_polars,
        jsonl_by_duckdb,
        csv_by_pyarrow,
        csv_by_pandas,
        csv_by_polars,
        csv_by_duckdb,
        parquet_by_pyarrow,
        parquet_by_pandas,
        parquet_by_polars,
        parquet_by_duckdb,
    ],
    ids=lambda read: read.__name__,
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_values_come_back(read: Read, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    """Every one, nulls and empty texts among them, in the order of the rows."""
    data = encoded(FORMATS[read.__name__.split("_")[0]], rows, schema=pa.schema(KINDS))
    path = tmp_path / "rows"
    path.write_bytes(data)
    found = read(data, path)
    assert [set(row) for row in found] == [set(KINDS)] * len(rows)
    for name in KINDS:
        pairs = [(row[name], back[name]) for row, back in zip(rows, found, strict=True)]
        assert [pair for pair in pairs if not same(*pair)] == []


def same(value: Any, back: Any) -> bool:
    """Tell whether a value has come back; the sign of a zero may be lost by a reader."""
    if isinstance(back, float) and value is not None:
        return math.isclose(value, back, rel_tol=1e-15, abs_tol=0.0)
    return bool(value == back) and (value is None) == (back is None)
