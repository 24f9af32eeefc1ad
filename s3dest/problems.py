"""The catalogue of problems: each with a stable code, an owner, a title and a remedy, to be filled with values.

Pure data. Titles and remedies may name ``{bucket}``, ``{region}``, ``{uri}``, ``{partition}``, ``{key_prefix}``,
``{key}``, ``{role_arn}`` and ``{external_id}``. diagnosis.py decides which problem an answer is.
"""

from __future__ import annotations

from dataclasses import dataclass

from s3dest.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    CredentialsError,
    IntegrityError,
    Owner,
    RequestError,
    S3DestError,
    ThrottledError,
    TransportError,
    WrongRegionError,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One cause of failure: what to call it, whose it is, what to do."""

    code: str
    error: type[S3DestError]
    owner: Owner
    title: str
    remedy: str
    retryable: bool = False
    ambiguous: bool = False


# What STS says about the role

ROLE_NOT_ASSUMABLE = Problem(
    "role_not_assumable",
    CredentialsError,
    "customer",
    "The role {role_arn} cannot be assumed.",
    "Check that the role exists, that its trust policy names the vendor's principal and, as sts:ExternalId, "
    "{external_id}, and (vendor) that the caller may call sts:AssumeRole on it. AWS does not say which failed. "
    "A trust policy just saved can take some minutes to count.",
)
ROLE_NOT_ASSUMABLE_BY_TOKEN = Problem(
    "role_not_assumable",
    CredentialsError,
    "customer",
    "The role {role_arn} cannot be assumed with the vendor's identity token.",
    "Check that the role exists and that its trust policy names exactly the token's subject and audience. "
    "A trust policy just saved can take some minutes to count.",
)
OIDC_PROVIDER_MISSING = Problem(
    "oidc_provider_missing",
    CredentialsError,
    "customer",
    "The account of {role_arn} has no IAM OIDC provider for the issuer of the vendor's token.",
    "Create the OIDC provider in the account that owns the role.",
)
TOKEN_AUDIENCE = Problem(
    "token_audience",
    CredentialsError,
    "customer",
    "The audience of the vendor's token is not one that the OIDC provider knows.",
    "Add the token's audience to the OIDC provider in the account that owns the role.",
)
TOKEN_REFUSED = Problem(
    "token_refused",
    CredentialsError,
    "vendor",
    "STS does not accept the vendor's identity token.",
    "Check that the token source gives a fresh token, signed by the issuer that the trust policy names.",
)
STS_REGION_DISABLED = Problem(
    "sts_region_disabled",
    CredentialsError,
    "customer",
    "STS is not active in this region for the account that owns the role.",
    "Activate the region for STS in the account's settings, or set sts_endpoint_url to that of another region.",
)
SESSION_POLICY_REFUSED = Problem(
    "session_policy_refused",
    CredentialsError,
    "vendor",
    "STS does not accept the session policy.",
    "Shorten the prefix, or set session_policy to false and rely on the role's own policy.",
)
VENDOR_KEYS_REFUSED = Problem(
    "vendor_keys_refused",
    CredentialsError,
    "vendor",
    "STS does not know the vendor's own AWS keys.",
    "Mend the vendor's ambient credentials; the customer can do nothing about this.",
)
VENDOR_KEYS_EXPIRED = Problem(
    "vendor_keys_expired",
    CredentialsError,
    "vendor",
    "The vendor's own AWS session has expired.",
    "Renew the vendor's ambient credentials; the customer can do nothing about this.",
)
VENDOR_KEYS_MISSING = Problem(
    "vendor_keys_missing",
    CredentialsError,
    "vendor",
    "The vendor's own AWS credentials cannot be found.",
    "Configure ambient AWS credentials for this process, or pass an identity; the customer can do nothing about this.",
)
SESSION_DURATION = Problem(
    "session_duration",
    CredentialsError,
    "vendor",
    "STS gives no session of this duration.",
    "Set the duration in RoleAuth to what the role's MaxSessionDuration allows.",
)
NO_SESSION = Problem(
    "sts_answer",
    CredentialsError,
    "network",
    "The answer says success but holds no session of {role_arn}: it is not one of STS.",
    "Check sts_endpoint_url, and look for a proxy or a captive portal in between.",
)
TOKEN_SOURCE = Problem(
    "token_source",
    CredentialsError,
    "vendor",
    "The vendor's token source gave no identity token.",
    "Mend the token source; the customer can do nothing about this.",
)
STS_REFUSED = Problem(
    "sts_refused", CredentialsError, "vendor", "STS refused to open a session of {role_arn}.", "See what AWS said."
)
STS_UNAVAILABLE = Problem(
    "sts_unavailable",
    CredentialsError,
    "aws",
    "STS cannot open a session of {role_arn} at the moment.",
    "Try again later.",
    retryable=True,
)
STS_UNREACHABLE = Problem(
    "sts_unreachable",
    CredentialsError,
    "network",
    "STS cannot be reached.",
    "Check name resolution, egress rules, proxy and sts_endpoint_url.",
    retryable=True,
)

# What S3 says

PUT_DENIED = Problem(
    "put_denied",
    AccessDeniedError,
    "customer",
    "Writing to {uri} is denied.",
    "Allow s3:PutObject on arn:{partition}:s3:::{bucket}/{key_prefix}* in the policy of the role or user, and see that "
    "no other policy (bucket, organisation, permissions boundary) denies it. A policy just saved can take minutes.",
)
DELETE_DENIED = Problem(
    "delete_denied",
    AccessDeniedError,
    "customer",
    "Deleting s3://{bucket}/{key} is denied.",
    "Delete that object by hand. To have the check clean up, allow s3:DeleteObject on arn:{partition}:s3:::{bucket}/"
    "{key_prefix}* while it runs; appending does not need it.",
)
ABORT_DENIED = Problem(
    "abort_denied",
    AccessDeniedError,
    "customer",
    "Aborting the multipart upload of s3://{bucket}/{key} is denied.",
    "Nothing of it is visible. Let a lifecycle rule remove incomplete multipart uploads after 7 days, or allow "
    "s3:AbortMultipartUpload.",
)
KMS_DENIED = Problem(
    "kms_denied",
    AccessDeniedError,
    "customer",
    "The bucket's KMS key may not be used.",
    "Allow kms:GenerateDataKey and kms:Decrypt on the key, in the policy of the role or user and in the key's own.",
)
KMS_KEY_UNUSABLE = Problem(
    "kms_key_unusable",
    RequestError,
    "customer",
    "The KMS key that encrypts the bucket cannot be used.",
    "Enable the key, or set another as the bucket's default.",
)
KEY_UNKNOWN = Problem(
    "access_key_unknown",
    CredentialsError,
    "customer",
    "The store does not know the access key ID.",
    "Check that the key exists and is active, and that bucket and key belong to the same store and partition.",
)
SECRET_WRONG = Problem(
    "secret_key_wrong",
    CredentialsError,
    "customer",
    "The secret access key does not belong to the access key ID.",
    "Enter the secret again, without spaces at its ends.",
)
SESSION_EXPIRED = Problem(
    "session_expired",
    CredentialsError,
    "aws",
    "The session's keys have expired or are not accepted.",
    "Try again; s3dest has asked for new keys already.",
)
BUCKET_NOT_FOUND = Problem(
    "bucket_not_found",
    BucketNotFoundError,
    "customer",
    "There is no bucket {bucket!r}.",
    "Check the name, and that the bucket is in the partition and store that the config names.",
)
WRONG_REGION = Problem(
    "wrong_region",
    WrongRegionError,
    "customer",
    "The bucket {bucket!r} is not in region {region!r}.",
    "Set the region that the S3 console shows beside the bucket.",
)
THROTTLED = Problem(
    "throttled", ThrottledError, "aws", "S3 asks for fewer requests.", "Try again later.", retryable=True
)
UNAVAILABLE = Problem(
    "s3_unavailable",
    RequestError,
    "aws",
    "S3 failed to handle the request.",
    "Try again later.",
    retryable=True,
    ambiguous=True,
)
REQUEST_TIMEOUT = Problem(
    "request_timeout",
    TransportError,
    "network",
    "S3 did not receive the whole request in time.",
    "Check the network for stalls.",
    retryable=True,
)
CONFLICT = Problem(
    "conflict", RequestError, "aws", "Another request to the same key was under way.", "Try again.", retryable=True
)
KEY_EXISTS = Problem(
    "key_exists",
    RequestError,
    "vendor",
    "There is an object at s3://{bucket}/{key} already.",
    "s3dest never overwrites; use another transfer id.",
)
UPLOAD_LOST = Problem(
    "upload_lost",
    RequestError,
    "customer",
    "The multipart upload of s3://{bucket}/{key} is gone: aborted, or removed by a lifecycle rule.",
    "Repeat the transfer with the same transfer id and rows; let lifecycle rules wait longer than a commit may take.",
)
BODY_ALTERED = Problem(
    "body_altered",
    IntegrityError,
    "network",
    "The bytes that arrived are not those that were sent.",
    "Look for a proxy that alters bodies.",
    retryable=True,
)
CLOCK_SKEWED = Problem(
    "clock_skewed",
    RequestError,
    "vendor",
    "This machine's clock is wrong by more than AWS accepts.",
    "Set the clock of the machine that runs s3dest.",
)
NOT_IMPLEMENTED = Problem(
    "not_implemented",
    RequestError,
    "customer",
    "The store does not support a header of this request.",
    "s3dest needs a store with conditional writes (If-None-Match).",
)
ACCOUNT_PROBLEM = Problem(
    "account_problem",
    RequestError,
    "customer",
    "AWS has blocked the account or the bucket.",
    "Contact AWS support.",
)
ETAG_DIFFERS = Problem(
    "etag_differs",
    IntegrityError,
    "network",
    "The store's ETag for s3://{bucket}/{key} is not the MD5 of the bytes sent: it holds something else.",
    "Look for a proxy or gateway that alters bodies (one that keeps aws-chunked framing, say), and delete that object.",
)
NO_ANSWER = Problem(
    "not_s3",
    IntegrityError,
    "network",
    "The answer says success but is not one of S3: it has no ETag.",
    "Check endpoint_url, and look for a proxy or a captive portal in between.",
    retryable=True,
    ambiguous=True,
)
NOT_S3 = Problem(
    "not_s3",
    IntegrityError,
    "network",
    "What answered is not S3.",
    "Check endpoint_url, and look for a proxy or a captive portal in between.",
)
REFUSED = Problem("request_refused", RequestError, "customer", "S3 refused the request.", "See what AWS said.")

# What the network says

UNREACHABLE = Problem(
    "endpoint_unreachable",
    TransportError,
    "network",
    "The store cannot be reached.",
    "Check the region's spelling, endpoint_url, name resolution and egress rules.",
    retryable=True,
)
PROXY_UNREACHABLE = Problem(
    "proxy_unreachable", TransportError, "network", "The proxy cannot be reached.", "Check the proxy.", retryable=True
)
TLS_UNTRUSTED = Problem(
    "tls_failed",
    TransportError,
    "network",
    "No trusted TLS connection to the store can be made.",
    "Add the store's certificate authority (AWS_CA_BUNDLE), or check that the port speaks TLS.",
)
ANSWER_LOST = Problem(
    "answer_lost",
    TransportError,
    "network",
    "The store's answer did not arrive.",
    "Try again; whether the request took effect is unknown.",
    retryable=True,
    ambiguous=True,
)
UNUSABLE_REQUEST = Problem(
    "unusable_request", RequestError, "vendor", "The request cannot be sent.", "See what botocore said."
)
