"""A transfer: all rows exactly once, or none, whatever happens on the way."""

from __future__ import annotations

import datetime as dt
import gc
import json
import logging
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pytest
from fake import FakeAws, faults
from orders import DATE, FOLDER, ID, MANIFEST, ROWS, append_rows, data_keys, visible

from s3dest import (
    ConfigError,
    JsonLines,
    PreparedAppend,
    RowError,
    StateError,
    TransferOptions,
)


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


@pytest.mark.parametrize("rows", ["abc", b"abc", bytearray(b"abc"), {"id": 1}, None, 7, list])
def test_what_is_not_rows_is_refused_whole(aws: FakeAws, rows: Any) -> None:
    """A text or one row would be taken apart; the call is refused, and the transfer none the worse."""
    with aws.destination() as destination, destination.append("orders") as append:
        with pytest.raises(ConfigError, match="not a") as caught:
            append.write_many(rows)
        assert caught.value.code == "not_rows"
        append.write({"id": 1})
    assert append.receipt.rows == 1


@pytest.mark.parametrize("table", [pa.table({"id": [1]}), pa.record_batch({"id": [1]}), pd.DataFrame({"id": [1]})])
def test_a_table_is_no_iterable_of_rows(aws: FakeAws, table: Any) -> None:
    """One would iterate over its columns or their names; how to write it is told."""
    with aws.destination() as destination, destination.append("orders") as append:
        with pytest.raises(ConfigError, match="use write_arrow"):
            append.write_many(table)
        append.write_arrow(table)
    assert append.receipt.rows == 1


@pytest.mark.parametrize("path", [None, 7, "a\0b", b"a\0b", "\ud800"])
def test_what_is_no_path_is_refused(aws: FakeAws, path: Any) -> None:
    """In a typed error; the transfer is none the worse."""
    with aws.destination() as destination, destination.append("orders") as append:
        with pytest.raises(ConfigError, match="the path of a file") as caught:
            append.write_file(path)
        assert caught.value.code == "path"
        append.write({"id": 1})
    assert append.receipt.rows == 1


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


@pytest.mark.parametrize("prefix", ["vendor/exports", ""])
@pytest.mark.parametrize("how", ["commit", "prepare"])
def test_values_and_columns_are_kept_to_the_letter(aws: FakeAws, how: str, prefix: str) -> None:
    """White space at their ends is part of them: the manifest names objects that are there, and what is in them."""
    rows = [{"c": text, " id": number} for number, text in enumerate((" DE", "DE", "DE "))]
    with aws.destination(prefix=prefix) as destination:
        append = destination.append(" orders ", partition_by=["c"], format="csv")
        append.write_many(rows)
        if how == "prepare":
            receipt = destination.commit(PreparedAppend.model_validate_json(append.prepare().model_dump_json()))
        else:
            receipt = append.commit()
    manifest = json.loads(aws.store.objects[receipt.manifest_key or ""].data)
    keys = [entry["url"].removeprefix("s3://acme-lake/") for entry in manifest["entries"]]
    assert set(keys) == {item.key for item in receipt.objects} == set(aws.store.objects) - {receipt.manifest_key}
    assert sorted(item.partition for item in receipt.objects) == [(("c", row["c"]),) for row in rows]
    assert sorted(entry["meta"]["partition"]["c"] for entry in manifest["entries"]) == [row["c"] for row in rows]
    assert [item.columns and item.columns[0].name for item in receipt.objects] == [" id"] * 3


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
            append.write({"id": 1})
        assert append.receipt.rows == 1
    assert "is in the middle of a call" in caplog.text


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


@pytest.mark.parametrize(("checksums", "taken"), [("aws", False), ("md5", True), ("auto", False)])
def test_an_md5_is_taken_only_where_requests_carry_it(
    aws: FakeAws, checksums: Literal["aws", "md5", "auto"], *, taken: bool
) -> None:
    """It takes as long as all other digests together."""
    options = TransferOptions(checksums=checksums)
    with aws.destination(options=options) as destination, destination.append("orders") as append:
        assert append._production.stock.workshop.md5 is taken
