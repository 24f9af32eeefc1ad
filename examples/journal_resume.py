"""Finish what a killed process left: the journal remembers a transfer while it is being committed.

    python journal_resume.py

The customer here takes all rights away in the middle of a commit, which ends the first run as a crash would. The second
run finds the transfer in the journal and finishes it, without the rows being read or encoded again.
"""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

from s3dest import AccessDeniedError, Destination, DestinationConfig, FileJournal, TransferOptions
from s3dest.policies import Policy
from s3dest.testing import EmbeddedS3

TRANSFER, DATE = "orders-run-4711", "2026-11-23"

NOTHING: Policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}


def open_destination(config: DestinationConfig, folder: Path) -> Destination:
    """Open the destination with a journal, a folder that outlives the process."""
    options = TransferOptions(deadline=timedelta(seconds=30))
    return Destination(config, journal=FileJournal(folder), options=options)


def main() -> None:
    """Play both runs on an S3 inside the process."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedS3() as s3:
        customer = s3.customer()
        journal = Path(folder)

        # The first run: everything is prepared and in the journal, and then something ends it.
        destination = open_destination(customer.config, journal)
        append = destination.append("orders", transfer_id=TRANSFER, transfer_date=DATE)
        append.write_many({"id": number} for number in range(10_000))
        append.prepare()
        granted = customer.permission
        customer.put_permission(NOTHING)
        try:
            append.commit()
        except AccessDeniedError as error:
            print(f"the first run ends: {error.code}")
        destination.close()
        customer.put_permission(granted)
        print(f"in the journal: {len(list(journal.iterdir()))}, visible: {len(customer.objects())} objects")

        # The second run begins by finishing what is there. Appending the same transfer again would do it, too.
        with open_destination(customer.config, journal) as destination:
            for receipt in destination.resume():
                print(f"resumed: {receipt.rows:,} rows, {receipt.manifest_key}")
        print(
            f"in the journal: {len(list(journal.iterdir()))}, the customer reads {len(customer.rows('orders')):,} rows"
        )


if __name__ == "__main__":
    main()
