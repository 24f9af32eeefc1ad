"""Prepare in several workers, keep what they prepared in the pipeline's own database, commit once.

    python two_phase_commit.py              plays it on an S3 inside the process, with a made-up customer
    python two_phase_commit.py config.json  delivers for real

The workers bring their rows into the bucket, where nobody sees them yet. What they hand back is small, plain JSON
without secrets: it is stored beside the pipeline's own state, and whoever has it can make all rows visible at once.
"""

from __future__ import annotations

import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from s3dest import Destination, DestinationConfig, PreparedAppend
from s3dest.testing import EmbeddedS3

TRANSFER, DATE = "orders-run-4711", "2026-11-23"
WORKERS = 3


def prepare(destination: Destination, worker: int) -> str:
    """Bring one worker's share up, and return it as JSON. Workers may be threads, processes or machines."""
    append = destination.append("orders", transfer_id=TRANSFER, transfer_date=DATE, writer_id=worker)
    try:
        append.write_many({"worker": worker, "id": number} for number in range(1000))
        return append.prepare().model_dump_json()
    except BaseException:
        append.abort()
        raise


def run(config: DestinationConfig, database: sqlite3.Connection) -> None:
    """Do what a pipeline does in one run."""
    database.execute("CREATE TABLE IF NOT EXISTS prepared (worker INTEGER PRIMARY KEY, share TEXT)")
    with Destination(config) as destination, ThreadPoolExecutor(WORKERS) as workers:
        shares = workers.map(lambda worker: prepare(destination, worker), range(WORKERS))
        with database:  # one transaction: the database has all shares, or none
            database.executemany("INSERT OR REPLACE INTO prepared VALUES (?, ?)", enumerate(shares))
    print(f"{WORKERS} shares are prepared and stored")

    # From here on the process may die at any point: the next run finds the shares and commits them.
    with Destination(config) as destination:
        texts = [text for (text,) in database.execute("SELECT share FROM prepared ORDER BY worker")]
        receipt = destination.commit(*map(PreparedAppend.model_validate_json, texts))
    with database:
        database.execute("DELETE FROM prepared")
    print(f"{receipt.rows:,} rows in {len(receipt.objects)} objects, one manifest: {receipt.manifest_key}")


def main() -> None:
    """Deliver to the customer of the config given, or to one in the process."""
    with closing(sqlite3.connect(":memory:")) as database:
        if len(sys.argv) > 1:
            run(DestinationConfig.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8")), database)
            return
        with EmbeddedS3() as s3:
            customer = s3.customer()
            run(customer.config, database)
            print(f"the customer reads {len(customer.rows('orders')):,} rows")


if __name__ == "__main__":
    main()
