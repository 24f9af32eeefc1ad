"""obstore: bytes to S3 by a client in Rust."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet  # before the clock starts
from obstore.store import S3Store

from benchmarks import plain
from benchmarks.store import Row, Store, Task, Transfer

ABSENT: Final[dict[str, str]] = {}


def jsonl(store: Store, rows: list[Row]) -> Task:
    """One put of one text."""
    bucket = S3Store(store.bucket)
    return lambda: bucket.put(f"{store.prefix}/data.jsonl.gz", plain.json_lines(rows))


def parquet(store: Store, rows: list[Row]) -> Task:
    """Write a table to memory, and put that."""
    bucket = S3Store(store.bucket)
    return lambda: bucket.put(f"{store.prefix}/data.parquet", plain.parquet(pa.Table.from_pylist(rows)))


def arrow(store: Store, table: pa.Table) -> Task:
    """Write the table to memory, and put that."""
    bucket = S3Store(store.bucket)
    return lambda: bucket.put(f"{store.prefix}/data.parquet", plain.parquet(table))


def file(store: Store, path: Path) -> Task:
    """Put a file: in parts, twelve at once."""
    bucket = S3Store(store.bucket)
    return lambda: bucket.put(f"{store.prefix}/data.bin", path)


def tiny(store: Store, rows: list[Row]) -> Transfer:
    """One put."""
    bucket = S3Store(store.bucket)

    def transfer(number: int) -> None:
        bucket.put(f"{store.prefix}/{number}.jsonl.gz", plain.json_lines(rows))

    return transfer
