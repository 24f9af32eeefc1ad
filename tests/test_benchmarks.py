"""The benchmarks' own parts, as far as they need no other library, no server and no time."""

from __future__ import annotations

import ast
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import quote

import pytest
from benchmarks import plot, report
from benchmarks.data import make_rows
from benchmarks.lap import Lap
from benchmarks.peers import PEERS
from benchmarks.runner import Standing, prefix_of
from benchmarks.sink import Received
from benchmarks.workloads import WORKLOADS, Workload

PEERS_FOLDER = Path(report.__file__).parent / "peers"
KINDS = {workload.kind for workload in WORKLOADS}
JSONL, TINY = WORKLOADS[0], next(workload for workload in WORKLOADS if workload.kind == "tiny")


def lap(seconds: float, done: int) -> Lap:
    """Make up a lap."""
    return Lap(seconds=seconds, cpu=seconds / 2, memory=10 * 1024 * 1024, done=done, version="1.2.3")


def standing(peer: str, workload: Workload, *laps: Lap, received: Received) -> Standing:
    """Make up how a contestant did."""
    return Standing(peer, list(laps), [workload.seconds(each) for each in laps], received)


@pytest.fixture
def results() -> report.Results:
    """Make up two workloads."""
    everything, many = Received(1, 1, 20_000_000), Received(1002, 1002, 900_000)
    fast, slow = lap(0.5, JSONL.amount), lap(5, JSONL.amount)
    absent = Standing("dlt", absent="loads no files")
    ours = standing("s3dest", JSONL, fast, lap(0.7, JSONL.amount), lap(0.9, JSONL.amount), received=everything)
    tiny = standing("s3dest", TINY, lap(1, 500), received=many)
    return [(JSONL, [standing("boto3", JSONL, slow, received=everything), ours, absent]), (TINY, [tiny])]


@pytest.mark.parametrize("contestant", [*PEERS, "s3dest (before)"])
def test_what_a_lap_writes_is_found_in_the_sinks_log(contestant: str) -> None:
    """The log shows URLs as they were sent: a parenthesis would be quoted there, and the lap not counted."""
    prefix = prefix_of(JSONL, contestant, 3)
    assert quote(prefix, safe="") == prefix
    assert prefix != prefix_of(JSONL, "s3dest" if " " in contestant else "another", 3)


def test_a_table_has_medians_and_ratios(results: report.Results) -> None:
    """The fastest comes first; who took no part is named with the reason."""
    lines = report.table(*results[0]).splitlines()
    assert lines[2] == "| **s3dest** | 0.70 | 1.00 | 0.50 | 0.90 | 0.35 | 10 | 19 | 3 |"
    assert lines[3].startswith("| boto3 | 5.00 | 7.14 |")
    assert lines[-1] == "dlt: loads no files."


def test_tiny_transfers_are_projected_and_told_by_request(results: report.Results) -> None:
    """Of 1,000 transfers 500 took a second, with two requests each."""
    assert "| **s3dest** | 2.00 | 1.00 | 2.00 | 2.00 | 1.00 | 10 | 2 | 1.00 | 1 |" in report.table(*results[1])


def test_a_run_replaces_what_the_page_says(
    results: report.Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands between the marks is replaced, and nothing else; the page in the repository has them."""
    page = tmp_path / "README.md"
    before, rest = report.README.read_text(encoding="utf-8").split("<!-- results: begin -->\n")
    _, after = rest.split("<!-- results: end -->")
    page.write_text(f"{before}<!-- results: begin -->\nold\n<!-- results: end -->{after}", encoding="utf-8")
    monkeypatch.setattr(report, "README", page)
    report.write(results, command="python -m benchmarks", load=0.5)
    text = page.read_text(encoding="utf-8")
    assert text.startswith(before)
    assert text.endswith(after)
    assert report.table(*results[1]) in text
    assert "old\n" not in text
    assert "s3dest 1.2.3" in text


def test_the_plot_is_an_image(results: report.Results) -> None:
    """A panel for each workload, a dot for each contestant that finished."""
    root = ET.fromstring(plot.draw(results))  # noqa: S314  # our own
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 3
    assert {JSONL.title, TINY.title} <= {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}


def test_rows_are_the_same_each_time() -> None:
    """Eleven fields, made from a seed."""
    assert make_rows(50) == make_rows(50)
    assert {len(row) for row in make_rows(50)} == {11}


def test_nobody_wins_by_not_writing() -> None:
    """A lap counts when as much arrived as it claims; only the floor may keep rows to itself."""
    done = lap(1, JSONL.amount)
    assert JSONL.is_delivered("boto3", done, Received(1, 1, 20_000_000))
    assert not JSONL.is_delivered("boto3", done, Received(1, 1, 2_000_000))
    assert JSONL.is_delivered("floor", done, Received(0, 0, 0))
    assert not TINY.is_delivered("floor", lap(1, 1000), Received(999, 999, 10_000_000))


@pytest.mark.parametrize("peer", PEERS)
def test_who_takes_no_part_says_why(peer: str) -> None:
    """A contestant has a function for each kind of work, or a reason."""
    body = ast.parse((PEERS_FOLDER / f"{peer}_.py").read_text(encoding="utf-8")).body
    functions = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    reasons: set[str] = set()
    for node in body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "ABSENT" and node.value:
            reasons = set(ast.literal_eval(node.value))
    assert functions | reasons >= KINDS
    assert not functions & reasons
