"""pyarrow's own file system for S3."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from benchmarks import plain
from benchmarks.store import Row, Store, Task, Transfer

ABSENT: Final[dict[str, str]] = {}


def _file_system(store: Store) -> fs.S3FileSystem:
    scheme, _, host = store.endpoint_url.partition("://")
    return fs.S3FileSystem(
        endpoint_override=host, scheme=scheme, tls_ca_file_path=store.certificate if scheme == "https" else None
    )


def jsonl(store: Store, rows: list[Row]) -> Task:
    """Line by line into a compressed stream."""
    system = _file_system(store)

    def task() -> None:
        with system.open_output_stream(f"{store.bucket}/{store.prefix}/data.jsonl.gz", compression="gzip") as file:
            for row in rows:
                file.write(f"{json.dumps(row)}\n".encode())

    return task


def parquet(store: Store, rows: list[Row]) -> Task:
    """Make a table and write it."""
    system = _file_system(store)
    path = f"{store.bucket}/{store.prefix}/data.parquet"
    return lambda: pq.write_table(pa.Table.from_pylist(rows), path, filesystem=system)


def arrow(store: Store, table: pa.Table) -> Task:
    """Write the table."""
    system = _file_system(store)
    return lambda: pq.write_table(table, f"{store.bucket}/{store.prefix}/data.parquet", filesystem=system)


def file(store: Store, path: Path) -> Task:
    """Copy from file to stream."""
    system = _file_system(store)

    def task() -> None:
        with (
            path.open("rb") as source,
            system.open_output_stream(f"{store.bucket}/{store.prefix}/data.bin") as target,
        ):
            shutil.copyfileobj(source, target, 8 * 1024 * 1024)

    return task


def tiny(store: Store, rows: list[Row]) -> Transfer:
    """One stream each."""
    system = _file_system(store)

    def transfer(number: int) -> None:
        with system.open_output_stream(f"{store.bucket}/{store.prefix}/{number}.jsonl.gz", compression=None) as file:
            file.write(plain.json_lines(rows))

    return transfer
