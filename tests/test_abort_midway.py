"""An abort in the middle of a write, as a signal handler or the source of the rows calls it: in the same thread."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

import pyarrow as pa
import pytest
from fake import FakeAws, faults
from promises import Row, destination, small_options

from s3dest import Csv, Format, JsonLines, Parquet, StateError
from s3dest.append import AppendWriter
from s3dest.budget import Budget

ROWS: list[Row] = [{"id": number, "text": "x" * 50} for number in range(100)]
PLAIN = JsonLines(compression="none")
UP = small_options(object_rows=10, max_memory=2500)
"""Ten objects of which three fit into memory."""


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    """Run the fake for one test; aborting is allowed."""
    with FakeAws() as aws:
        aws.store.allowed.add("s3:AbortMultipartUpload")
        yield aws


class Interrupting(Mapping[str, Any]):
    """A row that runs something while it is being read, once."""

    def __init__(self, row: Row, run: Callable[[], None]) -> None:
        self._row, self._run = row, run

    def __getitem__(self, name: str) -> Any:
        return self._row[name]

    def __len__(self) -> int:
        return len(self._row)

    def __iter__(self) -> Iterator[str]:
        run, self._run = self._run, lambda: None
        run()
        return iter(self._row)


def by_rows(append: AppendWriter, last: Any) -> None:
    """One by one."""
    for row in (*ROWS, last, *ROWS):
        append.write(row)


def by_list(append: AppendWriter, last: Any) -> None:
    """At once."""
    append.write_many([*ROWS, last, *ROWS])


def by_source(append: AppendWriter, last: Any) -> None:
    """From a generator."""
    append.write_many(row for row in (*ROWS, last, *ROWS))


def by_last_row(append: AppendWriter, last: Any) -> None:
    """Where no batch ends after the abort."""
    append.write_many(ROWS)
    append.write(last)


def write_on(append: AppendWriter) -> None:
    """Write without end."""
    while True:
        append.write_many(ROWS)


def require_given_up(aws: FakeAws, target: Any, append: AppendWriter) -> None:
    """See that nothing is left: no object, no pending upload, no memory; and that the writer stays as it is."""
    budget = target._delivery().budget
    assert (aws.store.objects, aws.store.pending) == ({}, {})
    assert (budget.held, budget._draining) == (0, 0)
    requests = len(aws.operations)
    append.abort()
    assert len(aws.operations) == requests
    with pytest.raises(StateError, match="aborted"):
        append.commit()


@pytest.mark.parametrize("file_format", [PLAIN, Csv(), Parquet()])
@pytest.mark.parametrize("write", [by_rows, by_list, by_source, by_last_row])
def test_an_abort_in_the_middle_of_a_write_ends_it(
    aws: FakeAws, write: Callable[[AppendWriter, Any], None], file_format: Format
) -> None:
    """With a typed error, and not what comes of bytes that vanish under its hands."""
    with destination(aws, UP) as target:
        append = target.append("orders", format=file_format)
        with pytest.raises(StateError) as caught:
            write(append, Interrupting({"id": 0, "text": ""}, append.abort))
        assert caught.value.code == "aborted"
        require_given_up(aws, target, append)


@pytest.mark.parametrize("call", ["commit", "prepare"])
@pytest.mark.parametrize("write", [by_rows, by_list, by_source, by_last_row])
def test_nothing_is_committed_in_the_middle_of_a_write(
    aws: FakeAws, write: Callable[[AppendWriter, Any], None], call: str
) -> None:
    """It would miss the rows that the write has in its hands, and say nothing of them."""
    with destination(aws, UP) as target:
        append = target.append("orders", format=PLAIN)
        with pytest.raises(StateError) as caught:
            write(append, Interrupting({"id": 0, "text": ""}, getattr(append, call)))
        assert caught.value.code == "busy"
        append.abort()
        require_given_up(aws, target, append)


def test_a_write_that_looks_at_its_uploads_ends_with_a_typed_error(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An abort has cancelled them just then."""
    gate = threading.Event()
    aws.faults.always("CreateMultipartUpload", faults.meanwhile(lambda: gate.wait(20)))
    with destination(aws, small_options(object_rows=10, max_memory=100_000)) as target:
        append = target.append("orders", format=PLAIN)
        append.write_many(ROWS[:60])
        append._production.stock._send_up()
        done = Future.done

        def abort_and_tell(future: Future[Any]) -> bool:
            if not future.running():  # its turn has not come
                monkeypatch.setattr(Future, "done", done)
                append.abort()
                gate.set()
            return done(future)

        monkeypatch.setattr(Future, "done", abort_and_tell)
        with pytest.raises(StateError) as caught:
            append.write_many(ROWS)
        assert caught.value.code == "aborted"
        require_given_up(aws, target, append)


def test_an_abort_by_a_source_of_rows_ends_the_write(aws: FakeAws) -> None:
    """What the source raises after it is its own."""

    def rows(error: Exception | None) -> Iterator[Row]:
        yield from ROWS
        append.abort()
        if error is not None:
            raise error
        yield from ROWS

    with destination(aws, UP) as target:
        for error in (None, ValueError("mine")):
            append = target.append("orders", format=PLAIN)
            with pytest.raises(StateError if error is None else ValueError):
                append.write_many(rows(error))
            require_given_up(aws, target, append)


def test_an_abort_in_the_middle_of_arrow_data_ends_the_write(aws: FakeAws) -> None:
    """Between two batches of a stream."""
    table = pa.Table.from_pylist(ROWS)

    def batches() -> Iterator[pa.RecordBatch]:
        yield from table.to_batches()
        append.abort()
        yield from table.to_batches()

    with destination(aws, UP) as target:
        append = target.append("orders", format=PLAIN)
        with pytest.raises(StateError, match="aborted"):
            append.write_arrow(pa.RecordBatchReader.from_batches(table.schema, batches()))
        require_given_up(aws, target, append)


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="Python runs handlers in it only")
@pytest.mark.parametrize("delay", [0.001 * 2**step for step in range(6)])
def test_a_signal_handler_may_abort(aws: FakeAws, delay: float) -> None:
    """Wherever it meets the writer."""
    with destination(aws, UP) as target:
        append = target.append("orders", format=PLAIN)
        before = signal.signal(signal.SIGALRM, lambda *_: append.abort())
        try:
            signal.setitimer(signal.ITIMER_REAL, delay)
            with pytest.raises(StateError) as caught:
                write_on(append)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert caught.value.code == "aborted"
        require_given_up(aws, target, append)


def test_a_signal_handler_may_free_memory() -> None:
    """Whatever this thread is doing with the budget at that moment."""
    budget = Budget(10)
    with budget._freed:
        budget.give_back(0)
