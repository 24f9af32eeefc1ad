"""Which problem of the catalogue an answer, or the lack of one, is.

The error code decides before the status, and a bare status without a request id is no service's answer. What is not
known stays unknown: ``request_refused`` and ``sts_refused`` show it whole.
"""

from __future__ import annotations

import re
from traceback import walk_tb
from typing import Final

from botocore import exceptions as botocore_errors
from botocore import parsers
from botocore.loaders import create_loader
from botocore.parsers import ResponseParserError
from urllib3.exceptions import LocationValueError

from s3dest import denials, kms_problems, network_problems, problems, sts_problems
from s3dest.answer import Answer
from s3dest.auth import HmacAuth, RoleAuth
from s3dest.config import DestinationConfig
from s3dest.connection import BrokenOffError
from s3dest.denial import Denial, without_arns
from s3dest.problem import Problem

THROTTLES: Final = frozenset(
    "SlowDown SlowDownRead SlowDownWrite Throttling ThrottlingException ThrottledException RequestThrottled "
    "RequestThrottledException TooManyRequests TooManyRequestsException RequestLimitExceeded BandwidthLimitExceeded "
    "LimitExceededException PriorRequestNotComplete EC2ThrottledException KMS.ThrottlingException 429".split()
)
REGION_CODES: Final = frozenset(
    "PermanentRedirect TemporaryRedirect Redirect AuthorizationHeaderMalformed IllegalLocationConstraintException "
    "IncorrectEndpoint 301 302 307".split()
)
"""Codes by which S3 says that a bucket lives elsewhere."""

EXPIRED_CODES: Final = frozenset("ExpiredToken ExpiredTokenException TokenRefreshRequired InvalidToken".split())
"""Codes by which S3 refuses a session's keys that a new session would help."""

_NOT_UNDERSTOOD: Final = (
    "EntityTooLarge EntityTooSmall InvalidDigest InvalidPartOrder InvalidURI MalformedXML MethodNotAllowed "
    "MissingContentLength MissingRequestBodyError 304 308 405 411 413 414 415 431".split()
)
"""Codes by which a store refuses what every S3 takes, whatever the customer has set."""

_S3_CODES: Final = {
    "InvalidAccessKeyId": problems.KEY_UNKNOWN,
    "SignatureDoesNotMatch": problems.SECRET_WRONG,
    "NoSuchBucket": problems.BUCKET_NOT_FOUND,
    "InvalidBucketName": problems.BUCKET_NAME_REFUSED,
    "InvalidBucketOwnerAWSAccountID": problems.OWNER_MALFORMED,
    "InternalError": problems.UNAVAILABLE,
    "ServiceUnavailable": problems.UNAVAILABLE,
    "RequestTimeout": problems.REQUEST_TIMEOUT,
    "ConditionalRequestConflict": problems.CONFLICT,
    "OperationAborted": problems.CONFLICT,
    "409": problems.CONFLICT,
    "PreconditionFailed": problems.KEY_EXISTS,
    "412": problems.KEY_EXISTS,
    "NoSuchUpload": problems.UPLOAD_LOST,
    "InvalidPart": problems.PART_LOST,
    "BadDigest": problems.BODY_ALTERED,
    "XAmzContentSHA256Mismatch": problems.BODY_ALTERED,
    "IncompleteBody": problems.BODY_ALTERED,
    "RequestTimeTooSkewed": problems.CLOCK_SKEWED,
    "NotImplemented": problems.NOT_IMPLEMENTED,
    "AllAccessDisabled": problems.ACCOUNT_PROBLEM,
    "AccountProblem": problems.ACCOUNT_PROBLEM,
    "NotSignedUp": problems.ACCOUNT_PROBLEM,
    "UserSuspended": problems.ACCOUNT_PROBLEM,
    **dict.fromkeys(("QuotaExceeded", "XMinioAdminBucketQuotaExceeded"), problems.QUOTA_EXCEEDED),  # Ceph, MinIO
    "InvalidStorageClass": problems.STORAGE_CLASS_REFUSED,
    "InvalidEncryptionAlgorithmError": problems.ENCRYPTION_REFUSED,
    "KeyTooLongError": problems.KEY_TOO_LONG,
    "AccessControlListNotSupported": denials.ACL_REFUSED,
    "InvalidPayer": denials.REQUESTER_PAYS,
    "MissingUploadObjectWithObjectLockHeaders": problems.CHECKSUM_REQUIRED,  # moto's word
    **dict.fromkeys(_NOT_UNDERSTOOD, problems.NOT_UNDERSTOOD),
    **dict.fromkeys(THROTTLES, problems.THROTTLED),
    **dict.fromkeys(REGION_CODES, problems.WRONG_REGION),
    **dict.fromkeys(EXPIRED_CODES, problems.SESSION_EXPIRED),
    "InvalidToken": problems.SESSION_TOKEN_INVALID,
    "KMS.DisabledException": kms_problems.KMS_KEY_DISABLED,
    "KMS.InvalidKeyUsageException": kms_problems.KMS_KEY_WRONG_KIND,
}
_OF_A_SESSION: Final = {
    "InvalidAccessKeyId": problems.SESSION_EXPIRED,
    "SignatureDoesNotMatch": problems.SIGNATURE_DIFFERS,
}
"""What these codes are where the keys are STS's, and nobody has mistyped them."""

# Ceph RGW, of an upload that is gone, too
_UNDER_WAY: Final = re.compile(r"completion is already in progress", re.IGNORECASE)
_CHECKSUM: Final = re.compile(r"checksum|content-md5|x-amz-content-sha256|unsupported header|trailer", re.IGNORECASE)
_CHECKSUM_DEMANDED: Final = re.compile(r"Content-MD5 OR x-amz-checksum-", re.IGNORECASE)
_NO_NAME: Final = re.compile(
    r"name or service not known|nodename nor servname|getaddrinfo|name resolution|failed to resolve|"
    r"no address associated|name does not resolve|no such host",
    re.IGNORECASE,
)

_TLS: Final = tuple(
    (re.compile(words, re.IGNORECASE), problem)
    for words, problem in (
        (r"wrong.version.number|record layer|unknown protocol", network_problems.TLS_NOT_SPOKEN),
        (r"doesn't match|hostname mismatch|IP address mismatch|is not valid for", network_problems.TLS_WRONG_HOST),
        (r"has expired|not yet valid", network_problems.TLS_EXPIRED),
        (r"no such file|suitable TLS CA|NO_CERTIFICATE_OR_CRL_FOUND", network_problems.TLS_BUNDLE_MISSING),
        # the connection broke, in the middle of a body perhaps
        (r"EOF occurred|unexpected.eof|closed \(EOF\)|bad record mac|decryption failed", network_problems.ANSWER_LOST),
    )
)
"""OpenSSL's words, and urllib3's."""

_BY_POLICY: Final[dict[tuple[str, bool], Problem]] = {
    ("identity-based", False): denials.PUT_NOT_ALLOWED,
    ("identity-based", True): denials.DENIED_BY_IDENTITY_POLICY,
    ("resource-based", False): denials.DENIED_CROSS_ACCOUNT,
    ("resource-based", True): denials.DENIED_BY_BUCKET_POLICY,
    **{("service control", explicit): denials.DENIED_BY_SCP for explicit in (False, True)},
    **{("resource control", explicit): denials.DENIED_BY_RCP for explicit in (False, True)},
    **{("VPC endpoint", explicit): denials.DENIED_BY_VPC_ENDPOINT for explicit in (False, True)},
    **{("permissions boundary", explicit): denials.DENIED_BY_BOUNDARY for explicit in (False, True)},
    **{("session", explicit): denials.DENIED_BY_SESSION_POLICY for explicit in (False, True)},
}
# KMS says this of a data key that the asker may not decrypt
_CIPHERTEXT: Final = re.compile(r"ciphertext refers to a", re.IGNORECASE)
_KEY_CODES: Final = frozenset("KMS.KMSInvalidStateException KMS.NotFoundException KMS.AccessDeniedException".split())
"""Codes of KMS that stand for several causes."""

_VENDORS_KEYS: Final = (
    botocore_errors.NoCredentialsError,
    botocore_errors.NoAuthTokenError,
    botocore_errors.PartialCredentialsError,
    botocore_errors.CredentialRetrievalError,
    botocore_errors.UnknownCredentialError,
    botocore_errors.RefreshWithMFAUnsupportedError,
    botocore_errors.ProfileNotFound,
    botocore_errors.ConfigNotFound,
    botocore_errors.MetadataRetrievalError,
    botocore_errors.SSOError,
    botocore_errors.TokenRetrievalError,
)
"""What botocore raises while it looks for the vendor's own keys."""

_VENDORS_SETTINGS: Final = (
    botocore_errors.ConfigParseError,
    botocore_errors.InfiniteLoopConfigError,
    botocore_errors.InvalidChecksumConfigError,
    botocore_errors.InvalidConfigError,
    botocore_errors.InvalidDefaultsMode,
    botocore_errors.InvalidS3UsEast1RegionalEndpointConfigError,
    botocore_errors.InvalidSTSRegionalEndpointsConfigError,
)
"""What botocore raises about the environment and the config file of the vendor's own session."""


def of_s3(answer: Answer, config: DestinationConfig) -> Problem:
    """Name what S3's refusal is."""
    status = answer.status or 0
    if answer.anonymous and not answer.region:
        return of_nobody(answer) or problems.NOT_S3
    if answer.code == "AccessDenied" or (status == 403 and answer.code == "403"):  # noqa: PLR2004
        return _denial(answer, config)
    if about_keys := _about_keys(answer, config):
        return about_keys
    if answer.code == "AuthorizationHeaderMalformed" and not answer.region and "region" not in answer.message:
        return problems.REFUSED
    if answer.code in _KEY_CODES:
        return _of_key(answer, config)
    if answer.code == "InternalError" and _UNDER_WAY.search(answer.message):
        return problems.COMPLETION_UNDER_WAY
    if special := _about_a_header(answer, config):
        return special
    if problem := _S3_CODES.get(answer.code):
        return problem
    if answer.code.startswith("KMS.") and status < 500:  # noqa: PLR2004  # beyond it is KMS's own outage
        return kms_problems.KMS_KEY_UNUSABLE
    if status >= 500 or status == 200:  # noqa: PLR2004  # an error inside a 200 is shown as 500 by botocore
        return problems.UNAVAILABLE
    return problems.CONFLICT if status == 409 else problems.REFUSED  # noqa: PLR2004  # HTTP's Conflict


def _about_keys(answer: Answer, config: DestinationConfig) -> Problem | None:
    """Tell apart what codes are by whose keys they are about: a user's, or a session's."""
    if not isinstance(config.auth, HmacAuth):
        return _OF_A_SESSION.get(answer.code)
    if answer.code == "Unauthorized":  # Cloudflare R2
        return problems.SECRET_WRONG
    return problems.KEY_EXPIRED if answer.code in EXPIRED_CODES else None


def of_nobody(answer: Answer) -> Problem | None:
    """Name an answer that is no service's; ``None`` where nothing but that is known of it."""
    status = answer.status or 0
    if status == 407:  # noqa: PLR2004  # HTTP's Proxy Authentication Required
        return network_problems.PROXY_WANTS_LOGIN
    if status == 429:  # noqa: PLR2004  # HTTP's Too Many Requests
        return problems.THROTTLED
    # a 200 was cut short; Request Timeout and Too Early are about the moment
    passing = status >= 500 or status in {200, 408, 425}  # noqa: PLR2004
    return network_problems.GATEWAY_FAILED if passing else None


def _of_key(answer: Answer, config: DestinationConfig) -> Problem:
    """Tell apart what is wrong with a KMS key under codes that stand for several causes."""
    if answer.code == "KMS.AccessDeniedException":
        return _denial(answer, config)
    if answer.code == "KMS.NotFoundException":
        elsewhere = answer.message.startswith("Invalid arn ")  # and the key's region
        return kms_problems.KMS_KEY_ELSEWHERE if elsewhere else kms_problems.KMS_KEY_NOT_FOUND
    dying = "pending deletion" in answer.message or "pending replica deletion" in answer.message
    return kms_problems.KMS_KEY_PENDING_DELETION if dying else kms_problems.KMS_KEY_UNUSABLE


def _about_a_header(answer: Answer, config: DestinationConfig) -> Problem | None:
    """Tell apart what stores put under few codes: which header they do not take, or miss."""
    words = " ".join((answer.message, answer.more.get("Header", ""), answer.more.get("ArgumentName", "")))
    if answer.code == "InvalidRequest" and "Transfer Acceleration" in words:
        return problems.ACCELERATION_OFF
    if answer.code == "InvalidRequest" and _CHECKSUM_DEMANDED.search(words):
        return problems.CHECKSUM_REQUIRED
    if answer.code not in {"NotImplemented", "InvalidArgument", "InvalidRequest", "XAmzContentSHA256Mismatch"}:
        return None
    if re.search(r"if-none-match", words, re.IGNORECASE):
        return problems.CONDITION_UNSUPPORTED
    if answer.code == "XAmzContentSHA256Mismatch":
        # in clear text the body is signed, by its digest; over TLS it is not, which some stores do not know
        return problems.CHECKSUM_UNSUPPORTED if config.over_tls and not config.on_aws else None
    if re.search(r"server-side-encryption", words, re.IGNORECASE):
        return problems.ENCRYPTION_REFUSED
    if re.search(r"storage-class", words, re.IGNORECASE):
        return problems.STORAGE_CLASS_REFUSED
    return problems.CHECKSUM_UNSUPPORTED if _CHECKSUM.search(words) else None


def _denial(answer: Answer, config: DestinationConfig) -> Problem:
    denial, words = Denial.of(answer.message), without_arns(answer.message)
    if "kms:" in words or answer.code.startswith("KMS.") or _CIPHERTEXT.search(words):
        return _kms_denial(answer, denial)
    if denial.action == "s3:PutObjectAcl" or "BlockPublicAcls" in words:
        return denials.ACL_REFUSED
    if denial.action == "s3:PutObjectTagging":
        return denials.TAGS_DENIED
    if answer.operation == "DeleteObject":
        if re.search(r"object lock|retention", words, re.IGNORECASE):
            return denials.PROBE_LOCKED
        return denials.MFA_DELETE if re.search(r"\bmfa\b", words, re.IGNORECASE) else denials.DELETE_DENIED
    if answer.operation == "AbortMultipartUpload":
        return denials.ABORT_DENIED
    if re.search(r"requester pays", words, re.IGNORECASE):
        return denials.REQUESTER_PAYS
    if denial.policy_type is not None:
        return _BY_POLICY.get((denial.policy_type, bool(denial.explicit)), denials.PUT_DENIED)
    elsewhere = isinstance(config.auth, RoleAuth) and config.expected_bucket_owner not in {
        None,
        config.auth.role.account,
    }
    return denials.DENIED_CROSS_ACCOUNT if elsewhere and config.on_aws else denials.PUT_DENIED


def _kms_denial(answer: Answer, denial: Denial) -> Problem:
    if denial.policy_type == "resource-based":
        known = denial.explicit is not None
        return kms_problems.KMS_KEY_POLICY_DENIES if known else kms_problems.KMS_KEY_NOT_SHARED
    if denial.policy_type is not None and (denial.policy_type, denial.explicit) != ("identity-based", False):
        return _BY_POLICY.get((denial.policy_type, bool(denial.explicit)), kms_problems.KMS_DENIED)
    decrypt = denial.action == "kms:Decrypt" or _CIPHERTEXT.search(answer.message)
    return kms_problems.KMS_DECRYPT_DENIED if decrypt else kms_problems.KMS_DENIED


def of_exception(error: Exception, config: DestinationConfig, *, sts: bool) -> Problem:
    """Name what went wrong without an answer."""
    cause = str(getattr(error, "kwargs", {}).get("error", "")) or str(error)
    if isinstance(error, botocore_errors.SSLError):
        return next((problem for words, problem in _TLS if words.search(cause)), network_problems.TLS_UNTRUSTED)
    if isinstance(error, botocore_errors.ProxyConnectionError):
        return _at_the_proxy(error, cause)
    if isinstance(error, (botocore_errors.EndpointConnectionError, botocore_errors.ConnectTimeoutError)):
        return _unreachable(error, cause, config)
    cut_off = (botocore_errors.HTTPClientError, botocore_errors.ConnectionError, botocore_errors.IncompleteReadError)
    if is_of_header(error):
        return sts_problems.VENDOR_KEYS_MALFORMED if sts else network_problems.UNUSABLE_REQUEST
    if is_of_proxys_address(error):
        return network_problems.PROXY_MALFORMED
    if isinstance(error, cut_off):
        return network_problems.NOT_HTTP if "BadStatusLine" in cause else network_problems.ANSWER_LOST
    if isinstance(error, KeyError) and sts:  # botocore's parser, of XML that is no answer of STS
        return sts_problems.NO_SESSION
    if is_of_answer(error):
        return sts_problems.NOT_STS if sts else network_problems.ANSWER_LOST
    if isinstance(error, _VENDORS_KEYS) and sts:
        return sts_problems.VENDOR_KEYS_MISSING
    if isinstance(error, _VENDORS_SETTINGS) and sts:
        return sts_problems.VENDOR_SETTINGS_WRONG
    return network_problems.UNUSABLE_REQUEST


def is_of_answer(error: Exception) -> bool:
    """Tell whether botocore stumbled over what was answered: it lets Python's own exceptions out, with words of it."""
    if isinstance(error, (ResponseParserError, RecursionError, AttributeError)):
        return True
    codes = [frame.f_code for frame, _ in walk_tb(error.__traceback__)]
    # the latter look the error's code up, and the parser makes a dict or a list of one that is odd
    look_up = {"shape_for_error_code", "from_code"}
    return any(code.co_filename == parsers.__file__ or code.co_name in look_up for code in codes)


def is_of_header(error: Exception) -> bool:
    """Tell whether a header could not be sent as it is, of which the exception has the text: keys and tokens."""
    inner = error.kwargs.get("error") if isinstance(error, botocore_errors.HTTPClientError) else error
    return isinstance(inner, UnicodeEncodeError) or (
        isinstance(inner, ValueError) and str(inner).startswith("Invalid header")
    )


def is_of_proxys_address(error: Exception) -> bool:
    """Tell whether a proxy's address cannot be taken apart (ours are checked before): the exception repeats it."""
    inner = error.kwargs.get("error") if isinstance(error, botocore_errors.HTTPClientError) else None
    return isinstance(inner, LocationValueError) or str(inner) == "Invalid IPv6 URL"  # the latter by Python's urlsplit


def _at_the_proxy(error: botocore_errors.BotoCoreError, cause: str) -> Problem:
    """Tell a proxy that is not there from one that does not open the tunnel: urllib3 repeats its answer."""
    if isinstance(getattr(error.kwargs.get("error"), "original_error", None), BrokenOffError):
        return network_problems.TLS_BROKEN_OFF  # behind it; urllib3 1.26 does not tell the two apart
    refused = re.search(r"Tunnel connection failed: (\d+)", cause)
    if refused is None:
        return network_problems.PROXY_UNREACHABLE
    wants_login = refused[1] == "407"
    return network_problems.PROXY_WANTS_LOGIN if wants_login else network_problems.PROXY_REFUSES


def _unreachable(error: botocore_errors.BotoCoreError, cause: str, config: DestinationConfig) -> Problem:
    """Tell apart why there is no connection: botocore shows all of it alike, and keeps the cause as an argument."""
    if isinstance(error, botocore_errors.ConnectTimeoutError):
        return network_problems.CONNECT_TIMED_OUT
    if isinstance(error.kwargs.get("error"), BrokenOffError):
        return network_problems.TLS_BROKEN_OFF
    if _NO_NAME.search(cause):
        asked = str(getattr(error, "kwargs", {}).get("endpoint_url", ""))
        on_its_own = f".{config.region}." in asked and config.on_aws
        unknown = on_its_own and not _is_listed(config.region)
        return network_problems.REGION_UNKNOWN if unknown else network_problems.NAME_NOT_FOUND
    if "refused" in cause.lower():
        return network_problems.CONNECTION_REFUSED
    return network_problems.UNREACHABLE


def _is_listed(region: str) -> bool:
    """Tell whether botocore lists a region; it may be older than the region."""
    partitions = create_loader().load_data("endpoints")["partitions"]
    return any(region in partition["regions"] for partition in partitions)
