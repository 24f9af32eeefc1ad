"""Every row of the table of failures, as it looks on the wire: its code, its owner, its remedy.

The numbers are those of the design's table: configuration (1 to 7), vendor and STS (8 to 23), the put (24 to 61), the
store's capabilities (62 and 63), multipart (64 to 67), the delete (68 to 71), and codes behind wrong statuses (72).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from botocore.exceptions import NoCredentialsError
from fake import FakeAws, faults
from fake.faults import Fault
from fake.world import ACCOUNT, EXTERNAL_ID, REGION, ROLE_ARN
from pydantic import ValidationError

from s3dest import CheckReport, ConfigError, DestinationConfig, Finding, TransferOptions, WebIdentity, config_findings
from s3dest.catalogue import ALL

WHO = f"arn:aws:sts::{ACCOUNT}:assumed-role/transfer-role/s3dest-acme-lake"
VENDOR = "arn:aws:sts::999988887777:assumed-role/sync-service/pod-1"
TARGET = "arn:aws:s3:::acme-lake/vendor/exports/.s3dest-probe/probe_1"
TOKEN = "e30.{}.c2lnbmF0dXJl".format(
    base64.urlsafe_b64encode(
        json.dumps({"iss": "https://accounts.google.com", "sub": "104857600", "aud": "acme-7f3c"}).encode()
    )
    .decode()
    .rstrip("=")
)
KMS_KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"
UNSEEN = (
    "on this resource because the resource does not exist in this Region, no resource-based policies allow access, or "
    "a resource-based policy explicitly denies access"
)


def denied(reason: str, action: str = "s3:PutObject", target: str = TARGET) -> Fault:
    """Refuse in AWS's detailed words."""
    message = f'User: {WHO} is not authorized to perform: {action} on resource: "{target}" {reason}'
    return faults.refusal(403, "AccessDenied", message.replace("ACTION", action))


def not_assumed(reason: str = "", action: str = "sts:AssumeRole") -> Fault:
    """Refuse to let the role be assumed."""
    message = f"User: {VENDOR} is not authorized to perform: {action} on resource: {ROLE_ARN} {reason}"
    return faults.sts_refusal(403, "AccessDenied", message.strip().replace("ACTION", action))


BARE = faults.refusal(403, "AccessDenied", "Access Denied")
Setting = Callable[[FakeAws], object]


@dataclass(frozen=True)
class Row:
    """One row: what goes wrong, and what a check must say."""

    number: int
    code: str
    owner: str
    remedy: str
    """A part of the remedy."""
    operation: str = "PutObject"
    fault: Fault | None = None
    call: int = 0
    """At which call of the operation; 0 for all of them."""
    setting: Setting | None = None
    """What else is different at AWS."""
    config: dict[str, Any] = field(default_factory=dict)
    auth: Literal["role", "user", "token"] = "role"
    severity: str = "error"
    check: dict[str, Any] = field(default_factory=dict)
    statement: str | None = None
    """A part of the document to paste, if there must be one."""

    @property
    def name(self) -> str:
        """Name the case."""
        return f"{self.number}-{self.code}"


def sts(number: int, code: str, owner: str, remedy: str, fault: Fault, **more: Any) -> Row:
    """Make a row of AssumeRole."""
    return Row(number, code, owner, remedy, operation="AssumeRole", fault=fault, **more)


def token(number: int, code: str, owner: str, remedy: str, fault: Fault, **more: Any) -> Row:
    """Make a row of AssumeRoleWithWebIdentity."""
    operation = "AssumeRoleWithWebIdentity"
    return Row(number, code, owner, remedy, operation=operation, fault=fault, auth="token", **more)


def put(number: int, code: str, owner: str, remedy: str, fault: Fault, **more: Any) -> Row:
    """Make a row of the probe's put."""
    return Row(number, code, owner, remedy, fault=fault, **more)


def multipart(number: int, code: str, owner: str, remedy: str, fault: Fault, **more: Any) -> Row:
    """Make a row of the beginning of a set-up check's multipart upload."""
    more = {"operation": "CreateMultipartUpload", "check": {"multipart": "always"}, **more}
    return Row(number, code, owner, remedy, fault=fault, **more)


def kms(state: str, remedy: str, code: str, message: str) -> Row:
    """Make a row of a key's state."""
    return put(43, f"kms_key_{state}", "customer", remedy, faults.refusal(400, f"KMS.{code}", message))


def _owned_by_another(aws: FakeAws) -> None:
    aws.store.owner = "999999999999"


def _demanding_encryption(aws: FakeAws) -> None:
    aws.store.demands = "AES256"


def _demanding_encryption_by_rcp(aws: FakeAws) -> None:
    aws.store.demands, aws.store.demanding = "aws:kms", "resource control policy"


def _paid_by_requester(aws: FakeAws) -> None:
    aws.store.requester_pays = True


def _with_kms(aws: FakeAws) -> None:
    aws.store.kms = True


def _unconditional_put(aws: FakeAws) -> None:
    aws.store.conditional = set()


def _unconditional_complete(aws: FakeAws) -> None:
    aws.store.conditional = {"PutObject"}


def _versioned(aws: FakeAws) -> None:
    aws.store.versioned = True


def _open_to_all(aws: FakeAws) -> None:
    aws.sts.condition = "none"


def _with_wildcard(aws: FakeAws) -> None:
    aws.sts.condition = "like"


def _without_delete(aws: FakeAws) -> None:
    aws.store.allowed = {"s3:PutObject"}


def _in_another_region(aws: FakeAws) -> None:
    aws.store.region = "eu-north-1"


REFUSED = faults.refusal
STS = faults.sts_refusal
CHAINED = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
TOO_LONG = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
INVALID = "InvalidIdentityToken"
EXPIRED = "Signature expired: 20261123T110000Z is now earlier than 20261123T114500Z (20261123T120000Z - 15 min.)"
NO_ALLOW = "because no identity-based policy allows the ACTION action"

MISMATCH = REFUSED(
    403,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided.",
    AWSAccessKeyId="AKIASECRET",
    StringToSign="AWS4-HMAC-SHA256 20261123T120000Z SECRET",
    SignatureProvided="SECRET",
    CanonicalRequest="PUT x-amz-security-token:SECRET",
)

ROWS: list[Row] = [
    sts(9, "role_not_assumable", "customer", repr(EXTERNAL_ID), not_assumed(), statement="role/sync-service"),
    *(
        sts(
            9,
            "assuming_denied_by_trust_policy",
            "customer",
            repr(EXTERNAL_ID),
            not_assumed(reason),
            statement="role/sync-service",
        )
        for reason in (
            "because no role trust policy allows the ACTION action",
            "with an explicit deny in the role trust policy",
            "because no resource-based policy allows the ACTION action",
        )
    ),
    sts(9, "caller_may_not_assume", "vendor", "the customer can do nothing", not_assumed(NO_ALLOW)),
    *(
        sts(9, "caller_may_not_assume", "vendor", words, not_assumed(reason))
        for words, reason in (
            ("in the policy of the vendor's identity", "with an explicit deny in an identity-based policy"),
            ("service control policies of the vendor", "with an explicit deny in a service control policy"),
            ("the VPC endpoint for STS", "because no VPC endpoint policy allows the ACTION action"),
            ("the permissions boundary", "because no permissions boundary allows the ACTION action"),
            ("the vendor's own session", "because no session policy allows the ACTION action"),
        )
    ),
    sts(
        9,
        "assuming_denied_by_resource_control",
        "customer",
        "administrator of the role's AWS organisation",
        not_assumed("with an explicit deny in a resource control policy"),
    ),
    token(
        10,
        "role_not_assumable_by_token",
        "customer",
        "subject and audience",
        STS(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        statement='"accounts.google.com:oaud": "acme-7f3c"',
    ),
    Row(
        11,
        "external_id_not_required",
        "customer",
        "StringEquals",
        setting=_open_to_all,
        statement=f'"sts:ExternalId": "{EXTERNAL_ID}"',
    ),
    Row(
        12,
        "external_id_not_compared",
        "customer",
        "not StringLike",
        setting=_with_wildcard,
        statement=f'"sts:ExternalId": "{EXTERNAL_ID}"',
    ),
    token(
        13,
        "oidc_provider_missing",
        "customer",
        "Create the OIDC provider",
        STS(400, INVALID, "No OpenIDConnect provider found in your account for https://oidc.example.com"),
    ),
    token(
        13,
        "oidc_provider_thumbprint",
        "customer",
        "Update the thumbprint",
        STS(400, INVALID, "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"),
    ),
    token(14, "token_audience", "customer", "Add the token's audience", STS(400, INVALID, "Incorrect token audience")),
    token(
        15,
        "token_refused",
        "vendor",
        "fresh token",
        STS(400, "ExpiredTokenException", "Token expired: current date/time 2 must be before the expiration 1"),
    ),
    token(
        15,
        "token_refused",
        "vendor",
        "fresh token",
        STS(400, INVALID, "The web identity token provided could not be validated"),
    ),
    token(16, "issuer_unreachable", "vendor", "Try again", STS(400, "IDPCommunicationError", "could not be reached")),
    token(
        16,
        "issuer_unreachable",
        "vendor",
        "Try again",
        STS(400, INVALID, "Couldn't retrieve verification key from your identity provider"),
    ),
    sts(17, "session_duration", "vendor", "MaxSessionDuration", STS(400, "ValidationError", TOO_LONG)),
    sts(18, "session_chained", "vendor", "one hour", STS(400, "ValidationError", CHAINED)),
    sts(19, "sts_region_disabled", "customer", "Activate", STS(403, "RegionDisabledException", "not activated")),
    sts(20, "session_policy_refused", "vendor", "prefix", STS(400, "MalformedPolicyDocument", "This policy is bad")),
    sts(20, "session_policy_refused", "vendor", "prefix", STS(400, "PackedPolicyTooLarge", "108 %")),
    sts(21, "session_tags_denied", "vendor", "sts:TagSession", not_assumed(action="sts:TagSession")),
    sts(21, "session_tags_denied", "vendor", "sts:SetSourceIdentity", not_assumed(action="sts:SetSourceIdentity")),
    sts(22, "vendor_keys_refused", "vendor", "nothing about this", STS(403, "InvalidClientTokenId", "is invalid")),
    sts(22, "vendor_keys_refused", "vendor", "nothing about this", STS(403, "SignatureDoesNotMatch", "no match")),
    sts(
        23,
        "clock_skewed",
        "vendor",
        "Set the clock",
        STS(403, "SignatureDoesNotMatch", EXPIRED),
    ),
    put(
        23,
        "clock_skewed",
        "vendor",
        "Set the clock",
        REFUSED(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            RequestTime="20261123T130000Z",
            ServerTime="2026-11-23T12:00:00Z",
        ),
    ),
    put(24, "access_key_unknown", "customer", "active", REFUSED(403, "InvalidAccessKeyId", "no such"), auth="user"),
    put(25, "secret_key_wrong", "customer", "spaces", MISMATCH, auth="user"),
    put(25, "signature_differs", "network", "changes requests", MISMATCH),
    put(25, "secret_key_wrong", "customer", "spaces", REFUSED(401, "Unauthorized", "Unauthorized"), auth="user"),
    put(26, "session_token_invalid", "vendor", "regional STS", REFUSED(400, "InvalidToken", "The token is malformed")),
    put(27, "session_expired", "aws", "Try again", faults.EXPIRED_TOKEN),
    put(27, "access_key_expired", "customer", "new key", faults.EXPIRED_TOKEN, auth="user"),
    put(27, "access_key_expired", "customer", "new key", REFUSED(400, "InvalidToken", "malformed"), auth="user"),
    put(28, "bucket_not_found", "customer", "name", REFUSED(404, "NoSuchBucket", "The bucket does not exist")),
    Row(29, "wrong_region", "customer", "{'region': 'eu-north-1'}", setting=_in_another_region),
    put(30, "wrong_region", "customer", "{'region': 'eu-north-1'}", faults.moved("eu-north-1")),
    put(30, "wrong_region", "customer", "S3 console", faults.moved(None)),
    put(
        30,
        "wrong_region",
        "customer",
        "{'region': 'eu-north-1'}",
        REFUSED(400, "AuthorizationHeaderMalformed", "the region 'x' is wrong; expecting 'y'", Region="eu-north-1"),
    ),
    put(
        30,
        "wrong_region",
        "customer",
        "{'region': 'me-south-1'}",
        REFUSED(400, "IllegalLocationConstraintException", "The me-south-1 location constraint is incompatible"),
    ),
    put(30, "wrong_region", "customer", "S3 console", REFUSED(400, "IncorrectEndpoint", "exists in another Region")),
    put(31, "region_unknown", "customer", "S3 console", faults.NO_NAME, config={"region": "eu-wst-9"}),
    put(32, "put_not_allowed", "customer", "/*", denied(NO_ALLOW), statement='"s3:PutObject"'),
    put(
        33,
        "denied_by_identity_policy",
        "customer",
        "Remove the deny",
        denied("with an explicit deny in an identity-based policy: arn:aws:iam::111122223333:policy/no-writes"),
    ),
    put(
        34,
        "denied_by_bucket_policy",
        "customer",
        "exempt the role",
        denied("with an explicit deny in a resource-based policy"),
    ),
    put(
        35,
        "denied_by_organization",
        "customer",
        "administrator",
        denied("with an explicit deny in a service control policy"),
    ),
    put(
        35,
        "denied_by_resource_control",
        "customer",
        "administrator",
        denied("with an explicit deny in a resource control policy"),
    ),
    put(
        36,
        "denied_by_boundary",
        "customer",
        "Extend",
        denied("because no permissions boundary allows the ACTION action"),
        statement='"s3:PutObject"',
    ),
    put(36, "denied_by_boundary", "customer", "Extend", denied("with an explicit deny in a permissions boundary")),
    put(
        37,
        "denied_by_session_policy",
        "vendor",
        "session_policy to false",
        denied("because no session policy allows the ACTION action"),
    ),
    put(
        38,
        "denied_by_vpc_endpoint",
        "vendor",
        "VPC endpoint",
        denied("because no VPC endpoint policy allows the ACTION action"),
        statement='"Principal": "*"',
    ),
    put(38, "put_denied", "customer", "VPC endpoint", BARE),
    put(
        39,
        "denied_cross_account",
        "customer",
        "bucket's own policy",
        BARE,
        config={"expected_bucket_owner": "444455556666"},
        setting=lambda aws: setattr(aws.store, "owner", "444455556666"),
        statement=f'"AWS": "{ROLE_ARN}"',
    ),
    Row(40, "bucket_owner_differs", "customer", "taken over", setting=_owned_by_another),
    put(41, "owner_malformed", "customer", "12-digit", REFUSED(400, "InvalidBucketOwnerAWSAccountID", "is invalid")),
    put(
        42,
        "kms_denied",
        "customer",
        "kms:GenerateDataKey",
        denied(NO_ALLOW, "kms:GenerateDataKey", KMS_KEY),
        statement='"kms:Decrypt"',
    ),
    put(
        42,
        "kms_key_policy_denies",
        "customer",
        "the key's policy",
        denied("because no resource-based policy allows the ACTION action", "kms:GenerateDataKey", KMS_KEY),
        statement=f'"AWS": "{ROLE_ARN}"',
    ),
    put(
        42,
        "kms_key_not_shared",
        "customer",
        "its account",
        REFUSED(403, "AccessDenied", f"User: {WHO} is not authorized to perform: kms:GenerateDataKey {UNSEEN}"),
        statement=f'"AWS": "{ROLE_ARN}"',
    ),
    kms("disabled", "Enable the key", "DisabledException", f"{KMS_KEY} is disabled."),
    kms("pending_deletion", "Cancel the deletion", "KMSInvalidStateException", f"{KMS_KEY} is pending deletion."),
    kms("unusable", "imported", "KMSInvalidStateException", f"{KMS_KEY} is pending import."),
    kms("not_found", "full ARN", "NotFoundException", f"Key '{KMS_KEY}' does not exist"),
    kms("in_another_region", "'eu-west-1'", "NotFoundException", "Invalid arn us-west-2"),
    kms("wrong_kind", "symmetric", "InvalidKeyUsageException", f"{KMS_KEY} key usage is SIGN_VERIFY"),
    Row(44, "encryption_demanded", "customer", "{'encryption': {'type': 'sse-s3'}}", setting=_demanding_encryption),
    Row(44, "encryption_demanded", "customer", "'type': 'sse-kms'", setting=_demanding_encryption_by_rcp),
    put(45, "acl_refused", "vendor", "no ACL", REFUSED(400, "AccessControlListNotSupported", "does not allow ACLs")),
    put(45, "acl_refused", "vendor", "no ACL", denied(NO_ALLOW, "s3:PutObjectAcl")),
    put(
        45,
        "acl_refused",
        "vendor",
        "no ACL",
        denied("because public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access."),
    ),
    put(46, "tags_denied", "vendor", "no tags", denied(NO_ALLOW, "s3:PutObjectTagging")),
    put(
        47,
        "checksum_required",
        "vendor",
        "gateway",
        REFUSED(
            400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests"
        ),
    ),
    Row(48, "requester_pays", "customer", "Requester Pays off", setting=_paid_by_requester),
    put(
        49,
        "storage_class_refused",
        "customer",
        "storage_class",
        REFUSED(400, "InvalidStorageClass", "The storage class you specified is not valid"),
        config={"storage_class": "GLACIER_IR"},
    ),
    put(50, "key_refused_as_too_long", "customer", "Shorten", REFUSED(400, "KeyTooLongError", "Your key is too long")),
    *(
        put(51, "account_problem", "customer", "AWS support", REFUSED(403, name, "no"))
        for name in ("AllAccessDisabled", "AccountProblem", "NotSignedUp")
    ),
    put(
        52,
        "acceleration_off",
        "vendor",
        "Transfer Acceleration",
        REFUSED(400, "InvalidRequest", "S3 Transfer Acceleration is not configured on this bucket"),
    ),
    put(53, "throttled", "aws", "later", faults.SLOW_DOWN),
    put(53, "throttled", "aws", "later", REFUSED(429, "TooManyRequests", "slow down")),
    put(54, "s3_unavailable", "aws", "later", faults.INTERNAL_ERROR),
    put(54, "gateway_failed", "network", "load balancer", faults.BAD_GATEWAY),
    put(54, "gateway_failed", "network", "load balancer", faults.GATEWAY_TIMEOUT),
    put(
        55,
        "checksum_unsupported",
        "vendor",
        "'md5'",
        REFUSED(501, "NotImplemented", "A header you provided implies …", Header="x-amz-checksum-sha256"),
    ),
    put(
        55,
        "checksum_unsupported",
        "vendor",
        "'md5'",
        REFUSED(400, "InvalidArgument", "Unsupported header 'x-amz-sdk-checksum-algorithm' received"),
    ),
    put(56, "etag_differs", "network", "aws-chunked", faults.WRONG_ETAG),
    put(57, "not_s3", "network", "captive portal", faults.HTML_200),
    put(57, "not_s3", "network", "captive portal", faults.bare(403, faults.HTML, content_type="text/html")),
    put(57, "not_s3", "network", "captive portal", faults.bare(302, faults.HTML, location="http://portal.example.com")),
    sts(57, "sts_answer", "network", "captive portal", faults.bare(403, faults.HTML, content_type="text/html")),
    put(57, "tls_not_spoken", "network", "port", faults.NO_TLS),
    put(57, "http_not_spoken", "network", "port", faults.NO_HTTP),
    put(58, "tls_failed", "network", "AWS_CA_BUNDLE", faults.UNTRUSTED),
    put(59, "name_not_found", "network", "DNS", faults.NO_NAME),
    put(59, "connection_refused", "network", "port", faults.REFUSED),
    put(59, "connect_timed_out", "network", "egress", faults.CONNECT_TIMED_OUT),
    sts(59, "name_not_found", "network", "the spelling of the region.", faults.NO_NAME),
    put(59, "proxy_unreachable", "network", "HTTPS_PROXY", faults.PROXY_DOWN),
    put(59, "proxy_refuses", "network", "Allow the store", faults.TUNNEL_REFUSED),
    put(59, "proxy_wants_login", "network", "the proxy's address", faults.bare(407, faults.HTML)),
    put(59, "endpoint_unreachable", "network", "egress", faults.UNREACHABLE),
    put(60, "answer_lost", "network", "unknown", faults.LOST_REQUEST),
    put(60, "answer_lost", "network", "http on a port for https?", faults.LOST_REQUEST),
    Row(62, "append_only_not_enforced", "customer", "'conditional_put': False", setting=_unconditional_put),
    put(
        63,
        "condition_unsupported",
        "customer",
        "conditional writes",
        REFUSED(501, "NotImplemented", "A header you provided implies …", Header="If-None-Match"),
    ),
    Row(
        62,
        "complete_overwrites",
        "customer",
        "'conditional_complete': False",
        setting=_unconditional_complete,
        check={"multipart": "always"},
    ),
    multipart(
        64,
        "multipart_denied",
        "customer",
        "If-None-Match",
        denied("with an explicit deny in a resource-based policy"),
        statement='"s3:ObjectCreationOperation": "true"',
    ),
    multipart(64, "multipart_denied", "customer", "If-None-Match", BARE),
    multipart(
        64,
        "multipart_denied",
        "customer",
        "If-None-Match",
        BARE,
        config={"expected_bucket_owner": "444455556666"},
        setting=lambda aws: setattr(aws.store, "owner", "444455556666"),
    ),
    *(
        multipart(number, code, owner, remedy, denied(reason))
        for number, code, owner, remedy, reason in (
            (35, "denied_by_organization", "customer", "Ask the", "with an explicit deny in a service control policy"),
            (36, "denied_by_boundary", "customer", "Extend", "because no permissions boundary allows the x:Y action"),
            (37, "denied_by_session_policy", "vendor", "to false", "because no session policy allows the x:Y action"),
            (38, "denied_by_vpc_endpoint", "vendor", "Add the", "with an explicit deny in a VPC endpoint policy"),
        )
    ),
    Row(
        65,
        "kms_decrypt_denied",
        "customer",
        "kms:Decrypt",
        operation="UploadPart",
        fault=denied(NO_ALLOW, "kms:Decrypt", KMS_KEY),
        setting=_with_kms,
        statement='"kms:Decrypt"',
    ),
    Row(
        65,
        "kms_decrypt_denied",
        "customer",
        "kms:Decrypt",
        operation="CompleteMultipartUpload",
        fault=denied(NO_ALLOW, "kms:Decrypt", KMS_KEY),
        setting=_with_kms,
    ),
    Row(
        66,
        "abort_denied",
        "customer",
        "lifecycle rule",
        operation="AbortMultipartUpload",
        fault=denied(NO_ALLOW, "s3:AbortMultipartUpload"),
        severity="note",
        check={"mode": "recheck"},
        statement='"DaysAfterInitiation": 7',
    ),
    Row(
        68,
        "delete_denied",
        "customer",
        "by hand",
        setting=_without_delete,
        severity="warning",
        statement="/.s3dest-probe/*",
    ),
    Row(
        69,
        "bucket_versioned",
        "customer",
        "lifecycle rule",
        setting=_versioned,
        severity="note",
        statement='"NoncurrentDays"',
    ),
    Row(
        70,
        "object_locked",
        "customer",
        "retention",
        operation="DeleteObject",
        fault=REFUSED(403, "AccessDenied", "Access Denied because object protected by object lock."),
        severity="note",
    ),
    Row(
        70,
        "mfa_delete",
        "customer",
        "second factor",
        operation="DeleteObject",
        fault=REFUSED(403, "AccessDenied", "Mfa Authentication must be used for this request"),
        severity="note",
    ),
    Row(
        71,
        "probe_left_over",
        "customer",
        "by hand",
        operation="DeleteObject",
        fault=faults.LOST_REQUEST,
        severity="warning",
    ),
    put(72, "put_denied", "customer", "s3:PutObject", faults.error_in_200("AccessDenied", "Access Denied")),
    put(72, "throttled", "aws", "later", faults.error_in_200("SlowDown", "Please reduce your request rate.")),
]

ELSEWHERE = {
    **dict.fromkeys(range(1, 9), "below"),
    61: "test_a_key_that_is_taken_is_a_bug_of_ours, below",
    67: "test_s3.py: NoSuchUpload after an ambiguous completion",
}
"""Rows with a test of another form."""


def checked(aws: FakeAws, row: Row) -> CheckReport:
    """Let it go wrong, and check."""
    if row.setting:
        row.setting(aws)
    if row.fault and row.call:
        aws.faults.at(row.operation, row.call, row.fault)
    elif row.fault:
        aws.faults.always(row.operation, row.fault)
    config = {**({"auth": aws.user} if row.auth == "user" else {}), **row.config}
    identity = WebIdentity(lambda: TOKEN) if row.auth == "token" else None
    return aws.destination(identity=identity, **config).check(**row.check)


def found(report: CheckReport, code: str) -> Finding:
    """Pick the finding out of a report."""
    (finding,) = [finding for finding in report.findings if finding.code == code]
    return finding


def test_every_row_has_a_case() -> None:
    """Seventy-two of them."""
    assert {row.number for row in ROWS} | ELSEWHERE.keys() == set(range(1, 73))


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_failure_has_its_code_its_owner_and_its_remedy(aws: FakeAws, row: Row) -> None:
    """And the document to paste where there is one; the report prints in every form, and holds no secret."""
    report = checked(aws, row)
    finding = found(report, row.code)
    assert (finding.owner, finding.severity) == (row.owner, row.severity)
    assert row.remedy in finding.remedy
    assert report.ok is (row.severity != "error")
    if row.statement is not None:
        assert row.statement in json.dumps(finding.statement)
    if row.severity == "error":
        errors = [each.code for each in report.findings if each.severity == "error"]
        assert errors == [row.code]
    texts = str(report) + report.model_dump_json() + report.to_markdown()
    for secret in ("SECRET", "Signature=", "c2lnbmF0dXJl", TOKEN):
        assert secret not in texts


def test_different_causes_have_different_codes() -> None:
    """A code stands for one row, but for those that name one cause in two stages."""
    rows: dict[str, set[int]] = {}
    for row in ROWS:
        rows.setdefault(row.code, set()).add(row.number)
    shared = {code: numbers for code, numbers in rows.items() if len(numbers) > 1}
    assert shared == {"wrong_region": {29, 30}, "put_denied": {38, 72}, "throttled": {53, 72}}


def test_every_code_is_in_the_catalogue() -> None:
    """And so in the README."""
    assert {row.code for row in ROWS} <= {problem.code for problem in ALL}


CONFIGS: list[tuple[int, dict[str, Any], str]] = [
    (1, {"bucket": "arn:aws:sns:eu-west-1:111122223333:topic"}, "bucket_is_address"),
    (1, {"bucket": "https://acme-lake.s3.amazonaws.com"}, "bucket_is_address"),
    (2, {"bucket": "Acme_Lake"}, "bucket_name_invalid"),
    (3, {"bucket": "acme--euw1-az1--x-s3"}, "directory_bucket"),
    (4, {"region": "eu west 1"}, "region_invalid"),
    (5, {"auth": {"role_arn": "arn:aws:iam::111122223333:user/x", "external_id": None}}, "role_arn_invalid"),
    (
        5,
        {"auth": {"role_arn": "arn:aws-cn:iam::111122223333:role/x", "external_id": None}},
        "role_arn_invalid",
    ),
    (6, {"auth": {"access_key_id": "ASIAIOSFODNN7EXAMPLE", "secret_access_key": "x" * 40}}, "temporary_key"),
    (7, {"endpoint_url": "s3.example.com"}, "endpoint_invalid"),
    (7, {"endpoint_url": "https://me:hunter2@s3.example.com"}, "endpoint_invalid"),
    (50, {"prefix": "x/" * 600 + "y"}, "prefix_invalid"),
]


@pytest.mark.parametrize(("number", "values", "code"), CONFIGS, ids=[f"{row[0]}-{row[2]}" for row in CONFIGS])
def test_a_wrong_configuration_has_findings_too(number: int, values: dict[str, Any], code: str) -> None:
    """In the shape of a check's, so that one form shows both; nothing is sent, and no input repeated."""
    del number
    auth = {"role_arn": ROLE_ARN, "external_id": EXTERNAL_ID}
    given = {"bucket": "acme-lake", "region": REGION, "auth": auth, **values}
    with pytest.raises(ValidationError) as caught:
        DestinationConfig.model_validate(given)
    (finding,) = config_findings(caught.value)
    assert (finding.code, finding.owner, finding.severity) == (code, "customer", "error")
    assert finding.remedy
    assert "hunter2" not in finding.message


def test_a_missing_field_is_a_finding() -> None:
    """It names the field."""
    with pytest.raises(ValidationError) as caught:
        DestinationConfig.model_validate({"bucket": "acme-lake", "auth": {"role_arn": ROLE_ARN, "external_id": None}})
    (finding,) = config_findings(caught.value)
    assert finding.code == "config_invalid"
    assert finding.message.endswith(" region: Field required.")


def test_what_is_no_error_of_a_configuration_is_refused() -> None:
    """In a typed error."""
    with pytest.raises(ConfigError, match="not a ValueError"):
        config_findings(ValueError("x"))  # type: ignore[arg-type]  # the point


def test_a_vendor_without_credentials_is_not_the_customers_fault(aws: FakeAws) -> None:
    """Row 8: botocore finds none before anything is sent."""

    def raising(*_: object) -> object:
        raise NoCredentialsError

    aws.faults.always("AssumeRole", Fault("no credentials", raising))  # type: ignore[arg-type]  # it returns nothing
    finding = found(aws.destination().check(), "vendor_keys_missing")
    assert finding.owner == "vendor"
    assert "the customer can do nothing" in finding.remedy


def test_a_key_that_is_taken_is_a_bug_of_ours(aws: FakeAws) -> None:
    """Row 61: probes have names that nobody else has."""
    refused = faults.refusal(412, "PreconditionFailed", "At least one of the pre-conditions did not hold")
    aws.faults.always("PutObject", refused)
    report = aws.destination().check()
    finding = found(report, "key_exists")
    assert (finding.owner, finding.severity, report.ok) == ("vendor", "error", False)
    assert "sends requests twice" in finding.remedy
    assert aws.operations[-1] == "DeleteObject"  # it is no other's


BODIES = [
    b"",
    b"<",
    b"<Error>",
    b"<Error/>",
    b"<Error><Code/><Message/></Error>",
    b"<Error><Message>no code</Message></Error>",
    b"<Error><Code>Odd</Code>",
    b'{"message": "Forbidden"}',
    b"Forbidden",
    b"\x00\xff\xfe",
    faults.HTML,
    b"<html><body>" + b"x" * 100_000,
    "<Error><Code>Ünbekannt</Code><Message>é{}%s</Message></Error>".encode(),
]


STATUSES = [200, 301, 307, 400, 403, 404, 409, 412, 418, 500, 503]
ASKED = ["AssumeRole", "PutObject", "DeleteObject", "CreateMultipartUpload"]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:20]))
def test_nothing_crashes_on_an_odd_answer(aws: FakeAws, status: int, body: bytes) -> None:
    """Empty, cut, HTML, no XML, without a code: at any operation a report comes back, with a code of the catalogue.

    Operations take turns, so that each meets every status, and every body, three times.
    """
    known = {problem.code for problem in ALL}
    operation = ASKED[(STATUSES.index(status) + BODIES.index(body)) % len(ASKED)]
    aws.faults.always(operation, faults.bare(status, body))
    auth: dict[str, Any] = {} if operation == "AssumeRole" else {"auth": aws.user}
    mode: Literal["setup", "recheck"] = "recheck" if operation == "CreateMultipartUpload" else "setup"
    report = aws.destination(options=QUICK, **auth).check(mode=mode)
    assert operation in aws.operations
    assert {finding.code for finding in report.findings} <= known
    assert str(report)
    assert report.to_markdown()


def test_what_is_unknown_is_shown_whole(aws: FakeAws) -> None:
    """With the request id for AWS's support, and nobody is told what to do."""
    aws.faults.always("PutObject", faults.refusal(400, "BrandNewTrouble", "The frobnicator is out of tune."))
    (finding,) = aws.destination().check().findings
    assert finding.code == "request_refused"
    assert "BrandNewTrouble: The frobnicator is out of tune." in finding.message
    assert (finding.aws_code, finding.status, finding.request_id) == ("BrandNewTrouble", 400, "FAULT")
    assert finding.statement is None


def test_a_writer_says_the_same(aws: FakeAws) -> None:
    """Code, owner, remedy and statement of an error are those of the finding."""
    from s3dest import AccessDeniedError

    aws.faults.always("PutObject", denied(NO_ALLOW))
    with pytest.raises(AccessDeniedError) as caught, aws.destination().append("orders") as append:
        append.write({"id": 1})
    finding = found(aws.destination().check(), "put_not_allowed")
    error = caught.value
    assert (error.code, error.owner, error.remedy) == (finding.code, finding.owner, finding.remedy)
    assert error.statement == finding.statement
    assert finding.link == "README.md#put_not_allowed"


QUICK = TransferOptions.model_validate({"deadline": "PT0.001S"})
