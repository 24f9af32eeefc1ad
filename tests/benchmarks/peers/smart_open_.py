"""smart_open: a text file in a bucket, written line by line and compressed by its name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import smart_open

from benchmarks.store import Row, Store, Task, Transfer

ABSENT: Final[dict[str, str]] = {}


def _write(uri: str, rows: list[Row], parameters: dict[str, object]) -> None:
    with smart_open.open(uri, "w", transport_params=parameters) as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def jsonl(store: Store, rows: list[Row]) -> Task:
    """Line by line."""
    parameters: dict[str, object] = {"client": boto3.client("s3")}
    return lambda: _write(f"{store.uri}/data.jsonl.gz", rows, parameters)


def _write_table(store: Store, table: pa.Table, parameters: dict[str, object]) -> None:
    with smart_open.open(f"{store.uri}/data.parquet", "wb", transport_params=parameters) as file:
        pq.write_table(table, file)


def parquet(store: Store, rows: list[Row]) -> Task:
    """Let pyarrow write into the file."""
    parameters: dict[str, object] = {"client": boto3.client("s3")}
    return lambda: _write_table(store, pa.Table.from_pylist(rows), parameters)


def arrow(store: Store, table: pa.Table) -> Task:
    """Let pyarrow write into the file."""
    parameters: dict[str, object] = {"client": boto3.client("s3")}
    return lambda: _write_table(store, table, parameters)


def file(store: Store, path: Path) -> Task:
    """Copy from file to file."""
    parameters: dict[str, object] = {"client": boto3.client("s3")}

    def task() -> None:
        with (
            path.open("rb") as source,
            smart_open.open(f"{store.uri}/data.bin", "wb", transport_params=parameters) as target,
        ):
            shutil.copyfileobj(source, target)

    return task


def tiny(store: Store, rows: list[Row]) -> Transfer:
    """One put each, as its users choose for small files."""
    parameters: dict[str, object] = {"client": boto3.client("s3"), "multipart_upload": False}
    return lambda number: _write(f"{store.uri}/{number}.jsonl.gz", rows, parameters)
