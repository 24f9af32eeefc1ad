"""What a request that creates an object says of it, and how creating it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from s3dest.config import DestinationConfig
from s3dest.encryption import SseKms, SseS3


@dataclass(frozen=True, slots=True)
class Creation:
    """How creating an object ended, by a put or by completing an upload."""

    created: bool
    """Whether this request created the object; else there was one already (412)."""

    ambiguous: bool = False
    """Whether an earlier try of this very request may have created it, its answer being lost."""

    confirmed: bool = True
    """Whether an answer says that the object is there; else it is concluded from an answer that was lost."""

    surely_new: bool = False
    """Whether there was no such object before: stores answer a repeated completion with success, too, and some
    overwrite by a first one."""

    etag: str | None = None
    """The ETag, without quotes."""

    version_id: str | None = None
    """The version, in a versioned bucket."""

    kms: bool = False
    """Whether the store says that it encrypted the object with a KMS key."""


def parameters_of(config: DestinationConfig, content_type: str, *, manifest: bool = False) -> dict[str, Any]:
    """Build what is said of a new object: its media type, the encryption and, of data, the storage class."""
    said: dict[str, Any] = {"ContentType": content_type}
    if isinstance(config.encryption, SseKms):
        said |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": config.encryption.key_arn}
    elif isinstance(config.encryption, SseS3):
        said["ServerSideEncryption"] = "AES256"
    if config.storage_class and not manifest:
        said["StorageClass"] = config.storage_class
    return said


def kms_key_of(answer: dict[str, Any]) -> str | None:
    """Tell the KMS key that the store encrypts with: ``"*"`` if it does not say which, ``None`` if it uses none."""
    if not str(answer.get("ServerSideEncryption", "")).startswith("aws:kms"):
        return None
    return str(answer.get("SSEKMSKeyId") or "*")


def version_of(answer: dict[str, Any]) -> str | None:
    """Tell the version that was created, if the bucket has any."""
    version = answer.get("VersionId")
    return None if version in {None, "", "null"} else str(version)
