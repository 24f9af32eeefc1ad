"""Memory that does not grow with the data: many times the budget from a generator, under the budget plus a constant."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

MIB = 1024 * 1024
TOTAL = 256 * MIB
BUDGET = 32 * MIB
CONSTANT = 32 * MIB
"""What is not counted: the batch being encoded, and buffers of sockets and threads: 8 to 13 MiB are measured."""

ALLOCATOR = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(MIB)}
"""Lets glibc give freed blocks back: by default it keeps up to 40 MiB more of them, by chance, in arenas of threads."""

APPEND = """
import re
import sys
from pathlib import Path

import loopback
from promises import small_options

from s3dest import Destination, JsonLines

url, total, object_size, budget = sys.argv[1], *map(int, sys.argv[2:])
texts = [f"{number:04d}" * 1024 for number in range(256)]


def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024


def rows(size):
    return ({"id": number, "text": texts[number % 256]} for number in range(size // 4120))


options = small_options(object_size=object_size, max_memory=budget)
with Destination(loopback.config(url), options=options) as destination:
    for size in (1, total):
        with destination.append("orders", format=JsonLines(compression="none")) as append:
            append.write_many(rows(size))
            append.write({"id": 0})
        print(append.receipt.bytes, peak())
"""


class NullSink(BaseHTTPRequestHandler):
    """Says yes to everything, and keeps nothing."""

    protocol_version = "HTTP/1.1"

    def _take(self) -> None:
        left = int(self.headers.get("content-length", 0))
        while left and (block := self.rfile.read(min(left, MIB))):
            left -= len(block)
        body = b"<X><UploadId>upload</UploadId><ETag>sink</ETag></X>" if self.command == "POST" else b""
        self.send_response(200)
        self.send_header("etag", '"sink"')
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_POST = do_DELETE = _take  # noqa: N815  # the base class's names

    def handle(self) -> None:
        """Serve one connection."""
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's word
        """Say nothing."""


@pytest.fixture
def sink() -> Iterator[str]:
    """Run the sink for one test."""
    with ThreadingHTTPServer(("127.0.0.1", 0), NullSink) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("object_size", [16 * MIB, 128 * MIB], ids=["from memory", "from disk"])
def test_many_times_the_budget_takes_no_more_memory_than_allowed(sink: str, object_size: int) -> None:
    """Above what a tiny transfer takes in the same process: the budget and a constant, whatever the size."""
    done = subprocess.run(
        [sys.executable, "-c", APPEND, sink, str(TOTAL), str(object_size), str(BUDGET)],
        cwd=Path(__file__).parent,
        env={**os.environ, **ALLOCATOR},
        capture_output=True,
        text=True,
        check=True,
    )
    (_, tiny), (stored, peak) = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert stored >= TOTAL * 0.99
    assert peak - tiny < BUDGET + CONSTANT, f"peak {peak // MIB} MiB, {tiny // MIB} MiB of that for a tiny transfer"
