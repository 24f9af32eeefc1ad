"""awswrangler, that is the AWS SDK for pandas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import awswrangler as wr
import boto3
import pandas as pd

from benchmarks.store import Row, Store, Task, Transfer

if TYPE_CHECKING:
    import pyarrow as pa

ABSENT: Final[dict[str, str]] = {}
_SESSION: Final = boto3.Session()


def _write_json(rows: list[Row], path: str) -> None:
    wr.s3.to_json(pd.DataFrame(rows), path, orient="records", lines=True, compression="gzip", boto3_session=_SESSION)


def jsonl(store: Store, rows: list[Row]) -> Task:
    """Make a frame and write it."""
    return lambda: _write_json(rows, f"{store.uri}/data.jsonl.gz")


def parquet(store: Store, rows: list[Row]) -> Task:
    """Make a frame and write it."""
    return lambda: wr.s3.to_parquet(pd.DataFrame(rows), f"{store.uri}/data.parquet", boto3_session=_SESSION)


def arrow(store: Store, table: pa.Table) -> Task:
    """Make a frame and write it: it takes nothing else."""
    return lambda: wr.s3.to_parquet(table.to_pandas(), f"{store.uri}/data.parquet", boto3_session=_SESSION)


def file(store: Store, path: Path) -> Task:
    """Upload a file."""
    return lambda: wr.s3.upload(str(path), f"{store.uri}/data.bin", boto3_session=_SESSION)


def tiny(store: Store, rows: list[Row]) -> Transfer:
    """One small frame each."""
    return lambda number: _write_json(rows, f"{store.uri}/{number}.jsonl.gz")
