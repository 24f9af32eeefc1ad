"""boto3 with the standard library's json and gzip; Parquet by pyarrow in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import boto3
import pyarrow as pa
import pyarrow.parquet  # before the clock starts

from benchmarks import plain
from benchmarks.store import Row, Store, Task, Transfer

ABSENT: Final[dict[str, str]] = {}


def jsonl(store: Store, rows: list[Row]) -> Task:
    """One put of one text."""
    client = boto3.client("s3")
    key = f"{store.prefix}/data.jsonl.gz"
    return lambda: client.put_object(Bucket=store.bucket, Key=key, Body=plain.json_lines(rows))


def parquet(store: Store, rows: list[Row]) -> Task:
    """Write a table to memory, and upload that."""
    client = boto3.client("s3")
    key = f"{store.prefix}/data.parquet"
    return lambda: client.upload_fileobj(plain.parquet(pa.Table.from_pylist(rows)), store.bucket, key)


def arrow(store: Store, table: pa.Table) -> Task:
    """Write the table to memory, and upload that."""
    client = boto3.client("s3")
    key = f"{store.prefix}/data.parquet"
    return lambda: client.upload_fileobj(plain.parquet(table), store.bucket, key)


def file(store: Store, path: Path) -> Task:
    """The managed upload: in parts, by ten threads."""
    client = boto3.client("s3")
    return lambda: client.upload_file(str(path), store.bucket, f"{store.prefix}/data.bin")


def tiny(store: Store, rows: list[Row]) -> Transfer:
    """One put."""
    client = boto3.client("s3")

    def transfer(number: int) -> None:
        client.put_object(Bucket=store.bucket, Key=f"{store.prefix}/{number}.jsonl.gz", Body=plain.json_lines(rows))

    return transfer
