"""Formats of one's own, the limits of an object, and equal rows to equal objects however they are handed in."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import islice, product
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from fake import FakeAws
from hypothesis import given, settings
from hypothesis import strategies as st

from s3dest import ConfigError, Encoder, Format, JsonLines, Receipt, RowError, TransferOptions
from s3dest.append import AppendWriter
from s3dest.formats.encoder import SchemaGrown
from s3dest.schema import Column

ID = "01a209ce-4dde-7311-ab01-8184d030eb7f"
OBJECT_FORMATS = [JsonLines(), JsonLines(compression="none")]


class Tabbed:
    """A vendor's own format: the values of a row, tab-separated, after a line that counts the object's rows."""

    name = "tabbed"
    compression = "none"
    extension = "tsv"
    content_type = "text/tab-separated-values"

    def encoder(self, schema: object = None) -> TabbedEncoder:
        """Begin one object."""
        return TabbedEncoder(schema)


class TabbedEncoder:
    """It knows its first line only at the end, and so holds everything back."""

    columns: tuple[Column, ...] | None = None

    def __init__(self, schema: object) -> None:
        self.schema = schema
        self._lines: list[str] = []
        self._size = 20

    @property
    def pending(self) -> int:
        """Bytes held back, and the first line."""
        return self._size

    def encode(self, rows: Sequence[Mapping[str, object]], *, first_row: int) -> bytes:
        """Take rows in."""
        for number, row in enumerate(rows, first_row):
            if "\t" in "".join(map(str, row.values())):
                message = f"Row {number} has a tab in it."
                raise RowError(message, row=number)
            self._lines.append("\t".join(map(str, row.values())))
            self._size += len(self._lines[-1]) + 1
        return b""

    def finish(self) -> bytes:
        """Return all of it."""
        return "".join(f"{line}\n" for line in [str(len(self._lines)), *self._lines]).encode()


def test_a_format_of_ones_own_needs_no_base_class() -> None:
    """The two protocols are all there is to it; a type checker holds the assignments below to them."""
    own: Format = Tabbed()
    encoder: Encoder = own.encoder()
    assert encoder.pending >= len(encoder.finish())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *product(("name", "compression", "extension", "content_type"), (None, 5, "", "\ud800", "a\r\nb")),
        *product(["extension"], ("../x", "a/b", ".tsv", "x" * 25)),
        ("content_type", "text/tsvé"),
    ],
)
def test_what_a_format_says_of_itself_must_fit_key_header_and_manifest(aws: FakeAws, name: str, value: Any) -> None:
    """It is looked at when the writer is made: at the commit it would be too late."""
    own = Tabbed()
    setattr(own, name, value)
    with aws.destination() as destination, pytest.raises(ConfigError, match=f"format.* {name}") as caught:
        destination.append("orders", format=own)
    assert caught.value.code == "format"


def test_a_format_of_ones_own_works_end_to_end(aws: FakeAws) -> None:
    """Its bytes, its key's end, its media type, and its name in the manifest; rolled by its own sizes."""
    rows = [{"id": number, "name": f"row {number}"} for number in range(1000)]
    with aws.destination(options=TransferOptions(object_size=2000)) as destination:
        with destination.append("orders", format=Tabbed()) as append:
            append.write_many(rows)
        receipt = append.receipt
    lines: list[str] = []
    for item in receipt.objects:
        stored = aws.store.objects[item.key]
        assert item.key.endswith(".tsv")
        assert stored.headers["content-type"] == "text/tab-separated-values"
        count, *inside = stored.data.decode().splitlines()
        assert int(count) == len(inside) == item.rows
        assert len(stored.data) <= 2000
        lines += inside
    assert lines == [f"{number}\trow {number}" for number in range(1000)]
    manifest = aws.store.objects[receipt.manifest_key or ""].data
    assert b'"format": "tabbed"' in manifest
    assert b'"compression": "none"' in manifest


def test_a_format_of_ones_own_gets_arrow_data_as_rows(aws: FakeAws) -> None:
    """With all their values, or a typed error: nanoseconds, and columns of one name, have no place in a row."""
    fine = pa.record_batch({"id": pa.array([1, None]), "t": pa.array([1000, 2000], pa.time64("ns"))})
    with aws.destination() as destination:
        with destination.append("orders", format=Tabbed()) as append:
            append.write_arrow(fine)
            append.write_arrow(pa.RecordBatch.from_struct_array(pa.array([{}], pa.struct([]))))
        (stored,) = append.receipt.objects
        assert aws.store.objects[stored.key].data == b"3\n1\t00:00:00.000001\nNone\t00:00:00.000002\n\n"
        twins = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
        lost = pa.record_batch({"t": pa.array([1000, 2001], pa.time64("ns"))})
        late = pa.record_batch({"t": pa.array([0, 10**12], pa.timestamp("s"))})
        for batch, row, column in ((twins, 2, "a"), (lost, 3, "t"), (late, 3, "t")):
            append = destination.append("orders", format=Tabbed())
            append.write({"t": 0})
            append.write({"t": 0})
            with pytest.raises(RowError) as caught:
                append.write_arrow(batch)
            assert (caught.value.row, caught.value.column) == (row, column)
            append.abort()


def test_what_a_format_of_ones_own_refuses_fails_the_transfer(aws: FakeAws) -> None:
    """With the row's number in the transfer, and nothing visible."""
    rows = [{"id": number} for number in range(500)]
    with (
        aws.destination() as destination,
        pytest.raises(RowError) as caught,
        destination.append("orders", format=Tabbed()) as append,
    ):
        append.write_many([*rows, {"id": "a\tb"}, *rows])
    assert caught.value.row == 500
    assert aws.store.objects == {}


class _Bare:
    """An encoder but for its schema."""

    columns = None
    pending = 0
    encode = finish = bytes


def _raising(_schema: object) -> TabbedEncoder:
    raise TypeError("the format's own")  # noqa: EM101, TRY003


@pytest.mark.parametrize("partition_by", [[], ["id"]], ids=["", "parted"])
@pytest.mark.parametrize(
    ("encoder", "told"),
    [
        (lambda: None, r"its encoder\(\) must take a schema"),
        (lambda _: None, "a NoneType without 'schema'"),
        (lambda _: _Bare(), "a _Bare without 'schema'"),
        (lambda _: SimpleNamespace(**dict.fromkeys(("schema", "columns", "pending", "encode", "finish"))), "'pending'"),
    ],
)
def test_an_encoder_that_is_none_is_told_by_its_format(
    aws: FakeAws, encoder: Callable[..., Any], told: str, partition_by: Any
) -> None:
    """And not by an AttributeError in the middle of a write."""
    own = Tabbed()
    own.encoder = encoder  # type: ignore[method-assign]
    with aws.destination() as destination:
        append = destination.append("orders", format=own, partition_by=partition_by)
        append.write({"id": 1, "name": "a"})
        with pytest.raises(ConfigError, match=rf"The format Tabbed cannot be used: .*{told}") as caught:
            append.commit()
        assert caught.value.code == "format"
        append.abort()


def test_what_a_format_itself_raises_is_left_as_it_is(aws: FakeAws) -> None:
    """A fault in its code is found by its own traceback."""
    own = Tabbed()
    own.encoder = lambda schema=None: _raising(schema)  # type: ignore[method-assign]
    with aws.destination() as destination:
        append = destination.append("orders", format=own)
        append.write({"id": 1})
        with pytest.raises(TypeError, match="the format's own"):
            append.commit()
        append.abort()


class Faulty(Tabbed):
    """A format whose encoder does not keep to the protocol, in one way."""

    def __init__(self, name: str, result: Any) -> None:
        """Fail where it is told to."""
        self._method = name
        self._result = result

    def encoder(self, schema: object = None) -> TabbedEncoder:
        """Replace one method."""
        made = TabbedEncoder(schema)
        setattr(made, self._method, self._fail)
        return made

    def _fail(self, *_: object, **__: object) -> Any:
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


@pytest.mark.parametrize("partition_by", [[], ["id"]], ids=["", "parted"])
@pytest.mark.parametrize(
    ("method", "result"),
    [*product(("encode", "finish"), (None, "text", 7)), ("encode", SchemaGrown("wider"))],
    ids=lambda value: f"{value!r:.20}",
)
def test_an_encoder_that_gives_no_bytes_is_told_by_its_format(
    aws: FakeAws, method: str, result: Any, partition_by: Any
) -> None:
    """None was taken for no bytes, and rows that nobody has were committed."""
    with aws.destination() as destination:
        append = destination.append("orders", format=Faulty(method, result), partition_by=partition_by)
        append.write({"id": 1})
        with pytest.raises(ConfigError, match="The format Faulty") as caught:
            append.commit()
        assert caught.value.code == "format"
        append.abort()
    assert aws.store.objects == {}


def delivered(aws: FakeAws, rows: Sequence[Any], file_format: Format, **options: Any) -> Receipt:
    """Append rows in one transfer."""
    with aws.destination(auth=aws.user, options=TransferOptions(**options)) as destination:
        with destination.append("orders", format=file_format) as append:
            append.write_many(rows)
        return append.receipt


def of_size(size: int, seed: int, *, compressible: bool) -> dict[str, str]:
    """Make a row whose line has so many bytes, 9 at least."""
    letters = "x" * (size - 9) if compressible else random.Random(seed).randbytes(size).hex()[: size - 9]  # noqa: S311
    return {"d": letters}


@settings(max_examples=6)
@given(st.integers(3000, 40_000), st.integers(30, 250), st.booleans(), st.sampled_from(OBJECT_FORMATS))
def test_object_size_is_an_upper_bound(
    object_size: int,
    row: int,
    compressible: bool,  # noqa: FBT001  # drawn
    file_format: JsonLines,
) -> None:
    """Of bytes as stored, whatever the rows compress to."""
    rows = [of_size(row - seed % (row // 2), seed, compressible=compressible) for seed in range(500)]
    with FakeAws() as aws:
        receipt = delivered(aws, rows, file_format, object_size=object_size)
    assert receipt.rows == 500
    assert max(item.size for item in receipt.objects) <= object_size


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_objects_of_text_are_filled_to_the_row(aws: FakeAws, compression: Any) -> None:
    """Also where small rows are followed by large ones, and the other way round; none is over its limit."""
    sizes = [20] * 200 + [900] * 200 + [20] * 2000
    rows = [of_size(size, seed, compressible=False) for seed, size in enumerate(sizes)]
    receipt = delivered(aws, rows, JsonLines(compression=compression), object_size=20_000)
    assert max(item.size for item in receipt.objects) <= 20_000
    assert min(item.size for item in receipt.objects[:-1]) >= (19_000 if compression == "none" else 8_000)


def test_a_row_beyond_the_limit_has_an_object_of_its_own(aws: FakeAws) -> None:
    """It cannot be divided: its object is larger than was wished, and no other row is in it."""
    rows = [of_size(size, 0, compressible=True) for size in (100, 5000, 5000, 100)]
    receipt = delivered(aws, rows, JsonLines(compression="none"), object_size=300)
    assert [(item.rows, item.size) for item in receipt.objects] == [(1, 100), (1, 5000), (1, 5000), (1, 100)]


@pytest.mark.parametrize("at", [3, 64, 199, 200, 5000])
def test_object_rows_are_exact(aws: FakeAws, at: int) -> None:
    """Every object has so many but the last."""
    rows = [{"id": number} for number in range(200)]
    receipt = delivered(aws, rows, JsonLines(), object_rows=at)
    counts = [item.rows for item in receipt.objects]
    assert counts == [at] * (200 // at) + [200 % at] * (200 % at > 0)


def test_an_object_is_closed_when_its_first_row_is_old(aws: FakeAws) -> None:
    """At the next write, however few rows there are: a slow source is delivered in objects of that age."""
    with aws.destination(auth=aws.user, options=TransferOptions(object_age=timedelta(minutes=5))) as destination:
        with destination.append("orders") as append:
            for number in range(12):
                append.write({"id": number})
                aws.clock.advance(60)
        receipt = append.receipt
    assert [item.rows for item in receipt.objects] == [6, 6]


def test_age_counts_from_the_first_row_of_each_object(aws: FakeAws) -> None:
    """Time before it, and the age of the object before, do not count; and lists age as single rows do."""
    with aws.destination(auth=aws.user, options=TransferOptions(object_age=timedelta(minutes=5))) as destination:
        with destination.append("orders") as append:
            aws.clock.advance(3600)
            append.write_many([{"id": 1}, {"id": 2}])
            aws.clock.advance(299)
            append.write_many([{"id": 3}])
            aws.clock.advance(1)
            append.write_many([{"id": 4}])
            aws.clock.advance(299)
            append.write_many(iter([{"id": 5}]))
        receipt = append.receipt
    assert [item.rows for item in receipt.objects] == [4, 1]


def one_by_one(append: AppendWriter, rows: list[Any]) -> None:
    """Write single rows, from one dict that is used again and again."""
    reused: dict[str, Any] = {}
    for row in rows:
        reused.clear()
        reused.update(row)
        append.write(reused)


def slices_of(size: int) -> Callable[[AppendWriter, list[Any]], None]:
    """Write lists of so many rows."""

    def write(append: AppendWriter, rows: list[Any]) -> None:
        for start in range(0, len(rows), size):
            append.write_many(rows[start : start + size])

    return write


def mixed(append: AppendWriter, rows: list[Any]) -> None:
    """Write in every way, by turns, in lots of odd sizes, empty ones among them."""
    lots, rest = random.Random(7), iter(rows)  # noqa: S311
    written = 0
    while written < len(rows):
        lot = list(islice(rest, lots.choice((0, 1, 3, 63, 64, 65, 700, 1024, 2000))))
        written += len(lot)
        way = lots.randrange(4)
        if way == 0:
            for row in lot:
                append.write(row)
        else:
            append.write_many((lot, tuple(lot), iter(lot))[way - 1])


WAYS: dict[str, Callable[[AppendWriter, list[Any]], None]] = {
    "list": lambda append, rows: append.write_many(rows),
    "generator": lambda append, rows: append.write_many(row for row in rows),
    "one by one": one_by_one,
    "slices of 63": slices_of(63),
    "mixed": mixed,
}

OPTIONS: dict[str, dict[str, Any]] = {
    "one object": {},
    "small objects": {"object_size": 50_000},
    "by rows": {"object_rows": 777},
    "by both": {"object_rows": 1500, "object_size": 100_000},
    "going up": {"object_size": 100_000, "max_memory": 60_000},
}


def uneven_rows() -> list[dict[str, Any]]:
    """Make rows that differ in size and compressibility, in stretches, so that batches do too."""
    numbers = random.Random(3)  # noqa: S311
    rows = []
    for number in range(2200):
        length = 4 if number % 500 < 300 else numbers.randrange(60)
        nested = {"n": {"deep": [number % 3, None]}} if number % 3 else {}
        rows.append({"id": number, "d": numbers.randbytes(length).hex(), **nested})
    return rows


ROWS = uneven_rows()


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        *((JsonLines(), options) for options in OPTIONS.values()),
        (JsonLines(compression="none"), OPTIONS["small objects"]),
        (Tabbed(), OPTIONS["small objects"]),
    ],
    ids=[*OPTIONS, "not compressed", "own format"],
)
def test_equal_rows_make_equal_objects_however_they_come(file_format: Format, options: dict[str, Any]) -> None:
    """Same rows, same order, same options: same bytes under the same keys, so that any repetition meets its own."""
    rows = ROWS
    seen: dict[str, dict[str, bytes]] = {}
    for way, write in WAYS.items():
        with FakeAws() as aws:
            with aws.destination(auth=aws.user, options=TransferOptions(**options)) as destination:
                with destination.append("orders", transfer_id=ID, format=file_format) as append:
                    write(append, rows)
                assert append.receipt.rows == len(rows)
            seen[way] = {key: stored.data for key, stored in aws.store.objects.items() if "/_manifests/" not in key}
    assert [way for way in WAYS if seen[way] != seen["list"]] == []
    if file_format == JsonLines():
        lines = b"".join(gzip.decompress(data) for _, data in sorted(seen["list"].items()))
        assert lines.count(b"\n") == len(rows)
