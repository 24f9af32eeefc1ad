"""What s3dest promises of a bucket and of the requests it was sent, to be asked after whatever has gone wrong."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from s3dest import Destination, DestinationConfig, HmacAuth, Receipt, TransferOptions, client
from s3dest.credentials import KeyProvider
from s3dest.journal import Journal
from s3dest.role_sessions import RoleSessions

if TYPE_CHECKING:
    from fake import FakeAws, Request, Store

CREATING = frozenset({"PutObject", "CompleteMultipartUpload"})
"""The operations that make an object visible."""

KNOWN = CREATING | {"CreateMultipartUpload", "UploadPart", "AbortMultipartUpload", "AssumeRole"}
"""All that a transfer may ever ask for: no Head, Get, List or Delete."""

Row = dict[str, Any]


def destination(
    aws: FakeAws, options: TransferOptions | None = None, journal: Journal | None = None, **changes: Any
) -> Destination:
    """Make a destination with a journal that lives by the fake's clock."""
    made = Destination(aws.config(**changes), identity=aws.vendor, options=options, journal=journal)
    made._clock = aws.clock.injected
    return made


@contextmanager
def one_client() -> Iterator[None]:
    """Let all destinations that have the user's keys share a client: to make one takes longer than a transfer.

    Those that have a role share STS's.
    """
    made: list[Any] = []
    create_sts = RoleSessions._create_client
    sts: list[Any] = []

    def share(config: DestinationConfig, options: TransferOptions, provider: KeyProvider) -> object:
        if not isinstance(config.auth, HmacAuth):
            return client.create_client(config, options, provider)
        if not made:
            made.append(client.create_client(config, options, provider))
        return made[0]

    def share_sts(sessions: RoleSessions) -> object:
        if not sts:
            sts.append(create_sts(sessions))
        return sts[0]

    with mock.patch("s3dest.wire.create_client", share), mock.patch.object(RoleSessions, "_create_client", share_sts):
        yield


def small_options(**changes: Any) -> TransferOptions:
    """Choose sizes below what S3 allows, so that a test of many parts needs few bytes."""
    return TransferOptions.model_construct(**changes)


def is_manifest(key: str) -> bool:
    """Tell a manifest from a data object."""
    return "/_manifests/" in f"/{key}"


def data_keys(store: Store) -> set[str]:
    """List the data objects."""
    return {key for key in store.objects if not is_manifest(key)}


def manifests(store: Store) -> dict[str, dict[str, Any]]:
    """Read all manifests, by key."""
    return {key: json.loads(stored.data) for key, stored in store.objects.items() if is_manifest(key)}


def named_keys(store: Store) -> list[str]:
    """List the objects that manifests name, as often as they are named."""
    prefix = f"s3://{store.bucket}/"
    return [entry["url"].removeprefix(prefix) for each in manifests(store).values() for entry in each["entries"]]


def named_rows(store: Store) -> list[Row]:
    """Read the rows that manifests name, and see that each manifest tells nothing but the truth."""
    rows: list[Row] = []
    for manifest in manifests(store).values():
        count = 0
        for entry in manifest["entries"]:
            about = entry["meta"]
            data = store.objects[entry["url"].removeprefix(f"s3://{store.bucket}/")].data
            assert about["content_length"] == len(data)
            assert about["sha256"] == hashlib.sha256(data).hexdigest()
            found = rows_in(data)
            assert about["record_count"] == len(found)
            count += len(found)
            rows += found
        assert manifest["rows"] == count
        assert manifest["bytes"] == sum(entry["meta"]["content_length"] for entry in manifest["entries"])
    return rows


def rows_in(data: bytes) -> list[Row]:
    """Decode an object of JSON Lines."""
    text = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    return [json.loads(line) for line in text.splitlines()]


def require_polite(log: Iterable[Request]) -> None:
    """See that nothing was asked for beyond a transfer's own operations, and nothing created without the condition."""
    for request in log:
        assert request.operation in KNOWN
        if request.operation in CREATING:
            assert request.headers.get("if-none-match") == "*", f"{request.operation} {request.key}"


def require_nothing_replaced(store: Store, *, but_manifests: bool = False) -> None:
    """See that no object was replaced by other bytes."""
    assert [key for key in store.replaced if not (but_manifests and is_manifest(key))] == []


def require_true(receipt: Receipt, store: Store, *, handed_out: bool = False) -> None:
    """See that a receipt says what is there: its objects with their digests, and orphans that nobody names.

    If its prepared append was handed out, somebody may have committed it, and its objects are named after all.
    """
    named = set(named_keys(store))
    for stored in receipt.objects:
        data = store.objects[stored.key].data
        assert (stored.size, stored.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert stored.etag in {None, store.objects[stored.key].etag}
        assert stored.key in named or receipt.already_committed
    assert receipt.rows == sum(stored.rows or 0 for stored in receipt.objects)
    assert receipt.bytes == sum(stored.size for stored in receipt.objects)
    assert handed_out or not named & set(receipt.orphans)
    assert set(receipt.orphans) <= data_keys(store)
    assert receipt.already_committed or receipt.orphans == ()
    assert receipt.manifest_key in store.objects


def write_jsonl(path: Path, rows: Iterable[Row]) -> Path:
    """Write an encoded file, as another program would have."""
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0))
    return path
