"""Standings as Markdown, and their place in the README."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.data import MIB
from benchmarks.environment import HERE
from benchmarks.runner import Standing
from benchmarks.workloads import Workload

README: Final = HERE / "README.md"
PLOT: Final = HERE / "results.svg"

_PLACE: Final = re.compile(r"(?<=<!-- results: begin -->\n).*(?=<!-- results: end -->)", re.DOTALL)

Results = list[tuple[Workload, list[Standing]]]


def table(workload: Workload, standings: list[Standing]) -> str:
    """Write one workload's table, the fastest first."""
    finished = sorted((standing for standing in standings if standing.laps), key=lambda standing: standing.median)
    ours = next((standing.median for standing in finished if standing.peer == "s3dest"), None)
    tiny = workload.kind == "tiny"
    head = [workload.title, "seconds", "times s3dest", "fastest", "slowest", "CPU s", "peak MiB"]
    head += ["requests", "ms a request"] if tiny else ["sent MiB"]
    lines = [_line([*head, "laps"]), _line([":--", *["--:"] * len(head)])]
    for standing in finished:
        ratio = "" if ours is None else f"{standing.median / ours:.2f}"
        cells = [_name(standing.peer), f"{standing.median:.2f}", ratio]
        cells += [f"{min(standing.seconds):.2f}", f"{max(standing.seconds):.2f}"]
        cells += [f"{standing.cpu:.2f}", f"{standing.memory / MIB:.0f}", *_traffic(workload, standing)]
        lines.append(_line([*cells, str(len(standing.laps))]))
    lines += [f"\n{standing.peer}: {standing.absent}." for standing in standings if standing.absent]
    return "\n".join(lines) + "\n"


def write(results: Results, *, command: str, load: float) -> None:
    """Put all tables into the README, between its marks."""
    text = README.read_text(encoding="utf-8")
    found = "\n".join([_origin(results, command, load), *(table(*result) for result in results)])
    README.write_text(_PLACE.sub(lambda _: found, text), encoding="utf-8")


def _traffic(workload: Workload, standing: Standing) -> Iterator[str]:
    assert standing.received is not None  # it has laps
    if workload.kind != "tiny":
        yield f"{standing.received.sent / MIB:.0f}"
        return
    each = standing.received.requests / (standing.laps[-1].done + 1)  # one before the clock started
    yield f"{each:.0f}"
    yield f"{standing.median * 1000 / workload.amount / each * workload.threads:.2f}"


def _origin(results: Results, command: str, load: float) -> str:
    versions = {
        standing.peer: standing.laps[0].version for _, standings in results for standing in standings if standing.laps
    }
    listed = ", ".join(f"{peer} {version}" for peer, version in versions.items() if version)
    return (
        f"`{command}` on {datetime.now(UTC):%d %B %Y}, {_processor()}, {os.cpu_count()} cores, "
        f"load average {load:.1f} before it began; Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}; {listed}.\n\n![All of it, as a plot]({PLOT.name})\n"
    )


def _processor() -> str:
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return found[1] if found else platform.machine()


def _name(peer: str) -> str:
    return f"**{peer}**" if peer.startswith("s3dest") else peer


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
