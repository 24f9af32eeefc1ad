"""The document that fixes a problem, with the customer's own values: ready for ``json.dumps``, and for pasting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from s3dest import policies
from s3dest.auth import RoleAuth
from s3dest.claims import Claims
from s3dest.config import DestinationConfig
from s3dest.denial import Denial
from s3dest.encryption import SseKms
from s3dest.layout import PROBE_FOLDER
from s3dest.problem import StatementKind
from s3dest.vendor import AwsPrincipal, GoogleServiceAccount, OidcSubject, VendorIdentity

Statement = Mapping[str, Any]

_DAYS = 7
"""Days after which a lifecycle rule removes what was left over: far more than a commit takes."""


def statement(
    kind: StatementKind, config: DestinationConfig, *, denial: Denial | None = None, claims: Claims | None = None
) -> dict[str, Any] | None:
    """Write the document of a kind; ``None`` where a value is not known.

    Args:
        kind: Which document.
        config: The destination.
        denial: What AWS said, for who the vendor is.
        claims: Those of the vendor's identity token, for the same.
    """
    objects = f"arn:{config.partition.name}:s3:::{config.bucket}/{config.key_prefix}*"
    match kind:
        case "put":
            return _allow(["s3:PutObject"], objects)
        case "boundary" | "endpoint":
            allowed = _kms(config, denial) if _names_kms(denial) else _allow(["s3:PutObject"], objects)
            # gateway endpoints take no other principal (VPC user guide)
            return {"Principal": "*", **allowed} if kind == "endpoint" else allowed
        case "delete":
            probes = f"arn:{config.partition.name}:s3:::{config.bucket}/{config.key_prefix}{PROBE_FOLDER}/*"
            return _allow(["s3:DeleteObject"], probes)
        case "kms":
            return _kms(config, denial)
        case "kms-key":
            return _for_principal(config, denial, {**_kms(config, denial), "Resource": "*"})  # in its policy: this key
        case "bucket":
            return _for_principal(config, denial, _allow(["s3:PutObject"], objects))
        case "guard":
            return dict(policies.bucket_guard(config))
        case "steady":
            return dict(policies.permission(config, stage="steady"))
        case "trust":
            return _trust(config, denial, claims)
        case "external-id":
            external_id = config.auth.external_id if isinstance(config.auth, RoleAuth) else None
            return {"Condition": {"StringEquals": {"sts:ExternalId": external_id}}} if external_id else None
        case "uploads-expire" | "versions-expire":
            return _lifecycle(kind, config)


def vendor_of(denial: Denial | None, claims: Claims | None) -> VendorIdentity | None:
    """Tell who the vendor is to a trust policy, from what AWS said or from the vendor's token."""
    try:
        if claims is not None and claims.issuer.removeprefix("https://") == "accounts.google.com":
            return GoogleServiceAccount(subject=claims.subject, audience=claims.audience)
        if claims is not None:
            return OidcSubject(issuer=claims.issuer, subject=claims.subject, audience=claims.audience)
        return AwsPrincipal(arn=denial.role_arn) if denial and denial.role_arn else None
    except ValueError:
        return None


def _trust(config: DestinationConfig, denial: Denial | None, claims: Claims | None) -> dict[str, Any] | None:
    vendor = vendor_of(denial, claims)
    if vendor is None:
        return None
    try:
        return dict(policies.trust(config, vendor))
    except ValueError:  # of another partition, say: no policy can fix that
        return None


def _names_kms(denial: Denial | None) -> bool:
    return denial is not None and (denial.action or "").startswith("kms:")


def _kms(config: DestinationConfig, denial: Denial | None) -> dict[str, Any]:
    """Allow both actions on the key: the one that AWS named, else that of the config."""
    named = denial.resource if denial and ":kms:" in (denial.resource or "") else None
    key = config.encryption.key_arn if isinstance(config.encryption, SseKms) else "KEY_ARN"
    return _allow(["kms:GenerateDataKey", "kms:Decrypt"], named or key)


def _for_principal(
    config: DestinationConfig, denial: Denial | None, statement: dict[str, Any]
) -> dict[str, Any] | None:
    """Write a statement of a resource's own policy; ``None`` for a user whose ARN AWS did not tell."""
    principal = config.auth.role_arn if isinstance(config.auth, RoleAuth) else denial and denial.role_arn
    return {"Principal": {"AWS": principal}, **statement} if principal else None


def _allow(actions: list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _lifecycle(kind: StatementKind, config: DestinationConfig) -> dict[str, Any]:
    """Write a lifecycle configuration of one rule, as ``put-bucket-lifecycle-configuration`` takes it."""
    if kind == "uploads-expire":
        name, prefix = "remove-incomplete-uploads", config.key_prefix
        action = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _DAYS}}
    else:
        name, prefix = "remove-old-probes", f"{config.key_prefix}{PROBE_FOLDER}/"
        action = {"NoncurrentVersionExpiration": {"NoncurrentDays": _DAYS}}
    return {"Rules": [{"ID": name, "Status": "Enabled", "Filter": {"Prefix": prefix}, **action}]}
