"""The IAM documents around a destination, as plain dicts: pure functions of the config and of who the vendor is.

Each is ready for ``json.dumps``. ARNs carry the partition of the config's region. `review` reads what came of them in
the customer's hands.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, Literal, TypedDict

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.encryption import SseKms
from s3dest.errors import ConfigError
from s3dest.kind import kind_of
from s3dest.layout import PROBE_FOLDER
from s3dest.review import review
from s3dest.vendor import AwsPrincipal, GoogleServiceAccount, VendorIdentity

__all__ = [
    "MAX_SESSION_POLICY",
    "Condition",
    "Policy",
    "Statement",
    "bucket_guard",
    "compact",
    "kms_key_statement",
    "permission",
    "review",
    "session",
    "trust",
]

MAX_SESSION_POLICY: Final = 2048
"""Characters of an inline session policy (AssumeRole, STS API reference)."""

_GOOGLE: Final = "accounts.google.com"  # built into AWS: needs no OIDC provider in the customer's account

Condition = dict[str, dict[str, str | list[str]]]


class Statement(TypedDict, total=False):
    """One statement of a policy."""

    Sid: str
    Effect: Literal["Allow", "Deny"]
    Principal: str | dict[str, str]
    Action: str | list[str]
    Resource: str | list[str]
    Condition: Condition


class Policy(TypedDict):
    """An IAM policy document."""

    Version: Literal["2012-10-17"]
    Statement: list[Statement]


def permission(config: DestinationConfig, *, stage: Literal["setup", "steady"] = "setup") -> Policy:
    """Grant what the role or user needs, for the customer to paste.

    Args:
        config: The destination.
        stage: ``"setup"`` allows ``s3:PutObject``, and ``s3:DeleteObject`` in the folder of the check's probes, which
            the first check removes; ``"steady"`` allows ``s3:PutObject`` alone, which is all that appending needs.

    Returns:
        A statement on ``arn:PARTITION:s3:::BUCKET/PREFIX/*``, for set-up one on ``PREFIX/.s3dest-probe/*``, and one on
        the KMS key if the config names one.

    Raises:
        ConfigError: There is no such stage, or the config is none.
    """
    _require(config)
    if stage not in {"setup", "steady"}:
        message = f"There is no permission policy for the stage {stage!r}."
        raise ConfigError(message, code="stage", remedy='Ask for stage "setup" or "steady".')
    statements: list[Statement] = [{"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": _objects(config)}]
    if stage == "setup":
        statements.append(_delete_probes(config))
    if isinstance(config.encryption, SseKms):
        statements.append(_kms(config))
    return _policy(statements)


def trust(config: DestinationConfig, vendor: VendorIdentity) -> Policy:
    """Let the vendor assume the role, under the conditions that keep its other customers out.

    Args:
        config: The destination; its auth must be a `RoleAuth`.
        vendor: An AWS principal (then ``sts:ExternalId`` is demanded, unless the config says there is none), a
            Google service account (``accounts.google.com:sub`` and ``:oaud``), or the subject of another OIDC
            provider (``ISSUER:sub`` and ``:aud``).

    Raises:
        ConfigError: The config is none, or not for a role, vendor and role are in different partitions, the vendor is
            none of the three, or AWS takes no such issuer (CreateOpenIDConnectProvider in the IAM API reference).
    """
    _require(config)
    if not isinstance(vendor, VendorIdentity):
        message = f"The vendor is given as {type(vendor).__name__}, which is no identity."
        remedy = "Give an AwsPrincipal, a GoogleServiceAccount or an OidcSubject."
        raise ConfigError(message, code="vendor", remedy=remedy)
    if not isinstance(config.auth, RoleAuth):
        message = "A trust policy belongs to a role, and this destination uses an IAM user's keys."
        raise ConfigError(
            message, code="no_role", remedy="Give the user the permission policy; it needs no trust policy."
        )
    if isinstance(vendor, AwsPrincipal):
        if config.on_aws and vendor.partition != config.partition.name:
            message = f"{vendor.arn} is of partition {vendor.partition!r}, the role of {config.partition.name!r}."
            remedy = (
                "AWS lets no role be assumed from another partition: use an identity of the vendor in the role's own."
            )
            raise ConfigError(message, code="partition", remedy=remedy)
        statement: Statement = {"Effect": "Allow", "Principal": {"AWS": vendor.arn}, "Action": "sts:AssumeRole"}
        if config.auth.external_id is not None:
            statement["Condition"] = {"StringEquals": {"sts:ExternalId": config.auth.external_id}}
        return _policy([statement])
    if isinstance(vendor, GoogleServiceAccount):
        # :oaud is the token's audience; :aud would be its azp, the service account once more
        provider, claims = _GOOGLE, {f"{_GOOGLE}:sub": vendor.subject, f"{_GOOGLE}:oaud": vendor.audience}
    else:
        if config.on_aws and not vendor.issuer.startswith("https://"):
            message = f"The issuer {vendor.issuer} is no https URL, and IAM takes no other for its OIDC providers."
            raise ConfigError(message, code="issuer", remedy="Give the issuer an https address.")
        role = config.auth.role
        provider = f"arn:{role.partition}:iam::{role.account}:oidc-provider/{vendor.provider}"
        claims = {f"{vendor.provider}:sub": vendor.subject, f"{vendor.provider}:aud": vendor.audience}
    return _policy(
        [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": dict(claims)},
            }
        ]
    )


def session(config: DestinationConfig, *, purpose: Literal["append", "setup-check"] = "append") -> Policy:
    """Narrow a role's session to appending, whatever else the role may do; s3dest sends it to STS itself.

    Args:
        config: The destination.
        purpose: ``"append"`` leaves ``s3:PutObject`` on the prefix, ``s3:AbortMultipartUpload`` should the role
            have it, and the two KMS actions through S3 (a bucket's default key is not known to the vendor, and
            without them such a bucket refuses). ``"setup-check"`` leaves ``s3:DeleteObject`` on the probe folder too.

    Raises:
        ConfigError: The policy would be longer than STS takes, or the config is none.
    """
    _require(config)
    statements: list[Statement] = [
        {"Effect": "Allow", "Action": ["s3:PutObject", "s3:AbortMultipartUpload"], "Resource": _objects(config)}
    ]
    if purpose == "setup-check":
        statements.append(_delete_probes(config))
    if config.on_aws or isinstance(config.encryption, SseKms):
        statements.append(_kms(config))
    policy = _policy(statements)
    if (size := len(compact(policy))) > MAX_SESSION_POLICY:
        message = f"The session policy has {size} characters; STS takes {MAX_SESSION_POLICY}."
        # the longest prefix of plain ASCII fits; of other characters STS takes those up to U+00FF, so all are escaped
        spelt = "" if config.prefix.isascii() else " (a policy needs six characters for each that is not ASCII)"
        remedy = f"Shorten the prefix{spelt}, or set session_policy to false and rely on the role's own policy."
        raise ConfigError(message, code="session_policy_too_long", remedy=remedy)
    return policy


def bucket_guard(config: DestinationConfig) -> Policy:
    """Refuse every put that could overwrite: a bucket policy for the customer to paste, if they like.

    It denies ``s3:PutObject`` without ``If-None-Match`` to everybody, under the prefix. Creating and uploading the
    parts of a multipart upload carry no such header and are exempt; completing it is not. Copying into the prefix
    becomes impossible. Source: S3 user guide, "Enforce conditional writes on Amazon S3 buckets".

    Raises:
        ConfigError: The config is none.
    """
    _require(config)
    return _policy(
        [
            {
                "Sid": "AppendOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": _objects(config),
                "Condition": {
                    "Null": {"s3:if-none-match": "true"},
                    "Bool": {"s3:ObjectCreationOperation": "true"},
                },
            }
        ]
    )


def kms_key_statement(config: DestinationConfig) -> Statement:
    """Let the role use the customer's KMS key through S3: a statement for that key's own policy.

    Raises:
        ConfigError: The config names no key, is not for a role, or is none.
    """
    _require(config)
    if not isinstance(config.auth, RoleAuth) or not isinstance(config.encryption, SseKms):
        message = "A KMS key statement needs a role and a key in the config."
        raise ConfigError(
            message, code="no_kms_key", remedy="Set encryption=SseKms(key_arn=...) and a RoleAuth in the config."
        )
    statement = _kms(config)
    statement["Principal"] = {"AWS": config.auth.role_arn}
    statement["Resource"] = "*"  # in a key's policy: this key
    return statement


def compact(policy: Policy) -> str:
    """Write a policy without spaces, as STS counts it."""
    return json.dumps(policy, separators=(",", ":"))


def _require(config: object) -> None:
    if not isinstance(config, DestinationConfig):
        message = f"A policy is for a DestinationConfig, not {kind_of(config)}."
        raise ConfigError(message, code="config", remedy="Load it: DestinationConfig.model_validate(…).")


def _policy(statements: Sequence[Statement]) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _objects(config: DestinationConfig, *, folder: str = "") -> str:
    return f"arn:{config.partition.name}:s3:::{config.bucket}/{config.key_prefix}{folder}*"


def _delete_probes(config: DestinationConfig) -> Statement:
    """Allow to delete where a check writes its probe, and none of the data."""
    return {
        "Effect": "Allow",
        "Action": ["s3:DeleteObject"],
        "Resource": _objects(config, folder=f"{PROBE_FOLDER}/"),
    }


def _kms(config: DestinationConfig) -> Statement:
    """Allow the two actions that a put and a multipart upload need, on the key if known, and only through S3."""
    return {
        "Effect": "Allow",
        "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": config.encryption.key_arn if isinstance(config.encryption, SseKms) else "*",
        "Condition": {"StringEquals": {"kms:ViaService": f"s3.{config.region}.{config.partition.dns_suffix}"}},
    }
