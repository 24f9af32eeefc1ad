"""What every test gets: no settings of the machine; and what many ask for: a fake AWS."""

from __future__ import annotations

import datetime as dt
import gc
import ipaddress
import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fake import FakeAws
from hypothesis import settings

from s3dest import TransferOptions
from s3dest.s3 import Bucket

# No deadline: how long an example takes says how busy the machine is. Examples are other ones each time.
settings.register_profile("s3dest", deadline=None, max_examples=50)
settings.load_profile("s3dest")


def pytest_collection_finish() -> None:
    """Leave what all tests share out of each collection of garbage: it takes longer to go through than a test."""
    gc.collect()
    gc.freeze()


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


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate of this machine, with its key in the same file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "s3dest")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = tmp_path_factory.mktemp("tls") / "certificate"
    pem = serialization.Encoding.PEM
    path.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, form, plain))
    return path


@pytest.fixture(params=["<-05>5", "<+05>-5"], ids=["behind", "ahead"])
def far_from_utc(request: pytest.FixtureRequest) -> Iterator[None]:
    """Move the machine five hours away from UTC; where it is local time, who takes it for that is not caught."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


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
