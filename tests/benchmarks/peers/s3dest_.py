"""s3dest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow.parquet  # noqa: TC002  # before the clock starts

from benchmarks.store import KEY_ID, REGION, SECRET, Row, Store, Task, Transfer
from s3dest import Destination, DestinationConfig, HmacAuth, TransferOptions

if TYPE_CHECKING:
    import pyarrow as pa

ABSENT: Final[dict[str, str]] = {}


def _destination(store: Store) -> Destination:
    config = DestinationConfig(
        bucket=store.bucket,
        region=REGION,
        prefix=store.prefix,
        auth=HmacAuth(access_key_id=KEY_ID, secret_access_key=SECRET),
        endpoint_url=store.endpoint_url,
    )
    # the sink stands for AWS, and the other contestants send it what they send to AWS, too
    destination = Destination(config, options=TransferOptions(checksums="aws"))
    assert destination._delivery().bucket is not None  # makes the client; client() would change how objects are put
    return destination


def jsonl(store: Store, rows: list[Row]) -> Task:
    """Append rows in the default format."""
    destination = _destination(store)

    def task() -> None:
        with destination.append("orders") as append:
            append.write_many(rows)

    return task


def parquet(store: Store, rows: list[Row]) -> Task:
    """Append rows as Parquet."""
    destination = _destination(store)

    def task() -> None:
        with destination.append("orders", format="parquet") as append:
            append.write_many(rows)

    return task


def arrow(store: Store, table: pa.Table) -> Task:
    """Append a table as Parquet."""
    destination = _destination(store)

    def task() -> None:
        with destination.append("orders", format="parquet") as append:
            append.write_arrow(table)

    return task


def file(store: Store, path: Path) -> Task:
    """Append an encoded file."""
    destination = _destination(store)

    def task() -> None:
        with destination.append("orders") as append:
            append.write_file(path)

    return task


def tiny(store: Store, rows: list[Row]) -> Transfer:
    """Make a whole transfer, which is two requests: its object and its manifest."""
    destination = _destination(store)

    def transfer(number: int) -> None:
        with destination.append("orders") as append:
            append.write_many(rows)

    return transfer
