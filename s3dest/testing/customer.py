"""A customer in the embedded S3: one bucket, one role or user, and eyes to see what was delivered."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from s3dest import layout, policies
from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig

if TYPE_CHECKING:
    from s3dest.policies import Policy
    from s3dest.testing.gate import Gate

POLICY_NAME = "transfer-policy"

ClientOf = Callable[[str, str], Any]
"""Gives the customer's boto3 client of a service in a region."""


@dataclass(frozen=True, slots=True)
class BucketObject:
    """One object in the customer's bucket."""

    key: str
    size: int
    """Bytes, as stored."""
    etag: str
    """As S3 sends it, quotes included."""
    modified: datetime
    """When it was created, UTC."""
    _read: Callable[[], bytes] = field(repr=False, compare=False)

    def read(self) -> bytes:
        """Read the stored bytes, as the customer.

        Needs ``s3:GetObject``, which the customer has and the destination does not.
        """
        return self._read()

    def rows(self) -> list[dict[str, Any]]:
        """Read the rows of a JSON Lines object, compressed with gzip or not.

        Raises:
            ValueError: The key ends in neither ``.jsonl`` nor ``.jsonl.gz``.
        """
        if not self.key.endswith((".jsonl", ".jsonl.gz")):
            message = f"{self.key} does not hold JSON Lines; read() gives its bytes."
            raise ValueError(message)
        data = self.read()
        lines = gzip.decompress(data) if self.key.endswith(".gz") else data
        return [json.loads(line) for line in lines.splitlines()]


class Customer:
    """One customer's side: what they set up, what they see, what they may take away.

    Made by `EmbeddedS3.customer`; none of its requests are in the log.

    Attributes:
        config: What the customer hands over to the vendor.
        trust: The role's trust policy; ``None`` for an IAM user.
        permission: The permission policy in place.
    """

    def __init__(
        self, client_of: ClientOf, gate: Gate, *, config: DestinationConfig, principal: str, trust: Policy | None
    ) -> None:
        self.config = config
        self.trust = trust
        self._iam = client_of("iam", config.region)
        self._s3 = client_of("s3", config.region)
        self._gate = gate
        self._principal = principal
        self.permission = policies.permission(config, stage="setup")
        self.put_permission(self.permission)

    def __repr__(self) -> str:
        return f"Customer({self.config.uri!r})"

    def put_permission(self, policy: Policy) -> None:
        """Put another permission policy in the place of the role's or user's.

        Needs ``iam:PutRolePolicy`` or ``iam:PutUserPolicy``, which the customer has.
        """
        document = json.dumps(policy)
        if isinstance(self.config.auth, RoleAuth):
            self._iam.put_role_policy(RoleName=self._principal, PolicyName=POLICY_NAME, PolicyDocument=document)
        else:
            self._iam.put_user_policy(UserName=self._principal, PolicyName=POLICY_NAME, PolicyDocument=document)
        self.permission = policy

    def revoke_delete(self) -> None:
        """Take ``s3:DeleteObject`` away, as the customer may after the first check.

        Needs ``iam:PutRolePolicy`` or ``iam:PutUserPolicy``, which the customer has.
        """
        self.put_permission(policies.permission(self.config, stage="steady"))

    def put_guard(self) -> None:
        """Refuse, from now on, every put under the prefix that could overwrite: `policies.bucket_guard`.

        The kit answers in the bucket's place, since moto does not evaluate the conditions of bucket policies. No
        request is sent.
        """
        self._gate.guarded.add(f"arn:aws:s3:::{self.config.bucket}/{self.config.key_prefix}")

    def objects(self, prefix: str = "") -> list[BucketObject]:
        """List all there is in the bucket, sorted by key; ``prefix`` counts from the top of the bucket.

        Needs ``s3:ListBucket``, which the customer has and the destination does not.
        """
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.config.bucket, Prefix=prefix)
        return [
            BucketObject(
                key=item["Key"],
                size=item["Size"],
                etag=item["ETag"],
                modified=item["LastModified"].astimezone(UTC),
                _read=self._reader(item["Key"]),
            )
            for page in pages
            for item in page.get("Contents", [])
        ]

    def manifests(self, table: str) -> list[dict[str, Any]]:
        """Read the manifests of a table: one for each committed transfer, in the order of their keys.

        Needs ``s3:ListBucket`` and ``s3:GetObject``, which the customer has and the destination does not.
        """
        folder = f"{self.config.key_prefix}{layout.MANIFEST_FOLDER}/{layout.escape(table)}/"
        return [json.loads(stored.read()) for stored in self.objects(folder)]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Read the committed rows of a table that is written as JSON Lines: what its manifests name, and no more.

        Columns that they are parted by are not in the objects, and so not in here: the manifests tell their values.
        Needs ``s3:ListBucket`` and ``s3:GetObject``, which the customer has and the destination does not.
        """
        by_url = {f"s3://{self.config.bucket}/{stored.key}": stored for stored in self.objects(self.config.key_prefix)}
        return [row for url in self._committed(table) for row in by_url[url].rows()]

    def _committed(self, table: str) -> Iterator[str]:
        return (entry["url"] for manifest in self.manifests(table) for entry in manifest["entries"])

    def _reader(self, key: str) -> Callable[[], bytes]:
        def read() -> bytes:
            body: bytes = self._s3.get_object(Bucket=self.config.bucket, Key=key)["Body"].read()
            return body

        return read
