"""A transfer: all rows exactly once, or none, whatever happens on the way."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from fake import faults
from orders import DATE, FOLDER, ID, MANIFEST, ROWS, append_rows, visible

from s3dest import (
    AccessDeniedError,
    ConfigError,
    FileJournal,
    JsonLines,
    RowError,
    StateError,
    TransferOptions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fake import FakeAws


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


@pytest.mark.parametrize("rows", [[{"id": 1}], ({"id": 1},)])
def test_several_rows_in_the_place_of_one_are_told_how(aws: FakeAws, rows: Any) -> None:
    """The slip of whoever looks for one method."""
    with aws.destination() as destination:
        append = destination.append("orders")
        with pytest.raises(RowError, match=r"write_many\(\)"):
            append.write(rows)
        append.abort()


@pytest.mark.parametrize("rows", ["abc", b"abc", bytearray(b"abc"), {"id": 1}, None, 7, list])
def test_what_is_not_rows_is_refused_whole(aws: FakeAws, rows: Any) -> None:
    """A text or one row would be taken apart; the call is refused, and the transfer none the worse."""
    with aws.destination() as destination, destination.append("orders") as append:
        with pytest.raises(ConfigError, match="not a") as caught:
            append.write_many(rows)
        assert caught.value.code == "not_rows"
        append.write({"id": 1})
    assert append.receipt.rows == 1


def test_a_generator_that_was_used_up_is_no_empty_transfer(aws: FakeAws) -> None:
    """A second attempt would commit nothing, and its rows be lost under its id; with a new one they are there."""
    rows = (row for row in ROWS)

    def attempt(rows: Iterator[Any], *, fail: bool = False) -> None:
        with destination.append("orders", transfer_id=ID) as append:
            append.write_many(rows)
            if fail:
                raise ConnectionError

    with aws.destination() as destination:
        with pytest.raises(ConnectionError):
            attempt(rows, fail=True)
        with pytest.raises(ConfigError, match="has ended already") as caught:
            attempt(rows)
        assert caught.value.code == "rows_used_up"
        assert aws.operations == []
        attempt(row for row in ROWS)
        attempt(row for row in ROWS[:0])
    assert visible(aws) == ROWS


class Counting(Generator[dict[str, int], None, None]):
    """A generator that is none of Python's own, as Cython's are."""

    def __init__(self) -> None:
        self._left = iter(range(3))

    def send(self, _value: None) -> dict[str, int]:
        """Give the next row."""
        return {"id": next(self._left)}

    def throw(self, *_error: Any) -> dict[str, int]:
        """End."""
        raise StopIteration


def test_a_generator_of_another_kind_is_one(aws: FakeAws) -> None:
    """Whether it has ended, it does not tell."""
    with aws.destination() as destination, destination.append("orders") as append:
        append.write_many(Counting())
    assert append.receipt.rows == 3


def test_a_generator_is_not_left_half_used(aws: FakeAws) -> None:
    """What an attempt that failed in the middle has left is no transfer."""
    rows = (row if row["id"] != 2000 else {"id": {1}} for row in ROWS)
    with aws.destination() as destination:
        with pytest.raises(RowError), destination.append("orders", transfer_id=ID) as append:
            append.write_many(rows)
        with pytest.raises(ConfigError, match="has ended already"), destination.append("orders") as append:
            append.write_many(rows)
    assert aws.operations == []


def test_a_resumed_transfer_needs_no_rows(aws: FakeAws, tmp_path: Path) -> None:
    """The journal has them: a generator that the first attempt used up is not asked for any."""
    rows = (row for row in ROWS)
    aws.faults.at("CompleteMultipartUpload", 1, faults.DENIED)
    with aws.destination(journal=FileJournal(tmp_path)) as destination:
        with pytest.raises(AccessDeniedError), destination.append("orders", transfer_id=ID) as append:
            append.write_many(rows)
        with destination.append("orders", transfer_id=ID) as append:
            append.write_many(rows)
    assert visible(aws) == ROWS


class Newest(list[Any]):
    """A list that goes through its rows in a way of its own."""

    def __iter__(self) -> Iterator[Any]:
        return reversed(self)


def test_a_list_with_a_way_of_its_own_is_gone_through_that_way(aws: FakeAws) -> None:
    """As Python does, whatever is stored."""
    with aws.destination() as destination, destination.append("orders") as append:
        append.write_many(Newest([{"id": 1}, {"id": 2}]))
    assert visible(aws) == [{"id": 2}, {"id": 1}]


def test_a_lazy_frame_is_to_be_collected(aws: FakeAws) -> None:
    """Polars says no more than that it cannot be gone through."""
    frame: Any = pl.LazyFrame({"id": [1]})
    with aws.destination() as destination, destination.append("orders") as append:
        with pytest.raises(ConfigError, match=r"collect\(\) a lazy one") as caught:
            append.write_many(frame)
        assert caught.value.code == "not_rows"
        with pytest.raises(ConfigError, match=r"what its collect\(\) returns"):
            append.write_arrow(frame)
        append.write_arrow(frame.collect())
    assert visible(aws) == [{"id": 1}]


@pytest.mark.parametrize("table", [pa.table({"id": [1]}), pa.record_batch({"id": [1]}), pd.DataFrame({"id": [1]})])
def test_a_table_is_no_iterable_of_rows(aws: FakeAws, table: Any) -> None:
    """One would iterate over its columns or their names; how to write it is told."""
    with aws.destination() as destination, destination.append("orders") as append:
        with pytest.raises(ConfigError, match="use write_arrow"):
            append.write_many(table)
        append.write_arrow(table)
    assert append.receipt.rows == 1


@pytest.mark.parametrize("path", [None, 7, {"card": "4111"}, "a\0b4111", b"a\0b4111", "\ud8004111"])
def test_what_is_no_path_is_refused(aws: FakeAws, path: Any) -> None:
    """In a typed error, which does not repeat it: it may be rows; the transfer is none the worse."""
    with aws.destination() as destination, destination.append("orders") as append:
        with pytest.raises(ConfigError, match="the path of a file") as caught:
            append.write_file(path)
        assert (caught.value.code, "4111" in str(caught.value)) == ("path", False)
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
        raise LookupError(progress)

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


def test_no_id_forges_a_line_of_the_log(aws: FakeAws, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nor of an error's text: an id that holds a line break is shown as its keys have it."""
    place: dict[str, Any] = {"transfer_id": "a\nINFO forged\u2028b", "transfer_date": DATE}
    with caplog.at_level(logging.INFO), aws.destination(journal=FileJournal(tmp_path)) as destination:
        with destination.append("or\nders", **place) as append:
            append.write({"id": 1})
        with pytest.raises(StateError) as caught:
            append.write({"id": 2})
        with destination.append("or\nders", **place) as other:
            other.write({"id": 2})
        assert other.receipt.orphans
        prepared = destination.append("or\nders", **place).prepare()
        FileJournal(tmp_path).save([prepared])
        aws.faults.always("PutObject", faults.DENIED)
        with pytest.raises(AccessDeniedError):
            destination.resume()
    texts = [str(caught.value), *(record.getMessage() for record in caplog.records if record.name.startswith("s3dest"))]
    assert all(text.isprintable() for text in texts)
    assert len(texts) == 5
    assert all("a%0AINFO%20forged%E2%80%A8b" in text for text in texts if "ransfer " in text)


@pytest.mark.parametrize(("checksums", "taken"), [("aws", False), ("md5", True), ("auto", False)])
def test_an_md5_is_taken_only_where_requests_carry_it(
    aws: FakeAws, checksums: Literal["aws", "md5", "auto"], *, taken: bool
) -> None:
    """It takes as long as all other digests together."""
    options = TransferOptions(checksums=checksums)
    with aws.destination(options=options) as destination, destination.append("orders") as append:
        assert append._production.stock.workshop.md5 is taken
