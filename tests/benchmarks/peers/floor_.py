"""What no library can do without: encoding and compressing to nowhere, by the fastest means there are."""

from __future__ import annotations

import hashlib
import http.client
import threading
from itertools import repeat
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from isal import igzip, isal_zlib
from obstore.store import S3Store

from benchmarks.store import Row, Store, Task, Transfer

ABSENT: Final[dict[str, str]] = {}
_BATCH: Final = 250
"""Rows whose text the processor still has at hand when it is compressed."""


def _lines(rows: list[Row]) -> bytes:
    return b"".join(map(orjson.dumps, rows, repeat(None), repeat(orjson.OPT_APPEND_NEWLINE)))


def jsonl(store: Store, rows: list[Row]) -> Task:
    """Encode with orjson and compress with igzip, in memory and in one thread."""

    def task() -> None:
        stream = isal_zlib.compressobj(1, isal_zlib.DEFLATED, 16 + isal_zlib.MAX_WBITS)
        for start in range(0, len(rows), _BATCH):
            stream.compress(_lines(rows[start : start + _BATCH]))
        stream.flush()

    return task


def parquet(store: Store, rows: list[Row]) -> Task:
    """Write with pyarrow, in memory."""
    return lambda: pq.write_table(pa.Table.from_pylist(rows), pa.BufferOutputStream(), compression="zstd")


def arrow(store: Store, table: pa.Table) -> Task:
    """Write with pyarrow, in memory."""
    return lambda: pq.write_table(table, pa.BufferOutputStream(), compression="zstd")


def file(store: Store, path: Path) -> Task:
    """One SHA-256 over the file, and obstore to the sink."""
    bucket = S3Store(store.bucket)

    def task() -> None:
        with path.open("rb") as stream:
            hashlib.file_digest(stream, "sha256")
        bucket.put(f"{store.prefix}/data.bin", path)

    return task


def tiny(store: Store, rows: list[Row]) -> Transfer:
    """Puts of bytes that are ready, by Python's own client, with no signature."""
    body = igzip.compress(_lines(rows))
    own = threading.local()

    def transfer(number: int) -> None:
        if not hasattr(own, "connection"):
            own.connection = http.client.HTTPConnection(urlsplit(store.endpoint_url).netloc)
        own.connection.request("PUT", f"/{store.bucket}/{store.prefix}/{number}", body=body)
        own.connection.getresponse().read()

    return transfer
