"""The catalogue, on S3's answers other than a 403 of its policies (denials.py) and those of KMS (kms_problems.py).

Titles and remedies may name ``{bucket}``, ``{region}``, ``{uri}``, ``{partition}``, ``{key_prefix}``, ``{key}``,
``{role_arn}``, ``{external_id}`` and what else diagnosis.py fills in; verdicts.py and sts_verdicts.py decide which
problem an answer is.
"""

from __future__ import annotations

from s3dest.errors import (
    BucketNotFoundError,
    CredentialsError,
    IntegrityError,
    RequestError,
    ThrottledError,
    TransportError,
    WrongRegionError,
)
from s3dest.problem import Problem

KEY_UNKNOWN = Problem(
    "access_key_unknown",
    CredentialsError,
    "customer",
    "The store does not know the access key ID.",
    "Check that the key exists and is active, and that bucket and key belong to the same store and partition.",
)
KEY_EXPIRED = Problem(
    "access_key_expired",
    CredentialsError,
    "customer",
    "The store says that the access key has expired.",
    "Create a new key, and enter its ID and secret. Session keys will not work: they expire within hours.",
)
SECRET_WRONG = Problem(
    "secret_key_wrong",
    CredentialsError,
    "customer",
    "The secret access key does not belong to the access key ID.",
    "Enter the secret again, without spaces at its ends. If it is right, look for a proxy that changes requests: their "
    "headers are signed.",
)
SIGNATURE_DIFFERS = Problem(
    "signature_differs",
    CredentialsError,
    "network",
    "The signature does not fit the request that arrived, though the session's keys are STS's own.",
    "Look for a proxy or gateway on the way that changes requests: their headers are signed.",
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
    "s3dest never overwrites; use another transfer id. A check's probe has a new name each time: look for a proxy "
    "in between that sends requests twice.",
)
UPLOAD_LOST = Problem(
    "upload_lost",
    RequestError,
    "customer",
    "The multipart upload of s3://{bucket}/{key} is gone: aborted, or removed by a lifecycle rule.",
    "Repeat the transfer with the same transfer id and rows; let lifecycle rules wait longer than a commit may take.",
)
QUOTA_EXCEEDED = Problem(
    "quota_exceeded",
    RequestError,
    "customer",
    "The store's quota for the bucket {bucket} or its owner is used up.",
    "Raise the quota, or make room; then repeat the transfer with the same transfer id.",
)
COMPLETION_UNDER_WAY = Problem(
    "completion_under_way",
    RequestError,
    "vendor",
    "The store says that the multipart upload of s3://{bucket}/{key} is being completed already.",
    "Let one process at a time commit a transfer, and repeat the commit.",
    retryable=True,
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
    "This machine's clock and that of {service} differ by too much{clock}.",
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
    "AWS or the store has blocked the account or the bucket.",
    "Contact AWS support, or who runs the store.",
)
ETAG_DIFFERS = Problem(
    "etag_differs",
    IntegrityError,
    "network",
    "The store's checksum or ETag for s3://{bucket}/{key} is not that of the bytes sent: it holds something else.",
    "Look for a proxy or gateway that alters bodies (one that keeps aws-chunked framing, say), and delete that object.",
)
NO_ANSWER = Problem(
    "not_s3",
    IntegrityError,
    "network",
    "The answer reports success but is not one of S3: no ETag, no upload id, or another status than 200.",
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
PART_LOST = Problem(
    "part_lost",
    IntegrityError,
    "aws",
    "A part of the multipart upload of s3://{bucket}/{key} is not what its answer had said, or is gone.",
    "Repeat the transfer with the same transfer id and rows; if it comes again, report it to the store's makers.",
)
NOT_UNDERSTOOD = Problem(
    "request_not_understood",
    RequestError,
    "vendor",
    "The store does not accept the request as S3's documentation describes it.",
    "Look for a gateway that changes requests, and whether {endpoint} is the S3 API's own address, not a website's; "
    "else report it, with the store's name and version.",
    elsewhere="Where it minds the size of a part, set part_size in TransferOptions.",
)
REFUSED = Problem(
    "request_refused",
    RequestError,
    "vendor",
    "The store refused the request.",
    "See the store's answer.",
    elsewhere="Where the store does not say what it minds: try without storage_class and encryption, and with the "
    "other form of checksums.",
)
SESSION_TOKEN_INVALID = Problem(
    "session_token_invalid",
    CredentialsError,
    "vendor",
    "S3 in region {region!r} does not accept the session's token.",
    "Leave sts_endpoint_url out, or set it to a regional STS: tokens of the global one do not count in opt-in regions.",
)
BUCKET_NAME_REFUSED = Problem(
    "bucket_name_refused",
    RequestError,
    "customer",
    "{bucket!r} is not a valid bucket name.",
    "Enter the bare bucket name as the S3 console shows it: 3 to 63 lower-case letters, digits, dots and hyphens.",
)
OWNER_MALFORMED = Problem(
    "owner_malformed",
    RequestError,
    "customer",
    "S3 does not accept {owner} as an account.",
    "Set expected_bucket_owner to the 12-digit id of the account that owns the bucket.",
)
CHECKSUM_REQUIRED = Problem(
    "checksum_required",
    RequestError,
    "vendor",
    "The bucket has Object Lock and demands a checksum, which did not arrive.",
    "s3dest sends one with each body: find what removes the header on the way (a gateway), and report it.",
)
CHECKSUM_UNSUPPORTED = Problem(
    "checksum_unsupported",
    RequestError,
    "vendor",
    "The store does not support the form of checksum that the request carried.",
    "Set checksums to 'md5' in TransferOptions, or keep the report's capabilities in the config.",
)
CONDITION_UNSUPPORTED = Problem(
    "condition_unsupported",
    RequestError,
    "customer",
    "The store refuses requests with If-None-Match.",
    "s3dest overwrites nothing and so needs a store with conditional writes; choose another, or a newer version of it.",
)
STORAGE_CLASS_REFUSED = Problem(
    "storage_class_refused",
    RequestError,
    "customer",
    "The store does not have the storage class {storage_class}.",
    "Choose another storage_class, or leave it out for the bucket's default.",
)
ENCRYPTION_REFUSED = Problem(
    "encryption_refused",
    RequestError,
    "customer",
    "The store does not accept the encryption that the config asks for.",
    "Choose another encryption, or leave it out for the bucket's default.",
)
KEY_TOO_LONG = Problem(
    "key_refused_as_too_long",
    RequestError,
    "customer",
    "The key of the object is longer than the store accepts.",
    "Shorten the prefix: a key has at most 1,024 bytes in all.",
)
ACCELERATION_OFF = Problem(
    "acceleration_off",
    RequestError,
    "vendor",
    "The endpoint is one of Transfer Acceleration, which the bucket {bucket!r} does not have.",
    "Leave endpoint_url out, or let the customer turn Transfer Acceleration on for the bucket.",
)
