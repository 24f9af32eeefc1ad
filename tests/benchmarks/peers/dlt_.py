"""dlt with its file-system destination, which writes through s3fs."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Final, Literal

import dlt
from dlt.common.configuration.specs import AwsCredentials
from dlt.destinations import filesystem

from benchmarks.store import KEY_ID, REGION, SECRET, Row, Store, Task, Transfer

if TYPE_CHECKING:
    import pyarrow as pa

ABSENT: Final = {"file": "loads rows and tables, not files", "threads": "one process, one run at a time"}


def _pipeline(store: Store) -> dlt.Pipeline:
    credentials = AwsCredentials(
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        region_name=REGION,
        endpoint_url=store.endpoint_url,
    )
    return dlt.pipeline(
        "bench",
        destination=filesystem(bucket_url=store.uri, credentials=credentials),
        dataset_name="shop",
        pipelines_dir=tempfile.mkdtemp(),
    )


def _task(store: Store, data: list[Row] | pa.Table, file_format: Literal["jsonl", "parquet"]) -> Task:
    pipeline = _pipeline(store)
    return lambda: pipeline.run(data, table_name="orders", loader_file_format=file_format).raise_on_failed_jobs()


def jsonl(store: Store, rows: list[Row]) -> Task:
    """Extract, normalise and load rows."""
    return _task(store, rows, "jsonl")


def parquet(store: Store, rows: list[Row]) -> Task:
    """Extract, normalise and load rows."""
    return _task(store, rows, "parquet")


def arrow(store: Store, table: pa.Table) -> Task:
    """Extract, normalise and load a table."""
    return _task(store, table, "parquet")


def tiny(store: Store, rows: list[Row]) -> Transfer:
    """One run of one pipeline each."""
    pipeline = _pipeline(store)

    def transfer(number: int) -> None:
        pipeline.run(rows, table_name="orders", loader_file_format="jsonl").raise_on_failed_jobs()

    return transfer
