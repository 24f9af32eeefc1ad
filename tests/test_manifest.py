"""The manifest: each one is what its published schema says, and what Redshift's COPY reads."""

from __future__ import annotations

import datetime as dt
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fake import FakeAws, faults
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from s3dest import Destination, ManifestSigner, Receipt, StoredObject, TransferOptions, manifest
from s3dest.layout import Layout
from s3dest.schema import Column

ID = "01a209ce-4dde-7311-ab01-8184d030eb7f"
LAYOUT = Layout("vendor/exports/", "orders", ID, dt.date(2026, 11, 23))
SCHEMA = Draft202012Validator(manifest.schema())
NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)

encode = partial(
    manifest.encode,
    LAYOUT,
    bucket="acme-lake",
    file_format="jsonl",
    compression="gzip",
    started=NOON,
    finished=NOON,
    repeatable=False,
    signer=None,
)


def stored(aws: FakeAws, receipt: Receipt) -> dict[str, Any]:
    """Read the manifest of a transfer, as a reader would."""
    document: dict[str, Any] = json.loads(aws.store.objects[receipt.manifest_key or ""].data)
    return document


def signer() -> ManifestSigner:
    """Sign with a key made for the occasion."""
    key = Ed25519PrivateKey.generate()
    return ManifestSigner("2026", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def test_the_schema_is_one() -> None:
    """By the rules of its own draft."""
    Draft202012Validator.check_schema(manifest.schema())


def test_small_and_large_transfers_match_the_schema(aws: FakeAws, tmp_path: Path) -> None:
    """One object, many, none, one appended as a file, several writers, one whose answer was lost, one signed."""
    encoded = tmp_path / "rows.jsonl.gz"
    encoded.write_bytes(b"encoded elsewhere")
    receipts = []
    made = Destination(aws.config(), identity=aws.vendor, options=TransferOptions(object_rows=2), signer=signer())
    made._clock = aws.clock.injected
    with made as signing, aws.destination() as plain:
        for destination in (signing, plain):
            for rows in ([], [{"id": 1}], [{"id": number} for number in range(7)]):
                with destination.append("orders") as append:
                    append.write_many(rows)
                receipts.append(append.receipt)
            with destination.append("orders") as append:
                append.write_file(encoded)
                append.write_file(encoded, rows=3)
            receipts.append(append.receipt)
        aws.faults.next("PutObject", faults.ANSWER_TIMED_OUT)
        with plain.append("orders") as append:
            append.write({"id": 1})
        receipts.append(append.receipt)
        shares = []
        for writer_id in range(2):
            append = plain.append("orders", transfer_id=ID, writer_id=writer_id)
            append.write({"id": writer_id})
            shares.append(append.prepare())
        receipts.append(plain.commit(*shares))
    for receipt in receipts:
        document = stored(aws, receipt)
        SCHEMA.validate(document)
        assert (document["rows"], document["bytes"]) == (receipt.rows, receipt.bytes)
        assert [entry["url"] for entry in document["entries"]] == [
            f"s3://acme-lake/{item.key}" for item in receipt.objects
        ]
        assert [entry["meta"]["etag"] for entry in document["entries"]] == [item.etag for item in receipt.objects]
    assert any(item.etag is None for receipt in receipts for item in receipt.objects)
    assert sum("signature" in stored(aws, receipt) for receipt in receipts) == 4


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
zones = st.builds(dt.timezone, st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23)))
instants = st.datetimes(dt.datetime(2, 1, 1), dt.datetime(9998, 1, 1), timezones=zones)  # noqa: DTZ001  # bounds
items = st.builds(
    StoredObject,
    key=st.from_regex(r"[!-~]{1,40}", fullmatch=True),
    rows=st.none() | st.integers(0, 2**40),
    size=st.integers(0, 2**40),
    etag=st.none() | texts,
    sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    version_id=st.none() | texts,
)


@settings(max_examples=30)
@given(texts, texts, st.lists(items, max_size=4), instants)
def test_whatever_is_in_it_matches_the_schema(
    table: str, identity: str, objects: list[StoredObject], instant: dt.datetime
) -> None:
    """Any name, any size, any time zone."""
    layout = Layout("", table, identity, dt.date(2026, 11, 23))
    text = manifest.encode(
        layout,
        objects,
        bucket="acme-lake",
        file_format="jsonl",
        compression="none",
        started=instant,
        finished=instant,
        repeatable=False,
        signer=None,
    )
    document = json.loads(text)
    SCHEMA.validate(document)
    assert (document["table"], document["transfer_id"]) == (table, identity)
    assert dt.datetime.fromisoformat(document["started"]) == instant.astimezone(dt.UTC)
    assert document["rows"] == sum(item.rows or 0 for item in objects)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("transfer_id",), ""),
        (("rows",), -1),
        (("entries", 0, "mandatory"), False),
        (("entries", 0, "url"), "https://acme-lake/key"),
        (("entries", 0, "meta", "sha256"), "0" * 24),
        (("entries", 0, "meta", "content_length"), None),
        (("entries", 0, "meta", "surprise"), 1),
        (("surprise",), 1),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else repr(value)[:10],
)
def test_the_schema_can_refuse(path: tuple[Any, ...], value: object) -> None:
    """One that takes anything would prove nothing."""
    item = StoredObject(key="key", rows=1, size=1, etag="e", sha256="0" * 64)
    document = json.loads(encode([item]))
    assert SCHEMA.is_valid(document)
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    assert not SCHEMA.is_valid(document)


@pytest.mark.parametrize("order", [1, -1], ids=["wide first", "wide last"])
def test_its_schema_holds_what_is_in_all_objects(order: int) -> None:
    """Null where no type does; what each object has is told beside it."""
    columns = [
        (Column("a", "double"), Column("b", "uint64"), Column("c", None)),
        (Column("a", "int64"), Column("b", "int64"), Column("c", None)),
    ][::order]
    objects = [StoredObject(key="k", rows=1, size=1, etag="e", sha256="0" * 64, columns=each) for each in columns]
    objects.append(StoredObject(key="file", rows=1, size=1, etag="e", sha256="0" * 64))
    document = json.loads(encode(objects))
    SCHEMA.validate(document)
    assert document["schema"] == [
        {"name": name, "type": kind} for name, kind in zip("abc", ("double", None, None), strict=True)
    ]
    assert document["entries"][0]["meta"]["schema"] == [{"name": item.name, "type": item.type} for item in columns[0]]


def test_redshift_reads_its_fields() -> None:
    """COPY with MANIFEST takes url, mandatory and meta.content_length, by these names and types, and skips the rest."""
    one = StoredObject(key="vendor/a b/täble", rows=7, size=4711, etag="e", sha256="0" * 64, version_id="v1")
    two = StoredObject(key="vendor/file", rows=None, size=0, etag=None, sha256="1" * 64)
    document = json.loads(encode([one, two]))
    assert document["entries"] == [
        {
            "url": "s3://acme-lake/vendor/a b/täble",
            "mandatory": True,
            "meta": {"content_length": 4711, "record_count": 7, "sha256": "0" * 64, "etag": "e"},
        },
        {
            "url": "s3://acme-lake/vendor/file",
            "mandatory": True,
            "meta": {"content_length": 0, "record_count": None, "sha256": "1" * 64, "etag": None},
        },
    ]
    assert (document["rows"], document["bytes"]) == (7, 4711)


def test_an_empty_transfer_has_a_manifest_too() -> None:
    """That nothing was new is news: the reader sees that the transfer happened."""
    document = json.loads(encode([]))
    assert (document["entries"], document["rows"], document["bytes"]) == ([], 0, 0)


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (NOON, "2026-11-23T12:00:00.000000Z"),
        (NOON.replace(microsecond=5), "2026-11-23T12:00:00.000005Z"),
        (
            dt.datetime(2026, 11, 23, 0, 30, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=45))),
            "2026-11-22T18:45:00.000000Z",
        ),
    ],
)
def test_instants_are_utc_and_of_one_length(instant: dt.datetime, text: str) -> None:
    """So that texts sort as times do, whatever the writer's zone."""
    document = json.loads(encode([], started=instant, finished=instant))
    assert (document["started"], document["finished"]) == (text, text)


def test_it_tells_when_the_first_writer_began_and_when_it_was_written(aws: FakeAws) -> None:
    """Begun before finished, both in the zone that Z stands for."""
    before = dt.datetime.now(dt.UTC)
    with aws.destination() as destination, destination.append("orders") as append:
        opened = dt.datetime.now(dt.UTC)
        append.write({"id": 1})
    after = dt.datetime.now(dt.UTC)
    document = stored(aws, append.receipt)
    started, finished = (dt.datetime.fromisoformat(document[name]) for name in ("started", "finished"))
    assert before <= started <= opened <= finished <= after


@pytest.mark.parametrize(
    ("identity", "text"),
    [(ID, "2026-11-23T19:07:25.022000Z"), ("run-7", "2026-11-23T00:00:00.000000Z")],
    ids=["UUIDv7", "another id"],
)
def test_what_must_be_repeatable_tells_nothing_of_the_attempt(identity: str, text: str) -> None:
    """Neither its clock nor what it was answered: only what the transfer's identity and its bytes decide."""
    layout = Layout("", "orders", identity, dt.date(2026, 11, 23))
    item = StoredObject(key="key", rows=1, size=1, etag="e", sha256="0" * 64, version_id="v")
    repeated = item.model_copy(update={"etag": None, "version_id": None})
    first, again = (
        manifest.encode(
            layout,
            [each],
            bucket="acme-lake",
            file_format="jsonl",
            compression="gzip",
            started=instant,
            finished=instant,
            repeatable=True,
            signer=None,
        )
        for each, instant in ((item, NOON), (repeated, NOON + dt.timedelta(days=1)))
    )
    assert again == first
    document = json.loads(first)
    SCHEMA.validate(document)
    assert (document["started"], document["finished"]) == (text, text)
    assert document["entries"][0]["meta"]["etag"] is None


def test_people_can_read_it() -> None:
    """Indented, in UTF-8, and with a newline at its end; two of the same facts are the same bytes."""
    text = encode([])
    assert text.startswith(b'{\n  "version": 1,')
    assert text.endswith(b"}\n")
    assert text == encode([])
