"""polars, which writes to S3 by a client in Rust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from benchmarks.store import Row, Store, Task, Transfer

if TYPE_CHECKING:
    import pyarrow as pa

ABSENT: Final = {"file": "writes tables, not files"}


def _frame(rows: list[Row]) -> pl.LazyFrame:
    return pl.DataFrame(rows, infer_schema_length=None).lazy()


def jsonl(store: Store, rows: list[Row]) -> Task:
    """Make a frame and sink it."""
    return lambda: _frame(rows).sink_ndjson(f"{store.uri}/data.jsonl.gz", compression="gzip")


def parquet(store: Store, rows: list[Row]) -> Task:
    """Make a frame and sink it."""
    return lambda: _frame(rows).sink_parquet(f"{store.uri}/data.parquet")


def arrow(store: Store, table: pa.Table) -> Task:
    """Take the table over, without a copy of most columns, and sink it."""

    def task() -> None:
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)  # for mypy
        frame.lazy().sink_parquet(f"{store.uri}/data.parquet")

    return task


def tiny(store: Store, rows: list[Row]) -> Transfer:
    """One small frame each."""
    return lambda number: _frame(rows).sink_ndjson(f"{store.uri}/{number}.jsonl.gz", compression="gzip")
