"""The manifest: the JSON object written last, by which a reader knows that a transfer happened, and what is in it.

Version 1. Its ``entries`` are what Redshift's ``COPY … MANIFEST`` reads; the rest is for people and pipelines.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import orjson

from s3dest.formats.encoder import Format
from s3dest.layout import Layout
from s3dest.results import StoredObject

VERSION: Final = 1

CONTENT_TYPE: Final = "application/json"


def encode(
    layout: Layout,
    objects: Sequence[StoredObject],
    *,
    bucket: str,
    file_format: Format,
    started: dt.datetime,
    finished: dt.datetime,
) -> bytes:
    """Write the manifest of a transfer, with or without objects."""
    document = {
        "version": VERSION,
        "transfer_id": layout.transfer_id,
        "table": layout.table,
        "transfer_date": layout.transfer_date,
        "format": file_format.name,
        "compression": file_format.compression,
        "started": started,
        "finished": finished,
        "rows": sum(item.rows for item in objects),
        "bytes": sum(item.size for item in objects),
        "entries": [_entry(bucket, item) for item in objects],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def _entry(bucket: str, item: StoredObject) -> dict[str, object]:
    meta = {"content_length": item.size, "record_count": item.rows, "sha256": item.sha256, "etag": item.etag}
    return {"url": f"s3://{bucket}/{item.key}", "mandatory": True, "meta": meta}
