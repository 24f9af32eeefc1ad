"""The command line: makes environments and data, starts the sink, runs the laps, and writes the README."""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tarfile
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import plot, report
from benchmarks.environment import ROOT
from benchmarks.peers import PEERS
from benchmarks.runner import Runner
from benchmarks.sink import Sink, SinkError
from benchmarks.workloads import WORKLOADS

QUICKER = 20


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--workload", action="append", choices=[workload.name for workload in WORKLOADS])
    parser.add_argument("--peer", action="append", choices=list(PEERS))
    parser.add_argument("--repeat", type=int, default=5, help="laps of each (5)")
    parser.add_argument("--budget", type=float, default=12, help="seconds of laps, after which no other begins (12)")
    parser.add_argument("--quick", action="store_true", help=f"one lap of a {QUICKER}th of the work: does all run?")
    parser.add_argument("--against", metavar="REVISION", help="let s3dest of another revision take part, too")
    parser.add_argument("--folder", type=Path, default=ROOT / ".benchmarks", help="for environments and data")
    return parser.parse_args(arguments)


def _extract(revision: str, folder: Path) -> None:
    """Take the library out of another revision."""
    archive = subprocess.run(["git", "archive", revision, "s3dest"], cwd=ROOT, check=True, stdout=subprocess.PIPE)  # noqa: S607  # the developer's own git
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")


def main(arguments: list[str]) -> int:
    """Run what the arguments ask for; the README is written after a run of everything."""
    wanted = _parse(arguments)
    workloads = [workload for workload in WORKLOADS if workload.name in (wanted.workload or [workload.name])]
    if wanted.quick:
        workloads = [workload.smaller(QUICKER) for workload in workloads]
    peers = [peer for peer in PEERS if peer in (wanted.peer or PEERS)]
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        against = None
        if wanted.against:
            against = Path(stack.enter_context(TemporaryDirectory()))
            _extract(wanted.against, against)
            peers.append("s3dest (before)")
        try:
            sink = stack.enter_context(Sink())
        except SinkError as error:
            print(error, file=sys.stderr)
            return 1
        runner = Runner(
            sink=sink,
            folder=wanted.folder.resolve(),
            repeat=1 if wanted.quick else wanted.repeat,
            budget=wanted.budget / QUICKER if wanted.quick else wanted.budget,
            tell=lambda text: print(text, file=sys.stderr),
            against=against,
        )
        results: report.Results = []
        for workload in workloads:
            results.append((workload, runner.run(workload, peers)))
            print(report.table(*results[-1]), flush=True)
    if not (wanted.quick or wanted.workload or wanted.peer or wanted.against):
        # without the folder, which is of one machine
        command = f"python -m benchmarks --repeat {wanted.repeat} --budget {wanted.budget:g}"
        report.write(results, command=command, load=load)
        report.PLOT.write_text(plot.draw(results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
