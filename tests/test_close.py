"""How a transfer ends other than well: nothing is published by accident, nothing held, and no first error hidden."""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import logging
import multiprocessing
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake import FakeAws, faults
from promises import (
    Row,
    data_keys,
    destination,
    named_keys,
    named_rows,
    require_nothing_replaced,
    require_true,
    small_options,
    write_jsonl,
)

from s3dest import (
    AccessDeniedError,
    FileJournal,
    JsonLines,
    PreparedAppend,
    RequestError,
    S3DestError,
    StateError,
    TransferOptions,
)
from s3dest.append import AppendWriter

ID = "01a209ce-4dde-7311-ab01-8184d030eb7f"
ROWS: list[Row] = [{"id": number, "text": "x" * 50} for number in range(100)]
OTHER_ROWS: list[Row] = [{"id": -number, "text": "y" * 50} for number in range(100)]
PLAIN = JsonLines(compression="none")
UP = small_options(object_rows=10, max_memory=2500)
"""Ten objects of which three fit into memory."""

SPILL = small_options(object_rows=50, max_memory=100)
"""Two objects of which not one fits: they go to the disk."""


class Boom(Exception):  # noqa: N818  # no error of anybody's
    """What a caller raises."""


def _interrupt() -> None:
    raise KeyboardInterrupt


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    """Run the fake for one test; aborting is allowed."""
    with FakeAws() as aws:
        aws.store.allowed.add("s3:AbortMultipartUpload")
        yield aws


@pytest.fixture
def no_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """See that the folder for temporary files is empty at the end, and that no file without a name is open."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    gc.collect()
    assert list(folder.iterdir()) == []
    assert open_files(folder) == []


def open_files(folder: Path) -> list[str]:
    """List the files in a folder that this process has open, named or not."""
    links = []
    for opened in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(opened.readlink()))
        except FileNotFoundError:  # the one of the listing itself
            continue
    return [link for link in links if link.startswith(str(folder))]


def held(writer_of: Any) -> tuple[int, int]:
    """Tell what a destination's budget holds, and how much of that is on its way up."""
    budget = writer_of._delivery().budget
    return budget.held, budget._draining


@pytest.mark.parametrize("error", [Boom, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_exception_takes_back_what_went_up(aws: FakeAws, no_file_is_left: Path, error: type[BaseException]) -> None:
    """Pending uploads are aborted, memory is free, no file is left, and the exception is the caller's own."""

    def fail() -> None:
        with target.append("orders", format=PLAIN) as append:
            append.write_many(ROWS)
            raise error

    with destination(aws, UP) as target:
        with pytest.raises(error):
            fail()
        assert held(target) == (0, 0)
    assert "CreateMultipartUpload" in aws.operations
    assert (aws.store.objects, aws.store.pending) == ({}, {})
    assert no_file_is_left.exists()


def test_a_generator_that_raises_midway_takes_back_what_went_up(aws: FakeAws, no_file_is_left: Path) -> None:
    """Also what it had on the disk; the error is the generator's own."""

    def rows() -> Iterator[Row]:
        yield from ROWS
        assert open_files(no_file_is_left)
        raise Boom

    with (
        destination(aws, small_options(object_rows=1000, max_memory=100)) as target,
        pytest.raises(Boom),
        target.append("orders", format=PLAIN) as append,
    ):
        append.write_many(rows())
    assert (aws.store.objects, aws.store.pending) == ({}, {})


def test_a_denied_abort_is_told_once_and_hides_nothing(aws: FakeAws, caplog: pytest.LogCaptureFixture) -> None:
    """With the rule that cleans up; what the caller sees is the first error."""
    aws.store.allowed.discard("s3:AbortMultipartUpload")

    def fail() -> None:
        with target.append("orders", format=PLAIN) as append:
            append.write_many(ROWS)
            raise Boom

    with caplog.at_level(logging.WARNING, "s3dest"), destination(aws, UP) as target:
        for _ in range(3):
            with pytest.raises(Boom) as caught:
                fail()
            assert caught.value.__context__ is None
    told = [record.getMessage() for record in caplog.records if "AbortMultipartUpload" in record.getMessage()]
    assert len(told) == 1
    assert "lifecycle rule" in told[0]
    assert aws.operations.count("AbortMultipartUpload") == 3
    assert aws.store.objects == {}


@pytest.mark.parametrize(
    "fault",
    [faults.UNREACHABLE, faults.ANSWER_TIMED_OUT, faults.HTML_200],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
def test_an_abort_that_fails_hides_nothing(aws: FakeAws, fault: faults.Fault) -> None:
    """Whatever becomes of it."""
    aws.faults.always("AbortMultipartUpload", fault)

    def fail() -> None:
        with target.append("orders", format=PLAIN) as append:
            append.write_many(ROWS)
            raise Boom

    with destination(aws, UP) as target, pytest.raises(Boom):
        fail()
    assert aws.store.objects == {}


def test_a_block_whose_last_upload_fails_takes_back_the_others(aws: FakeAws, no_file_is_left: Path) -> None:
    """As after an exception inside."""

    def fail() -> None:
        with target.append("orders", format=PLAIN) as append:
            append.write_many(ROWS[:99])
            aws.faults.next("UploadPart", *[faults.DENIED] * 9)

    with destination(aws, SPILL) as target, pytest.raises(AccessDeniedError):
        fail()
    assert (aws.store.objects, aws.store.pending) == ({}, {})
    assert no_file_is_left.exists()


def test_an_abandoned_writer_frees_its_memory_and_says_so(
    aws: FakeAws, no_file_is_left: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By a ResourceWarning, which Python hides, and in the log; nothing is published, and nothing more is sent."""
    with destination(aws, UP) as target:
        dropped = [target.append("orders", format=PLAIN)]
        dropped[0].write_many(ROWS[:25])
        assert held(target)[0] > 0
        with pytest.warns(ResourceWarning, match="nothing is published"):
            dropped.clear()
        (record,) = [record for record in caplog.records if record.name == "s3dest.abandoned"]
        assert (record.levelname, "without commit or abort" in record.getMessage()) == ("WARNING", True)
        assert held(target) == (0, 0)
        sent = list(aws.operations)
        with target.append("orders", transfer_id=ID, format=PLAIN) as other:
            other.write_many(ROWS)
    assert sent == []
    assert sorted(row["id"] for row in named_rows(aws.store)) == list(range(100))
    assert no_file_is_left.exists()


@pytest.mark.parametrize("end", ["commit", "failed commit", "abort", "prepare"])
def test_a_writer_that_is_done_can_be_collected(aws: FakeAws, end: str) -> None:
    """A service makes thousands a day: none may be held by a finaliser, a thread or the destination."""
    with destination(aws, UP) as target:
        append = target.append("orders", format=PLAIN)
        append.write_many(ROWS[:15])
        if end == "failed commit":
            aws.faults.next("PutObject", *[faults.DENIED] * 9)
            with pytest.raises(AccessDeniedError):
                append.commit()
        else:
            getattr(append, end)()
        writer = weakref.ref(append)
        del append
        gc.collect()
        assert writer() is None
        assert held(target) == (0, 0)


def test_objects_whose_turn_never_came_are_let_go(aws: FakeAws, no_file_is_left: Path) -> None:
    """Memory on its way up that never arrives would let the next writer wait for ever."""
    gate = threading.Event()
    aws.faults.always("CreateMultipartUpload", faults.meanwhile(lambda: gate.wait(120)))
    with destination(aws, small_options(object_rows=5, max_memory=8000)) as target:
        append = target.append("orders", format=PLAIN)
        append.write_many(ROWS)
        append._production.stock._send_up()
        threading.Timer(0.05, gate.set).start()
        append.abort()
        assert held(target) == (0, 0)
        assert len(aws.requests("CreateMultipartUpload")) <= 4
        aws.faults.clear()
        with target.append("orders", format=PLAIN) as append:
            append.write_many(ROWS)
    assert len(named_rows(aws.store)) == len(ROWS)
    assert no_file_is_left.exists()


@pytest.mark.parametrize("then", ["write", "prepare", "commit", "file"])
def test_a_destination_closed_under_a_writer_is_told_in_a_typed_error(
    aws: FakeAws, tmp_path: Path, no_file_is_left: Path, then: str
) -> None:
    """No RuntimeError of a thread pool; nothing is committed, nothing left."""
    path = write_jsonl(tmp_path / "rows.jsonl.gz", ROWS)
    target = destination(aws, small_options(object_rows=10, max_memory=2500, part_size=100))
    append = target.append("orders", format=PLAIN)
    append.write_many(ROWS[:50])
    target.close()
    uses: dict[str, Callable[[], object]] = {
        "write": lambda: append.write_many(ROWS),
        "prepare": append.prepare,
        "commit": append.commit,
        "file": lambda: append.write_file(path),
    }
    with pytest.raises(S3DestError) as caught:
        uses[then]()
    assert caught.value.code == "closed"
    with pytest.raises(S3DestError):
        append.commit()
    append.abort()
    assert aws.store.objects == {}
    assert no_file_is_left.exists()


def test_threads_that_share_a_writer_without_memory_lose_no_row(aws: FakeAws, no_file_is_left: Path) -> None:
    """Neither do those that share only the destination, and its budget."""
    with destination(aws, UP) as target:
        appends = [target.append("orders", format=PLAIN) for _ in range(3)]

        def write(append: AppendWriter, start: int) -> None:
            for number in range(start, start + 60):
                append.write({"id": number, "text": "x" * 50})

        threads = [
            threading.Thread(target=write, args=[append, 1000 * place + 100 * thread])
            for place, append in enumerate(appends)
            for thread in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        for append in appends:
            require_true(append.commit(), aws.store)
        assert held(target) == (0, 0)
    wanted = [1000 * place + 100 * thread + n for place in range(3) for thread in range(3) for n in range(60)]
    assert sorted(row["id"] for row in named_rows(aws.store)) == wanted
    assert no_file_is_left.exists()


def test_a_fork_while_a_thread_writes_hangs_nobody(aws: FakeAws) -> None:
    """The child is told at once, though a thread of its parent had the writer's lock; the parent goes on."""
    context = multiprocessing.get_context("fork")
    inside, go_on = threading.Event(), threading.Event()

    def rows() -> Iterator[Row]:
        yield from ROWS[:50]
        inside.set()
        go_on.wait(120)
        yield from ROWS[50:]

    with destination(aws, UP) as target, target.append("orders", format=PLAIN) as append:
        thread = threading.Thread(target=append.write_many, args=[rows()])
        thread.start()
        assert inside.wait(120)
        answers: Any = context.SimpleQueue()

        def child() -> None:
            for use in (lambda: append.write({"id": 0}), append.prepare, append.commit):
                try:
                    use()
                except StateError as error:
                    answers.put(error.code)
            append.abort()
            answers.put("end")

        process = context.Process(target=child)
        process.start()
        process.join(120)
        alive = process.is_alive()
        process.kill()
        go_on.set()
        thread.join(120)
        assert not alive
        assert [answers.get() for _ in range(4)] == ["other_process"] * 3 + ["end"]
    assert len(named_rows(aws.store)) == 100


AT_EXIT = """
import sys
from fake import FakeAws, faults
from promises import destination, small_options

aws = FakeAws().__enter__()
target = destination(aws, small_options(object_rows=10, max_memory=2500))
append = target.append("orders")
append.write_many([{"id": number, "text": "x" * 50} for number in range(int(sys.argv[1]))])
import atexit
atexit.register(lambda: print(len(aws.store.objects), flush=True))
"""


@pytest.mark.parametrize("rows", [5, 300])
def test_an_interpreter_that_ends_publishes_nothing(rows: int) -> None:
    """Whether or not something is on its way up; the warning says that a transfer was forgotten."""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", AT_EXIT, str(rows)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == "0\n"
    assert "ResourceWarning: the writer of transfer" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_commit_repeated_after_a_lost_answer_knows_its_own_manifest(aws: FakeAws) -> None:
    """Its objects are in that manifest: to call them orphans would invite their deletion."""
    with destination(aws, small_options()) as target:
        append = target.append("orders", transfer_id=ID, format=PLAIN)
        append.write_many(ROWS)
        aws.faults.next("PutObject", faults.slow(0), *[faults.ANSWER_TIMED_OUT.after(100)] * 9)
        with pytest.raises(RequestError) as caught:
            append.commit()
        assert caught.value.ambiguous
        aws.faults.clear()
        receipt = append.commit()
    assert (receipt.already_committed, receipt.orphans) == (False, ())
    require_true(receipt, aws.store)
    assert named_rows(aws.store) == ROWS


def test_a_commit_repeated_after_an_interrupt_knows_its_own_manifest(aws: FakeAws) -> None:
    """Ctrl-C leaves no answer either."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    with destination(aws, small_options()) as target:
        append = target.append("orders", transfer_id=ID, format=PLAIN)
        append.write_many(ROWS)
        aws.faults.next("PutObject", faults.slow(0), faults.meanwhile(interrupt))
        with pytest.raises(KeyboardInterrupt):
            append.commit()
        receipt = append.commit()
    assert (receipt.already_committed, receipt.orphans) == (False, ())


def test_a_commit_refused_after_a_lost_answer_knows_its_own_manifest(aws: FakeAws) -> None:
    """A plain refusal says nothing of the manifest that an earlier commit has written, perhaps."""
    with destination(aws, small_options()) as target:
        append = target.append("orders", transfer_id=ID, format=PLAIN)
        append.write_many(ROWS)
        aws.faults.next("PutObject", faults.slow(0), *[faults.ANSWER_TIMED_OUT.after(100)] * 9)
        with pytest.raises(RequestError):
            append.commit()
        aws.faults.clear()
        aws.faults.next("PutObject", faults.DENIED)
        with pytest.raises(AccessDeniedError):
            append.commit()
        receipt = append.commit()
    assert (receipt.already_committed, receipt.orphans) == (False, ())
    assert receipt.unconfirmed == (receipt.manifest_key,)


def test_a_commit_refused_for_certain_believes_in_anothers_manifest(aws: FakeAws) -> None:
    """Its own manifest never got through; when it is sent again, another attempt's is there."""
    with destination(aws, small_options()) as target, destination(aws, small_options()) as other:
        append = target.append("orders", transfer_id=ID, format=PLAIN)
        append.write_many(ROWS)
        aws.faults.next("PutObject", faults.slow(0), faults.DENIED)
        with pytest.raises(AccessDeniedError):
            append.commit()
        with other.append("orders", transfer_id=ID, format=PLAIN) as winner:
            winner.write_many(OTHER_ROWS)
        receipt = append.commit()
    assert receipt.already_committed
    assert receipt.orphans == tuple(stored.key for stored in receipt.objects)
    require_true(receipt, aws.store)


def test_an_object_known_to_be_altered_is_not_vouched_for(aws: FakeAws) -> None:
    """That it is there when the commit is repeated makes it none the better."""
    with destination(aws, small_options()) as target:
        append = target.append("orders", transfer_id=ID, format=PLAIN)
        append.write_many(ROWS)
        aws.faults.next("PutObject", faults.WRONG_ETAG)
        for _ in range(2):
            with pytest.raises(RequestError) as caught:
                append.commit()
            assert caught.value.code == "etag_differs"
        assert named_keys(aws.store) == []
        aws.store.objects.clear()  # the customer deletes it, as the remedy says
        append.commit()
    assert named_rows(aws.store) == ROWS


def fail_to_commit(aws: FakeAws, target: Any, *, call: int = 2) -> AppendWriter:
    """Begin a commit with a journal and fail, one object being visible."""
    append: AppendWriter = target.append("orders", transfer_id=ID, format=PLAIN)
    append.write_many(ROWS[:30])
    already = aws.operations.count("CompleteMultipartUpload")
    for later in range(call, 30):
        aws.faults.at("CompleteMultipartUpload", already + later, faults.DENIED)
    with pytest.raises(AccessDeniedError):
        append.commit()
    aws.faults.clear()
    return append


def test_a_journaled_transfer_that_is_aborted_is_not_resumed(aws: FakeAws, tmp_path: Path) -> None:
    """Neither as committed nor at all; no manifest ever names an object that is not there."""
    journal = FileJournal(tmp_path)
    with destination(aws, UP, journal) as target:
        fail_to_commit(aws, target).abort()
        assert target.resume() == []
        assert named_keys(aws.store) == []
        with target.append("orders", transfer_id=ID, format=PLAIN) as append:
            append.write_many(ROWS[:30])
    assert named_rows(aws.store) == ROWS[:30]
    assert set(named_keys(aws.store)) == data_keys(aws.store)


def test_what_was_prepared_and_aborted_is_not_resumed(aws: FakeAws, tmp_path: Path) -> None:
    """Also when the pipeline aborts it after a commit that failed, and when it commits what it has aborted."""
    journal = FileJournal(tmp_path)
    with destination(aws, UP, journal) as target:
        prepared = fail_to_commit(aws, target).prepare()
        target.abort(prepared)
        assert target.resume() == []
        with target.append("orders", transfer_id=ID, writer_id=1, format=PLAIN) as append:
            append.write_many(ROWS[:30])
            second = append.prepare()
        target.abort(second)
        with pytest.raises(RequestError) as caught:
            target.commit(second)
        assert caught.value.code == "upload_lost"
        assert target.resume() == []
    assert named_keys(aws.store) == []


def test_an_exception_after_a_commit_was_begun_leaves_it_to_the_journal(aws: FakeAws, tmp_path: Path) -> None:
    """Its objects may be visible already: it is finished, not taken back."""
    journal = FileJournal(tmp_path)

    def commit_inside() -> None:
        with target.append("orders", transfer_id=ID, format=PLAIN) as append:
            append.write_many(ROWS[:30])
            aws.faults.next("CompleteMultipartUpload", faults.slow(0), *[faults.DENIED] * 9)
            append.commit()

    with destination(aws, UP, journal) as target:
        with pytest.raises(AccessDeniedError):
            commit_inside()
        aws.faults.clear()
        (receipt,) = target.resume()
    require_true(receipt, aws.store)
    assert named_rows(aws.store) == ROWS[:30]


def test_a_lost_upload_is_never_taken_for_completed(aws: FakeAws, tmp_path: Path) -> None:
    """Somebody aborted it between prepare and commit: an error says so, and resuming does not turn it into success."""
    journal = FileJournal(tmp_path)
    with destination(aws, UP, journal) as target:
        append = target.append("orders", transfer_id=ID, format=PLAIN)
        append.write_many(ROWS[:30])
        prepared = append.prepare()
        del aws.store.uploads[prepared.objects[1].upload_id]
        with pytest.raises(RequestError) as caught:
            append.commit()
        assert caught.value.code == "upload_lost"
        assert target.resume() == []
        assert named_keys(aws.store) == []
        with target.append("orders", transfer_id=ID, format=PLAIN) as again:
            again.write_many(ROWS[:30])
    assert named_rows(aws.store) == ROWS[:30]
    require_nothing_replaced(aws.store)


def test_a_transfer_that_a_lifecycle_rule_removed_can_be_repeated(aws: FakeAws, tmp_path: Path) -> None:
    """The journal's entry is too old to be finished: resuming says so, repeating the transfer sends it anew."""
    journal = FileJournal(tmp_path)
    with destination(aws, UP, journal) as target:
        prepared = fail_to_commit(aws, target).prepare()
        old = [each.model_copy(update={"created": each.created - dt.timedelta(days=8)}) for each in prepared.objects]
        journal.forget([prepared])
        journal.save([PreparedAppend.model_validate({**prepared.model_dump(), "objects": old})])
        for upload_id in list(aws.store.pending):
            del aws.store.uploads[upload_id]
        for _ in range(2):
            with pytest.raises(RequestError) as caught:
                target.resume()
            assert caught.value.code == "upload_lost"
        with target.append("orders", transfer_id=ID, format=PLAIN) as append:
            append.write_many(ROWS[:30])
        require_true(append.receipt, aws.store)
    assert named_rows(aws.store) == ROWS[:30]
    assert list(journal.load()) == []


@pytest.mark.parametrize(
    ("operation", "fault"),
    [("PutObject", faults.DENIED), ("AssumeRole", faults.sts_refusal(403, "AccessDenied", "no"))],
    ids=["S3", "STS"],
)
def test_a_failed_commit_keeps_no_rows_alive(aws: FakeAws, operation: str, fault: faults.Fault) -> None:
    """Neither the error that the destination remembers, nor a cycle that waits for the collector."""

    def fail() -> weakref.ref[AppendWriter]:
        append = target.append("orders", format=PLAIN)
        append.write_many(ROWS)
        with contextlib.suppress(S3DestError):
            append.commit()
        return weakref.ref(append)

    aws.faults.always(operation, fault)
    with destination(aws, small_options()) as target:
        gc.collect()
        gc.disable()
        try:
            assert fail()() is None
        finally:
            gc.enable()
        assert held(target) == (0, 0)


@pytest.mark.parametrize("error", [faults.DENIED, faults.meanwhile(_interrupt)], ids=["denied", "interrupt"])
@pytest.mark.parametrize("operation", ["CompleteMultipartUpload", "PutObject"])
def test_a_block_whose_commit_fails_takes_back_what_went_up(aws: FakeAws, operation: str, error: faults.Fault) -> None:
    """Nobody has the writer any more to commit it again; a repetition brings all of it up anew."""

    def fail() -> None:
        with target.append("orders", transfer_id=ID, format=PLAIN) as append:
            append.write_many(ROWS)

    with destination(aws, UP) as target:
        aws.faults.always(operation, error)
        with pytest.raises((AccessDeniedError, KeyboardInterrupt)):
            fail()
        aws.faults.clear()
        assert aws.store.pending == {}
        assert held(target) == (0, 0)
        with target.append("orders", transfer_id=ID, format=PLAIN) as append:
            append.write_many(ROWS)
        assert append.receipt.orphans == ()
    assert named_rows(aws.store) == ROWS
    assert set(named_keys(aws.store)) == data_keys(aws.store)


@pytest.mark.parametrize("how", ["with", "commit", "write", "prepare"])
@pytest.mark.parametrize("options", [UP, SPILL], ids=["up", "spilled"])
def test_an_upload_that_fails_keeps_no_rows_alive(aws: FakeAws, options: TransferOptions, how: str) -> None:
    """A finaliser holds what is on its way up, whose error has the frames of who was told of it."""

    class Mine(list[Row]):
        """Rows of the caller's."""

    def fail() -> tuple[weakref.ref[AppendWriter], weakref.ref[Mine]]:
        append, rows = target.append("orders", format=PLAIN), Mine(ROWS)
        with contextlib.suppress(S3DestError):
            if how == "with":
                with append:
                    append.write_many(rows)
            for _ in range(20 if how == "write" else 1):
                append.write_many(rows)
            getattr(append, "prepare" if how == "prepare" else "commit")()
        append.abort()
        return weakref.ref(append), weakref.ref(rows)

    aws.faults.always("UploadPart", faults.DENIED)
    with destination(aws, options) as target:
        writer, rows = fail()
        gc.collect()
        assert (writer(), rows()) == (None, None)
        assert held(target) == (0, 0)
