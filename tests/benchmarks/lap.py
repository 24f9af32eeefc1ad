"""One lap: one contestant does one piece of work once, in this process, which then ends.

    python -m benchmarks.lap '{"peer": …, "kind": …, …}'

Prints what it took as JSON.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.data import Data
from benchmarks.peers import maker
from benchmarks.store import Store, Transfer

TINY_ROWS: Final = 10


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done."""

    peer: str
    kind: str
    amount: int
    """Rows, bytes of a file, or tiny transfers."""
    threads: int
    patience: float
    """Seconds after which tiny transfers are not continued, but projected."""
    data: str
    store: dict[str, str]

    def as_json(self) -> str:
        """Write it down for another process."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Lap:
    """What it took."""

    seconds: float
    cpu: float
    """Seconds of processor time, in all threads."""
    memory: int
    """Bytes at the peak, beyond those in use before the clock started."""
    done: int
    """How much of the amount was done."""
    version: str
    """Of the library."""


def run(order: Order) -> Lap:
    """Do the work of an order.

    Raises:
        LookupError: The contestant takes no part in it.
    """
    if order.kind in {"parquet", "arrow"}:
        import_module("pandas")  # pyarrow does so at its first array(), for whoever uses it
    make = maker(order.peer, order.kind, threads=order.threads)
    store, data = Store(**order.store), Data(Path(order.data))
    if order.kind == "tiny":
        return _measured(order, _repeated(order, make(store, data.rows(TINY_ROWS))))
    task = make(store, data.make(order.kind, order.amount))

    def whole() -> int:
        task()
        return order.amount

    return _measured(order, whole)


def _repeated(order: Order, transfer: Transfer) -> Callable[[], int]:
    """Make the task of many tiny transfers, the first being made already: connections are open."""
    transfer(0)
    numbers = count(1)

    def some() -> int:
        end, done = time.perf_counter() + order.patience, 0
        while time.perf_counter() < end and (number := next(numbers)) <= order.amount:
            transfer(number)
            done += 1
        return done

    def all_threads() -> int:
        with ThreadPoolExecutor(order.threads) as pool:
            return sum(thread.result() for thread in [pool.submit(some) for _ in range(order.threads)])

    return some if order.threads == 1 else all_threads


def _measured(order: Order, task: Callable[[], int]) -> Lap:
    with suppress(OSError):  # else the peak of loading the data counts, too
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _status("VmRSS")
    cpu, start = time.process_time(), time.perf_counter()
    done = task()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return Lap(seconds, cpu, max(0, _status("VmHWM") - before), done, _version(order.peer))


def _status(name: str) -> int:
    """Read bytes from the process's own status."""
    match = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    return int(match[1]) * 1024 if match else 0


def _version(peer: str) -> str:
    if peer == "s3dest":  # not installed
        return str(import_module("s3dest").__version__)
    return "" if peer == "floor" else version(peer)


def main() -> None:
    """Run the order that is the argument."""
    try:
        lap = run(Order(**json.loads(sys.argv[1])))
    except LookupError as error:
        print(json.dumps({"absent": str(error)}))  # for the process that started this
    else:
        print(json.dumps(asdict(lap)))


if __name__ == "__main__":
    main()
