"""The manifest: the JSON object written last, by which a reader knows that a transfer happened, and what is in it.

Version 1; its JSON schema is ``manifest.schema.json`` beside this file. Its ``entries`` are what Redshift's
``COPY … MANIFEST`` reads; the rest is for people and pipelines.

A store that is not known to refuse a put onto an object may replace a manifest when its transfer is repeated. There it
tells nothing that may differ from one attempt to the next, so that it is replaced by the same bytes: ``started`` and
``finished`` are the instant in the transfer id, if that is a UUIDv7, or midnight UTC of the transfer date, and an
``etag``, which depends on how an object went up and whether its answer arrived, is ``null``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

import orjson

from s3dest.layout import Layout
from s3dest.results import StoredObject
from s3dest.signature import ManifestSigner
from s3dest.supertype import supertype

VERSION: Final = 1

CONTENT_TYPE: Final = "application/json"


def encode(
    layout: Layout,
    objects: Sequence[StoredObject],
    *,
    bucket: str,
    file_format: str,
    compression: str,
    started: dt.datetime,
    finished: dt.datetime,
    repeatable: bool,
    signer: ManifestSigner | None,
) -> bytes:
    """Write the manifest of a transfer, with or without objects.

    Args:
        layout: Which transfer.
        objects: What is in it, in the order of writing.
        bucket: Where it is.
        file_format: Name of the format.
        compression: Name of the compression.
        started: When the first writer was opened.
        finished: When the manifest is written.
        repeatable: Whether each attempt must write the same bytes, as the module says; the instants are not told then.
        signer: Signs it, if there is one.
    """
    if repeatable:
        started = finished = layout.instant
    document: dict[str, object] = {
        "version": VERSION,
        "transfer_id": layout.transfer_id,
        "table": layout.table,
        "transfer_date": layout.transfer_date.isoformat(),
        "format": file_format,
        "compression": compression,
        "started": _utc(started),
        "finished": _utc(finished),
        "rows": sum(item.rows or 0 for item in objects),
        "bytes": sum(item.size for item in objects),
        "schema": _widest(objects),
        "entries": [_entry(bucket, item, etag=None if repeatable else item.etag) for item in objects],
    }
    if signer is not None:
        document["signature"] = signer.sign(document)
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def schema() -> dict[str, Any]:
    """Return the JSON schema of a manifest (draft 2020-12)."""
    loaded: dict[str, Any] = orjson.loads(files(__package__).joinpath("manifest.schema.json").read_bytes())
    return loaded


def _widest(objects: Sequence[StoredObject]) -> list[dict[str, str | None]] | None:
    """Collect the columns of all objects, those of the last one first; each has the type that holds those of all."""
    known = dict.fromkeys(item.columns for item in reversed(objects) if item.columns is not None)
    kinds: dict[str, list[str | None]] = {}
    for columns in known:
        for column in columns:
            kinds.setdefault(column.name, []).append(column.type)
    return [{"name": name, "type": supertype(types)} for name, types in kinds.items()] if known else None


def _columns(item: StoredObject) -> list[dict[str, str | None]]:
    return [{"name": column.name, "type": column.type} for column in item.columns or ()]


def _entry(bucket: str, item: StoredObject, *, etag: str | None) -> dict[str, object]:
    meta: dict[str, object] = {
        "content_length": item.size,
        "record_count": item.rows,
        "sha256": item.sha256,
        "etag": etag,
    }
    if item.columns is not None:
        meta["schema"] = _columns(item)
    if item.partition:
        meta["partition"] = dict(item.partition)
    return {"url": f"s3://{bucket}/{item.key}", "mandatory": True, "meta": meta}


def _utc(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
