"""Deliver rows through a role in the customer's account: the way to prefer, since no secret changes hands.

    python role_auth.py              plays it on an S3 inside the process, with a made-up customer
    python role_auth.py config.json  delivers for real, with this process's own AWS credentials as the vendor

The config holds what the customer handed over: {"bucket": …, "region": …, "prefix": …,
"auth": {"role_arn": …, "external_id": …}}.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from s3dest import Destination, DestinationConfig
from s3dest.testing import EmbeddedS3

BATCH = "01a209cb-07d5-7ee8-a6f8-9f436e54e9f5"
"""The batch's id in the vendor's own books, a UUIDv7: who repeats a transfer by its id never delivers it twice."""


def changed_orders() -> Iterator[dict[str, object]]:
    """Stand for the vendor's source: any iterable of mappings."""
    for number in range(1, 10_001):
        yield {"id": number, "customer": f"customer {number % 97}", "total": number * 0.25}


def deliver(config: DestinationConfig) -> None:
    """Append a batch to the customer's bucket: all of it, or nothing."""
    with Destination(config) as destination:
        # Leaving the block commits; an exception inside it aborts, and the customer sees nothing.
        with destination.append("orders", transfer_id=BATCH) as append:
            append.write_many(changed_orders())

        receipt = append.receipt
        print(f"{receipt.rows:,} rows, {receipt.bytes:,} bytes in {config.uri}")
        print(f"manifest: {receipt.manifest_key}")

        # After a crash, or when in doubt, do it again: the receipt tells that it was committed before.
        with destination.append("orders", transfer_id=BATCH) as again:
            again.write_many(changed_orders())
        print(f"committed already: {again.receipt.already_committed}")


def main() -> None:
    """Deliver to the customer of the config given, or to one in the process."""
    if len(sys.argv) > 1:
        deliver(DestinationConfig.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8")))
        return
    with EmbeddedS3() as s3:
        deliver(s3.customer().config)


if __name__ == "__main__":
    main()
