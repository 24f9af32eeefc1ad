"""Deliver rows with the keys of an IAM user, for customers who cannot give a role, and for S3-compatible stores.

    python hmac_auth.py              plays it on an S3 inside the process, with a made-up customer
    python hmac_auth.py config.json  delivers for real

The config holds what the customer handed over: {"bucket": …, "region": …, "prefix": …,
"auth": {"access_key_id": …, "secret_access_key": …}}, and "endpoint_url" where the store is not AWS.
"""

from __future__ import annotations

import sys
from pathlib import Path

from s3dest import Destination, DestinationConfig
from s3dest.testing import EmbeddedS3

ROWS = [
    {"id": 1, "name": "Ada", "joined": "2026-11-01"},
    {"id": 2, "name": "Grace", "joined": None},
]


def deliver(config: DestinationConfig) -> None:
    """Append two rows, under an id of the vendor's own making."""
    print(config)  # safe to log: no repr, error or log line holds the secret

    with Destination(config) as destination:
        # An id that is no UUIDv7 holds no date, so that it comes along; both must be the same at every attempt.
        with destination.append("members", transfer_id="run-4711", transfer_date="2026-11-23") as append:
            append.write_many(ROWS)

        for stored in append.receipt.objects:
            print(f"{stored.rows} rows, {stored.size} bytes, {stored.key}")


def main() -> None:
    """Deliver to the customer of the config given, or to one in the process."""
    if len(sys.argv) > 1:
        deliver(DestinationConfig.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8")))
        return
    with EmbeddedS3() as s3:
        deliver(s3.customer(auth="hmac").config)


if __name__ == "__main__":
    main()
