"""One transfer of orders to the fake, and what is to be seen of it."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fake import FakeAws

ID = "01a209ce-4dde-7311-ab01-8184d030eb7f"
DATE = "2026-11-23"
ROWS: list[dict[str, Any]] = [{"id": number, "name": f"row {number}"} for number in range(3000)]
FOLDER = "vendor/exports/orders/dt=2026-11-23/"
MANIFEST = f"vendor/exports/_manifests/orders/dt=2026-11-23/manifest_{ID}.json"


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
