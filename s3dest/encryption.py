"""Which server-side encryption a request asks for; without any, the bucket's default applies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from s3dest.model import Written, untagged

# No alias: IAM policies do not take an alias ARN for the key behind it (KMS developer guide, "Specifying KMS keys in
# IAM policy statements"), so that the policies we generate would grant nothing.
_KEY_ARN: Final = re.compile(r"arn:aws[a-z0-9-]*:kms:[a-z0-9-]+:\d{12}:key/[\w-]+", re.ASCII)


class SseS3(Written):
    """Encrypt with keys of S3 (`AES256`), said outright for buckets whose policy demands the header."""

    type: Literal["sse-s3"] = "sse-s3"
    """Marks the kind in JSON."""


class SseKms(Written):
    """Encrypt with the customer's KMS key; needs `kms:GenerateDataKey` and `kms:Decrypt` on it, through S3."""

    type: Literal["sse-kms"] = "sse-kms"
    """Marks the kind in JSON."""

    key_arn: str = Field(examples=["arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"])
    """ARN of the key, in the bucket's region. A bare key id would be looked for in the wrong account."""

    @property
    def region(self) -> str | None:
        """The key's region; ``None`` for the free-form key names of other stores."""
        return self.key_arn.split(":")[3] if _KEY_ARN.fullmatch(self.key_arn) else None

    @field_validator("key_arn")
    @classmethod
    def _key_arn(cls, arn: str) -> str:
        if not re.fullmatch(r"[\x21-\x7e]{1,2048}", arn):
            msg = "must be the ARN of a KMS key, such as 'arn:aws:kms:eu-west-1:111122223333:key/…'"
            raise ValueError(msg)
        return arn


def _kind(value: object) -> str | None:
    """Infer the kind: who names a key wants KMS."""
    if isinstance(value, Mapping):
        return "sse-kms" if "key_arn" in value else str(value.get("type", "sse-s3"))
    return getattr(value, "type", None)


Encryption = Annotated[
    Annotated[SseS3, Tag("sse-s3")] | Annotated[SseKms, Tag("sse-kms")],
    Discriminator(
        _kind, custom_error_type="encryption", custom_error_message="needs type 'sse-s3', or 'sse-kms' and key_arn"
    ),
    untagged("sse-s3", "sse-kms"),
]
