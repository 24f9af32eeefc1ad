"""What is known of s3dest's requests, by the condition keys of AWS: values, bounds, and what no request carries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.encryption import SseKms, SseS3
from s3dest.review.principals import CALLER, CALLERS_ACCOUNT

IF_NONE_MATCH: Final = "s3:if-none-match"
CREATES: Final = "s3:objectcreationoperation"
TLS_VERSION: Final = "s3:tlsversion"
STORAGE_CLASS: Final = "s3:x-amz-storage-class"
ENCRYPTION: Final = "s3:x-amz-server-side-encryption"
ENCRYPTION_KEY: Final = f"{ENCRYPTION}-aws-kms-key-id"

Service = Literal["s3", "kms"]

Request = Literal["put", "part", "record"]
"""What creates an object of data, what sends a part of one, and what puts a manifest or a probe."""

REQUESTS: Final[tuple[Request, ...]] = ("put", "part", "record")


@dataclass(frozen=True, slots=True)
class Between:
    """A number that is not known, but within bounds, which count."""

    low: float
    high: float


Fact = str | Between | tuple[str | None, ...] | None
"""The value of a condition key; ``None`` where the request does not carry it; several where it is one of them."""

_TLS: Final = Between(1.2, math.inf)
"""The oldest of S3's endpoints, and of Python since 3.10."""

_SIGNATURE_AGE: Final = Between(0, 60_000)
"""In milliseconds: each try is signed when it is sent."""

_NEVER_SENT: Final = (
    "s3:delimiter",
    "s3:existingobjecttag/",
    "s3:if-match",
    "s3:max-keys",
    "s3:object-lock-",
    "s3:prefix",
    "s3:requestobjecttag",
    "s3:versionid",
    "s3:x-amz-",
)
"""What condition keys begin with that are about other requests, or about headers that s3dest does not send."""

_SENT: Final = "s3:x-amz-content-sha256"
"""The one of them that each request carries, with a value that depends on the request."""


def facts(config: DestinationConfig, service: Service, request: Request) -> dict[str, Fact]:
    """List what is known of a request, as the service sees it."""
    known = {**_everywhere(config), **_of_caller(config)}
    return known | (_of_s3(config, request) if service == "s3" else _of_kms(config))


def is_absent(key: str, service: Service) -> bool:
    """Tell whether no request carries a condition key that is not among the facts."""
    about = key.partition(":")[0]
    if about in {"s3", "kms"} and about != service:
        return True  # each service knows its own keys
    return key != _SENT and key.startswith(_NEVER_SENT)


def _everywhere(config: DestinationConfig) -> dict[str, Fact]:
    known: dict[str, Fact] = {
        "aws:securetransport": "true" if config.over_tls else "false",
        "aws:principalisawsservice": "false",
    }
    if config.on_aws:
        known["aws:requestedregion"] = config.region
    return known


def _of_caller(config: DestinationConfig) -> dict[str, Fact]:
    """List what is known of who writes (IAM user guide, "AWS global condition context keys")."""
    if not isinstance(config.auth, RoleAuth):
        return {"aws:principaltype": ("User", "Account")}
    return {
        CALLER: config.auth.role_arn,  # a session has the ARN of its role
        CALLERS_ACCOUNT: config.auth.role.account,
        "aws:principaltype": "AssumedRole",
        "aws:username": None,
        "aws:multifactorauthage": None,
        # a service has no second factor; of some sessions the key says so, and others have none
        "aws:multifactorauthpresent": ("false", None),
    }


def _of_s3(config: DestinationConfig, request: Request) -> dict[str, Fact]:
    is_part = request == "part"
    known: dict[str, Fact] = {
        IF_NONE_MATCH: None if is_part else "*",  # S3 user guide, "Enforce conditional writes on Amazon S3 buckets"
        CREATES: "false" if is_part else "true",
        TLS_VERSION: _TLS if config.over_tls else None,
        "aws:viaawsservice": "false",
        "s3:signatureversion": "AWS4-HMAC-SHA256",
        "s3:authtype": "REST-HEADER",
        "s3:signatureage": _SIGNATURE_AGE,
        **_headers(config, request),
    }
    if config.on_aws and config.expected_bucket_owner is not None:
        known["aws:resourceaccount"] = known["s3:resourceaccount"] = config.expected_bucket_owner
    return known


def _headers(config: DestinationConfig, request: Request) -> Mapping[str, Fact]:
    """List the headers about how to store an object; a part's may be those that its upload began with."""
    algorithm = key = None
    if isinstance(config.encryption, SseKms):
        algorithm, key = "aws:kms", config.encryption.key_arn
    elif isinstance(config.encryption, SseS3):
        algorithm = "AES256"
    kept: Mapping[Request, Fact] = {"put": config.storage_class, "part": (config.storage_class, None), "record": None}
    return {ENCRYPTION: algorithm, ENCRYPTION_KEY: key, STORAGE_CLASS: kept[request]}


def _of_kms(config: DestinationConfig) -> dict[str, Fact]:
    known: dict[str, Fact] = {"kms:viaservice": f"s3.{config.region}.{config.partition.dns_suffix}"}
    if isinstance(config.auth, RoleAuth):
        known["kms:calleraccount"] = config.auth.role.account
    if isinstance(config.encryption, SseKms) and config.on_aws:
        known["aws:resourceaccount"] = config.encryption.key_arn.split(":")[4]
    return known
