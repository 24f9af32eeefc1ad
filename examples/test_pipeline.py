"""Test a pipeline against an S3 inside the process: real permissions and real answers, no account and no network.

Run it with ``pytest test_pipeline.py``, or as a script. The kit comes with the extra: pip install 's3dest[testing]'
"""

# ruff: noqa: S101  # assert is pytest's language

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

import pytest

from s3dest import Destination, DestinationConfig
from s3dest.testing import Customer, EmbeddedS3

# The pipeline: the vendor's own code, which knows nothing of tests.


class Source:
    """A stand-in for the vendor's database, with a cursor that says how far its rows are delivered."""

    def __init__(self, rows: list[Mapping[str, object]]) -> None:
        self.rows = rows
        self.delivered = 0

    def batch(self) -> tuple[str, str]:
        """Name the next batch: the same name and date until it is delivered."""
        return f"orders-{self.delivered}", "2026-11-23"

    def read(self) -> Iterator[Mapping[str, object]]:
        """Read what is not yet delivered."""
        yield from self.rows[self.delivered :]


def sync(source: Source, config: DestinationConfig) -> None:
    """Deliver what is new, then move the cursor: never the other way round."""
    transfer_id, transfer_date = source.batch()
    with (
        Destination(config) as destination,
        destination.append("orders", transfer_id=transfer_id, transfer_date=transfer_date) as append,
    ):
        append.write_many(source.read())
    source.delivered += append.receipt.rows


# The tests.


@pytest.fixture
def s3() -> Iterator[EmbeddedS3]:
    """Run the embedded S3, with the vendor's credentials in the environment, for one test."""
    with EmbeddedS3() as s3:
        yield s3


@pytest.fixture
def customer(s3: EmbeddedS3) -> Customer:
    """Play a customer who grants what the set-up guide says, without s3:DeleteObject, which no transfer needs."""
    customer = s3.customer(guard=True)
    customer.revoke_delete()
    return customer


def test_new_rows_arrive(customer: Customer) -> None:
    """The customer finds each row once, whatever the number of runs."""
    source = Source([{"id": 1}, {"id": 2}])
    sync(source, customer.config)
    source.rows += [{"id": 3}]
    sync(source, customer.config)
    assert customer.rows("orders") == [{"id": 1}, {"id": 2}, {"id": 3}]


def test_a_crash_before_the_cursor_moved_delivers_nothing_twice(customer: Customer) -> None:
    """A batch that is repeated by its name is not there twice."""
    source = Source([{"id": 1}, {"id": 2}])
    sync(source, customer.config)
    source.delivered = 0  # as if the process had died before the cursor was stored
    sync(source, customer.config)
    assert customer.rows("orders") == [{"id": 1}, {"id": 2}]
    assert source.delivered == len(source.rows)


def test_a_source_that_fails_midway_leaves_nothing(customer: Customer) -> None:
    """Half a batch is not visible, and the cursor stays."""

    class Broken(Source):
        def read(self) -> Iterator[Mapping[str, object]]:
            yield {"id": 1}
            raise ConnectionError

    source = Broken([])
    with pytest.raises(ConnectionError):
        sync(source, customer.config)
    assert customer.objects() == []
    assert source.delivered == 0


def test_the_customer_grants_enough(s3: EmbeddedS3, customer: Customer) -> None:
    """The log holds all that was sent to AWS: one role assumed, one object and its manifest put."""
    sync(Source([{"id": 1}]), customer.config)
    assert s3.requests == ["AssumeRole", "PutObject", "PutObject"]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
