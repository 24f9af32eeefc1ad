"""A transfer: all rows exactly once, or none, whatever happens on the way."""

from __future__ import annotations

import datetime as dt
import gc
import gzip
import json
import logging
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake import FakeAws, faults

from s3dest import (
    AccessDeniedError,
    ConfigError,
    CredentialsError,
    JsonLines,
    PreparedAppend,
    RequestError,
    RowError,
    StateError,
    TransferOptions,
    TransportError,
)

ID = "01a209ce-4dde-7311-ab01-8184d030eb7f"
DATE = "2026-11-23"
ROWS: list[dict[str, Any]] = [{"id": number, "name": f"row {number}"} for number in range(3000)]
FOLDER = "vendor/exports/orders/dt=2026-11-23/"
MANIFEST = f"vendor/exports/_manifests/orders/dt=2026-11-23/manifest_{ID}.json"


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    """Run the fake for one test."""
    with FakeAws() as aws:
        yield aws


def visible(aws: FakeAws, table: str = "orders") -> list[Any]:
    """Read the rows that manifests name, and see that each manifest tells the truth."""
    rows: list[Any] = []
    for key, stored in sorted(aws.store.objects.items()):
        if f"/_manifests/{table}/" not in f"/{key}":
            continue
        manifest = json.loads(stored.data)
        for entry in manifest["entries"]:
            named = aws.store.objects[entry["url"].removeprefix("s3://acme-lake/")]
            assert entry["meta"]["content_length"] == len(named.data)
            lines = gzip.decompress(named.data).splitlines()
            assert entry["meta"]["record_count"] == len(lines)
            rows += map(json.loads, lines)
        assert manifest["rows"] == sum(entry["meta"]["record_count"] for entry in manifest["entries"])
    return rows


def data_keys(aws: FakeAws) -> list[str]:
    """List the data objects."""
    return sorted(key for key in aws.store.objects if "/_manifests/" not in key)


def append_rows(aws: FakeAws, rows: Any = ROWS, **more: Any) -> Any:
    """Make one transfer in a destination of its own and return the writer."""
    with aws.destination() as destination, destination.append("orders", **{"transfer_id": ID, **more}) as append:
        append.write_many(rows)
    return append


def test_a_clean_exit_commits(aws: FakeAws) -> None:
    """Rows, then a manifest that names them, in two requests; the receipt says what was stored."""
    with aws.destination() as destination:
        with destination.append("orders", transfer_id=ID) as append:
            append.write({"id": 1})
            append.write_many([{"id": 2}, {"id": 3}])
            assert aws.operations == []
        assert visible(aws) == [{"id": 1}, {"id": 2}, {"id": 3}]
        assert aws.operations == ["AssumeRole", "PutObject", "PutObject"]
        receipt = append.receipt
        (stored,) = receipt.objects
        put = aws.store.objects[stored.key]
        assert (receipt.transfer_id, receipt.table, receipt.rows) == (ID, "orders", 3)
        assert (receipt.bytes, stored.size, stored.rows) == (len(put.data), len(put.data), 3)
        assert (stored.etag, receipt.manifest_key) == (put.etag, MANIFEST)
        assert (receipt.already_committed, receipt.orphans) == (False, ())
        assert stored.key.startswith(f"{FOLDER}{ID}-00000-00000-{stored.sha256[:24]}")
        assert append.transfer_id == ID
        assert append.transfer_date == dt.date(2026, 11, 23)
        assert append.commit() == receipt
    assert len(aws.operations) == 3


def test_a_manifest_is_complete(aws: FakeAws) -> None:
    """Redshift's COPY reads its entries; people read the rest."""
    receipt = append_rows(aws).receipt
    (stored,) = receipt.objects
    manifest = json.loads(aws.store.objects[MANIFEST].data)
    assert {name: manifest[name] for name in ("version", "transfer_id", "table", "transfer_date", "format")} == {
        "version": 1,
        "transfer_id": ID,
        "table": "orders",
        "transfer_date": DATE,
        "format": "jsonl",
    }
    assert (manifest["compression"], manifest["rows"], manifest["bytes"]) == ("gzip", 3000, receipt.bytes)
    (entry,) = manifest["entries"]
    assert (entry["url"], entry["mandatory"]) == (f"s3://acme-lake/{stored.key}", True)
    assert {
        "content_length": stored.size,
        "record_count": 3000,
        "sha256": stored.sha256,
        "etag": stored.etag,
    }.items() <= (entry["meta"].items())
    assert dt.datetime.fromisoformat(manifest["started"]) <= dt.datetime.fromisoformat(manifest["finished"])


def test_an_empty_transfer_is_a_transfer(aws: FakeAws) -> None:
    """It writes a manifest, and no object."""
    assert append_rows(aws, []).receipt.rows == 0
    assert list(aws.store.objects) == [MANIFEST]
    assert visible(aws) == []


def test_without_manifests_the_objects_are_all(aws: FakeAws) -> None:
    """One request for a small transfer, none for an empty one."""
    with aws.destination(options=TransferOptions(manifest=False)) as destination:
        for rows in ([{"id": 1}], []):
            with destination.append("orders") as append:
                append.write_many(rows)
            assert append.receipt.manifest_key is None
    assert aws.operations == ["AssumeRole", "PutObject"]


def test_many_objects_cost_one_request_each(aws: FakeAws) -> None:
    """And one for the manifest."""
    with aws.destination(options=TransferOptions(object_rows=1000)) as destination:
        with destination.append("orders") as append:
            append.write_many(ROWS)
        assert [stored.rows for stored in append.receipt.objects] == [1000, 1000, 1000]
    assert aws.operations == ["AssumeRole", *["PutObject"] * 4]
    assert aws.log[-1].key == append.receipt.manifest_key
    assert visible(aws) == ROWS


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


@pytest.mark.parametrize(
    ("rows", "row", "column"),
    [
        ([{"a": 1}, {"a": {1, 2}}], 1, "a"),
        ([*ROWS, {"id": 1, "b": float("inf")}], 3000, "b"),
        ([{"a": 1}, ["a", 1]], 1, None),
        (["text"], 0, None),
        ([{"a": 1}, None], 1, None),
        ([{1: "a"}], 0, None),
    ],
    ids=["set", "infinity", "list", "text", "none", "key"],
)
@pytest.mark.parametrize("how", ["many", "generator", "single"])
def test_a_bad_row_is_named(aws: FakeAws, rows: list[Any], row: int, column: str | None, how: str) -> None:
    """By its number in the transfer and its column; its value, which is the customer's, is not repeated."""

    def fail() -> None:
        with destination.append("orders") as append:
            if how == "single":
                for each in rows:
                    append.write(each)
            else:
                append.write_many(rows if how == "many" else iter(rows))

    with aws.destination() as destination, pytest.raises(RowError) as caught:
        fail()
    assert (caught.value.row, caught.value.column) == (row, column)
    assert isinstance(caught.value, ValueError)
    assert aws.operations == []


@pytest.mark.parametrize("rows", ["abc", b"abc", {"id": 1}])
def test_what_is_not_rows_is_refused_whole(aws: FakeAws, rows: Any) -> None:
    """A text or one row would be taken apart."""
    with (
        aws.destination() as destination,
        pytest.raises(ConfigError, match="not a"),
        destination.append("orders") as append,
    ):
        append.write_many(rows)


def test_a_row_may_be_changed_after_it_was_written(aws: FakeAws) -> None:
    """Callers reuse their dicts, also nested ones."""
    row: dict[str, Any] = {"id": 1, "tags": ["a"], "more": {"deep": [1]}}
    with aws.destination() as destination, destination.append("orders", transfer_id=ID) as append:
        append.write(row)
        row["id"] = 2
        row["tags"].append("b")
        row["more"]["deep"][0] = 9
        append.write_many(iter([row]))
        row["tags"].clear()
        many = [row]
        append.write_many(many)
        row["id"] = 3
    assert visible(aws) == [
        {"id": 1, "tags": ["a"], "more": {"deep": [1]}},
        {"id": 2, "tags": ["a", "b"], "more": {"deep": [9]}},
        {"id": 2, "tags": [], "more": {"deep": [9]}},
    ]


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


LOST = [
    faults.ANSWER_TIMED_OUT,
    faults.CONNECTION_CLOSED,
    faults.INTERNAL_ERROR.carried_out(),
    faults.SLOW_DOWN.carried_out(),
    faults.NO_ETAG,
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


def test_writers_of_one_transfer_do_not_meet(aws: FakeAws) -> None:
    """Each has keys of its own."""
    with aws.destination(options=TransferOptions(manifest=False)) as destination:
        for writer_id in (0, 7):
            with destination.append("orders", transfer_id=ID, writer_id=writer_id) as append:
                append.write({"id": 1})
    assert [key.removeprefix(f"{FOLDER}{ID}-")[:11] for key in data_keys(aws)] == ["00000-00000", "00007-00000"]


@pytest.mark.parametrize(
    ("table", "identity"),
    [
        ("../../etc", "id"),
        ("a/../../b", "../../id"),
        ("/absolute", "/id"),
        ("a b+c%2F..", "id?x=1#y"),
        ("täble\n", "ïd\x00"),
        ("s3://other/bucket", "a//b"),
        ("orders/_manifests", "_manifests/x"),
        ("..\\windows", ".."),
        ("%2e%2e/", "%2e%2e"),
    ],
)
def test_no_name_leaves_the_prefix(aws: FakeAws, table: str, identity: str) -> None:
    """Whatever a customer calls tables: every key lies where the policy allows, and nothing is forged."""
    if table[0] in "._":
        table = f"t{table}"
    with aws.destination() as destination:
        with destination.append(table, transfer_id=identity, transfer_date=DATE) as append:
            append.write({"id": 1})
        (stored,) = append.receipt.objects
    for key in aws.store.objects:
        assert key.isascii()
        assert key.startswith("vendor/exports/")
        assert not {"..", ".", ""} & set(key.split("/"))
    assert stored.key.count("/") == 4
    assert (append.receipt.table, append.receipt.transfer_id) == (table, identity)
    assert set(aws.store.objects) == {stored.key, append.receipt.manifest_key}


def test_a_name_is_kept_to_the_letter(aws: FakeAws) -> None:
    """White space at its ends is part of it, also where the transfer was prepared by another process."""
    with aws.destination() as destination:
        receipts = []
        for identity in (" padded ", "padded"):
            append = destination.append(" orders ", transfer_id=identity, transfer_date=DATE)
            append.write({"id": 1})
            prepared = PreparedAppend.model_validate_json(append.prepare().model_dump_json())
            receipt = destination.commit(prepared)
            assert (receipt.table, receipt.transfer_id) == (" orders ", identity)
            receipts.append(receipt)
    assert len({receipt.manifest_key for receipt in receipts}) == 2
    assert not any(receipt.already_committed for receipt in receipts)


@pytest.mark.parametrize(
    ("table", "more", "code"),
    [
        ("", {}, "table_name"),
        ("_manifests", {}, "table_name"),
        (".s3dest-probe", {}, "table_name"),
        (7, {}, "table_name"),
        ("orders", {"transfer_id": ""}, "transfer_id"),
        ("orders", {"transfer_id": "run-7"}, "transfer_date"),
        ("orders", {"transfer_date": "23.11.2026"}, "transfer_date"),
        ("orders", {"transfer_date": dt.datetime(2026, 11, 23, tzinfo=dt.UTC)}, "transfer_date"),
        ("orders", {"writer_id": -1}, "writer_id"),
        ("orders", {"writer_id": 100_000}, "writer_id"),
        ("orders", {"writer_id": True}, "writer_id"),
        ("orders", {"format": "xml"}, "format"),
        ("x" * 1000, {}, "key_too_long"),
        ("\ud800", {}, "key_not_text"),
    ],
)
def test_a_transfer_without_a_place_is_refused(aws: FakeAws, table: Any, more: dict[str, Any], code: str) -> None:
    """Before a row is written, with a code."""
    with aws.destination() as destination, pytest.raises(ConfigError) as caught:
        destination.append(table, **more)
    assert caught.value.code == code
    assert aws.log == []


def test_the_same_transfer_has_the_same_keys_at_any_time(aws: FakeAws) -> None:
    """The date is the transfer's, not the attempt's."""
    append_rows(aws)
    aws.clock.advance(3 * 24 * 3600)
    assert append_rows(aws).receipt.already_committed
    for given in (DATE, dt.date(2026, 11, 23)):
        assert append_rows(aws, transfer_id="run-7", transfer_date=given).receipt.manifest_key == (
            "vendor/exports/_manifests/orders/dt=2026-11-23/manifest_run-7.json"
        )


def test_a_prefix_is_no_must(aws: FakeAws) -> None:
    """The whole bucket is the destination then."""
    with aws.destination(prefix="") as destination, destination.append("orders", transfer_id=ID) as append:
        append.write({"id": 1})
    assert append.receipt.objects[0].key.startswith(f"orders/dt=2026-11-23/{ID}-")
    assert append.receipt.manifest_key == MANIFEST.removeprefix("vendor/exports/")
    assert visible(aws) == [{"id": 1}]


def test_plain_json_lines(aws: FakeAws) -> None:
    """A format with options takes the place of a name; every object tells its type."""
    with aws.destination() as destination:
        with destination.append("orders", format=JsonLines(compression="none")) as append:
            append.write({"id": 1})
        (stored,) = append.receipt.objects
    assert stored.key.endswith(".jsonl")
    assert aws.store.objects[stored.key].data == b'{"id":1}\n'
    assert aws.store.objects[stored.key].headers["content-type"] == "application/x-ndjson"
    assert "content-encoding" not in aws.store.objects[stored.key].headers


def test_progress_is_told(aws: FakeAws) -> None:
    """Rows while they are encoded, objects and bytes while they are stored; never backwards."""
    seen: list[Any] = []
    with aws.destination(options=TransferOptions(object_rows=1000)) as destination:
        with destination.append("orders", on_progress=seen.append) as append:
            append.write_many(ROWS)
        receipt = append.receipt
    assert (seen[-1].rows, seen[-1].objects, seen[-1].bytes_stored) == (3000, 3, receipt.bytes)
    for name in ("rows", "objects", "bytes_stored"):
        values = [getattr(progress, name) for progress in seen]
        assert values == sorted(values)


def test_a_progress_bar_decides_nothing(aws: FakeAws, caplog: pytest.LogCaptureFixture) -> None:
    """What it raises is logged."""

    def broken(progress: object) -> None:
        raise Boom(progress)

    with caplog.at_level(logging.WARNING):
        append_rows(aws, on_progress=broken)
    assert visible(aws) == ROWS
    assert "on_progress raised" in caplog.text


def test_normal_work_is_logged_at_info_and_below(aws: FakeAws, caplog: pytest.LogCaptureFixture) -> None:
    """With the transfer and what became of it, and no row."""
    with caplog.at_level(logging.DEBUG, "s3dest"):
        append_rows(aws)
    assert all(record.levelno <= logging.INFO for record in caplog.records if record.name.startswith("s3dest"))
    assert f"transfer {ID} to table 'orders'" in caplog.text
    assert "3000 rows in 1 objects" in caplog.text
    assert "row 1" not in caplog.text


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
