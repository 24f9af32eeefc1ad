"""What every test gets: no settings of the machine; and what many ask for: a fake AWS."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from fake import FakeAws
from hypothesis import settings

# No deadline: how long an example takes says how busy the machine is. Examples are other ones each time.
settings.register_profile("s3dest", deadline=None, max_examples=50)
settings.load_profile("s3dest")


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    """Run the fake for one test."""
    with FakeAws() as aws:
        yield aws


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
