"""A transfer that is tried again, by the same attempt or another one: its rows are there once."""

from __future__ import annotations

import datetime as dt
import json
import threading
from typing import Any

import pytest
from fake import FakeAws, faults
from orders import ID, MANIFEST, ROWS, append_rows, data_keys, visible

from s3dest import (
    AccessDeniedError,
    CredentialsError,
    RequestError,
    StateError,
    TransportError,
)

LOST = [
    faults.ANSWER_TIMED_OUT,
    faults.CONNECTION_CLOSED,
    faults.INTERNAL_ERROR.carried_out(),
    faults.SLOW_DOWN.carried_out(),
    faults.NO_ETAG,
    faults.ACCEPTED_202,
    faults.CUT_ETAG,
    faults.EMPTY_200.carried_out(),
    faults.HTML_200.carried_out(),
]


@pytest.mark.parametrize("fault", LOST, ids=lambda value: repr(value).partition(" at 0x")[0])
@pytest.mark.parametrize("call", [1, 2], ids=["object", "manifest"])
def test_a_lost_answer_is_settled_by_asking_again(aws: FakeAws, fault: faults.Fault, call: int) -> None:
    """The 412 that follows is our own: committed once, by this very transfer."""
    aws.faults.at("PutObject", call, fault)
    receipt = append_rows(aws).receipt
    assert visible(aws) == ROWS
    assert (receipt.already_committed, receipt.orphans, receipt.rows) == (False, (), 3000)
    assert aws.operations == ["AssumeRole", *["PutObject"] * 3]
    assert (receipt.objects[0].etag is None) is (call == 1)


PASSING = [
    faults.LOST_REQUEST,
    faults.UNREACHABLE,
    faults.INTERNAL_ERROR,
    faults.BAD_GATEWAY,
    faults.SLOW_DOWN,
    faults.CONFLICT,
    faults.refusal(400, "BadDigest"),
    faults.refusal(400, "RequestTimeout"),
    faults.EXPIRED_TOKEN,
    faults.EMPTY_200,
    faults.HTML_200,
    faults.error_in_200("InternalError"),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda value: repr(value).partition(" at 0x")[0])
@pytest.mark.parametrize("call", [1, 2], ids=["object", "manifest"])
def test_what_passes_is_tried_again(aws: FakeAws, fault: faults.Fault, call: int) -> None:
    """Each row once."""
    aws.faults.at("PutObject", call, fault)
    receipt = append_rows(aws).receipt
    assert visible(aws) == ROWS
    assert not receipt.already_committed
    assert receipt.objects[0].etag is not None


FOR_GOOD: list[tuple[faults.Fault, type[Exception]]] = [
    (faults.DENIED, AccessDeniedError),
    (faults.UNTRUSTED, TransportError),
    (faults.LOST_REQUEST.after(60), TransportError),
    (faults.ANSWER_TIMED_OUT.after(60), TransportError),
    (faults.refusal(404, "NoSuchBucket"), RequestError),
    (faults.WRONG_ETAG, RequestError),
    (faults.EXPIRED_TOKEN, CredentialsError),
]


@pytest.mark.parametrize(("fault", "error"), FOR_GOOD, ids=[repr(fault) for fault, _ in FOR_GOOD])
@pytest.mark.parametrize("call", [1, 2], ids=["object", "manifest"])
def test_a_failure_is_typed_and_a_repetition_commits(
    aws: FakeAws, fault: faults.Fault, error: type[Exception], call: int
) -> None:
    """Nothing is named by a manifest unless it is all there; the same transfer later converges on the same objects."""
    for later in range(call, call + 60):
        aws.faults.at("PutObject", later, fault)
    with pytest.raises(error):
        append_rows(aws)
    assert visible(aws) in ([], ROWS)
    before = set(data_keys(aws))
    aws.faults.clear()
    receipt = append_rows(aws).receipt
    assert visible(aws) == ROWS
    assert receipt.orphans == ()
    assert len(data_keys(aws)) == 1
    assert before <= set(data_keys(aws))
    assert aws.store.replaced == []


def test_a_commit_that_failed_may_be_repeated(aws: FakeAws) -> None:
    """By the same writer: what is there already is left alone."""
    with aws.destination() as destination:
        append = destination.append("orders", transfer_id=ID)
        append.write_many(ROWS)
        aws.faults.at("PutObject", 2, faults.DENIED)
        with pytest.raises(AccessDeniedError):
            append.commit()
        with pytest.raises(StateError):
            append.write({"id": 1})
        receipt = append.commit()
    assert visible(aws) == ROWS
    assert not receipt.already_committed


def test_a_second_attempt_with_the_same_rows_changes_nothing(aws: FakeAws) -> None:
    """Its receipt says that the transfer was committed before."""
    first = append_rows(aws).receipt
    before = dict(aws.store.objects)
    second = append_rows(aws).receipt
    assert aws.store.objects == before
    assert (second.already_committed, second.orphans) == (True, ())
    assert [stored.key for stored in second.objects] == [stored.key for stored in first.objects]
    assert second.rows == first.rows


def test_a_second_attempt_with_other_rows_names_its_orphans(aws: FakeAws) -> None:
    """What it created is named by no manifest; the first attempt's rows are the transfer's."""
    append_rows(aws)
    other = append_rows(aws, [{"id": "other"}]).receipt
    assert visible(aws) == ROWS
    assert other.already_committed
    (orphan,) = other.orphans
    assert orphan in aws.store.objects
    assert orphan == other.objects[0].key


def test_a_412_of_another_is_not_our_own(aws: FakeAws) -> None:
    """The other attempt committed while this one was on its way; no answer of ours was lost."""

    def win() -> None:
        aws.faults.clear()
        append_rows(aws, [{"id": "winner"}])

    aws.faults.at("PutObject", 1, faults.meanwhile(win))
    receipt = append_rows(aws).receipt
    assert receipt.already_committed
    assert receipt.orphans == (receipt.objects[0].key,)
    assert visible(aws) == [{"id": "winner"}]


def test_a_rival_with_the_same_rows_may_name_our_object(aws: FakeAws) -> None:
    """It found our object there, and wrote the manifest first: our receipt names what we made, and claims no more."""
    rival = []

    def win() -> None:
        aws.faults.clear()
        rival.append(append_rows(aws).receipt)

    aws.faults.at("PutObject", 1, faults.meanwhile(win))
    receipt = append_rows(aws).receipt
    assert (receipt.already_committed, rival[0].already_committed, rival[0].orphans) == (True, False, ())
    assert receipt.orphans == (receipt.objects[0].key,) == (rival[0].objects[0].key,)
    assert visible(aws) == ROWS


def test_what_a_completion_may_have_overwritten_is_no_orphan(aws: FakeAws) -> None:
    """On stores that ignore the condition there (Ceph RGW 18), a repetition completes onto what the manifest names."""
    aws.store.conditional = {"PutObject"}
    orphans = []
    for changes in ({"endpoint_url": "https://store.example.com"}, {"capabilities": {"conditional_complete": False}}):
        for rows in (ROWS, ROWS, [{"id": "other"}]):
            with aws.destination(**changes) as destination:
                append = destination.append("orders", transfer_id=ID)
                append.write_many(rows)
                append.prepare()
                orphans.append(append.commit().orphans)
    assert orphans == [()] * 6
    assert visible(aws) == ROWS


def test_writers_that_commit_alone_are_told(aws: FakeAws, caplog: pytest.LogCaptureFixture) -> None:
    """A transfer has one manifest, that of the first; the second's receipt and a warning say what is not in it."""
    first, second = (append_rows(aws, [{"writer": number}], writer_id=number).receipt for number in range(2))
    assert (first.already_committed, first.orphans) == (False, ())
    assert (second.already_committed, second.orphans) == (True, (second.objects[0].key,))
    assert visible(aws) == [{"writer": 0}]
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert f"{ID} to table 'orders' was committed by another attempt or writer, and of this one 1 objects" in warning


def test_two_at_once_make_one_manifest(aws: FakeAws) -> None:
    """Same rows, one set of objects; the other is told."""
    barrier = threading.Barrier(2)
    receipts = []

    def run() -> None:
        with aws.destination() as destination, destination.append("orders", transfer_id=ID) as append:
            append.write_many(ROWS)
            barrier.wait()
        receipts.append(append.receipt)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(receipt.already_committed for receipt in receipts) == [False, True]
    assert {key for receipt in receipts for key in receipt.orphans} <= set(data_keys(aws))
    assert visible(aws) == ROWS
    assert len(aws.store.objects) == 2


@pytest.mark.parametrize(
    "changes",
    [{"endpoint_url": "https://store.example.com"}, {"capabilities": {"conditional_put": False}}],
    ids=["another store", "known to overwrite"],
)
def test_a_store_without_conditions_replaces_no_object(aws: FakeAws, changes: dict[str, Any]) -> None:
    """Keys name their bytes, and a manifest tells nothing there that a repetition would tell otherwise."""
    aws.store.conditional = set()
    for rows in (ROWS, ROWS, [{"id": "other"}]):
        assert aws.store.replaced == []
        with aws.destination(**changes) as destination, destination.append("orders", transfer_id=ID) as append:
            append.write_many(rows)
    assert aws.store.replaced == [MANIFEST]  # by that of other rows: the last attempt stands, whole


@pytest.mark.parametrize(
    "changes",
    [{}, {"endpoint_url": "https://store.example.com", "capabilities": {"conditional_put": True}}],
    ids=["AWS", "known to refuse"],
)
def test_a_store_with_conditions_has_true_times_in_its_manifests(aws: FakeAws, changes: dict[str, Any]) -> None:
    """And ETags: no repetition can replace them."""
    before = dt.datetime.now(dt.UTC)
    with aws.destination(**changes) as destination, destination.append("orders", transfer_id=ID) as append:
        append.write_many(ROWS)
    manifest = json.loads(aws.store.objects[MANIFEST].data)
    assert before <= dt.datetime.fromisoformat(manifest["started"]) <= dt.datetime.fromisoformat(manifest["finished"])
    assert manifest["entries"][0]["meta"]["etag"] == append.receipt.objects[0].etag is not None
