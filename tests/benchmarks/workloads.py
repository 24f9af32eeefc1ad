"""What is measured: kinds of work, their amounts, and the least that the sink must have received."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from benchmarks.data import MIB
from benchmarks.lap import Lap
from benchmarks.sink import Received


@dataclass(frozen=True, slots=True)
class Workload:
    """One table of the report."""

    name: str
    title: str
    kind: Literal["jsonl", "parquet", "arrow", "file", "tiny"]
    amount: int
    """Rows, bytes of a file, or tiny transfers."""
    at_least: float
    """What must have arrived for each unit of the amount: bytes, or for tiny transfers requests."""
    port: Literal["http", "https", "slow"] = "http"
    threads: int = 1

    def smaller(self, factor: int) -> Workload:
        """Return a fraction of it, for a look at whether all works."""
        unit = MIB if self.kind == "file" else 1
        return replace(self, amount=self.amount // factor // unit * unit)

    def is_delivered(self, peer: str, lap: Lap, received: Received) -> bool:
        """Tell whether as much arrived as the lap claims to have done."""
        if peer == "floor" and self.kind in {"jsonl", "parquet", "arrow"}:
            return True  # to nowhere
        arrived = received.puts if self.kind == "tiny" else received.sent
        return arrived >= lap.done * self.at_least

    def seconds(self, lap: Lap) -> float:
        """Project the time of a lap that ended early to the whole amount."""
        return lap.seconds * self.amount / lap.done


# Every contestant sends 34 to 56 bytes for a row as JSON, 10 or more as Parquet: less would be rows left out.
WORKLOADS: Final = (
    Workload("jsonl", "400,000 rows of eleven fields to .jsonl.gz", "jsonl", 400_000, 30),
    Workload("parquet", "400,000 rows of eleven fields to Parquet", "parquet", 400_000, 30),
    Workload("arrow", "4,000,000 rows of an Arrow table to Parquet", "arrow", 4_000_000, 10),
    Workload("file", "512 MiB from a file", "file", 512 * MIB, 1),
    Workload("file-tls", "512 MiB from a file, over https", "file", 512 * MIB, 1, port="https"),
    Workload("tiny", "1,000 tiny transfers, one after the other", "tiny", 1000, 1),
    Workload("tiny-slow", "400 tiny transfers in 8 threads, at 30 ms latency", "tiny", 400, 1, port="slow", threads=8),
    Workload("file-slow", "512 MiB from a file, at 30 ms latency", "file", 512 * MIB, 1, port="slow"),
)
