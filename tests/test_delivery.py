"""A destination at work: which prepared appends belong together, and which are refused before anything is sent."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Literal

import pytest
from fake import FakeAws, faults
from shares import ID, share

from s3dest import (
    AccessDeniedError,
    ConfigError,
    Destination,
    FileJournal,
    PreparedAppend,
    S3DestError,
    StateError,
    TransferOptions,
)

FOLDER = f"vendor/exports/orders/dt=2026-11-23/{ID}"


def prepare(destination: Destination, writer_id: int, rows: int = 3, **more: Any) -> PreparedAppend:
    """Prepare one writer's share of the transfer, an object a row."""
    append = destination.append("orders", **{"transfer_id": ID, "writer_id": writer_id, **more})
    append.write_many([{"writer": writer_id, "id": number} for number in range(rows)])
    return append.prepare()


@pytest.mark.parametrize(
    "other",
    [
        share(writer_id=1, transfer_id="01a209ce-4dde-7311-ab01-8184d030eb80"),
        share(writer_id=1, table="invoices"),
        share(writer_id=1, transfer_date="2026-11-24", objects=0),
        share(writer_id=1, format="csv"),
        share(writer_id=1, compression="zstd"),
        share(writer_id=1, extension="jsonl", objects=0),
        share(writer_id=0, table="invoices"),
    ],
    ids=["transfer", "table", "date", "format", "compression", "extension", "same writer"],
)
@pytest.mark.parametrize("action", ["commit", "abort"])
def test_what_does_not_belong_together_is_refused(
    aws: FakeAws, other: PreparedAppend, action: Literal["commit", "abort"]
) -> None:
    """One transfer has one table, one date, one format and one manifest; in any order, and before a byte is sent."""
    with aws.destination() as destination:
        for prepared in ([share(), other], [other, share()]):
            with pytest.raises(ConfigError) as caught:
                getattr(destination, action)(*prepared)
            assert caught.value.code == "prepared_mixed"
    assert aws.log == []


@pytest.mark.parametrize(
    ("changes", "there"),
    [
        ({"bucket": "evil-lake"}, "s3://evil-lake/vendor/exports, not for s3://acme-lake/vendor/exports."),
        ({"prefix": "vendor"}, "s3://acme-lake/vendor, not for s3://acme-lake/vendor/exports."),
        ({"prefix": ""}, "s3://acme-lake/, not for s3://acme-lake/vendor/exports."),
        (
            {"endpoint_url": "https://s3.example.com"},
            "s3://acme-lake/vendor/exports at 'https://s3.example.com', not for s3://acme-lake/vendor/exports at AWS.",
        ),
    ],
    ids=["bucket", "prefix", "no prefix", "endpoint"],
)
@pytest.mark.parametrize("action", ["commit", "abort"])
def test_what_was_prepared_elsewhere_is_refused(
    aws: FakeAws, changes: dict[str, Any], there: str, action: Literal["commit", "abort"]
) -> None:
    """Customers' data must not end up with one another; the text names in what the two places differ."""
    with aws.destination() as destination:
        for prepared in ([share(**changes)], [share(), share(writer_id=1, **changes)]):
            with pytest.raises(ConfigError) as caught:
                getattr(destination, action)(*prepared)
            assert caught.value.code == "prepared_elsewhere"
            assert f"prepared for {there}" in str(caught.value)
    assert aws.log == []


def forged(**changes: Any) -> PreparedAppend:
    """Alter the second object of a share."""
    prepared = share()
    first, second = prepared.objects
    return prepared.model_copy(update={"objects": (first, second.model_copy(update=changes))})


@pytest.mark.parametrize(
    "prepared",
    [
        forged(key="vendor/exports/orders/other.jsonl.gz"),
        forged(key="vendor/exports/_manifests/orders/dt=2026-11-23/manifest_x.json"),
        forged(key="../" + share().objects[1].key),
        forged(key=share().objects[1].key.replace("orders", "invoices")),
        forged(sha256="f" * 64),
        forged(number=7),
        share().model_copy(update={"objects": share().objects * 2}),
        share().model_copy(update={"writer_id": 5}),
        share().model_copy(update={"extension": "csv"}),
    ],
    ids=["name", "manifest", "parent", "table", "digest", "number", "twice", "writer", "extension"],
)
@pytest.mark.parametrize("action", ["commit", "abort"])
def test_a_forged_key_is_refused(aws: FakeAws, prepared: PreparedAppend, action: Literal["commit", "abort"]) -> None:
    """What comes back from a database is made into requests: a key must be the one of its bytes, or nothing is sent."""
    with aws.destination() as destination, pytest.raises(ConfigError) as caught:
        getattr(destination, action)(prepared)
    assert caught.value.code == "prepared_altered"
    assert aws.log == []


def test_nothing_is_no_transfer(aws: FakeAws) -> None:
    """A list that is empty by mistake must not pass for a commit."""
    with aws.destination() as destination:
        for action in (destination.commit, destination.abort):
            with pytest.raises(ConfigError) as caught:
                action()
            assert caught.value.code == "prepared"
        assert destination.resume() == []
    assert aws.log == []


def test_entries_are_in_the_order_of_writers_and_rows(aws: FakeAws) -> None:
    """By writer, then by object, in whatever order the shares come back."""
    with aws.destination(options=TransferOptions(object_rows=1)) as destination:
        shares = [prepare(destination, writer_id) for writer_id in (2, 0, 11)]
        receipt = destination.commit(*shares)
        again = destination.commit(*reversed(shares))
    starts = [f"{FOLDER}-{writer:05d}-{number:05d}-" for writer in (0, 2, 11) for number in range(3)]
    assert [item.key[: len(starts[0])] for item in receipt.objects] == starts
    assert [item.key for item in again.objects] == [item.key for item in receipt.objects]
    assert (receipt.rows, receipt.already_committed, again.already_committed) == (9, False, True)
    assert len(aws.store.objects) == 10


def test_objects_are_prepared_in_the_order_of_their_rows(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order they came up."""
    with aws.destination(options=TransferOptions(object_rows=1)) as destination:
        append = destination.append("orders", transfer_id=ID)
        append.write_many([{"id": number} for number in range(3)])
        stock = append._production.stock
        bring_up = stock.prepare
        monkeypatch.setattr(stock, "prepare", lambda: bring_up()[::-1])
        assert [item.number for item in append.prepare().objects] == [0, 1, 2]


def test_a_task_prepared_twice_counts_once(aws: FakeAws) -> None:
    """The first one given; the other's uploads are reported for clean-up, since the role may not abort them."""
    with aws.destination() as destination:
        first, other = prepare(destination, 0, rows=3), prepare(destination, 0, rows=2)
        same, beside = prepare(destination, 1), prepare(destination, 1)
        receipt = destination.commit(first, same, other, beside)
    assert receipt.rows == 6
    assert [item.key for item in receipt.objects] == [first.objects[0].key, same.objects[0].key]
    assert {upload.upload_id for upload in receipt.pending_uploads} == {
        prepared.objects[0].upload_id for prepared in (other, beside)
    }
    assert set(aws.store.pending) == {upload.upload_id for upload in receipt.pending_uploads}


def test_a_writer_that_was_prepared_twice_with_other_rows_is_told(
    aws: FakeAws, caplog: pytest.LogCaptureFixture
) -> None:
    """Two workers that share a writer_id look like a task that ran twice: the log says whose rows do not count."""
    with aws.destination() as destination:
        destination.commit(prepare(destination, 0), prepare(destination, 0), prepare(destination, 0, rows=2))
    (told,) = [message for record in caplog.records if "twice" in (message := record.getMessage())]
    assert told.startswith(f"writer 0 of transfer {ID} was prepared twice, with other rows: the first share counts, 2 ")


def test_the_very_same_share_given_twice_is_one(aws: FakeAws) -> None:
    """Its uploads are used, and so must not be aborted."""
    aws.store.allowed.add("s3:AbortMultipartUpload")
    with aws.destination() as destination:
        prepared = prepare(destination, 0)
        receipt = destination.commit(prepared, PreparedAppend.model_validate_json(prepared.model_dump_json()))
    assert (receipt.rows, receipt.pending_uploads) == (3, ())
    assert "AbortMultipartUpload" not in aws.operations


def test_a_role_that_may_abort_leaves_nothing_over(aws: FakeAws) -> None:
    """What a task prepared in vain is aborted with the commit, and what is given up by abort."""
    aws.store.allowed.add("s3:AbortMultipartUpload")
    config = aws.config(auth=aws.user)  # a session policy would deny it
    with aws.destination(config) as destination:
        receipt = destination.commit(prepare(destination, 0), prepare(destination, 0, rows=2))
        assert receipt.pending_uploads == ()
        assert destination.abort(prepare(destination, 5)) == ()
    assert aws.store.pending == {}


def test_what_was_given_up_is_told_where_it_may_not_be_aborted(aws: FakeAws) -> None:
    """Nothing of it is visible, and what a lifecycle rule has to remove is named."""
    with aws.destination() as destination:
        prepared = prepare(destination, 0)
        left = destination.abort(prepared)
    assert [(upload.key, upload.upload_id) for upload in left] == [
        (item.key, item.upload_id) for item in prepared.objects
    ]
    assert aws.store.objects == {}


def test_another_attempt_in_the_journal_wins(aws: FakeAws, tmp_path: Path) -> None:
    """What was being committed is finished, this attempt's uploads are not needed, and the receipt says so."""
    journal = FileJournal(tmp_path)
    made = Destination(aws.config(), identity=aws.vendor, journal=journal)
    made._clock = aws.clock.injected
    with made as destination:
        winner, loser = prepare(destination, 0, rows=3), prepare(destination, 0, rows=2)
        aws.faults.always("CompleteMultipartUpload", faults.DENIED)
        with pytest.raises(AccessDeniedError):
            destination.commit(winner)
        aws.faults.clear()
        receipt = destination.commit(loser)
    assert receipt.already_committed
    assert [item.key for item in receipt.objects] == [winner.objects[0].key]
    assert [upload.upload_id for upload in receipt.pending_uploads] == [loser.objects[0].upload_id]
    assert list(journal.load()) == []


@pytest.mark.parametrize("writers", [(1,), (0, 1)], ids=["another writer", "one more writer"])
def test_writers_that_the_journal_does_not_know_are_refused(
    aws: FakeAws, tmp_path: Path, writers: tuple[int, ...]
) -> None:
    """What was being committed is finished; that it is without these rows is an error, and their uploads are kept."""
    made = Destination(aws.config(), identity=aws.vendor, journal=FileJournal(tmp_path))
    made._clock = aws.clock.injected
    with made as destination:
        winner, *shares = [prepare(destination, number) for number in (0, *writers)]
        aws.faults.always("CompleteMultipartUpload", faults.DENIED)
        with pytest.raises(AccessDeniedError):
            destination.commit(winner)
        aws.faults.clear()
        with pytest.raises(StateError) as caught:
            destination.commit(*shares)
    assert caught.value.code == "other_writers"
    assert "by its writers 0, without the rows of 1." in str(caught.value)
    assert {upload.key for upload in aws.store.pending.values()} >= {item.key for item in shares[-1].objects}
    assert len([key for key in aws.store.objects if "/_manifests/" in key]) == 1


def test_resuming_goes_on_after_one_that_cannot_be(aws: FakeAws, tmp_path: Path) -> None:
    """The first failure is raised when all have been tried; what failed stays in the journal, the other is done."""
    journal = FileJournal(tmp_path)
    made = Destination(aws.config(), identity=aws.vendor, journal=journal)
    made._clock = aws.clock.injected
    with made as destination:
        for table in ("a", "b", "c"):
            append = destination.append(table, transfer_id=ID)
            append.write({"id": 1})
            journal.save([append.prepare()])
        aws.faults.at("CompleteMultipartUpload", 1, faults.DENIED)
        aws.faults.at("CompleteMultipartUpload", 3, faults.refusal(404, "NoSuchBucket"))
        with pytest.raises(AccessDeniedError):
            destination.resume()
        assert len(list(journal.load())) == 2
        assert len([key for key in aws.store.objects if "/_manifests/" in key]) == 1
        assert len(destination.resume()) == 2
    assert list(journal.load()) == []


def test_threads_share_one_pool_and_one_client(aws: FakeAws) -> None:
    """Made once, whoever comes first."""
    with aws.destination() as destination:
        delivery = destination._delivery()
        start, seen = threading.Barrier(8), []

        def look() -> None:
            start.wait(120)
            seen.append((id(delivery.pool), id(delivery.bucket), id(destination._delivery())))

        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    assert len(seen) == 8
    assert len(set(seen)) == 1


def test_closing_waits_for_no_thread_that_waits_for_it(aws: FakeAws) -> None:
    """A row group that was being made asks for a thread to digest it, and is refused."""
    destination = aws.destination()
    delivery = destination._delivery()
    refused: list[S3DestError] = []

    def make() -> None:
        while not delivery._closed:
            time.sleep(0.001)
        try:
            _ = delivery.workers
        except StateError as error:
            refused.append(error)

    delivery.workers.submit(make)
    closing = threading.Thread(target=destination.close, daemon=True)
    closing.start()
    closing.join(20)
    assert not closing.is_alive()
    assert [error.code for error in refused] == ["closed"]


def test_a_closed_destination_commits_nothing(aws: FakeAws) -> None:
    """Neither what was prepared, nor by a writer that is still open."""
    destination = aws.destination()
    prepared = prepare(destination, 0)
    append = destination.append("orders")
    append.write({"id": 1})
    destination.close()
    for use in (lambda: destination.commit(prepared), lambda: destination.abort(prepared), append.commit):
        with pytest.raises(StateError) as caught:
            use()
        assert caught.value.code == "closed"
    append.abort()
    assert aws.store.objects == {}
