"""The documents of a kit as plain dicts, and how they become text; the account may not be known yet."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final, Self

from s3dest import policies
from s3dest.config import DestinationConfig
from s3dest.encryption import SseKms
from s3dest.policies import Policy, Statement
from s3dest.vendor import VendorIdentity

ACCOUNT_ID: Final = "ACCOUNT_ID"
"""Stands in texts for the customer's account, where it is not known."""

STAND_IN: Final = "000000000000"
"""Stands for it in the config, which takes nothing but twelve digits; no account has this number."""

UPLOAD_DAYS: Final = 7
"""Days after which the lifecycle rule aborts an upload that nobody completed."""

KIT_TAG: Final = "s3dest-kit"
"""Key of the tag by which the script knows a role again that this kit made."""

_TAG_LENGTH: Final = 32
_PLACE: Final = re.compile(r"@@([A-Z_]+)@@")
_OPTIONAL: Final = re.compile(r"^@@IF (NOT )?([a-z_]+)@@\n((?:(?!@@IF ).)*?)^@@END@@\n", re.MULTILINE | re.DOTALL)
"""The innermost ones: without another inside."""


@dataclass(frozen=True, slots=True)
class Documents:
    """The policies of a kit, and what they are about."""

    config: DestinationConfig
    vendor: VendorIdentity
    create_bucket: bool
    trust: Policy
    setup: Policy
    steady: Policy
    bucket_guard: Policy
    kms_key_statement: Statement | None
    lifecycle: dict[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, config: DestinationConfig, vendor: VendorIdentity, *, create_bucket: bool) -> Self:
        """Make them all."""
        return cls(
            config=config,
            vendor=vendor,
            create_bucket=create_bucket,
            trust=policies.trust(config, vendor),
            setup=policies.permission(config, stage="setup"),
            steady=policies.permission(config, stage="steady"),
            bucket_guard=policies.bucket_guard(config),
            kms_key_statement=policies.kms_key_statement(config) if isinstance(config.encryption, SseKms) else None,
            lifecycle=_lifecycle(config),
        )

    @property
    def key_arn(self) -> str | None:
        """The KMS key, if there is one."""
        return self.config.encryption.key_arn if isinstance(self.config.encryption, SseKms) else None

    @property
    def kit_tag(self) -> str:
        """The value of the role's tag: who may come in by it, and to where, in a form that every tag takes.

        It outlives a change of the vendor's own role, and tells apart two prefixes of one customer and two vendors.
        """
        known = [self.config.bucket, self.config.key_prefix, self.trust["Statement"][0].get("Condition")]
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:_TAG_LENGTH]

    def by_name(self) -> dict[str, object]:
        """List them by the names of their files."""
        listed: dict[str, object] = {
            "trust": self.trust,
            "permission-setup": self.setup,
            "permission-steady": self.steady,
            "bucket-guard": self.bucket_guard,
            "lifecycle": self.lifecycle,
        }
        if self.kms_key_statement is not None:
            listed["kms-key-statement"] = self.kms_key_statement
        return listed


def pretty(document: object, *, account: str = ACCOUNT_ID) -> str:
    """Write a document as JSON for people, ending in a line break, with a word for an account that is not known."""
    return json.dumps(each_text(document, lambda text: in_account(text, account)), indent=2) + "\n"


def in_account(text: str, account: str) -> str:
    """Put an account into an ARN where it is not known; a prefix or an external id may look like a part of one."""
    pieces = text.split(":", 5)
    if pieces[0] != "arn" or pieces[4:5] != [STAND_IN]:
        return text
    return ":".join([*pieces[:4], account, *pieces[5:]])


def each_text(value: object, change: Callable[[str], object]) -> object:
    """Change each text in a document, but names."""
    if isinstance(value, dict):
        return {name: each_text(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [each_text(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value


def fill(template: str, values: Mapping[str, str], flags: Mapping[str, bool]) -> str:
    """Fill a template: ``@@NAME@@`` is a value; lines from ``@@IF flag@@`` to ``@@END@@`` are optional."""
    text = resources.files(__package__).joinpath("templates", template).read_text(encoding="utf-8")
    while _OPTIONAL.search(text):
        text = _OPTIONAL.sub(lambda match: match[3] if flags[match[2]] is not bool(match[1]) else "", text)
    return _PLACE.sub(lambda match: values[match[1]], text)


def _lifecycle(config: DestinationConfig) -> dict[str, list[dict[str, Any]]]:
    rule = {
        "ID": "s3dest-incomplete-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": config.key_prefix},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UPLOAD_DAYS},
    }
    return {"Rules": [rule]}
