"""Rows and tables as bytes, the way who has a client for bytes makes them: the standard library, and pyarrow."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING

from benchmarks.store import Row

if TYPE_CHECKING:
    import pyarrow as pa


def json_lines(rows: list[Row]) -> bytes:
    """Encode rows as compressed JSON Lines."""
    return gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())


def parquet(table: pa.Table) -> io.BytesIO:
    """Write a table to memory as Parquet, as pyarrow does by default."""
    import pyarrow.parquet as pq

    memory = io.BytesIO()
    pq.write_table(table, memory)
    memory.seek(0)
    return memory
