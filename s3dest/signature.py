"""Signing manifests with Ed25519, so that a reader can tell the vendor's from anybody else's; extra ``signing``.

The signature covers the manifest as it stands, less its ``signature`` field: JSON with sorted keys and no spaces. The
public key is published out of band; a key inside the manifest would certify itself.
"""

from __future__ import annotations

import base64
import contextlib
from typing import TYPE_CHECKING, Final

import orjson

from s3dest.errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM: Final = "Ed25519"


class ManifestSigner:
    """Signs the manifests of a destination.

    Args:
        key_id: Names the key to the reader, who has its public half from elsewhere.
        private_key: PEM of an Ed25519 private key, without a password.

    Raises:
        ConfigError: The PEM holds no such key, or the ``cryptography`` library is missing.
    """

    def __init__(self, key_id: str, private_key: bytes) -> None:
        if not key_id:
            message = "A manifest signer needs a key id."
            raise ConfigError(
                message, code="signing_key", remedy="Choose a short name by which readers find the public key."
            )
        self.key_id = key_id
        self._pem = private_key
        self._key = _load(private_key)

    def sign(self, document: dict[str, object]) -> dict[str, str]:
        """Return the ``signature`` field for a manifest that has none yet."""
        value = self._key.sign(signed_bytes(document))
        return {"algorithm": ALGORITHM, "key_id": self.key_id, "value": base64.b64encode(value).decode()}

    def __repr__(self) -> str:
        """Name the key, never show it."""
        return f"ManifestSigner(key_id={self.key_id!r})"

    def __reduce__(self) -> tuple[type[ManifestSigner], tuple[str, bytes]]:
        """Take the key along to a worker."""
        return type(self), (self.key_id, self._pem)


def signed_bytes(document: dict[str, object]) -> bytes:
    """Return what the signature of a manifest covers; a reader verifies it over the same."""
    return orjson.dumps(
        {name: value for name, value in document.items() if name != "signature"}, option=orjson.OPT_SORT_KEYS
    )


def _load(pem: bytes) -> Ed25519PrivateKey:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415  # extra
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415
    except ImportError as error:
        message = "Signing manifests needs the cryptography library."
        raise ConfigError(message, code="extra_missing", remedy="pip install 's3dest[signing]'") from error
    key = None
    with contextlib.suppress(ValueError, TypeError):  # told below, without what the library says about the key
        key = load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        message = "The signing key must be the PEM of an Ed25519 private key without a password."
        raise ConfigError(message, code="signing_key", remedy="Make one with: openssl genpkey -algorithm ed25519")
    return key
