"""What a kit is made from, the documents in it, and its files. How each file is written is in its own module."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import Field, ValidationError, field_validator, model_validator

from s3dest import policies
from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig, take_bucket_apart
from s3dest.errors import ConfigError
from s3dest.kit import cloudformation, guide, script, terraform
from s3dest.kit.documents import STAND_IN, Documents, pretty
from s3dest.local_file import telling
from s3dest.model import Location, Written, rejection
from s3dest.names import partition_of
from s3dest.vendor import AwsPrincipal, WrittenVendor

GUIDE: Final = "GUIDE.md"
"""The file of a kit that is to be read first."""

_KEY_STATEMENT: Final = "policies/kms-key-statement.json"
"""The file that not every kit has."""

_NAME: Final = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)


class SetupKit(Written):
    """Everything for one customer to set a destination up, from values that are known before anything exists.

    `files` holds it all: a guide for the console, a CloudFormation template, a Terraform module, a script for the AWS
    CLI, and each policy by itself. The customer takes one way of the four and hands back bucket, region and role ARN;
    `config` makes the destination from them. For AWS, not for S3-compatible stores.
    """

    bucket: str = Field(examples=["acme-lake"])
    """Name of the bucket, existing or to be created; a pasted `s3://BUCKET/PREFIX` is understood."""

    region: str = Field(examples=["eu-west-1"])
    """The bucket's region."""

    prefix: str = ""
    """Folder that the role may write to; without one, the whole bucket."""

    vendor: WrittenVendor
    """Whom the role is to trust."""

    external_id: str | None = None
    """This customer's external id, made once by `new_external_id` and stored. Needed with an `AwsPrincipal`; the other
    identities have an audience in its place."""

    role_name: str = "transfer-role"
    """Name of the role to create."""

    key_arn: str | None = None
    """ARN of a customer-managed KMS key to encrypt with. Default: keys of S3."""

    create_bucket: bool = True
    """Whether the bucket is to be created. One that exists keeps its settings."""

    guard: bool = False
    """Whether a new bucket gets the bucket guard: a policy under which nobody, the customer included, can overwrite
    under the prefix. To one that exists the guide has it added by hand, since it may have a policy already."""

    account: str | None = None
    """The customer's AWS account, if known; otherwise the documents that need it say `ACCOUNT_ID`."""

    service: str = "the data syncing service"
    """What the customer calls the vendor's service, for texts."""

    def config(self, role_arn: str) -> DestinationConfig:
        """Make the destination's config from what the customer hands back.

        Raises:
            ValidationError: It is not the ARN of a role, or of one in another partition or account.
        """
        values: dict[str, object] = {"bucket": self.bucket, "region": self.region, "prefix": self.prefix}
        if self.key_arn is not None:
            values["encryption"] = {"type": "sse-kms", "key_arn": self.key_arn}
        auth = {"role_arn": role_arn, "external_id": self.external_id}
        config = DestinationConfig.model_validate({**values, "auth": auth})
        if self.account and isinstance(config.auth, RoleAuth) and config.auth.role.account != self.account:
            msg = f"is of account {config.auth.role.account}, and this kit was made for account {self.account}"
            raise rejection(DestinationConfig.__name__, [(("auth", "role_arn"), msg)])
        return config

    @property
    def documents(self) -> Documents:
        """The policies as plain dicts."""
        return Documents.of(self._foreseen(), self.vendor, create_bucket=self.create_bucket)

    def files(self) -> dict[str, str]:
        """Write the kit: texts by their path in it."""
        documents = self.documents
        facts = guide.Facts(
            documents=documents,
            service=self.service,
            role_name=self.role_name,
            guard=self.guard,
            external_id=self.external_id,
        )
        return {
            GUIDE: guide.write(facts),
            "cloudformation.json": cloudformation.write(documents, role_name=self.role_name, guard=self.guard),
            **terraform.write(documents, role_name=self.role_name, guard=self.guard),
            "setup.sh": script.write(documents, role_name=self.role_name, guard=self.guard),
            **{f"policies/{name}.json": pretty(document) for name, document in documents.by_name().items()},
        }

    def write(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write the kit into a folder, made if need be; files of an earlier kit in it are replaced.

        Raises:
            LocalFileError: The folder cannot be written.
        """
        files, written = self.files(), []
        with telling(
            f"The folder {os.fspath(folder)}", code="kit_unwritable", remedy="Write the kit to another folder."
        ):
            if _KEY_STATEMENT not in files:
                Path(folder, _KEY_STATEMENT).unlink(missing_ok=True)
            for name, text in files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
                if path.suffix == ".sh":
                    path.chmod(0o755)
                written.append(path)
        return written

    @model_validator(mode="before")
    @classmethod
    def _take_bucket_apart(cls, data: object) -> object:
        return take_bucket_apart(data, title=cls.__name__)

    @field_validator("role_name")
    @classmethod
    def _role_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            msg = "must be 1 to 64 letters, digits and +=,.@-_"
            raise ValueError(msg)
        return name

    @field_validator("account")
    @classmethod
    def _account(cls, account: str | None) -> str | None:
        if account is not None and not _ACCOUNT.fullmatch(account):
            msg = "must be the 12 digits of an AWS account"
            raise ValueError(msg)
        return account

    @field_validator("service")
    @classmethod
    def _service(cls, service: str) -> str:
        if not re.fullmatch(r"[\w .,&'()/-]{1,80}", service):
            msg = "must be a name of at most 80 letters, digits, spaces and .,&'()/-"
            raise ValueError(msg)
        return service

    def _foreseen(self) -> DestinationConfig:
        """Make the config as it will be; the account stands for the customer's."""
        partition = partition_of(self.region)
        name = partition.name if partition else "aws"
        return self.config(f"arn:{name}:iam::{self.account or STAND_IN}:role/{self.role_name}")

    def _contradictions(self) -> Iterator[tuple[Location, str]]:
        if isinstance(self.vendor, AwsPrincipal) and self.external_id is None:
            yield ("external_id",), "must be given with an AWS principal: make one with s3dest.new_external_id()"
            return
        try:
            config = self._foreseen()
        except ValidationError as error:
            yield from ((_field(line), line["msg"]) for line in error.errors())
            return
        try:
            policies.trust(config, self.vendor)
        except ConfigError as error:
            yield ("vendor",), error.message.removesuffix(".")


def _field(line: Any) -> Location:  # noqa: ANN401  # a line of pydantic's errors
    """Name the kit's own field for one of the config."""
    location: Location = line["loc"]
    if location[:1] == ("encryption",):
        return ("key_arn",)
    return location[1:] if location[:1] == ("auth",) else location
