"""Where a transfer lies: no name leaves the prefix, each is kept to the letter, and the keys know no clock."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from orders import DATE, FOLDER, ID, MANIFEST, append_rows, data_keys, visible

from s3dest import (
    ConfigError,
    PreparedAppend,
    TransferOptions,
)

if TYPE_CHECKING:
    from fake import FakeAws


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
