"""Signed manifests: a reader with the public key can tell the vendor's from anybody else's."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from s3dest import ConfigError, Destination, ManifestSigner
from s3dest.signature import signed_bytes

if TYPE_CHECKING:
    from fake import FakeAws

KEY = Ed25519PrivateKey.generate()
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
LINE = PEM.decode().splitlines()[1]
"""The secret itself."""


def pem(key: Any, password: bytes | None = None) -> bytes:
    """Write a private key down."""
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    written: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return written


def signed_manifest(aws: FakeAws) -> dict[str, Any]:
    """Make a transfer whose manifest is signed, with names that are not ASCII, and read the manifest."""
    destination = Destination(aws.config(), identity=aws.vendor, signer=ManifestSigner("2026-11", PEM))
    destination._clock = aws.clock.injected
    with destination, destination.append("bestellungen für ü") as append:
        append.write_many([{"id": 1}, {"id": 2}])
    document: dict[str, Any] = json.loads(aws.store.objects[append.receipt.manifest_key or ""].data)
    return document


def verify(document: dict[str, Any], key: Ed25519PublicKey) -> None:
    """Verify as a stranger would, with nothing of ours: the text is made by Python's own json."""
    rest = {name: value for name, value in document.items() if name != "signature"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    key.verify(base64.b64decode(document["signature"]["value"], validate=True), text)


def test_the_public_key_verifies_it(aws: FakeAws) -> None:
    """And it names the key, so that the reader knows which of the vendor's to take."""
    document = signed_manifest(aws)
    verify(document, KEY.public_key())
    assert document["signature"]["algorithm"] == "Ed25519"
    assert document["signature"]["key_id"] == "2026-11"
    KEY.public_key().verify(base64.b64decode(document["signature"]["value"]), signed_bytes(document))


def altered(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Change each fact of a manifest, one at a time."""
    for name in [name for name in document if name != "signature"]:
        changed = copy.deepcopy(document)
        changed[name] = f"{changed[name]} " if isinstance(changed[name], str) else 7
        yield name, changed
        removed = copy.deepcopy(document)
        del removed[name]
        yield f"no {name}", removed
    for name in document["entries"][0]["meta"]:
        changed = copy.deepcopy(document)
        changed["entries"][0]["meta"][name] = "0" * 64
        yield f"meta.{name}", changed
    changed = copy.deepcopy(document)
    changed["entries"][0]["url"] = "s3://evil-lake/key"
    yield "url", changed
    changed = copy.deepcopy(document)
    changed["entries"].append(changed["entries"][0])
    yield "another entry", changed
    yield "another field", {**document, "surprise": 1}


def test_an_altered_manifest_fails(aws: FakeAws) -> None:
    """Each single fact is covered, and so is what is added or taken away."""
    document = signed_manifest(aws)
    alterations = list(altered(document))
    assert len(alterations) > 20
    passed = []
    for name, changed in alterations:
        with suppress(InvalidSignature):
            verify(changed, KEY.public_key())
            passed.append(name)
    assert passed == []


def test_another_key_fails(aws: FakeAws) -> None:
    """Whoever can write to the bucket cannot write in the vendor's name."""
    with pytest.raises(InvalidSignature):
        verify(signed_manifest(aws), Ed25519PrivateKey.generate().public_key())


def test_the_same_manifest_has_the_same_signature() -> None:
    """Ed25519 is deterministic (RFC 8032), and the order of fields does not matter."""
    one = ManifestSigner("k", PEM).sign({"a": 1, "b": [{"d": 2, "c": 3}]})
    two = ManifestSigner("k", PEM).sign({"b": [{"c": 3, "d": 2}], "a": 1})
    assert one == two


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"not a key",
        PEM[:60],
        LINE.encode(),
        PEM.decode(),
        None,
        KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        pem(Ed25519PrivateKey.generate(), b"password"),
        pem(ed448.Ed448PrivateKey.generate()),
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(rsa.generate_private_key(65537, 2048)),
    ],
    ids=["empty", "text", "cut", "bare", "str", "none", "public", "password", "ed448", "ec", "rsa"],
)
def test_any_other_key_is_refused(key: Any) -> None:
    """When the signer is made, not when the first transfer ends; and the error does not repeat the key."""
    with pytest.raises(ConfigError, match="PEM of an Ed25519 private key") as caught:
        ManifestSigner("2026-11", key)
    assert caught.value.code == "signing_key"
    shown = "".join(traceback.format_exception(caught.value))
    assert LINE not in shown
    assert "PRIVATE KEY--" not in shown


def test_a_key_needs_a_name() -> None:
    """The reader chooses among the vendor's keys by it."""
    with pytest.raises(ConfigError, match="key id"):
        ManifestSigner("", PEM)


WITHOUT_EXTRA = """
import sys
sys.modules["cryptography"] = None
from s3dest import ConfigError, ManifestSigner
try:
    ManifestSigner("2026-11", b"")
except ConfigError as error:
    print(error.code, error.remedy, type(error.__cause__).__name__)
"""


def test_without_the_library_the_error_names_the_extra() -> None:
    """And importing s3dest needs no cryptography."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_EXTRA], check=True, capture_output=True, text=True)
    assert done.stdout == "extra_missing pip install 's3dest[signing]' ModuleNotFoundError\n"


def test_the_key_is_in_no_text(aws: FakeAws, caplog: pytest.LogCaptureFixture) -> None:
    """Not in repr and str, not in a log of everything, not in what the customer sees, not in a traceback."""
    signer = ManifestSigner("2026-11", PEM)
    assert repr(signer) == str(signer) == f"{signer}" == "ManifestSigner(key_id='2026-11')"
    with caplog.at_level(logging.DEBUG):
        signed_manifest(aws)
    texts = [caplog.text, *(stored.data.decode(errors="replace") for stored in aws.store.objects.values())]
    with pytest.raises(TypeError) as caught:
        signer.sign({"half": "\ud800", "what": object()})
    texts.append("".join(traceback.format_exception(caught.value)))
    assert not [text for text in texts if LINE in text]


def test_a_worker_takes_it_along() -> None:
    """A pickled signer signs as before; that is the one place the key goes to, and its destination with it."""
    signer = ManifestSigner("2026-11", PEM)
    assert pickle.loads(pickle.dumps(signer)).sign({"a": 1}) == signer.sign({"a": 1})  # noqa: S301  # our own
