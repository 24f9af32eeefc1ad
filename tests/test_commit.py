"""Commit: objects first and in parallel, the manifest last, and the whole repeatable at any point."""

from __future__ import annotations

import datetime as dt
import gzip
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Literal

import pytest
from fake import Answer, FakeAws, Request, faults
from shares import ID, LAYOUT, NOON, share

from s3dest import (
    AccessDeniedError,
    CredentialsError,
    Destination,
    FileJournal,
    PreparedAppend,
    RequestError,
    TransferOptions,
)
from s3dest.commit import YOUNG, from_prepared

MANIFEST = f"vendor/exports/_manifests/orders/dt=2026-11-23/manifest_{ID}.json"


def prepare(aws: FakeAws, objects: int = 3, **more: Any) -> PreparedAppend:
    """Prepare a transfer in a process that then ends."""
    with aws.destination(options=TransferOptions(object_rows=1)) as destination:
        append = destination.append("orders", **{"transfer_id": ID, **more})
        append.write_many([{"id": number} for number in range(objects)])
        return append.prepare()


def aged(prepared: PreparedAppend, age: dt.timedelta) -> PreparedAppend:
    """Make what was prepared older."""
    items = [item.model_copy(update={"created": item.created - age}) for item in prepared.objects]
    return prepared.model_copy(update={"objects": tuple(items)})


def test_the_manifest_comes_last(aws: FakeAws) -> None:
    """When all that it names is there, and no earlier; each creating request is conditional."""
    prepared = prepare(aws)
    there: list[set[str]] = []
    aws.faults.at("PutObject", 1, faults.meanwhile(lambda: there.append(set(aws.store.objects))))
    with aws.destination() as destination:
        destination.commit(prepared)
    assert there == [{item.key for item in prepared.objects} | {MANIFEST}]  # the fault looks after the put
    assert aws.operations[-4:] == ["CompleteMultipartUpload"] * 3 + ["PutObject"]
    creating = [request for request in aws.log if request.operation in {"PutObject", "CompleteMultipartUpload"}]
    assert {request.headers.get("if-none-match") for request in creating} == {"*"}


def test_objects_become_visible_several_at_once(aws: FakeAws) -> None:
    """As many as the destination's concurrency allows."""
    prepared = prepare(aws, objects=4)
    meeting = threading.Barrier(4)
    for call in range(1, 5):
        aws.faults.at("CompleteMultipartUpload", call, faults.meanwhile(lambda: meeting.wait(120)))
    with aws.destination(options=TransferOptions(concurrency=4)) as destination:
        assert destination.commit(prepared).rows == 4


@pytest.mark.parametrize("others", [(403, "AccessDenied"), (503, "SlowDown")])
def test_after_a_failure_no_further_object_begins(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, others: tuple[int, str]
) -> None:
    """Those under way finish, and are not tried again; no manifest is written."""
    prepared = prepare(aws, objects=20)
    told, shutdown = threading.Event(), ThreadPoolExecutor.shutdown

    def shutdown_and_tell(pool: ThreadPoolExecutor, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # Python's own
        shutdown(pool, wait=False, cancel_futures=cancel_futures)
        told.set()
        shutdown(pool, wait=wait)

    def refuse(request: Request, _answer: Answer) -> Answer:
        if request.key != prepared.objects[0].key:
            assert told.wait(120)
            return Answer.error(*others)
        return Answer.error(403, "AccessDenied")

    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", shutdown_and_tell)
    aws.faults.always("CompleteMultipartUpload", faults.Fault("refused", refuse))
    with aws.destination(options=TransferOptions(concurrency=2)) as destination, pytest.raises(AccessDeniedError):
        destination.commit(prepared)
    assert aws.operations.count("CompleteMultipartUpload") <= 3
    assert "PutObject" not in aws.operations


def all_at_last(futures: list[Future[Any]]) -> list[Future[Any]]:
    """Hear of nothing until all is over, as a caller that has other things to do."""
    wait(futures)
    return futures


@pytest.mark.parametrize("at_hand", [True, False], ids=["put", "completed"])
def test_after_a_failure_none_of_those_that_wait_begins(
    aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    at_hand: bool,  # noqa: FBT001  # a column
) -> None:
    """The very thread that saw it would take up the next object before the caller hears of it."""
    operation = "PutObject" if at_hand else "CompleteMultipartUpload"
    prepared = prepare(aws, objects=8)

    def commit_eight(destination: Destination) -> None:
        if at_hand:
            append = destination.append("orders")
            append.write_many([{"id": number} for number in range(8)])
            append.commit()
        else:
            destination.commit(prepared)

    monkeypatch.setattr("s3dest.commit.as_completed", all_at_last)
    aws.faults.next(operation, faults.DENIED)
    options = TransferOptions(concurrency=1, object_rows=1)
    with aws.destination(options=options) as destination, pytest.raises(AccessDeniedError):
        commit_eight(destination)
    assert aws.operations.count(operation) == 1


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_a_commit_goes_on_where_it_failed(aws: FakeAws, failing: int) -> None:
    """In another process, at whatever step: the same objects, one manifest, nothing replaced."""
    prepared = prepare(aws)
    operation, call = ("PutObject", 1) if failing == 4 else ("CompleteMultipartUpload", failing)
    aws.faults.at(operation, call, faults.DENIED)
    with aws.destination(options=TransferOptions(concurrency=1)) as destination, pytest.raises(AccessDeniedError):
        destination.commit(prepared)
    assert MANIFEST not in aws.store.objects
    with aws.destination() as destination:
        receipt = destination.commit(PreparedAppend.model_validate_json(prepared.model_dump_json()))
    assert (receipt.already_committed, receipt.rows, receipt.orphans) == (False, 3, ())
    assert set(aws.store.objects) == {MANIFEST} | {item.key for item in prepared.objects}
    assert aws.store.replaced == []


@pytest.mark.parametrize("repeated", ["same", "no ETag", "412"])
def test_a_commit_may_be_repeated_any_number_of_times(
    aws: FakeAws, repeated: Literal["same", "no ETag", "412"]
) -> None:
    """The receipt is the same but for what it says about others: the objects, and nothing is left beside them."""
    aws.store.repeated_complete = repeated
    prepared = prepare(aws)
    receipts = []
    for _ in range(3):
        with aws.destination() as destination:
            receipts.append(destination.commit(prepared))
    before = dict(aws.store.objects)
    assert [receipt.already_committed for receipt in receipts] == [False, True, True]
    for receipt in receipts:
        assert (receipt.rows, receipt.bytes, receipt.orphans) == (receipts[0].rows, receipts[0].bytes, ())
        assert [item.key for item in receipt.objects] == [item.key for item in prepared.objects]
    assert aws.store.objects == before


@pytest.mark.parametrize(
    "fault",
    [faults.ANSWER_TIMED_OUT, faults.CONNECTION_CLOSED, faults.NO_ETAG],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
@pytest.mark.parametrize("repeated", ["same", "no ETag", "NoSuchUpload", "412"])
def test_a_completion_whose_answer_is_lost_is_done(
    aws: FakeAws,
    caplog: pytest.LogCaptureFixture,
    fault: faults.Fault,
    repeated: Literal["same", "no ETag", "NoSuchUpload", "412"],
) -> None:
    """Whatever a store says to the second: the upload was ours, and so is the object. A conclusion is told."""
    aws.store.repeated_complete = repeated
    prepared = prepare(aws, objects=1)
    aws.faults.next("CompleteMultipartUpload", fault)
    with aws.destination() as destination:
        receipt = destination.commit(prepared)
    key = prepared.objects[0].key
    assert (receipt.already_committed, receipt.orphans, receipt.pending_uploads) == (False, (), ())
    assert set(aws.store.objects) == {MANIFEST, key}
    concluded = repeated == "NoSuchUpload"
    assert receipt.unconfirmed == ((key,) if concluded else ())
    assert (f"{key} is gone and taken for completed" in caplog.text) is concluded


def test_a_manifest_whose_answer_is_lost_is_unconfirmed(aws: FakeAws) -> None:
    """The 412 that follows is our own manifest's, or that of another attempt which came in between."""
    prepared = prepare(aws, objects=1)
    aws.faults.next("PutObject", faults.CONNECTION_CLOSED)
    with aws.destination() as destination:
        receipt = destination.commit(prepared)
    assert (receipt.already_committed, receipt.unconfirmed) == (False, (MANIFEST,))


def test_a_lost_upload_is_a_typed_error(aws: FakeAws) -> None:
    """Gone before anybody completed it, a lifecycle rule's work say: the bytes are not at hand, and it is told."""
    prepared = prepare(aws, objects=1)
    aws.store.uploads.clear()
    with aws.destination() as destination, pytest.raises(RequestError) as caught:
        destination.commit(prepared)
    assert (caught.value.code, caught.value.key) == ("upload_lost", prepared.objects[0].key)
    assert aws.store.objects == {}


@pytest.mark.parametrize("tried", ["never", "lost request", "denied"])
def test_an_upload_that_is_gone_is_recognised_on_ceph(aws: FakeAws, tmp_path: Path, tried: str) -> None:
    """It says of one that it is being completed, for good. No manifest names it, and the journal is not stuck."""
    aws.store.gone_complete = "under way"
    tries = {"never": None, "lost request": faults.LOST_REQUEST, "denied": faults.DENIED}
    with aws.destination(journal=FileJournal(tmp_path)) as destination:
        append = destination.append("orders", transfer_id=ID)
        append.write({"id": 1})
        append.prepare()
        if (fault := tries[tried]) is not None:
            aws.faults.always("CompleteMultipartUpload", fault)
            with pytest.raises(RequestError):
                append.commit()
            aws.faults.clear()
        aws.store.uploads.clear()
        slept = len(aws.clock.slept)
        with pytest.raises(RequestError) as caught:
            append.commit()
        assert (caught.value.code, caught.value.owner) == ("upload_lost", "customer")
        assert len(aws.clock.slept) == slept + 1  # who held the lock may have completed it: one more try
        append.abort()
    assert aws.store.objects == {}
    with aws.destination(journal=FileJournal(tmp_path)) as destination:
        again = destination.append("orders", transfer_id=ID)
        again.write({"id": 1})
        receipt = again.commit()
        assert (receipt.rows, receipt.already_committed, receipt.unconfirmed) == (1, False, ())
    assert list(FileJournal(tmp_path).load()) == []


def test_a_journal_is_not_stuck_where_an_upload_is_gone_on_ceph(aws: FakeAws, tmp_path: Path) -> None:
    """The process that had begun is dead; resuming tells, and appending begins anew."""
    aws.store.gone_complete = "under way"
    FileJournal(tmp_path).save([prepare(aws, objects=1)])
    aws.store.uploads.clear()
    with aws.destination(journal=FileJournal(tmp_path)) as destination:
        with pytest.raises(RequestError) as caught:
            destination.resume()
        assert caught.value.code == "upload_lost"
        with destination.append("orders", transfer_id=ID) as append:
            append.write({"id": 0})
        assert append.receipt.rows == 1
    assert set(aws.store.objects) == {MANIFEST, append.receipt.objects[0].key}


def test_a_journal_is_not_stuck_where_a_part_is_gone(aws: FakeAws, tmp_path: Path) -> None:
    """Completing it will fail for good; appending begins anew."""
    FileJournal(tmp_path).save([prepare(aws, objects=1)])
    aws.faults.next("CompleteMultipartUpload", *[faults.refusal(400, "InvalidPart", "could not be found")] * 2)
    with aws.destination(journal=FileJournal(tmp_path)) as destination:
        with pytest.raises(RequestError) as caught:
            destination.resume()
        assert caught.value.code == "part_lost"
        with destination.append("orders", transfer_id=ID) as append:
            append.write({"id": 0})
    assert (append.receipt.rows, append.receipt.already_committed) == (1, False)
    assert list(FileJournal(tmp_path).load()) == []


class BrokenJournal(FileJournal):
    """One whose database is down by now."""

    def withdraw(self, _entry: Sequence[PreparedAppend]) -> bool:
        """Fail."""
        raise ConnectionError


def test_a_manifest_that_was_never_sent_is_nobodys(aws: FakeAws) -> None:
    """There was no session for it; another attempt commits meanwhile, and ours is told."""
    with aws.destination() as destination, aws.destination() as other:
        append = destination.append("orders", transfer_id=ID)
        append.write({"id": 1})
        refused = faults.sts_refusal(403, "AccessDenied", "no")

        def expire() -> None:
            aws.clock.advance(4000)
            aws.faults.next("AssumeRole", refused)

        aws.faults.next("PutObject", faults.meanwhile(expire))
        with pytest.raises(CredentialsError):
            append.commit()
        with other.append("orders", transfer_id=ID) as another:
            another.write({"id": 2})
        receipt = append.commit()
    assert (receipt.already_committed, receipt.unconfirmed) == (True, ())
    assert [item.key for item in receipt.objects] == list(receipt.orphans)


def test_a_journal_that_fails_hides_no_lost_upload(
    aws: FakeAws, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is told is why the transfer cannot be committed; the journal's failure is in the log."""
    with aws.destination(journal=BrokenJournal(tmp_path)) as destination:
        append = destination.append("orders")
        append.write({"id": 1})
        append.prepare()
        aws.store.uploads.clear()
        for _ in range(2):  # the entry, which is still there, is nobody's proof
            with pytest.raises(RequestError) as caught:
                append.commit()
            assert caught.value.code == "upload_lost"
    assert "ConnectionError" in caplog.text
    assert aws.store.objects == {}


@pytest.mark.parametrize("before", [[], [faults.LOST_REQUEST]], ids=["another's", "our own"])
@pytest.mark.parametrize("resumed", [False, True])
def test_a_completion_that_ends_while_it_is_asked_for_is_one(
    aws: FakeAws, tmp_path: Path, before: list[faults.Fault], *, resumed: bool
) -> None:
    """The upload is gone then, too: Ceph tells by the next try that it was completed."""
    aws.store.gone_complete = "under way"
    prepared = prepare(aws, objects=1)
    under_way = faults.refusal(500, "InternalError", "This multipart completion is already in progress")
    aws.faults.next("CompleteMultipartUpload", *before, under_way.carried_out())
    if resumed:
        FileJournal(tmp_path).save([prepared])
        with aws.destination(journal=FileJournal(tmp_path)) as destination:
            (receipt,) = destination.resume()
    else:
        with aws.destination() as destination:
            receipt = destination.commit(prepared)
    assert (receipt.rows, receipt.already_committed) == (1, False)
    assert set(aws.store.objects) == {MANIFEST, prepared.objects[0].key}


def test_a_completion_by_another_process_is_waited_for(aws: FakeAws) -> None:
    """Asking whether the upload is there leaves it as it is."""
    prepared = prepare(aws, objects=1)
    under_way = faults.refusal(500, "InternalError", "This multipart completion is already in progress")
    aws.faults.next("CompleteMultipartUpload", under_way, under_way)
    with aws.destination() as destination:
        receipt = destination.commit(prepared)
    assert (receipt.rows, receipt.unconfirmed) == (1, ())
    assert gzip.decompress(aws.store.objects[prepared.objects[0].key].data) == b'{"id":0}\n'
    assert len(aws.clock.slept) == 2


@pytest.mark.parametrize(
    ("attempted", "age", "done"),
    [
        (True, dt.timedelta(0), True),
        (True, YOUNG - dt.timedelta(minutes=1), True),
        (True, YOUNG, False),
        (True, 2 * YOUNG, False),
        (False, dt.timedelta(0), False),
    ],
    ids=["at once", "almost a day", "a day", "two days", "never sent"],
)
def test_an_upload_gone_since_our_completion_is_done(
    aws: FakeAws, caplog: pytest.LogCaptureFixture, age: dt.timedelta, *, attempted: bool, done: bool
) -> None:
    """Only if an earlier process may have completed it, and it is too young for any lifecycle rule; it is told."""
    prepared = prepare(aws, objects=1)
    aws.store.uploads.clear()
    transfer = from_prepared([aged(prepared, age)], LAYOUT, attempted=attempted)
    with aws.destination() as destination:
        if done:
            receipt = destination._delivery().commit(transfer)
            key = prepared.objects[0].key
            assert (receipt.rows, receipt.unconfirmed) == (1, (key,))
            (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
            assert f"{key} is gone and taken for completed" in warning
            return
        with pytest.raises(RequestError) as caught:
            destination._delivery().commit(transfer)
        assert caught.value.code == "upload_lost"


@pytest.mark.parametrize("fault", [faults.LOST_REQUEST, faults.refusal(503, "SlowDown", "Please reduce your rate.")])
def test_an_old_upload_that_is_gone_was_not_completed_by_a_try_that_failed(aws: FakeAws, fault: Any) -> None:
    """A lifecycle rule may have removed it before the first try: a manifest would name what is not there."""
    prepared = prepare(aws, objects=1)
    aws.store.uploads.clear()
    aws.faults.next("CompleteMultipartUpload", fault)
    with aws.destination() as destination, pytest.raises(RequestError) as caught:
        destination.commit(aged(prepared, YOUNG))
    assert (caught.value.code, caught.value.ambiguous) == ("upload_lost", True)
    assert aws.store.objects == {}


@pytest.mark.parametrize("age", [dt.timedelta(0), 2 * YOUNG])
def test_a_commit_is_repeated_where_the_store_forgets_uploads(aws: FakeAws, age: dt.timedelta) -> None:
    """The completion was answered: the receipt is the same, with the same ETags, and nothing is left over."""
    aws.store.repeated_complete = "NoSuchUpload"
    prepared = aged(prepare(aws), age)
    with aws.destination() as destination:
        first, second = destination.commit(prepared), destination.commit(prepared)
    assert all(stored.etag for stored in first.objects)
    assert second == first.model_copy(update={"already_committed": True})


def test_a_commit_goes_on_where_the_store_forgets_uploads(aws: FakeAws) -> None:
    """The manifest was refused after the objects had become visible."""
    aws.store.repeated_complete = "NoSuchUpload"
    prepared = prepare(aws)
    with aws.destination() as destination:
        aws.faults.next("PutObject", faults.DENIED)
        with pytest.raises(AccessDeniedError):
            destination.commit(prepared)
        receipt = destination.commit(prepared)
    assert (receipt.rows, receipt.already_committed, receipt.unconfirmed) == (3, False, ())
    assert len(aws.store.objects) == 4


def test_an_upload_that_was_not_needed_is_not_missed(aws: FakeAws) -> None:
    """Another attempt's object was there, so the upload was aborted; a repetition finds neither wanting."""
    aws.store.allowed.add("s3:AbortMultipartUpload")
    one, two = prepare(aws), prepare(aws)
    with aws.destination() as destination:
        destination.commit(one)
        receipts = [destination.commit(two) for _ in range(2)]
    assert receipts[0] == receipts[1]
    assert (receipts[0].rows, receipts[0].already_committed, receipts[0].orphans) == (3, True, ())


def test_the_last_completions_are_remembered(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not all those of years."""
    monkeypatch.setattr("s3dest.completions.REMEMBERED", 3)
    aws.store.repeated_complete = "NoSuchUpload"
    old, new = prepare(aws, 1, transfer_id="old", transfer_date="2026-11-23"), prepare(aws)
    with aws.destination() as destination:
        destination.commit(old)
        destination.commit(new)
        assert destination.commit(new).already_committed
        with pytest.raises(RequestError) as caught:
            destination.commit(old)
    assert caught.value.code == "upload_lost"


def test_an_upload_that_was_aborted_was_not_completed(aws: FakeAws) -> None:
    """A completion got lost on its way, then the upload was aborted: no manifest may name what is not there."""
    aws.store.allowed.add("s3:AbortMultipartUpload")
    prepared = prepare(aws, objects=1)
    aws.faults.always("CompleteMultipartUpload", faults.LOST_REQUEST)
    with aws.destination() as destination:
        with pytest.raises(RequestError):
            destination.commit(prepared)
        assert destination.abort(prepared) == ()
        aws.faults.clear()
        with pytest.raises(RequestError) as caught:
            destination.commit(prepared)
    assert caught.value.code == "upload_lost"
    assert aws.store.objects == {}


def test_without_manifests_the_objects_tell(aws: FakeAws) -> None:
    """The second is told by the first one's objects; there is no manifest key to name."""
    receipts = []
    for _ in range(2):
        prepared = prepare(aws)
        with aws.destination(options=TransferOptions(manifest=False)) as destination:
            receipts.append(destination.commit(prepared))
    assert [(receipt.manifest_key, receipt.already_committed) for receipt in receipts] == [(None, False), (None, True)]
    assert len(receipts[1].pending_uploads) == 3
    assert len(aws.store.objects) == 3


def test_uploads_that_were_not_needed_are_told(aws: FakeAws) -> None:
    """Another attempt had the very same bytes there already: the uploads are left, and named."""
    one, two = prepare(aws), prepare(aws)
    with aws.destination() as destination:
        destination.commit(one)
        receipt = destination.commit(two)
    assert receipt.already_committed
    assert [upload.upload_id for upload in receipt.pending_uploads] == [item.upload_id for item in two.objects]
    assert receipt.orphans == ()


def test_other_rows_are_orphans(aws: FakeAws) -> None:
    """Keys that this attempt surely created beside another's manifest are named, and no others."""
    one = prepare(aws, objects=1)
    with aws.destination(options=TransferOptions(object_rows=1)) as destination:
        append = destination.append("orders", transfer_id=ID)
        append.write_many([{"id": number} for number in range(3)])
        two = append.prepare()
        destination.commit(one)
        receipt = destination.commit(two)
        again = destination.commit(two)
    assert receipt.already_committed
    assert receipt.orphans == tuple(item.key for item in two.objects[1:])
    assert again.orphans == ()


def test_shares_become_one_transfer() -> None:
    """It began with the first of its writers; of two attempts of one writer the first given counts."""
    early = share(writer_id=3, attempt="a", started=NOON - dt.timedelta(hours=1))
    late, other = share(writer_id=1, attempt="a"), share(writer_id=3, attempt="b", objects=3)
    transfer = from_prepared([early, late, other], LAYOUT, attempted=False)
    assert transfer.started == early.started
    assert [key for key, _ in transfer.objects] == [item.key for item in (*late.objects, *early.objects)]
    assert [upload.upload_id for upload in transfer.duplicates] == [item.upload_id for item in other.objects]
    assert (transfer.format, transfer.compression, transfer.attempted) == ("jsonl", "gzip", False)


def test_nothing_prepared_is_a_transfer_too(aws: FakeAws) -> None:
    """Workers without rows: one manifest, no object."""
    with aws.destination() as destination:
        shares = [destination.append("orders", transfer_id=ID, writer_id=number).prepare() for number in range(3)]
        receipt = destination.commit(*shares)
    assert (receipt.rows, receipt.objects, receipt.manifest_key) == (0, (), MANIFEST)
    assert list(aws.store.objects) == [MANIFEST]
