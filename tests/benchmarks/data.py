"""The same rows, table and file for everybody: made once from a seed, and kept in a folder.

    python -m benchmarks.data FOLDER KIND AMOUNT

makes them in a process of its own, so that the memory of making them is nobody's.
"""

from __future__ import annotations

import pickle
import random
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.store import Row

if TYPE_CHECKING:
    import pyarrow as pa

_SEED: Final = 4711
_COUNTRIES: Final = ("DE", "FR", "IT", "ES", "PL", "NL", "SE", "US", "BR", "JP")
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
MIB: Final = 1024 * 1024
_BATCH: Final = 131_072
"""Rows of a record batch, as databases hand them over."""


def make_rows(count: int) -> list[Row]:
    """Make rows as a service reads them from its database: eleven fields, of values that JSON has."""
    chance = random.Random(_SEED)  # noqa: S311  # no secret
    return [
        {
            "id": number,
            "order_id": str(uuid.UUID(int=chance.getrandbits(128))),
            "customer": f"customer-{chance.randrange(50_000):05d}",
            "email": f"person{chance.randrange(1_000_000)}@example.com",
            "country": chance.choice(_COUNTRIES),
            "amount": round(chance.uniform(1, 5000), 2),
            "quantity": chance.randrange(1, 20),
            "paid": chance.random() < 0.8,
            "discount": round(chance.random(), 3) if chance.random() < 0.3 else None,
            "note": "leave it with the neighbour, please" if chance.random() < 0.2 else "",
            "created_at": (_START + timedelta(seconds=number * 7)).isoformat(),
        }
        for number in range(count)
    ]


class Data:
    """A folder with what the laps read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, kind: str, amount: int) -> object:
        """Return what a kind of work needs, from memory or as a path in the page cache."""
        if kind == "file":
            path = self.file(amount)
            path.read_bytes()
            return path
        return self.table(amount) if kind == "arrow" else self.rows(amount)

    def rows(self, count: int) -> list[Row]:
        """Return rows, of a list that is pickled because that loads fastest."""
        path = self._folder / f"{count}.pickle"
        if not path.exists():
            self._write(path, pickle.dumps(make_rows(count), protocol=pickle.HIGHEST_PROTOCOL))
        with path.open("rb") as file:
            rows: list[Row] = pickle.load(file)  # noqa: S301  # our own
        return rows

    def table(self, count: int) -> pa.Table:
        """Return an Arrow table in memory."""
        import pyarrow as pa

        path = self._folder / f"{count}.arrow"
        if not path.exists():
            sink = pa.BufferOutputStream()
            table = _make_table(count)
            with pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table, max_chunksize=_BATCH)
            self._write(path, sink.getvalue())
        with pa.OSFile(str(path)) as file:  # not mapped: reading pages in would be timed
            return pa.ipc.open_file(file).read_all()

    def file(self, size: int) -> Path:
        """Return a file that does not compress, as what is sent from files is compressed."""
        path = self._folder / f"{size}.bin"
        if not path.exists():
            self._write(path, random.Random(_SEED).randbytes(MIB) * (size // MIB))  # noqa: S311
        return path

    def _write(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(content)
        partial.rename(path)


def _make_table(count: int) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    chance = np.random.default_rng(_SEED)
    numbers = np.arange(count)
    countries = pa.DictionaryArray.from_arrays(chance.integers(0, len(_COUNTRIES), count).astype("int32"), _COUNTRIES)
    return pa.table(
        {
            "id": numbers,
            "customer": chance.integers(0, 50_000, count).astype("int32"),
            "country": countries.cast(pa.string()),
            "amount": chance.uniform(1, 5000, count).round(2),
            "quantity": chance.integers(1, 20, count).astype("int16"),
            "paid": chance.random(count) < 0.8,
            "created_at": pa.array(numbers * 7_000_000 + 1_767_225_600_000_000, pa.timestamp("us", "UTC")),
        }
    )


if __name__ == "__main__":
    Data(Path(sys.argv[1])).make(sys.argv[2], int(sys.argv[3]))
