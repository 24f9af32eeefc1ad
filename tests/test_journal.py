"""The journal: what is being committed is remembered whole, once, and by whoever is to finish it."""

from __future__ import annotations

import fcntl
import json
import signal
import sqlite3
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fake import FakeAws, faults
from shares import ID, share

from s3dest import (
    AccessDeniedError,
    ConfigError,
    Destination,
    FileJournal,
    Journal,
    LocalFileError,
    PreparedAppend,
    StateError,
)

ROWS = [{"id": 1}, {"id": 2}]
DATE = "2026-11-23"


def destination(aws: FakeAws, journal: Journal, prefix: str = "vendor/exports") -> Destination:
    """Make a destination with a journal."""
    made = Destination(aws.config(prefix=prefix), identity=aws.vendor, journal=journal)
    made._clock = aws.clock.injected
    return made


def die_in_commit(aws: FakeAws, journal: Journal, *, transfer_id: str = ID, prefix: str = "vendor/exports") -> None:
    """Leave a transfer behind that is saved and not committed, as a killed process would."""
    aws.faults.always("CompleteMultipartUpload", faults.DENIED)
    with destination(aws, journal, prefix) as dying:
        append = dying.append("orders", transfer_id=transfer_id, transfer_date=DATE)
        append.write_many(ROWS)
        with pytest.raises(AccessDeniedError):
            append.commit()
    aws.faults.clear()


def test_an_entry_is_saved_loaded_and_forgotten(tmp_path: Path) -> None:
    """It comes back as it was; forgetting is no error the second time."""
    journal = FileJournal(tmp_path / "journal")
    assert list(journal.load()) == []
    entry = (share(), share(writer_id=1))
    assert journal.save(entry)
    assert list(journal.load()) == [entry]
    assert list(FileJournal(str(tmp_path / "journal")).load()) == [entry]
    for _ in range(2):
        journal.forget(entry)
        assert list(journal.load()) == []
    assert list((tmp_path / "journal").iterdir()) == []


def test_what_a_killed_process_left_of_a_save_is_removed(tmp_path: Path) -> None:
    """Also where it had the entry's name already; what another process is at stays."""
    journal = FileJournal(tmp_path)
    journal.save([share()])
    (entry,) = tmp_path.iterdir()
    (tmp_path / ".s3dest-be_gun01.tmp").write_bytes(b"[")
    (tmp_path / ".s3dest-named001.tmp").hardlink_to(entry)
    with journal._draft() as (_, theirs):
        assert list(journal.load()) == [(share(),)]
        assert set(tmp_path.iterdir()) == {entry, theirs}
    assert list(tmp_path.iterdir()) == [entry]


def test_a_draft_that_was_taken_for_left_behind_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its making and its locking, it looks like one."""
    journal, lock, calls = FileJournal(tmp_path), fcntl.flock, list[int]()

    def tidied_up_before(file: int, how: int) -> None:
        if not calls:
            calls.append(how)
            deque(journal.load(), maxlen=0)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", tidied_up_before)
    assert journal.save([share()])
    assert list(journal.load()) == [(share(),)]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_transfer_has_one_entry(tmp_path: Path) -> None:
    """The second to save is told, and the first entry stays as it was."""
    journal = FileJournal(tmp_path)
    assert journal.save([share(attempt="a")])
    assert not journal.save([share(attempt="b")])
    assert list(journal.load()) == [(share(attempt="a"),)]


def test_of_many_at_once_one_saves(tmp_path: Path) -> None:
    """Threads and processes alike: the file system decides, and the entry is whole."""
    journals = [FileJournal(tmp_path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda pair: pair[1].save([share(attempt=str(pair[0]))]), enumerate(journals)))
    assert sorted(outcomes) == [False] * 7 + [True]
    assert list(journals[0].load()) == [(share(attempt=str(outcomes.index(True))),)]


@pytest.mark.parametrize(
    "changes",
    [
        {"bucket": "other-lake"},
        {"prefix": "vendor/other"},
        {"table": "invoices"},
        {"transfer_id": "01a209ce-4dde-7311-ab01-8184d030eb80"},
        {"transfer_date": "2026-11-24"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_other_transfers_have_entries_of_their_own(tmp_path: Path, changes: dict[str, str]) -> None:
    """Bucket, prefix, table, id and date tell them apart."""
    journal = FileJournal(tmp_path)
    other = share(objects=0).model_copy(update=changes)
    assert journal.save([share()])
    assert journal.save([other])
    assert len(list(journal.load())) == 2
    journal.forget([other])
    assert list(journal.load()) == [(share(),)]


DYING = """
import os, signal, sys
from s3dest import FileJournal, PreparedAppend

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(os, sys.argv[1], die)
FileJournal(sys.argv[2]).save([PreparedAppend.model_validate_json(sys.argv[3])])
"""


@pytest.mark.parametrize("step", ["fsync", "link"])
def test_a_kill_leaves_no_half_entry(tmp_path: Path, step: str) -> None:
    """Killed before the data is on the disk or before it has its name: no entry, and the next save succeeds."""
    done = subprocess.run(
        [sys.executable, "-c", DYING, step, str(tmp_path), share().model_dump_json()], check=False, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL
    journal = FileJournal(tmp_path)
    assert list(tmp_path.iterdir()), "the process came as far as it was to come"
    assert list(journal.load()) == []
    assert journal.save([share()])
    assert list(journal.load()) == [(share(),)]


@pytest.mark.parametrize(
    "text",
    ["", "[", "null", "7", '"text"', "{}", "[]", "[{}]", '[{"version": 2}]', "\ufeff[]"],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
def test_damage_is_told(tmp_path: Path, text: str) -> None:
    """A damaged entry is never taken for none: its transfer may be half committed. The error names the file."""
    journal = FileJournal(tmp_path)
    journal.save([share()])
    (file,) = tmp_path.iterdir()
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        list(journal.load())
    assert caught.value.code == "journal"
    assert str(file) in str(caught.value)


def test_an_entry_cut_off_anywhere_is_damage(tmp_path: Path) -> None:
    """No prefix of an entry passes for an entry."""
    journal = FileJournal(tmp_path)
    journal.save([share()])
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for length in range(0, len(whole), 37):
        file.write_bytes(whole[:length])
        with pytest.raises(ConfigError):
            list(journal.load())


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    """Hidden files, and those that are no JSON by name, are none of ours."""
    journal = FileJournal(tmp_path)
    names = {
        ".hidden.json",
        "README.txt",
        ".important.tmp",
        ".s3dest-of-mine.tmp",
        "x.s3dest-be_gun01.tmp",
        "s3dest.tmp",
    }
    for name in names:
        (tmp_path / name).write_text("not ours", encoding="utf-8")
    assert list(journal.load()) == []
    assert {file.name for file in tmp_path.iterdir()} == names


def test_an_entry_finished_meanwhile_is_passed_over(tmp_path: Path) -> None:
    """Another process may forget an entry between listing and reading."""
    journal = FileJournal(tmp_path)
    journal.save([share()])
    journal.save([share(table="invoices")])
    loading = journal.load()
    first = next(loading)
    for entry in ([share()], [share(table="invoices")]):
        journal.forget(entry)
    assert first in {(share(),), (share(table="invoices"),)}
    assert list(loading) == []


def test_a_folder_that_cannot_be_written_fails_before_anything_is_visible(aws: FakeAws, tmp_path: Path) -> None:
    """What the journal cannot keep is not committed."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with destination(aws, FileJournal(tmp_path / "file")) as blocked:
        append = blocked.append("orders")
        append.write_many(ROWS)
        with pytest.raises(LocalFileError) as caught:
            append.commit()
        with pytest.raises(LocalFileError):
            blocked.append("orders", transfer_id=ID)  # which the journal may have
        assert (caught.value.code, caught.value.owner) == ("journal_unusable", "vendor")
        assert str(tmp_path / "file") in str(caught.value)
        assert aws.store.objects == {}
        append.abort()


def test_a_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder called ~ in the working directory is nobody's intention, and another there at the next start."""
    monkeypatch.setenv("HOME", str(tmp_path))
    journal = FileJournal("~/journal")
    journal.save([share()])
    assert len(list((tmp_path / "journal").iterdir())) == 1
    with pytest.raises(ConfigError, match="in the home of nobody") as caught:
        FileJournal("~nobody-of-that-name/journal")
    assert caught.value.code == "journal"


@pytest.mark.parametrize("path", ["a\0b", "~a\0b/journal", "a\ud800b"])
def test_a_path_that_the_system_cannot_have_is_refused(path: str) -> None:
    """At once, and as an error of ours: else the first transfer would end with Python's own."""
    with pytest.raises(ConfigError, match="No folder can be called") as caught:
        FileJournal(path)
    assert caught.value.code == "journal"
    assert str(caught.value).isprintable()


def test_its_text_shows_the_folder() -> None:
    """And it is a journal by the protocol."""
    assert repr(FileJournal("/var/lib/sync")) == "FileJournal('/var/lib/sync')"
    assert isinstance(FileJournal("/var/lib/sync"), Journal)


def test_two_destinations_share_one(aws: FakeAws, tmp_path: Path) -> None:
    """Each resumes its own transfers and leaves those of the other."""
    journal = FileJournal(tmp_path)
    die_in_commit(aws, journal, prefix="one")
    die_in_commit(aws, journal, prefix="two")
    assert len(list(journal.load())) == 2
    with destination(aws, journal, "one") as one:
        (receipt,) = one.resume()
        assert one.resume() == []
    assert receipt.objects[0].key.startswith("one/orders/")
    assert [entry[0].prefix for entry in journal.load()] == ["two"]
    assert all(key.startswith("one/") for key in aws.store.objects)
    with destination(aws, journal, "two") as two:
        (receipt,) = two.resume()
    assert receipt.manifest_key in aws.store.objects
    assert list(journal.load()) == []


def test_an_entry_is_forgotten_when_its_manifest_is_written(aws: FakeAws, tmp_path: Path) -> None:
    """Not before: it is there while the objects become visible and while the manifest does."""
    journal = FileJournal(tmp_path)
    seen: list[int] = []

    def look() -> None:
        seen.append(len(list(journal.load())))

    for operation in ("CreateMultipartUpload", "CompleteMultipartUpload", "PutObject"):
        aws.faults.at(operation, 1, faults.meanwhile(look))
    with destination(aws, journal) as ours, ours.append("orders", transfer_id=ID) as append:
        append.write_many(ROWS)
    assert seen == [0, 1, 1]
    assert list(journal.load()) == []


def test_appending_the_same_transfer_resumes_it_first(aws: FakeAws, tmp_path: Path) -> None:
    """What is then written to the writer is not needed, and does not arrive twice or beside."""
    journal = FileJournal(tmp_path)
    die_in_commit(aws, journal)
    with destination(aws, journal) as ours, ours.append("orders", transfer_id=ID, transfer_date=DATE) as append:
        append.write_many([{"id": "others"}])
    assert append.receipt.already_committed
    assert append.receipt.rows == len(ROWS)
    assert len(aws.store.objects) == 2
    assert list(journal.load()) == []


def test_appending_with_another_writer_is_refused(aws: FakeAws, tmp_path: Path) -> None:
    """The transfer is finished, and this writer's rows cannot be in it: they are not swallowed in silence."""
    journal = FileJournal(tmp_path)
    die_in_commit(aws, journal)
    with destination(aws, journal) as ours, pytest.raises(StateError) as caught:
        ours.append("orders", transfer_id=ID, transfer_date=DATE, writer_id=7)
    assert caught.value.code == "other_writers"
    assert len(aws.store.objects) == 2
    assert list(journal.load()) == []


class SqliteJournal:
    """A journal in the pipeline's own database: three methods, no class of s3dest."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as database:
            database.execute("CREATE TABLE IF NOT EXISTS journal (transfer TEXT PRIMARY KEY, shares TEXT)")

    def save(self, prepared: Sequence[PreparedAppend]) -> bool:
        """Insert, unless there is one."""
        text = json.dumps([share.model_dump(mode="json") for share in prepared])
        with self._open() as database:
            inserted = database.execute("INSERT OR IGNORE INTO journal VALUES (?, ?)", (self._name(prepared), text))
            return inserted.rowcount == 1

    def forget(self, prepared: Sequence[PreparedAppend]) -> None:
        """Delete."""
        with self._open() as database:
            database.execute("DELETE FROM journal WHERE transfer = ?", (self._name(prepared),))

    def load(self) -> list[list[PreparedAppend]]:
        """Select all."""
        with self._open() as database:
            texts = [text for (text,) in database.execute("SELECT shares FROM journal ORDER BY transfer")]
        return [[PreparedAppend.model_validate(share) for share in json.loads(text)] for text in texts]

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, factory=Closing)

    def _name(self, prepared: Sequence[PreparedAppend]) -> str:
        first = prepared[0]
        return f"{first.bucket}/{first.prefix}/{first.table}/{first.transfer_date}/{first.transfer_id}"


class Closing(sqlite3.Connection):
    """A connection that its ``with`` block commits and closes."""

    def __exit__(self, *error: object) -> bool:  # type: ignore[override]
        """Commit or roll back, then close."""
        try:
            return bool(super().__exit__(*error))  # type: ignore[arg-type]
        finally:
            self.close()


def test_a_pipeline_keeps_it_in_its_own_database(aws: FakeAws, tmp_path: Path) -> None:
    """Any object with the three methods will do, from the crash to the receipt."""
    journal = SqliteJournal(tmp_path / "pipeline.db")
    assert isinstance(journal, Journal)
    die_in_commit(aws, journal)
    assert not journal.save([share()])
    (entry,) = journal.load()
    assert (entry[0].transfer_id, entry[0].rows) == (ID, len(ROWS))
    with destination(aws, SqliteJournal(tmp_path / "pipeline.db")) as ours:
        (receipt,) = ours.resume()
    assert (receipt.rows, receipt.transfer_id) == (2, ID)
    assert set(aws.store.objects) == {receipt.objects[0].key, receipt.manifest_key}
    assert journal.load() == []
