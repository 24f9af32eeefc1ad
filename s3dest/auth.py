"""How the service gets into the customer's account: by a role, or by an IAM user's keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final

from pydantic import (
    Discriminator,
    Field,
    SecretStr,
    Tag,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    field_validator,
)

from s3dest.model import Written, rejection, untagged
from s3dest.names import RoleArn, parse_role_arn

MAX_DURATION: Final = timedelta(hours=12)
"""STS's limit for a role's session; the role's own MaxSessionDuration is between 1 and 12 hours."""

_Duration = Annotated[
    timedelta,
    WithJsonSchema({"anyOf": [{"type": "string", "format": "duration"}, {"type": "number"}]}, mode="validation"),
]

_EXTERNAL_ID: Final = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_SESSION_NAME: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_ACCESS_KEY_ID: Final = re.compile(r"[\x21-\x7e]{3,128}")


class RoleAuth(Written):
    """A role in the customer's account that the service assumes; STS gives it keys for an hour at a time."""

    role_arn: str = Field(examples=["arn:aws:iam::111122223333:role/transfer-role"])
    """ARN of the role, as its page in the IAM console shows it."""

    external_id: str | None = Field(examples=["acme-7f3c"])
    """The id that the role's trust policy demands (`sts:ExternalId`), unique to this customer. Must be given;
    `null` says outright that the trust policy demands none."""

    session_name: str | None = None
    """Name of the sessions in the customer's CloudTrail, 2 to 64 characters. Default: `s3dest-` and the bucket."""

    duration: _Duration = timedelta(hours=1)
    """How long one session lasts: 15 minutes to 12 hours on AWS, lowered by itself where the role allows less. A number
    of seconds, or as `PT30M`."""

    session_policy: bool = True
    """Narrow each session to appending under the prefix, whatever else the role may do."""

    @property
    def role(self) -> RoleArn:
        """The ARN, taken apart."""
        return parse_role_arn(self.role_arn)

    @field_validator("role_arn")
    @classmethod
    def _role_arn(cls, arn: str) -> str:
        parse_role_arn(arn)
        return arn

    @field_validator("external_id")
    @classmethod
    def _external_id(cls, external_id: str | None) -> str | None:
        if external_id is not None and not _EXTERNAL_ID.fullmatch(external_id):
            msg = "must be 2 to 1224 letters, digits and +=,.@:/-_ (null, if the trust policy demands none)"
            raise ValueError(msg)
        return external_id

    @field_validator("session_name")
    @classmethod
    def _session_name(cls, name: str | None) -> str | None:
        if name is not None and not _SESSION_NAME.fullmatch(name):
            msg = "must be 2 to 64 letters, digits and +=,.@-_"
            raise ValueError(msg)
        return name

    @field_validator("duration", mode="before")
    @classmethod
    def _seconds(cls, duration: object) -> object:
        """Take a number in a text, as variables of the environment hold it, for the seconds that the bare number is."""
        text = duration.strip() if isinstance(duration, str) else ""
        return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else duration

    @field_validator("duration")
    @classmethod
    def _duration(cls, duration: timedelta) -> timedelta:
        if not timedelta(seconds=1) <= duration <= MAX_DURATION:
            msg = "must be between 15 minutes and 12 hours"
            raise ValueError(msg)
        return duration


class HmacAuth(Written):
    """Long-term keys of an IAM user of the customer, or of a user of an S3-compatible store."""

    access_key_id: str = Field(examples=["AKIAIOSFODNN7EXAMPLE"])
    """The access key ID."""

    secret_access_key: SecretStr
    """The secret access key. It is in no repr, log line or error; `DestinationConfig.dump_with_secrets()` alone
    writes it out."""

    @field_validator("access_key_id")
    @classmethod
    def _access_key_id(cls, key_id: str) -> str:
        if not _ACCESS_KEY_ID.fullmatch(key_id):
            msg = "must be an access key ID without spaces, such as AKIA and 16 more letters and digits"
            raise ValueError(msg)
        if re.fullmatch(r"[A-Za-z0-9/+]{40}", key_id):
            msg = "looks like a secret access key: the two fields seem to be swapped"
            raise ValueError(msg)
        if key_id.startswith("ASIA"):
            msg = "belongs to temporary credentials, which die within hours; give a user's key (AKIA…), or use a role"
            raise ValueError(msg)
        return key_id

    @field_validator("secret_access_key")
    @classmethod
    def _secret_access_key(cls, secret: SecretStr) -> SecretStr:
        text = secret.get_secret_value().strip()
        if not text:
            msg = "must not be empty"
            raise ValueError(msg)
        if set(text) <= {"*", "•", "●"}:
            msg = "is masked: it was dumped without secrets and cannot be loaded back; give the key itself"
            raise ValueError(msg)
        if re.search(r"\s", text):
            msg = "must not hold spaces or line breaks"
            raise ValueError(msg)
        return SecretStr(text)


_ROLE_KEYS: Final = frozenset(RoleAuth.model_fields)
_HMAC_KEYS: Final = frozenset(HmacAuth.model_fields)


def _kind(value: object) -> str | None:
    """Infer the kind of auth from the keys present."""
    if isinstance(value, RoleAuth):
        return "role"
    if isinstance(value, HmacAuth):
        return "hmac"
    if not isinstance(value, Mapping):
        return None
    role, hmac = len(_ROLE_KEYS & value.keys()), len(_HMAC_KEYS & value.keys())
    if role == hmac:  # neither, or a mix that says nothing
        return None
    return "role" if role > hmac else "hmac"


def _needs_known_keys(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    if _kind(value) is None:
        keys = set(value) if isinstance(value, Mapping) else set[object]()
        msg = "needs either role_arn and external_id, or access_key_id and secret_access_key"
        if _ROLE_KEYS & keys and _HMAC_KEYS & keys:
            msg += ", not both"
        title = "Auth"
        raise rejection(title, [((), msg)])
    return handler(value)


Auth = Annotated[
    Annotated[RoleAuth, Tag("role")] | Annotated[HmacAuth, Tag("hmac")],
    Discriminator(_kind),
    untagged("role", "hmac"),
    WrapValidator(_needs_known_keys),
]
