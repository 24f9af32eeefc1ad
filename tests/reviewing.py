"""What the tests of the linter share: a config, who its vendor is, policies, and findings cut short."""

from __future__ import annotations

import json
from typing import Any

from s3dest import policies
from s3dest.config import DestinationConfig
from s3dest.review.elements import Kind
from s3dest.vendor import AwsPrincipal, GoogleServiceAccount, OidcSubject

ROLE = {"role_arn": "arn:aws:iam::111122223333:role/transfer-role", "external_id": "acme-7f3c"}
KEYS = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
VENDOR = AwsPrincipal(arn="arn:aws:iam::444455556666:role/sync")
GOOGLE = GoogleServiceAccount(subject="104029292853099978293", audience="acme")
OIDC = OidcSubject(issuer="https://oidc.example.com/id/1", subject="system:x", audience="acme")
BUCKET = "arn:aws:s3:::acme-lake"
OUR_ROLE, OTHER_ROLE = ROLE["role_arn"], "arn:aws:iam::111122223333:role/other"
ROOT = "arn:aws:iam::111122223333:root"
OTHER = "arn:aws:iam::444455556666:role/other"
ID, ID_KEY = ROLE["external_id"], "sts:ExternalId"
EXACT = {"StringEquals": {ID_KEY: ID}}
TARGET = "arn:aws:s3:::acme-lake/vendor/exports/*"
KMS = ["kms:GenerateDataKey", "kms:Decrypt"]
PROBES = f"{TARGET[:-1]}.s3dest-probe/*"
SESSION = "arn:aws:sts::111122223333:assumed-role/transfer-role/s3dest"
OUR_USER = "arn:aws:iam::111122223333:user/x"


def make(**changes: Any) -> DestinationConfig:
    """Load a config from plain values."""
    values = {"bucket": "acme-lake", "region": "eu-west-1", "prefix": "vendor/exports", "auth": ROLE}
    return DestinationConfig.model_validate({**values, **changes})


KEYED = make(prefix="", encryption={"key_arn": KEY_ARN})

KINDS: tuple[Kind, ...] = ("permission", "trust", "bucket", "key")


def policy(*statements: Any) -> dict[str, Any]:
    """Put statements into a policy."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(principal: Any, action: Any, **changes: Any) -> dict[str, Any]:
    """Write a statement of a bucket policy that allows something."""
    return {
        "Effect": "Allow",
        "Principal": principal,
        "Action": action,
        "Resource": [BUCKET, f"{BUCKET}/*"],
        **changes,
    }


def way(condition: Any, **changes: Any) -> dict[str, Any]:
    """Write a trust policy of one statement, which lets the vendor in under a condition."""
    statement = {"Effect": "Allow", "Principal": {"AWS": VENDOR.arn}, "Action": "sts:AssumeRole"}
    return policy({**statement, "Condition": condition, **changes})


def codes(config: DestinationConfig, vendor: Any = None, **pasted: Any) -> list[tuple[str, str]]:
    """Review, and cut the findings short to what programs look at."""
    return [(finding.severity, finding.code) for finding in policies.review(config, vendor=vendor, **pasted)]


def deny(**changes: Any) -> dict[str, Any]:
    """Write a statement of a bucket policy that denies to put anything to anybody."""
    return {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"{BUCKET}/*", **changes}


def own(kind: Kind) -> Any:
    """Make a policy that is right."""
    made: dict[Kind, object] = {
        "permission": policies.permission(KEYED),
        "trust": policies.trust(KEYED, VENDOR),
        "bucket": policies.bucket_guard(KEYED),
        "key": {"Version": "2012-10-17", "Statement": [policies.kms_key_statement(KEYED)]},
    }
    return json.loads(json.dumps(made[kind]))


def codes_of(kind: Kind, pasted: Any) -> set[str]:
    """Review one policy, and list what was found."""
    given: dict[str, Any] = {kind: pasted}
    return {finding.code for finding in policies.review(KEYED, **given)}
