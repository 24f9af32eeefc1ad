"""s3fs, fsspec's file system for S3."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
import s3fs

from benchmarks import plain
from benchmarks.store import Row, Store, Task, Transfer

ABSENT: Final[dict[str, str]] = {}


def _connected() -> s3fs.S3FileSystem:
    system = s3fs.S3FileSystem()
    system.connect()
    return system


def jsonl(store: Store, rows: list[Row]) -> Task:
    """Line by line into a compressed file."""
    system = _connected()

    def task() -> None:
        with system.open(f"{store.uri}/data.jsonl.gz", "wb") as target, gzip.open(target, "wt") as file:
            for row in rows:
                file.write(json.dumps(row) + "\n")

    return task


def _write_table(system: s3fs.S3FileSystem, store: Store, table: pa.Table) -> None:
    with system.open(f"{store.uri}/data.parquet", "wb") as file:
        pq.write_table(table, file)


def parquet(store: Store, rows: list[Row]) -> Task:
    """Let pyarrow write into the file."""
    system = _connected()
    return lambda: _write_table(system, store, pa.Table.from_pylist(rows))


def arrow(store: Store, table: pa.Table) -> Task:
    """Let pyarrow write into the file."""
    system = _connected()
    return lambda: _write_table(system, store, table)


def file(store: Store, path: Path) -> Task:
    """Put a file."""
    system = _connected()
    return lambda: system.put_file(str(path), f"{store.uri}/data.bin")


def tiny(store: Store, rows: list[Row]) -> Transfer:
    """Pipe bytes into a file."""
    system = _connected()
    return lambda number: system.pipe_file(f"{store.uri}/{number}.jsonl.gz", plain.json_lines(rows))
