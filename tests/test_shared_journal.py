"""A journal that several living processes work on: what one has completed, another does not take for lost."""

from __future__ import annotations

import copy
import errno
import fcntl
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from fake import FakeAws, faults
from promises import Row, destination, named_keys, named_rows, require_nothing_replaced, require_true, small_options
from shares import ID, share

from s3dest import (
    AccessDeniedError,
    AppendWriter,
    ConfigError,
    Destination,
    FileJournal,
    JsonLines,
    PreparedAppend,
    Receipt,
    RequestError,
    SharedJournal,
)

ROWS: list[Row] = [{"id": number, "text": "x" * 50} for number in range(30)]
PLAIN = JsonLines(compression="none")
UP = small_options(object_rows=10)


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    """Run the fake for one test: a store that forgets completed uploads, aborting being allowed."""
    with FakeAws() as fake:
        fake.store.allowed.add("s3:AbortMultipartUpload")
        fake.store.repeated_complete = "NoSuchUpload"
        yield fake


@pytest.fixture
def journal(tmp_path: Path) -> FileJournal:
    """Make a journal."""
    return FileJournal(tmp_path)


def test_an_entry_is_marked_once_and_for_all(journal: FileJournal) -> None:
    """By whoever finishes it, any number of times; it is read as before, and only forgotten, not withdrawn."""
    assert isinstance(journal, SharedJournal)
    entry = (share(), share(writer_id=1))
    assert not journal.begin(entry)
    assert journal.save(entry)
    for _ in range(2):
        assert journal.begin(entry)
        assert list(journal.load()) == [entry]
        assert not journal.withdraw(entry)
    journal.forget(entry)
    assert not journal.begin(entry)
    assert list(journal.load()) == []


@pytest.mark.parametrize("begun", [False, True])
def test_an_entry_that_is_gone_may_be_finished(journal: FileJournal, *, begun: bool) -> None:
    """As whoever has saved it can tell; it is not if it was given up."""
    entry, other = [share()], FileJournal(journal.path)
    for is_finished in (False, True):
        journal.save(entry)
        copied = copy.copy(journal)  # as pickled, in another process
        if begun:
            other.begin(entry)
        (other.finish if is_finished else other.forget)(entry)
        assert list(journal.load()) == []
        assert journal.withdraw(entry)
        assert journal.was_finished(entry) is is_finished
        assert not journal.was_finished([share(attempt="other")])
        assert not copied.was_finished(entry)  # for all that others know


def test_an_entry_left_behind_when_it_was_finished_is_finished_again(journal: FileJournal) -> None:
    """The process was killed in between."""
    entry = [share()]
    journal.save(entry)
    (file,) = journal.path.iterdir()
    file.write_bytes(file.read_bytes() + b"\n\t")
    assert list(journal.load()) == [tuple(entry)]
    assert not journal.withdraw(entry)
    assert journal.begin(entry)
    journal.finish(entry)
    assert list(journal.path.iterdir()) == []


def test_few_files_are_kept_open(journal: FileJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a service whose commits fail for a week, say."""
    monkeypatch.setattr("s3dest.journal._HELD_AT_MOST", 3)
    before = len(list(Path("/dev/fd").iterdir()))
    for number in range(9):
        assert journal.save([share(transfer_id=f"{number}")])
        assert not journal.save([share(transfer_id=f"{number}")])
    assert len(list(Path("/dev/fd").iterdir())) == before + 3


def test_another_attempts_entry_is_let_be(journal: FileJournal) -> None:
    """Of the same transfer: who read the one before neither marks nor withdraws it, whatever became of that."""
    journal.save([share(attempt="b")])
    assert not journal.begin([share(attempt="a")])
    assert journal.withdraw([share(attempt="a")])
    assert list(journal.load()) == [(share(attempt="b"),)]
    assert journal.withdraw([share(attempt="b")])
    assert list(journal.load()) == []


def test_an_entry_that_nobody_is_at_can_be_withdrawn(journal: FileJournal) -> None:
    """And one that is not there is withdrawn already."""
    entry = [share()]
    journal.save(entry)
    for _ in range(2):
        assert journal.withdraw(entry)
        assert list(journal.path.iterdir()) == []


def contend(path: Path, answers: multiprocessing.SimpleQueue[bool], method: str) -> None:
    """Mark or withdraw in a process of its own."""
    answers.put(getattr(FileJournal(path), method)([share()]))


def test_an_entry_with_a_second_name_can_be_withdrawn(journal: FileJournal) -> None:
    """A process killed while it saved leaves one; who waits for the entry's lock meanwhile finds it gone."""
    journal.save([share()])
    (file,) = journal.path.iterdir()
    os.link(file, journal.path / ".second.tmp")
    begun: list[bool] = []
    thread = threading.Thread(target=lambda: begun.append(journal.begin([share()])))
    with file.open("ab") as withdrawing:
        fcntl.flock(withdrawing, fcntl.LOCK_EX)
        thread.start()
        thread.join(0.2)
        file.unlink()
    thread.join()
    assert begun == [False]


def test_withdrawing_waits_for_whoever_is_marking(journal: FileJournal) -> None:
    """And then lets the entry be."""
    journal.save([share()])
    (file,) = journal.path.iterdir()
    withdrawn: list[bool] = []
    thread = threading.Thread(target=lambda: withdrawn.append(journal.withdraw([share()])))
    with file.open("ab") as marking:
        fcntl.flock(marking, fcntl.LOCK_EX)
        thread.start()
        thread.join(0.2)
        marking.write(b"\n")
    thread.join()
    assert withdrawn == [False]


@pytest.mark.parametrize("attempt", range(5))
def test_of_marking_and_withdrawing_one_succeeds(journal: FileJournal, attempt: int) -> None:
    """Whichever process comes first."""
    del attempt
    journal.save([share()])
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.SimpleQueue[bool] = context.SimpleQueue()
    processes = [context.Process(target=contend, args=(journal.path, answers, way)) for way in ("begin", "withdraw")]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert {answers.get(), answers.get()} == {True, False}


class Interrupted(FileJournal):
    """A journal in which something happens as soon as an entry is saved: another process is faster."""

    def __init__(self, path: Path, action: Callable[[FileJournal], None]) -> None:
        super().__init__(path)
        self._action = action

    def save(self, prepared: Sequence[PreparedAppend]) -> bool:
        """Save, then let it happen."""
        saved = super().save(prepared)
        if saved:
            self._action(FileJournal(self.path))
        return saved


def append_rows(aws: FakeAws, journal: FileJournal) -> Receipt:
    """Append all rows, in three objects."""
    with destination(aws, UP, journal) as target:
        with target.append("orders", transfer_id=ID, format=PLAIN) as append:
            append.write_many(ROWS)
        return append.receipt


@pytest.mark.parametrize("way", ["resume", "append", "commit"])
def test_a_transfer_is_finished_though_another_process_began_to_and_died(
    aws: FakeAws, tmp_path: Path, way: str
) -> None:
    """The uploads that the other has completed are gone, and not lost."""

    def resume_and_die(journal: FileJournal) -> None:
        (entry,) = journal.load()
        aws.faults.at("CompleteMultipartUpload", 2, faults.DENIED)
        with destination(aws, UP, journal) as other:
            finish: dict[str, Callable[[], object]] = {
                "resume": other.resume,
                "append": lambda: other.append("orders", transfer_id=ID),
                "commit": lambda: other.commit(*entry),
            }
            with pytest.raises(AccessDeniedError):
                finish[way]()
        assert aws.store.objects

    receipt = append_rows(aws, Interrupted(tmp_path, resume_and_die))
    require_true(receipt, aws.store)
    assert named_rows(aws.store) == ROWS
    assert list(FileJournal(tmp_path).load()) == []
    require_nothing_replaced(aws.store)


def test_a_transfer_that_another_process_has_finished_is_committed(aws: FakeAws, tmp_path: Path) -> None:
    """Its uploads are gone, and so is the entry, of which its journal still knows that it was marked."""

    def resume(journal: FileJournal) -> None:
        with destination(aws, UP, journal) as other:
            assert len(other.resume()) == 1

    receipt = append_rows(aws, Interrupted(tmp_path, resume))
    assert (receipt.rows, receipt.already_committed, receipt.orphans) == (30, True, ())
    assert named_rows(aws.store) == ROWS
    assert list(FileJournal(tmp_path).load()) == []
    require_nothing_replaced(aws.store)


def fail_to_commit(aws: FakeAws, target: Destination) -> AppendWriter:
    """Append all rows, which have gone up, and may not be completed."""
    append = target.append("orders", transfer_id=ID, format=PLAIN)
    append.write_many(ROWS)
    aws.faults.always("CompleteMultipartUpload", faults.DENIED)
    with pytest.raises(AccessDeniedError):
        append.commit()
    aws.faults.clear()
    return append


def test_so_is_one_that_is_repeated_after_a_failure(aws: FakeAws, journal: FileJournal) -> None:
    """The other was faster in between."""
    with destination(aws, UP, journal) as target:
        append = fail_to_commit(aws, target)
        with destination(aws, UP, FileJournal(journal.path)) as other:
            assert len(other.resume()) == 1
        assert append.commit().already_committed
    assert named_rows(aws.store) == ROWS


def test_what_another_process_has_completed_is_nobodys_orphan(aws: FakeAws, journal: FileJournal) -> None:
    """A store may answer a repeated completion with success; the objects are in the manifest all the same."""
    aws.store.repeated_complete = "same"
    with destination(aws, UP, journal) as target:
        append = fail_to_commit(aws, target)
        with destination(aws, UP, FileJournal(journal.path)) as other:
            other.resume()
        assert append.commit().orphans == ()


def test_without_locks_what_was_left_is_finished_and_nothing_withdrawn(
    aws: FakeAws, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saving never needed them, and after a crash nobody could resume; giving up leaves what another may be at."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with destination(aws, UP, journal) as target:
        fail_to_commit(aws, target).abort()
        assert len(aws.store.pending) == 3
        assert list(journal.load()) == []
        fail_to_commit(aws, target)
    with destination(aws, UP, FileJournal(journal.path)) as other:
        assert [receipt.rows for receipt in other.resume()] == [30]
    assert named_rows(aws.store) == ROWS


def test_an_entry_that_cannot_be_read_any_more_is_not_known_to_be_finished(
    journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS forgets what another host has removed; the commit goes on and asks the bucket."""
    entry = (share(),)
    assert journal.save(entry)
    FileJournal(journal.path).finish(entry)
    assert journal.was_finished(entry)

    def forgotten(*_: object) -> bytes:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(os, "pread", forgotten)
    assert not journal.was_finished(entry)


@pytest.mark.parametrize("begun", [False, True])
def test_a_transfer_that_another_process_has_given_up_is_lost(aws: FakeAws, tmp_path: Path, *, begun: bool) -> None:
    """Its uploads are aborted, or were left, and aborted later; nothing is made visible that names them."""

    def abort(journal: FileJournal) -> None:
        (entry,) = journal.load()
        if begun:
            journal.begin(entry)
        for _ in range(2):
            with destination(aws, UP, journal) as other:
                other.abort(*entry)
        assert aws.store.pending == {}

    with pytest.raises(RequestError) as caught:
        append_rows(aws, Interrupted(tmp_path, abort))
    assert caught.value.code == "upload_lost"
    assert aws.store.objects == {}


def test_an_entry_withdrawn_between_reading_and_beginning_is_not_resumed(aws: FakeAws, journal: FileJournal) -> None:
    """Whoever gave it up has aborted its uploads, which must not be taken for completed."""
    with destination(aws, UP, journal) as target:
        append = target.append("orders", transfer_id=ID, format=PLAIN)
        append.write_many(ROWS)
        journal.save([append.prepare()])

        class Late(FileJournal):
            def load(self) -> Iterator[tuple[PreparedAppend, ...]]:
                for entry in super().load():
                    target.abort(*entry)
                    yield entry

        with destination(aws, UP, Late(journal.path)) as other:
            assert other.resume() == []
            with other.append("orders", transfer_id=ID, format=PLAIN) as again:
                again.write_many(ROWS[:5])
    assert named_rows(aws.store) == ROWS[:5]
    assert aws.store.pending == {}


def test_giving_up_twice_leaves_the_uploads_to_the_other_process(aws: FakeAws, journal: FileJournal) -> None:
    """The entry is gone by then, and with it the mark; by whatever way the second comes."""
    with destination(aws, UP, journal) as target:
        append = target.append("orders", transfer_id=ID, format=PLAIN)
        append.write_many(ROWS)
        prepared = append.prepare()
        journal.save([prepared])
        journal.begin([prepared])
        for _ in range(2):
            assert len(target.abort(prepared)) == 3
        append.abort()
    assert len(aws.store.pending) == 3


def test_a_process_that_tries_again_is_no_other(aws: FakeAws, journal: FileJournal) -> None:
    """Its uploads are aborted when it gives up; and one that is gone is lost, however often it tried."""
    with destination(aws, UP, journal) as target:
        for lost in (False, True):
            append = target.append("orders", transfer_id=ID, format=PLAIN)
            append.write_many(ROWS)
            aws.faults.always("CompleteMultipartUpload", faults.DENIED)
            for _ in range(2):
                with pytest.raises(AccessDeniedError):
                    append.commit()
            aws.faults.clear()
            if lost:
                del aws.store.uploads[append.prepare().objects[1].upload_id]
                with pytest.raises(RequestError) as caught:
                    append.commit()
                assert caught.value.code == "upload_lost"
            append.abort()
            assert aws.store.pending == {}
            assert list(journal.load()) == []
    assert named_keys(aws.store) == []


def test_giving_up_aborts_the_uploads_if_nobody_else_is_at_them(aws: FakeAws, journal: FileJournal) -> None:
    """Else they are left to a lifecycle rule: the other may be completing them."""
    with destination(aws, UP, journal) as target:
        for others in (False, True):
            append = fail_to_commit(aws, target)
            if others:
                assert journal.begin([append.prepare()])
            append.abort()
            assert len(aws.store.pending) == (3 if others else 0)
            assert list(journal.load()) == []
    assert aws.store.objects == {}


def damage(journal: FileJournal, entry: Sequence[PreparedAppend]) -> Path:
    """Save an entry and cut it off."""
    assert journal.save(entry)
    (file,) = journal.path.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    return file


def test_a_damaged_entry_is_in_nobody_elses_way(
    aws: FakeAws, journal: FileJournal, caplog: pytest.LogCaptureFixture
) -> None:
    """Other transfers are appended by their ids, with a warning in the log; resuming finishes them, and then raises."""
    file = damage(journal, [share(table="invoices")])
    receipt = append_rows(aws, journal)
    assert (receipt.rows, receipt.already_committed) == (30, False)
    assert str(file) in caplog.text
    with destination(aws, UP, journal) as target:
        append = target.append("customers", transfer_id=ID, format=PLAIN)
        append.write_many(ROWS)
        journal.save([append.prepare()])
        with pytest.raises(ConfigError) as caught:
            target.resume()
    assert (caught.value.code, str(file) in str(caught.value)) == ("journal", True)
    assert len([key for key in aws.store.objects if "/_manifests/" in key]) == 2
    assert list(journal.path.iterdir()) == [file]


def test_a_transfer_whose_own_entry_is_damaged_is_not_committed(aws: FakeAws, journal: FileJournal) -> None:
    """It may be half committed, with other rows: the error names the file, and once that is gone it can be repeated."""
    file = damage(journal, [prepare_only(aws)])
    with pytest.raises(ConfigError) as caught:
        append_rows(aws, journal)
    assert (caught.value.code, str(file) in str(caught.value)) == ("journal", True)
    assert aws.store.objects == {}
    file.unlink()
    append_rows(aws, journal)
    assert named_rows(aws.store) == ROWS


def prepare_only(aws: FakeAws) -> PreparedAppend:
    """Prepare the transfer, as an earlier process would have."""
    with destination(aws, UP) as target:
        append = target.append("orders", transfer_id=ID, format=PLAIN)
        append.write({"id": "earlier"})
        return append.prepare()


class Failing(FileJournal):
    """A journal of which some methods fail, as a database does that is not there any more."""

    failing: str = ""

    def forget(self, prepared: Sequence[PreparedAppend]) -> None:
        """Forget, or fail."""
        self._fail("forget")
        super().forget(prepared)

    def withdraw(self, prepared: Sequence[PreparedAppend]) -> bool:
        """Withdraw, or fail."""
        self._fail("withdraw")
        return super().withdraw(prepared)

    def load(self) -> Iterator[tuple[PreparedAppend, ...]]:
        """Load, or fail."""
        self._fail("load")
        return super().load()

    def _fail(self, method: str) -> None:
        if method == self.failing:
            message = "the database has gone away"
            raise ConnectionError(message)


def test_what_is_committed_has_its_receipt_though_the_journal_keeps_it(
    aws: FakeAws, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """That is a warning in the log; and finishing the entry once more finds everything done."""
    journal = Failing(tmp_path)
    journal.failing = "forget"
    receipt = append_rows(aws, journal)
    require_true(receipt, aws.store)
    assert "the database has gone away" in caplog.text
    journal.failing = ""
    with destination(aws, UP, journal) as target:
        (again,) = target.resume()
    assert again.objects[0].key == receipt.objects[0].key
    assert list(journal.load()) == []
    assert named_rows(aws.store) == ROWS


@pytest.mark.parametrize("method", ["load", "withdraw"])
def test_giving_up_never_fails_for_the_journal(
    aws: FakeAws, tmp_path: Path, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    """It would hide the first error; the uploads are left, since another process may have the entry."""
    journal = Failing(tmp_path)
    with destination(aws, UP, journal) as target:
        append = fail_to_commit(aws, target)
        journal.failing = method
        prepared = append.prepare()
        append.abort()
        assert len(target.abort(prepared)) == 3
    assert "the database has gone away" in caplog.text
    assert len(aws.store.pending) == 3


def test_a_journal_that_hides_an_entry_is_told(aws: FakeAws, tmp_path: Path) -> None:
    """One of the pipeline's own that says it has a transfer, and does not yield it."""

    class Hiding(FileJournal):
        def load(self) -> Iterator[tuple[PreparedAppend, ...]]:
            return iter(())

    journal = Hiding(tmp_path)
    journal.save([prepare_only(aws)])
    with pytest.raises(ConfigError, match="does not show it") as caught:
        append_rows(aws, journal)
    assert caught.value.code == "journal"
    assert aws.store.objects == {}
