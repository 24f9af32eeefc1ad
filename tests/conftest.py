"""What every test gets: no settings of the machine; and what many ask for: a fake AWS."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake import FakeAws
from hypothesis import settings

from s3dest import TransferOptions
from s3dest.s3 import Bucket

# No deadline: how long an example takes says how busy the machine is. Examples are other ones each time.
settings.register_profile("s3dest", deadline=None, max_examples=50)
settings.load_profile("s3dest")


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    """Run the fake for one test."""
    with FakeAws() as aws:
        yield aws


@pytest.fixture
def bucket_of(aws: FakeAws) -> Iterator[Callable[..., Bucket]]:
    """Make buckets, and close them afterwards."""
    made = []

    def make(*, options: TransferOptions | None = None, **changes: Any) -> Bucket:
        bucket = Bucket(aws.config(**changes), aws.vendor, options or TransferOptions(), clock=aws.clock.injected)
        made.append(bucket)
        return bucket

    yield make
    for bucket in made:
        bucket.close()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the machine's AWS settings away, and ours: variables, files in HOME, the metadata service."""
    for name in os.environ:
        if name.startswith(("AWS_", "S3DEST_")) or name.endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("COLUMNS", raising=False)  # which pytest-xdist sets
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
