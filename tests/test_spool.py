"""Objects under construction: filled to the very row that fits, closed, and read from wherever their bytes are."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from workbench import workshop

from s3dest import Csv, Format, JsonLines, Parquet, RowError, TransferOptions
from s3dest.finished import FinishedObject
from s3dest.options import MIB
from s3dest.press import Workshop
from s3dest.spool import ArrowRows, Rows, Spool

PLAIN = JsonLines(compression="none")
ROWS: list[dict[str, object]] = [{"id": number, "name": f"row {number}"} for number in range(500)]
LINES = b"".join(b'{"id":%d,"name":"row %d"}\n' % (number, number) for number in range(500))


def spool_of(file_format: Format = PLAIN, shop: Workshop | None = None, **options: Any) -> Spool:
    """Begin an object."""
    return Spool(file_format, shop or workshop(), TransferOptions(**options), number=3)


def read(item: FinishedObject) -> bytes:
    """Read an object whole."""
    return item.read(0, item.size)


def filled(file_format: Format, rows: Sequence[dict[str, object]], batch: int, **options: Any) -> list[int]:
    """Append rows in batches to objects; return how many rows each has, and see that all bytes are within the limit."""
    counts, row, shop = [], 0, workshop()
    while row < len(rows):
        spool = spool_of(file_format, shop, **options)
        while row < len(rows):
            taken = spool.add(Rows(rows[row : row + batch]), first_row=row)
            row += taken
            if not taken:
                break
        item = spool.finish()
        assert item.size <= spool_of(**options)._options.object_size or item.rows == 1
        counts.append(item.rows or 0)
        item.release()
    assert shop.budget.held == 0
    return counts


def test_rows_become_an_object() -> None:
    """It counts rows and bytes, and takes all of a batch that fits."""
    spool = spool_of()
    assert (spool.add(Rows(ROWS[:200]), first_row=0), spool.add(Rows(ROWS[200:]), first_row=200)) == (200, 300)
    assert (spool.rows, spool.bound) == (500, len(LINES))
    item = spool.finish()
    assert (item.number, item.rows, item.size, read(item)) == (3, 500, len(LINES), LINES)
    assert (item.in_memory, item.is_spilled, item.file, item.partition) == (len(LINES), False, None, ())


@pytest.mark.parametrize("batch", [1, 7, 64, 500])
@pytest.mark.parametrize(
    "file_format", [PLAIN, JsonLines(), Csv(compression="none"), Csv()], ids=["jsonl", "jsonl.gz", "csv", "csv.gz"]
)
def test_an_object_ends_with_the_very_row_that_fits(file_format: Format, batch: int) -> None:
    """However the rows come: one batch, many, or single rows."""
    assert filled(file_format, ROWS, batch, object_size=5000) == filled(file_format, ROWS, 11, object_size=5000)


def test_without_compression_it_is_full_to_the_byte() -> None:
    """The row that makes it exactly full is in it; the next one is not."""
    size = len(LINES[: LINES.index(b'{"id":100,')])
    assert filled(PLAIN, ROWS, 1000, object_size=size)[0] == 100
    assert filled(PLAIN, ROWS, 1000, object_size=size - 1)[0] == 99


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_values_may_hold_what_ends_a_line(batch: int) -> None:
    """Then the rows that fit are found by encoding them."""
    rows: list[dict[str, object]] = [{"text": "a\r\nb" * (number % 7)} for number in range(100)]
    assert filled(Csv(compression="none"), rows, batch, object_size=100) == filled(
        Csv(compression="none"), rows, 1, object_size=100
    )


@pytest.mark.parametrize("batch", [1, 60, 500])
def test_a_limit_of_rows_is_exact(batch: int) -> None:
    """A batch is cut where it is reached."""
    assert filled(PLAIN, ROWS, batch, object_rows=77) == [77] * 6 + [38]


def test_arrow_rows_are_cut_as_rows_are() -> None:
    """And given as mappings to an encoder that knows no Arrow data."""
    batch = pa.RecordBatch.from_pylist(ROWS)
    for file_format in (PLAIN, Csv(compression="none")):
        spool = spool_of(file_format, object_size=2000)
        taken = spool.add(ArrowRows(batch), first_row=0)
        rows = spool_of(file_format, object_size=2000)
        assert rows.add(Rows(ROWS), first_row=0) == taken < 500
        assert read(spool.finish()) == read(rows.finish())
    given: list[Any] = []

    class Own:
        schema = columns = None
        pending = 0

        def encode(self, rows: Sequence[Any], *, first_row: int) -> bytes:
            given.extend([*rows, first_row])
            return b""

        def finish(self) -> bytes:
            return b""

    class OwnFormat(JsonLines):
        def encoder(self, schema: object = None) -> Any:
            del schema
            return Own()

    assert spool_of(OwnFormat()).add(ArrowRows(batch.slice(0, 2)), first_row=5) == 2
    assert given == [*ROWS[:2], 5]


def test_rows_that_wait_for_their_group_are_counted() -> None:
    """Until they are written, or given up; what comes afterwards counts no more."""
    shop = workshop()
    for last in (Spool.finish, Spool.write_group, lambda spool: spool.press.discard()):
        spool = spool_of(Parquet(), shop)
        spool.add(Rows(ROWS), first_row=0)
        assert shop.budget.held == spool.held > 0
        last(spool)
        spool.press.hold(spool.held)
        assert shop.budget.held == spool.press.kept.in_memory
        spool.press.discard()
        spool.press.hold(1000)
        assert (shop.budget.held, shop.budget._draining) == (0, 0)


@pytest.mark.parametrize(("memory", "groups"), [(8, 4), (32, 1), (1, 4)])
def test_row_groups_are_small_where_memory_is(memory: int, groups: int) -> None:
    """A group is there several times while it is written; and none is so small that nobody likes to read it."""
    batch = pa.record_batch({"id": pa.array(range(131_072), pa.int64())})  # a MiB
    spool = spool_of(Parquet(), max_memory=memory * MIB)
    for number in range(4):
        assert spool.add(ArrowRows(batch), first_row=number * len(batch)) == len(batch)
    file = pa.parquet.ParquetFile(pa.BufferReader(read(spool.finish())))
    assert file.num_row_groups == groups


@pytest.mark.parametrize("room", [1, 9000, 2**30])
@pytest.mark.parametrize("groups", [50, 10**6])
def test_parquet_is_taken_as_far_as_it_surely_fits(room: int, groups: int) -> None:
    """The first row always does; another batch may bring more of what did not, or none at all."""
    spool = spool_of(Parquet(row_group_rows=groups), object_size=room)
    taken = 0
    while some := spool.add(Rows(ROWS[taken : taken + 300]), first_row=taken):
        taken += some
        assert spool.rows == taken
        assert spool.bound <= room or taken == 1
        if taken == len(ROWS):
            break
    assert (taken == 1, taken == len(ROWS)) == (room == 1, room == 2**30), taken
    item = spool.finish()
    assert item.size <= room or taken == 1
    table = pa.parquet.read_table(pa.BufferReader(read(item)))
    assert table.to_pylist() == ROWS[:taken]


def test_what_parquet_holds_is_known() -> None:
    """Until a group is written."""
    spool = spool_of(Parquet())
    assert spool.add(Rows(ROWS), first_row=0) == 500
    assert spool.held > 0
    spool.write_group()
    assert spool.held == 0
    item = spool.finish()
    assert pa.parquet.read_table(pa.BufferReader(read(item))).num_rows == 500
    assert spool_of().held == 0


@pytest.mark.parametrize("limit", [2**40, 1000])
def test_compressed_objects_are_what_their_rows_are(limit: int) -> None:
    """Also where memory has no room for them."""
    shop = workshop(limit)
    spool = spool_of(JsonLines(), shop)
    for start in range(0, 500, 50):
        spool.add(Rows(ROWS[start : start + 50]), first_row=start)
    item = spool.finish()
    assert gzip.decompress(read(item)) == LINES
    item.release()
    assert shop.budget.held == 0


def test_a_row_that_cannot_be_encoded_is_named() -> None:
    """By its number in the whole transfer."""
    with pytest.raises(RowError) as caught:
        spool_of().add(Rows([{"id": 1}, {"id": float("nan")}]), first_row=40)
    assert (caught.value.row, caught.value.column) == (41, "id")


def test_rows_do_not_show_in_its_text() -> None:
    """What is logged about an object holds no payload."""
    spool = spool_of()
    spool.add(Rows([{"name": "Mrs. Secret"}]), first_row=0)
    item = spool.finish()
    assert "Secret" not in repr(item)
    assert json.loads(read(item)) == {"name": "Mrs. Secret"}
