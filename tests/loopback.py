"""The fake's bucket behind a real port, for processes that are really killed; and what such a process does.

Signatures are not looked at. A fault table of its own: the process that sends a certain request is killed when it
arrives, before or after it has taken effect.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from fake.clock import ManualClock
from fake.messages import Answer, Request
from fake.store import Store
from fake.sts import Session
from promises import Row, small_options

from s3dest import Destination, DestinationConfig, FileJournal, JsonLines, Receipt

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue

BUCKET: Final = "acme-lake"
TABLE: Final = "orders"
ID: Final = "01a209ce-4dde-7311-ab01-8184d030eb7f"
_USER: Final = Session(None, float("inf"))


class Loopback:
    """An S3 on a port of this machine, for as long as the context is open.

    Attributes:
        store: The bucket.
        log: Every request that arrived whole.
        before: Called with each request, numbered from 1, before it takes effect.
        after: The same, afterwards.
    """

    def __init__(self) -> None:
        self.store = Store(ManualClock(), bucket=BUCKET, region="eu-west-1", owner="111122223333")
        self.store.smallest_part = 1
        self.store.allowed.add("s3:AbortMultipartUpload")
        self.log: list[Request] = []
        self.before: Callable[[int], None] = lambda _number: None
        self.after: Callable[[int], None] = lambda _number: None
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"loopback": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def empty(self) -> None:
        """Begin anew: an empty bucket, and an empty log."""
        self.store.objects.clear()
        self.store.uploads.clear()
        self.log.clear()

    def answer(self, request: Request) -> Answer:
        """Carry a request out."""
        with self._lock:
            self.log.append(request)
            number = len(self.log)
        self.before(number)
        with self._lock:
            answer = self.store.answer(request, _USER)
        self.after(number)
        return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    loopback: Loopback

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if len(body) < int(self.headers.get("content-length", 0)):
            self.close_connection = True  # the process died while it was sending
            return
        url = urlsplit(self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        _, bucket, key = unquote(url.path).split("/", 2)
        headers = {name.lower(): value for name, value in self.headers.items()}
        operation = _operation(self.command, query)
        request = Request(operation, self.command, self.path, headers, body, bucket=bucket, key=key)
        answer = self.loopback.answer(request)
        with suppress(ConnectionError):
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            if answer.status != 204:
                self.wfile.write(answer.body)

    do_PUT = do_POST = do_DELETE = _serve  # noqa: N815  # the base class's names

    def handle(self) -> None:
        """Serve one connection, until it is closed or its process is dead."""
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's word
        """Say nothing."""


def _operation(method: str, query: dict[str, list[str]]) -> str:
    if method == "PUT":
        return "UploadPart" if "partNumber" in query else "PutObject"
    if method == "POST":
        return "CreateMultipartUpload" if "uploads" in query else "CompleteMultipartUpload"
    return "AbortMultipartUpload" if "uploadId" in query else "DeleteObject"


@dataclass(frozen=True, slots=True)
class Job:
    """What a process is to do."""

    url: str
    folder: Path
    """For its journal and its temporary files."""
    way: Literal["memory", "pending", "prepare", "journal"]
    first: int = 0
    """Number of the first row: other rows are another first number."""
    dies_at: int | None = None
    """The row before which the process is killed, if it is."""

    @property
    def journal(self) -> FileJournal:
        """The journal that the processes of one transfer share."""
        return FileJournal(self.folder / "journal")

    @property
    def rows(self) -> list[Row]:
        """All rows."""
        source = random.Random(self.first)  # noqa: S311  # rows that do not shrink
        return [{"id": self.first + number, "text": source.randbytes(30).hex()} for number in range(60)]


def config(url: str) -> DestinationConfig:
    """Configure a destination that leads here."""
    values = {
        "bucket": BUCKET,
        "region": "eu-west-1",
        "endpoint_url": url,
        "addressing_style": "path",
        "capabilities": {"conditional_put": True, "conditional_complete": True},
        "auth": {"access_key_id": "AKIAFAKEUSER00000001", "secret_access_key": "user-secret-0123456789"},
    }
    return DestinationConfig.model_validate(values)


def work_alone(job: Job, answers: SimpleQueue[str] | None = None) -> None:
    """Do the job in a process of its own, whose temporary files can be told from others."""
    os.environ["TMPDIR"] = str(job.folder / "tmp")
    receipt = work(job)
    if answers is not None:
        answers.put(receipt.model_dump_json())


def work(job: Job) -> Receipt:
    """Append all rows as one transfer, or finish what an earlier process began."""
    options = {
        "memory": small_options(object_rows=20),
        "pending": small_options(object_rows=10, max_memory=2500, part_size=400),
        "prepare": small_options(object_rows=20, part_size=700),
        "journal": small_options(object_rows=20, part_size=700),
    }[job.way]
    journal = job.journal if job.way == "journal" else None
    with Destination(config(job.url), options=options, journal=journal) as destination:
        with destination.append(TABLE, transfer_id=ID, format=JsonLines(compression="none")) as append:
            rows = job.rows
            for start in range(0, len(rows), 5):
                if start == job.dies_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                append.write_many(rows[start : start + 5])
            prepared = append.prepare() if job.way == "prepare" else None
        return append.receipt if prepared is None else destination.commit(prepared)
