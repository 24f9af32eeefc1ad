"""What one customer hands over: bucket, region, how to get in, and what else their bucket asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, field_validator, model_validator

from s3dest.auth import Auth, HmacAuth, RoleAuth
from s3dest.capabilities import Capabilities
from s3dest.encryption import Encryption, SseKms
from s3dest.model import Location, Written, rejection
from s3dest.names import (
    AwsPartition,
    check_aws_region,
    check_bucket,
    check_endpoint,
    check_without_bucket,
    is_aws_host,
    normalise_prefix,
    partition_of,
    split_bucket,
)

STORAGE_CLASSES: Final = (
    "STANDARD",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
    "REDUCED_REDUNDANCY",
)
"""The values of ``x-amz-storage-class`` for general purpose buckets (PutObject, S3 API reference)."""

_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_OWNER_ELSEWHERE: Final = re.compile(r"[\w$-]{1,128}", re.ASCII)
_REGION_ELSEWHERE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def _without_default(schema: dict[str, Any]) -> None:
    """Let the schema say no default where it is another than ``null``: a form that fills it in would say ``null``."""
    del schema["default"]


class DestinationConfig(Written):
    """One customer's bucket: where it is, how to get in, what its requests must carry.

    Loads from plain JSON and is frozen. Its JSON schema carries these descriptions, good enough to draw a form.
    Pickling keeps the secret in clear, so that workers can use it; `model_dump` masks it. What is stored is dumped
    without `exclude_none` and `exclude_defaults`, which lose what `null` says. All fields may come from the
    customer but the role's `external_id`, which the vendor makes, and the two addresses, unless `sts_hosts` in the
    identity says where the vendor's credentials may go.
    """

    bucket: str = Field(examples=["acme-lake"])
    """Name of the bucket; a pasted `s3://BUCKET/PREFIX` or `arn:aws:s3:::BUCKET` is understood."""

    region: str = Field(examples=["eu-west-1"])
    """The bucket's region, as the S3 console shows it beside the bucket."""

    prefix: str = ""
    """Folder under which everything is written; without one, the whole bucket."""

    auth: Auth
    """A role of the customer (recommended), or the keys of an IAM user."""

    endpoint_url: str | None = Field(default=None, examples=["https://s3.example.com"])
    """Address of the store without the bucket, for S3-compatible stores and VPC endpoints. Default: AWS, in the given
    region. On other stores STS is asked there, too, with the vendor's own credentials, unless `sts_endpoint_url` is
    given: from somebody who is not trusted, take it only with `sts_hosts` in the identity."""

    sts_endpoint_url: str | None = None
    """Address of STS. Default: on AWS the regional endpoint, elsewhere `endpoint_url`. The vendor's own credentials are
    sent there: from somebody who is not trusted, take it only with `sts_hosts` in the identity."""

    addressing_style: Literal["auto", "virtual", "path"] = "auto"
    """Whether the bucket stands in the host name or in the path; `auto` is right on AWS."""

    expected_bucket_owner: str | None = Field(default=None, json_schema_extra=_without_default)
    """Account that must own the bucket, so that a bucket deleted and taken over by others gets no data. Default: on
    AWS the account of the role; `null` turns it off."""

    encryption: Encryption | None = None
    """Server-side encryption to ask for. Default: none, so that the bucket's own default applies."""

    storage_class: str | None = Field(default=None, examples=["STANDARD_IA"])
    """Storage class of the data objects; manifests keep the bucket's default, so that they can be read at once."""

    capabilities: Capabilities | None = None
    """What a check found out about the store: `report.capabilities`. Kept here, a store that does not enforce
    append-only is used knowingly, and requests have the form that it took."""

    @property
    def on_aws(self) -> bool:
        """Whether the store is AWS S3, also behind an endpoint of its own."""
        return self.endpoint_url is None or is_aws_host(self.endpoint_url)

    @property
    def over_tls(self) -> bool:
        """Whether requests are encrypted on their way; then no digest of their body is signed."""
        return self.endpoint_url is None or self.endpoint_url.startswith("https://")

    @property
    def sts_url(self) -> str | None:
        """Where sessions of a role are asked for; ``None`` for AWS's own STS, in a region."""
        return self.sts_endpoint_url or (None if self.on_aws else self.endpoint_url)

    @property
    def partition(self) -> AwsPartition:
        """AWS's partition of the region; elsewhere that of the role's ARN, or plain ``aws``."""
        if self.on_aws and (partition := partition_of(self.region)):
            return partition
        name = self.auth.role.partition if isinstance(self.auth, RoleAuth) else "aws"
        return AwsPartition(name, "amazonaws.com")

    @property
    def key_prefix(self) -> str:
        """What every key begins with, and every policy's resource: empty, or the prefix and a slash."""
        return f"{self.prefix}/" if self.prefix else ""

    @property
    def uri(self) -> str:
        """The destination as ``s3://bucket/prefix``."""
        return f"s3://{self.bucket}/{self.prefix}"

    def enforces(self, condition: Literal["conditional_put", "conditional_complete"]) -> bool:
        """Tell whether the store is known to refuse overwriting in this way: AWS does, others as a check found."""
        found: bool | None = getattr(self.capabilities, condition, None)
        return self.on_aws if found is None else found

    def dump_with_secrets(self) -> dict[str, Any]:
        """Dump to plain JSON values with the secret access key in clear, for a vault and nothing else."""
        dumped = self.model_dump(mode="json")
        if isinstance(self.auth, HmacAuth):
            dumped["auth"]["secret_access_key"] = self.auth.secret_access_key.get_secret_value()
        return dumped

    @model_validator(mode="before")
    @classmethod
    def _take_bucket_apart(cls, data: object) -> object:
        return take_bucket_apart(data, title=cls.__name__)

    @model_validator(mode="wrap")
    @classmethod
    def _default_owner(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Fill in the owner, so that a dumped config says what it does and loads back the same."""
        config = handler(data)
        given = "expected_bucket_owner" in config.model_fields_set
        if not given and isinstance(config.auth, RoleAuth) and config.on_aws:
            account = config.auth.role.account
            config.__dict__["expected_bucket_owner"] = account if _ACCOUNT.fullmatch(account) else None
        return config

    @field_validator("prefix")
    @classmethod
    def _prefix(cls, prefix: str) -> str:
        return normalise_prefix(prefix)

    @field_validator("endpoint_url", "sts_endpoint_url")
    @classmethod
    def _endpoint(cls, url: str | None) -> str | None:
        return None if url is None else check_endpoint(url)

    def _contradictions(self) -> Iterator[tuple[Location, str]]:
        for location, check in (
            (("bucket",), self._check_bucket),
            (("region",), self._check_region),
            (("endpoint_url",), self._check_endpoint),
            (("auth", "role_arn"), self._check_role),
            (("auth", "duration"), self._check_duration),
            (("expected_bucket_owner",), self._check_owner),
            (("encryption", "key_arn"), self._check_key),
            (("storage_class",), self._check_storage_class),
        ):
            try:
                check()
            except ValueError as error:
                yield location, str(error)

    def _check_bucket(self) -> None:
        check_bucket(self.bucket, aws=self.on_aws)

    def _check_region(self) -> None:
        if self.on_aws:
            check_aws_region(self.region)
        elif not _REGION_ELSEWHERE.fullmatch(self.region):
            msg = "must be the name of a region; where the store has none, 'us-east-1'"
            raise ValueError(msg)

    def _check_endpoint(self) -> None:
        if self.endpoint_url is not None:
            check_without_bucket(self.endpoint_url, self.bucket)

    def _check_role(self) -> None:
        if not isinstance(self.auth, RoleAuth) or not self.on_aws:
            return
        role, partition = self.auth.role, partition_of(self.region)
        if not _ACCOUNT.fullmatch(role.account):
            msg = "must hold a 12-digit account: arn:aws:iam::111122223333:role/…"
            raise ValueError(msg)
        if partition and role.partition != partition.name:
            msg = f"is of partition {role.partition!r}, but region {self.region!r} is in {partition.name!r}"
            raise ValueError(msg)

    def _check_duration(self) -> None:
        shortest = 900  # AssumeRole, STS API reference; test servers allow less
        if (
            isinstance(self.auth, RoleAuth)
            and self.on_aws
            and self.sts_endpoint_url is None
            and self.auth.duration.total_seconds() < shortest
        ):
            msg = "must be at least 15 minutes: STS on AWS gives no shorter sessions"
            raise ValueError(msg)

    def _check_owner(self) -> None:
        pattern = _ACCOUNT if self.on_aws else _OWNER_ELSEWHERE
        if self.expected_bucket_owner is not None and not pattern.fullmatch(self.expected_bucket_owner):
            msg = "must be the 12-digit account that owns the bucket, or null"
            raise ValueError(msg)

    def _check_key(self) -> None:
        if not isinstance(self.encryption, SseKms) or not self.on_aws:
            return
        if self.encryption.region is None:
            msg = "must be the ARN of a KMS key (no alias), such as 'arn:aws:kms:eu-west-1:111122223333:key/…'"
            raise ValueError(msg)
        if partition_of(self.region) and self.encryption.region != self.region:
            msg = f"is a key in {self.encryption.region!r}; S3 takes only keys of the bucket's region {self.region!r}"
            raise ValueError(msg)

    def _check_storage_class(self) -> None:
        if self.on_aws and self.storage_class not in {None, *STORAGE_CLASSES}:
            msg = f"must be one of {', '.join(STORAGE_CLASSES)}"
            raise ValueError(msg)


def take_bucket_apart(data: object, *, title: str) -> object:
    """Move the prefix of a pasted bucket URI into its own field, before a model of this title is made of the values."""
    if not isinstance(data, Mapping) or not isinstance(data.get("bucket"), str):
        return data
    text = data["bucket"].strip()
    try:
        bucket, pasted = split_bucket(text)
        pasted = normalise_prefix(pasted)
    except ValueError as error:
        raise rejection(title, [(("bucket",), str(error))]) from None
    partition = partition_of(str(data.get("region")).strip())
    if partition and text.startswith("arn:") and text.split(":")[1] != partition.name:
        msg = f"is in partition {partition.name!r}, but the pasted ARN of the bucket is of another"
        raise rejection(title, [(("region",), msg)])
    given = data.get("prefix") or pasted
    if pasted and isinstance(given, str) and _normal(given) not in {None, pasted}:
        msg = f"contradicts the pasted bucket, which ends in the prefix {pasted!r}; give one of the two"
        raise rejection(title, [(("prefix",), msg)])
    return {**data, "bucket": bucket, **({"prefix": given} if pasted else {})}


def _normal(prefix: str) -> str | None:
    """Normalise a prefix for comparison; one that is wrong is reported at its own field."""
    try:
        return normalise_prefix(prefix)
    except ValueError:
        return None
