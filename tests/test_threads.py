"""Pools that take no task: what it is put down to, and that nothing is lost or counted twice."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fake import FakeAws
from promises import Row, destination, small_options

from s3dest import Csv, JsonLines, Parquet, S3DestError
from s3dest.threads import submit

ROWS: list[Row] = [{"id": number, "text": f"{number:050d}"} for number in range(2000)]


@pytest.fixture(params=["s3dest-press", "s3dest-object", "s3dest-part", "s3dest-commit"])
def _no_second_thread(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system refuse a second thread of one pool, as a container with a limit of processes does."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith(request.param) and not thread.name.endswith("_0"):
            message = "can't start new thread"
            raise RuntimeError(message)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)


@pytest.mark.usefixtures("_no_second_thread")
@pytest.mark.parametrize("file_format", [JsonLines(), Csv(compression="none"), Parquet(row_group_rows=100)])
@pytest.mark.parametrize("max_memory", [10**4, 10**8])
def test_a_thread_that_cannot_be_had_is_told(file_format: Any, max_memory: int) -> None:
    """Or is not needed; the budget is right in either case."""
    with FakeAws() as aws:
        aws.store.allowed.add("s3:AbortMultipartUpload")
        options = small_options(object_size=20_000, max_memory=max_memory)
        with destination(aws, options) as target:
            for _ in range(3):
                try:
                    with target.append("orders", format=file_format) as append:
                        append.write_many(ROWS)
                except S3DestError as error:
                    assert error.code == "no_thread"  # noqa: PT017  # it need not come
                else:
                    assert append.receipt.rows == len(ROWS)
            pool = target._delivery()
            pool.workers.shutdown()
            pool.pool.close()
            assert (pool.budget.held, pool.budget._draining) == (0, 0)
        assert aws.store.pending == {}


def test_what_a_closed_pool_is_put_down_to() -> None:
    """To the destination."""
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(S3DestError) as caught:
        submit(pool, print)
    assert caught.value.code == "closed"


def test_what_is_committed_while_python_ends_is_told() -> None:
    """Two objects, which take threads."""
    code = """
import atexit
from concurrent.futures import ThreadPoolExecutor
from s3dest import S3DestError
from s3dest.threads import submit

@atexit.register
def last():
    try:
        submit(ThreadPoolExecutor(1), print)
    except S3DestError as error:
        print(error.code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "interpreter_ends\n"
