"""The life of a writer: open until it is committed, aborted or failed, whoever calls it, and from where."""

from __future__ import annotations

import gc
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest
from fake import FakeAws, faults
from orders import ROWS, append_rows, visible

from s3dest import AppendWriter, RowError, StateError


class Boom(Exception):  # noqa: N818  # no error of anybody's
    """What a caller raises."""


@pytest.mark.parametrize("error", [Boom, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_exception_aborts(aws: FakeAws, error: type[BaseException]) -> None:
    """Nothing is visible, nothing was sent, and the exception is the caller's own."""

    def fail() -> None:
        with destination.append("orders") as append:
            append.write_many(ROWS)
            raise error

    with aws.destination() as destination, pytest.raises(error):
        fail()
    assert aws.operations == []


def test_a_generator_that_raises_fails_the_writer(aws: FakeAws) -> None:
    """Half of the rows must not be committed, even by somebody who swallows the exception."""

    def rows() -> Iterator[Any]:
        yield from ROWS[:2000]
        raise Boom

    with aws.destination() as destination:
        append = destination.append("orders")
        with pytest.raises(Boom):
            append.write_many(rows())
        uses: list[Callable[[], object]] = [
            append.commit,
            lambda: append.write({"id": 1}),
            lambda: append.write_many([]),
        ]
        for use in uses:
            with pytest.raises(StateError, match="can only be aborted") as caught:
                use()
            assert isinstance(caught.value.__cause__, Boom)
        append.abort()
        append.abort()
    assert aws.operations == []


def test_an_exception_that_was_swallowed_inside_still_fails_the_transfer(aws: FakeAws) -> None:
    """The block ends cleanly, and the commit is refused all the same."""

    def swallow() -> None:
        with destination.append("orders") as append:
            append.write({"id": 1})
            with pytest.raises(RowError):
                append.write_many([{"id": 2}, "no row"])  # type: ignore[list-item]

    with aws.destination() as destination, pytest.raises(StateError):
        swallow()
    assert aws.operations == []


def test_a_dropped_writer_publishes_nothing(aws: FakeAws) -> None:
    """No finaliser commits; nor does closing the destination."""
    with aws.destination() as destination:
        append = destination.append("orders")
        append.write_many(ROWS)
        kept = [append]
        del append
        with pytest.warns(ResourceWarning, match="dropped without commit or abort"):
            kept.clear()
        gc.collect()
        left = destination.append("orders")
        left.write({"id": 1})
    with pytest.raises(StateError, match="closed"):
        left.commit()
    assert aws.operations == []


def fail(append: AppendWriter) -> None:
    """Let the source of the rows fail the writer."""

    def rows() -> Iterator[dict[str, object]]:
        yield {"id": 2}
        raise Boom

    with pytest.raises(Boom):
        append.write_many(rows())


@pytest.mark.parametrize(
    ("end", "remedy"),
    [
        (lambda append: append.write({"id": 2}), "leave the with block"),
        (lambda append: append.prepare(), "destination.commit(prepared)"),
        (lambda append: append.abort(), "Repeat the transfer"),
        (fail, "Repeat the transfer"),
    ],
    ids=["open", "prepared", "aborted", "failed"],
)
def test_a_missing_receipt_is_told_how_to_get(aws: FakeAws, end: Callable[[AppendWriter], object], remedy: str) -> None:
    """Who prepared has left the block already, without an exception and without a receipt."""
    with aws.destination() as destination:
        append = destination.append("orders")
        append.write({"id": 1})
        end(append)
        with pytest.raises(StateError) as caught:
            _ = append.receipt
        append.abort()
    assert caught.value.code == "not_committed"
    assert remedy in caught.value.remedy


def test_the_life_of_a_writer(aws: FakeAws) -> None:
    """Each use at the wrong time is refused with the state."""
    with aws.destination() as destination:
        append = destination.append("orders")
        with pytest.raises(StateError) as caught:
            _ = append.receipt
        assert caught.value.code == "not_committed"
        append.write({"id": 1})
        append.commit()
        assert append.commit() is append.receipt
        refused: list[Callable[[], object]] = [
            lambda: append.write({"id": 2}),
            lambda: append.write_many([]),
            append.abort,
        ]
        for use in refused:
            with pytest.raises(StateError, match="committed"):
                use()
        aborted = destination.append("orders")
        aborted.write({"id": 1})
        aborted.abort()
        aborted.abort()
        refused = [lambda: aborted.write({"id": 2}), aborted.commit]
        for use in refused:
            with pytest.raises(StateError, match="aborted"):
                use()
        assert "committed" in repr(append)
        assert "aborted" in repr(aborted)
    assert len(visible(aws)) == 1


def test_what_was_given_up_is_not_prepared_again(aws: FakeAws) -> None:
    """Its uploads are gone: a pipeline would store what nobody can commit."""
    with aws.destination() as destination:
        append = destination.append("orders")
        append.write({"id": 1})
        assert append.prepare() is append.prepare()
        append.abort()
        with pytest.raises(StateError, match="aborted"):
            append.prepare()


def test_a_block_may_end_its_transfer_itself(aws: FakeAws) -> None:
    """After a commit or an abort inside, the end of the block does nothing more."""
    with aws.destination() as destination:
        with destination.append("orders") as append:
            append.write({"id": 1})
            append.abort()
        assert aws.operations == []
        with destination.append("orders") as append:
            append.write({"id": 1})
            append.commit()

        def fail_late() -> None:
            with destination.append("orders") as append:
                append.write({"id": 2})
                append.commit()
                raise Boom

        with pytest.raises(Boom):
            fail_late()
    assert visible(aws) == [{"id": 1}, {"id": 2}]


def test_threads_may_share_a_writer(aws: FakeAws) -> None:
    """No row is lost, torn or doubled."""
    with aws.destination() as destination, destination.append("orders") as append:

        def write(thread: int) -> None:
            for number in range(400):
                append.write({"id": thread * 1000 + number})
            append.write_many([{"id": thread * 1000 + 400 + number} for number in range(100)])

        threads = [threading.Thread(target=write, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(row["id"] for row in visible(aws)) == [base * 1000 + n for base in range(8) for n in range(500)]
    assert append.receipt.rows == 4000


def test_threads_may_share_a_destination(aws: FakeAws) -> None:
    """Each its own transfer, one session for all."""
    with aws.destination() as destination:

        def run(number: int) -> None:
            with destination.append("orders") as append:
                append.write({"id": number})

        threads = [threading.Thread(target=run, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(row["id"] for row in visible(aws)) == list(range(8))
    assert aws.operations.count("AssumeRole") == 1


def test_a_writer_does_not_cross_a_fork(aws: FakeAws) -> None:
    """In the child it refuses every use, and the parent's commit is not disturbed."""
    with aws.destination() as destination, destination.append("orders") as append:
        append.write({"id": 1})
        answers: Any = multiprocessing.get_context("fork").Queue()

        def child() -> None:
            codes = []
            uses: list[Callable[[], object]] = [lambda: append.write({"id": 2}), append.commit]
            for use in uses:
                try:
                    use()
                except StateError as error:
                    codes.append(error.code)
            answers.put(codes)

        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        assert answers.get(timeout=120) == ["other_process"] * 2
        process.join(120)
    assert visible(aws) == [{"id": 1}]


def test_a_failed_write_lets_go_of_its_source(aws: FakeAws) -> None:
    """Though the error, and the frames that it holds, live on: a database's connection is free for a repetition."""
    open_sources = [1]

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield pa.record_batch({"x": [float("nan")]})
            yield pa.record_batch({"x": [1.0]})
        finally:
            open_sources.clear()

    class Relation:
        """What a query gives."""

        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            reader = pa.RecordBatchReader.from_batches(pa.schema([("x", pa.float64())]), batches())
            return reader.__arrow_c_stream__(requested_schema)

    with aws.destination() as destination:
        append = destination.append("orders")
        with pytest.raises(RowError) as caught:
            append.write_arrow(Relation())
        append.abort()
    assert caught.value.row == 0
    assert open_sources == []


def test_an_abort_in_the_middle_of_a_commit_is_refused(aws: FakeAws) -> None:
    """As a signal handler would send it, in the same thread, so that no lock keeps it back."""
    refused: list[str] = []

    def give_up() -> None:
        try:
            append.abort()
        except StateError as error:
            refused.append(error.code)

    aws.faults.at("PutObject", 2, faults.meanwhile(give_up))
    with aws.destination() as destination, destination.append("orders") as append:
        append.write({"id": 1})
    assert (append.receipt.rows, refused) == (1, ["busy"])
    assert visible(aws) == [{"id": 1}]


def test_rows_whose_source_uses_the_writer_wrongly_fail_it(aws: FakeAws) -> None:
    """Half of them would be committed, where the error is caught within the block."""

    def source() -> Iterator[dict[str, int]]:
        yield {"id": 1}
        yield {"id": append.receipt.rows}

    with aws.destination() as destination:
        append = destination.append("orders")
        with pytest.raises(StateError, match="no receipt"):
            append.write_many(source())
        with pytest.raises(StateError, match="can only be aborted"):
            append.commit()
        append.abort()
    assert visible(aws) == []


@pytest.mark.parametrize("call", ["abort", "commit", "prepare", "write"])
def test_a_progress_callback_cannot_use_its_writer(aws: FakeAws, caplog: pytest.LogCaptureFixture, call: str) -> None:
    """It comes in the middle of another call: what an abort had emptied would be committed."""
    arguments = [{"id": 2}] if call == "write" else []
    with aws.destination() as destination:
        append = destination.append("orders", on_progress=lambda _: getattr(append, call)(*arguments))
        with append:
            append.write_many(ROWS)
            told = caplog.text  # after a batch, and not only while it is committed
            append.write({"id": 1})
        assert append.receipt.rows == len(ROWS) + 1
    assert "is in the middle of a call" in told


def test_an_interrupt_while_committing_leaves_no_half(aws: FakeAws) -> None:
    """The exception is the caller's; the writer can commit later, or another attempt can."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    for call in (1, 2):
        aws.store.objects.clear()
        aws.faults.next("PutObject", *[faults.slow(0)] * (call - 1), faults.meanwhile(interrupt))
        with pytest.raises(KeyboardInterrupt):
            append_rows(aws)
        assert visible(aws) in ([], ROWS)
        receipt = append_rows(aws).receipt
        assert visible(aws) == ROWS
        assert receipt.orphans == ()
        assert len(aws.store.objects) == 2
