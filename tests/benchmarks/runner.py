"""Laps in turn: each contestant in a process of its own, one after the other, round after round."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.environment import HERE, ROOT, python_of
from benchmarks.lap import TINY_ROWS, Lap, Order
from benchmarks.peers import PEERS
from benchmarks.sink import Received, Sink
from benchmarks.store import Store
from benchmarks.workloads import Workload

_TIMEOUT: Final = 300


@dataclass(slots=True)
class Standing:
    """How a contestant did in a workload, so far."""

    peer: str
    laps: list[Lap] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """Of each lap, for the whole amount."""
    received: Received | None = None
    absent: str | None = None
    """Why it takes no part, or no longer."""

    @property
    def median(self) -> float:
        """Seconds in the median."""
        return median(self.seconds)

    @property
    def cpu(self) -> float:
        """Seconds of processor time in the median, for the whole amount."""
        shares = [lap.cpu / lap.seconds for lap in self.laps]
        return median(share * seconds for share, seconds in zip(shares, self.seconds, strict=True))

    @property
    def memory(self) -> float:
        """Bytes at the peak, in the median."""
        return median(lap.memory for lap in self.laps)


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs workloads.

    Attributes:
        sink: Where everything goes.
        folder: Environments and data.
        repeat: Laps of each contestant, if it is fast enough.
        budget: Seconds after which a contestant has had its laps of a workload, be they fewer.
        tell: Told what is happening.
        against: A folder with another s3dest, which takes part as ``s3dest (before)``.
    """

    sink: Sink
    folder: Path
    repeat: int
    budget: float
    tell: Callable[[str], None]
    against: Path | None = None

    def run(self, workload: Workload, peers: list[str]) -> list[Standing]:
        """Run all laps of a workload; whoever fails is out, with the reason."""
        self._make_data(workload)
        standings = [Standing(peer) for peer in peers]
        for number in range(self.repeat):
            for standing in self._in_turn(standings, number):
                self._lap(workload, standing, number)
        return standings

    def _make_data(self, workload: Workload) -> None:
        amount = TINY_ROWS if workload.kind == "tiny" else workload.amount
        arguments = [str(self.folder / "data"), workload.kind, str(amount)]
        command = [str(self._python("floor")), "-m", "benchmarks.data", *arguments]
        subprocess.run(command, cwd=HERE.parent, check=True)

    def _python(self, peer: str) -> Path:
        return python_of(PEERS[peer], self.folder)

    def _in_turn(self, standings: list[Standing], number: int) -> Iterator[Standing]:
        start = number % len(standings)  # nobody always comes after the same
        for standing in standings[start:] + standings[:start]:
            if standing.absent is None and sum(lap.seconds for lap in standing.laps) < self.budget:
                yield standing

    def _lap(self, workload: Workload, standing: Standing, number: int) -> None:
        self.tell(f"{workload.name}: {standing.peer}, lap {number + 1}")
        prefix = prefix_of(workload, standing.peer, number)
        try:
            lap = self._run_process(workload, standing.peer, prefix)
        except RuntimeError as error:
            standing.absent = str(error)
            return
        standing.received = self.sink.received(prefix)
        if not workload.is_delivered(standing.peer, lap, standing.received):
            standing.absent = f"failed: only {standing.received} arrived"
            return
        standing.laps.append(lap)
        standing.seconds.append(workload.seconds(lap))

    def _run_process(self, workload: Workload, contestant: str, prefix: str) -> Lap:
        peer = contestant.partition(" ")[0]
        store = Store(getattr(self.sink, workload.port), str(self.sink.certificate), prefix)
        order = Order(
            peer=peer,
            kind=workload.kind,
            amount=workload.amount,
            threads=workload.threads,
            patience=self.budget,
            data=str(self.folder / "data"),
            store=store.as_json(),
        )
        library = ROOT if peer == contestant or self.against is None else self.against
        # what belongs to whoever runs this, such as a profile, must not lead a contestant elsewhere
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
        environment = {**kept, **store.environment(), "PYTHONPATH": str(library)}
        command = [str(self._python(peer)), "-m", "benchmarks.lap", order.as_json()]
        try:
            with TemporaryDirectory() as scratch:
                done = subprocess.run(
                    command,
                    cwd=HERE.parent,
                    env={**environment, "TMPDIR": scratch},
                    capture_output=True,
                    text=True,
                    timeout=_TIMEOUT,
                    check=False,
                )
        except subprocess.TimeoutExpired:
            message = f"failed: takes longer than {_TIMEOUT} s"
            raise RuntimeError(message) from None
        if done.returncode:
            message = f"failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}"
            self.tell(done.stderr)
            raise RuntimeError(message)
        answer = json.loads(done.stdout.splitlines()[-1])
        if "absent" in answer:
            raise RuntimeError(answer["absent"])
        return Lap(**answer)


def prefix_of(workload: Workload, contestant: str, number: int) -> str:
    """Name what a lap writes, in letters that stand in a URL as they are: the sink's log shows them so."""
    return f"{workload.name}-{re.sub(r'[^a-z0-9_]+', '-', contestant)}-{number}"
