"""One kit of each kind, and what a customer's administrator does with it."""

from __future__ import annotations

from typing import Any

from s3dest.destination import Destination
from s3dest.kit import SetupKit
from s3dest.testing import EmbeddedS3
from s3dest.vendor import AwsPrincipal, GoogleServiceAccount, OidcSubject

EXTERNAL_ID = "s3dest-abcdefghijklmnopqrstuvwxyz"
VENDOR = AwsPrincipal(arn="arn:aws:iam::123456789012:user/vendor")
GOOGLE = GoogleServiceAccount(subject="104029292853099978293", audience="acme")
OIDC = OidcSubject(issuer="https://oidc.example.com/id/1", subject="system:x", audience="acme")
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def make(**changes: Any) -> SetupKit:
    """Make a kit of plain values."""
    values = {"bucket": "acme-lake", "region": "eu-west-1", "prefix": "vendor/exports", "vendor": VENDOR}
    return SetupKit.model_validate({**values, "external_id": EXTERNAL_ID, **changes})


VARIANTS: dict[str, SetupKit] = {
    "plain": make(),
    "key": make(key_arn=KEY_ARN, guard=True, account="111122223333"),
    "oidc": make(vendor=OIDC, external_id=None, create_bucket=False, prefix=""),
    "google": make(vendor=GOOGLE, external_id=None, region="us-east-1"),
    "odd": make(prefix="a %{if} 'ä😀\" $(x) @@BUCKET@@", vendor=OIDC, external_id=None, key_arn=KEY_ARN),
}


def works(s3: EmbeddedS3, kit: SetupKit, role_arn: str) -> None:
    """Check and append with what a customer hands back."""
    config = kit.config(role_arn)
    with Destination(config) as destination:
        report = destination.check()
        assert report.ok, str(report)
        with destination.append("orders") as append:
            append.write({"id": 1})
    assert append.receipt.rows == 1
    keys = [item["Key"] for item in customer(s3, "s3").list_objects_v2(Bucket=config.bucket)["Contents"]]
    assert {key.startswith(f"{config.key_prefix}") for key in keys} == {True}
    assert len(keys) == 2


def customer(s3: EmbeddedS3, service: str) -> Any:
    """Make a client of the customer's administrator."""
    return s3._client_of(service, "eu-west-1")
