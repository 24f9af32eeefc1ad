"""From what botocore raises to what s3dest raises: every exception, every code, and no secret in between."""

from __future__ import annotations

import inspect
import traceback
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from botocore import exceptions as botocore_errors
from botocore.parsers import ResponseParserError
from fake import FakeAws, faults
from urllib3.exceptions import ProxyError

from s3dest import (
    AccessDeniedError,
    BucketNotFoundError,
    CredentialsError,
    HmacAuth,
    IntegrityError,
    S3DestError,
    ThrottledError,
    TransferOptions,
    TransportError,
    WrongRegionError,
    sts_verdicts,
    verdicts,
)
from s3dest.claims import Claims
from s3dest.connection import BrokenOffError
from s3dest.diagnosis import explain
from s3dest.errors import RequestError

CONFIG = FakeAws().config()
USER = FakeAws().config(auth=FakeAws().user)
KEY = "vendor/exports/a"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
WHOLE_TOKEN = "e30.{}.c2lnbmF0dXJl".format(b64encode(b'{"iss": "https://a", "sub": "b", "aud": "c"}').decode())

LOCAL = [
    value
    for value in vars(botocore_errors).values()
    if inspect.isclass(value)
    and issubclass(value, Exception)
    and value.__module__.startswith("botocore.")
    and not issubclass(value, (botocore_errors.ClientError, Warning))
]
AMBIGUOUS = {
    "ReadTimeoutError",
    "ConnectionClosedError",
    "ResponseStreamingError",
    "IncompleteReadError",
    "HTTPClientError",
    "ConnectionError",
}
"""What botocore may raise after the request was sent (the bare base classes included), by name."""


class _Anything(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return f"({name})"


def client_error(
    code: str,
    status: int,
    message: str = "",
    *,
    operation: str = "PutObject",
    request_id: str | None = "4442587FB7D0A2F9",
    **more: Any,
) -> botocore_errors.ClientError:
    """Make what botocore raises for an answer."""
    metadata = {"HTTPStatusCode": status, "RequestId": request_id, "HTTPHeaders": more.pop("headers", {})}
    response: Any = {"Error": {"Code": code, "Message": message, **more}, "ResponseMetadata": metadata}
    return botocore_errors.ClientError(response, operation)


def raised(cls: type[Exception]) -> Exception:
    """Make an instance of any of botocore's exceptions, whatever its format wants."""
    error = cls.__new__(cls)
    text = str(getattr(cls, "fmt", "An unspecified error occurred")).format_map(_Anything())
    Exception.__init__(error, text)
    error.__dict__["kwargs"] = {}
    return error


@pytest.mark.parametrize("cls", LOCAL, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("operation", ["PutObject", "DeleteObject", "AssumeRole", "AssumeRoleWithWebIdentity"])
def test_every_exception_of_botocore_has_a_mapping(cls: type[Exception], operation: str) -> None:
    """No exception class is left to chance: it has an error, a code, an owner, and is chained."""
    error = explain(raised(cls), CONFIG, operation=operation, key=KEY)
    sts = operation.startswith("Assume")
    assert isinstance(error, (CredentialsError, TransportError) if sts else RequestError)
    assert error.code not in {"unknown", "request_failed", "credentials"}
    assert error.operation == operation
    assert error.owner in ({"vendor", "network", "aws"})  # a fault without an answer is never the customer's
    assert isinstance(error.__cause__, cls)
    if isinstance(error, RequestError):
        assert error.ambiguous is (cls.__name__ in AMBIGUOUS)
        assert not error.ambiguous or error.retryable


def test_an_error_of_ours_comes_back_as_it_is() -> None:
    """Lazy credentials fail inside of a put, and are already explained."""
    ours = CredentialsError("none", code="role_not_assumable", operation="AssumeRole")
    assert explain(ours, CONFIG, operation="PutObject") is ours


@pytest.mark.parametrize("error", [ValueError("Invalid endpoint: x"), TypeError("x"), OSError("x"), KeyError("x")])
def test_what_is_not_botocores_is_explained_too(error: Exception) -> None:
    """Botocore lets some builtin exceptions out."""
    explained = explain(error, CONFIG, operation="PutObject", key=KEY)
    assert (explained.code, explained.owner) == ("unusable_request", "vendor")
    assert type(error).__name__ in str(explained)


DYING = ("kms_key_pending_deletion", "customer")
UNSUITABLE = [
    "EntityTooLarge",
    "EntityTooSmall",
    "InvalidDigest",
    "InvalidPartOrder",
    "InvalidURI",
    "MalformedXML",
    "MethodNotAllowed",
    "MissingContentLength",
    "MissingRequestBodyError",
]
UNSUITABLE_STATUS = ["304", "308", "405", "411", "413", "414", "415", "431"]
S3_ANSWERS: list[tuple[str, int, str, type[S3DestError], str, str]] = [
    ("AccessDenied", 403, "Access Denied", AccessDeniedError, "put_denied", "customer"),
    (
        "AccessDenied",
        403,
        "not authorized to perform: kms:GenerateDataKey",
        AccessDeniedError,
        "kms_denied",
        "customer",
    ),
    ("NoSuchBucket", 404, "", BucketNotFoundError, "bucket_not_found", "customer"),
    ("PermanentRedirect", 301, "", WrongRegionError, "wrong_region", "customer"),
    ("TemporaryRedirect", 307, "", WrongRegionError, "wrong_region", "customer"),
    ("IllegalLocationConstraintException", 400, "", WrongRegionError, "wrong_region", "customer"),
    ("301", 301, "Moved Permanently", WrongRegionError, "wrong_region", "customer"),
    ("SlowDown", 503, "", ThrottledError, "throttled", "aws"),
    ("Throttling", 400, "", ThrottledError, "throttled", "aws"),
    ("TooManyRequests", 429, "", ThrottledError, "throttled", "aws"),
    ("429", 429, "", ThrottledError, "throttled", "aws"),
    ("InternalError", 500, "", RequestError, "s3_unavailable", "aws"),
    ("ServiceUnavailable", 503, "", RequestError, "s3_unavailable", "aws"),
    ("502", 502, "Bad Gateway", RequestError, "s3_unavailable", "aws"),
    ("504", 504, "Gateway Timeout", RequestError, "s3_unavailable", "aws"),
    ("RequestTimeout", 400, "", TransportError, "request_timeout", "network"),
    ("ConditionalRequestConflict", 409, "", RequestError, "conflict", "aws"),
    ("OperationAborted", 409, "", RequestError, "conflict", "aws"),
    ("409", 409, "Conflict", RequestError, "conflict", "aws"),
    ("PreconditionFailed", 412, "", RequestError, "key_exists", "vendor"),
    ("PreconditionFailed", 500, "inside of a 200", RequestError, "key_exists", "vendor"),
    ("BadDigest", 400, "", IntegrityError, "body_altered", "network"),
    ("XAmzContentSHA256Mismatch", 400, "", IntegrityError, "body_altered", "network"),
    ("RequestTimeTooSkewed", 403, "", RequestError, "clock_skewed", "vendor"),
    ("NotImplemented", 501, "", RequestError, "not_implemented", "customer"),
    ("AllAccessDisabled", 403, "", RequestError, "account_problem", "customer"),
    ("AccountProblem", 403, "", RequestError, "account_problem", "customer"),
    ("NotSignedUp", 403, "", RequestError, "account_problem", "customer"),
    ("UserSuspended", 403, "", RequestError, "account_problem", "customer"),
    ("QuotaExceeded", 403, "", RequestError, "quota_exceeded", "customer"),
    ("QuotaExceeded", 507, "", RequestError, "quota_exceeded", "customer"),
    ("XMinioAdminBucketQuotaExceeded", 400, "", RequestError, "quota_exceeded", "customer"),
    ("IncorrectEndpoint", 400, "", WrongRegionError, "wrong_region", "customer"),
    ("KMS.DisabledException", 400, "", RequestError, "kms_key_disabled", "customer"),
    ("KMS.InvalidKeyUsageException", 400, "", RequestError, "kms_key_wrong_kind", "customer"),
    ("KMS.NotFoundException", 400, "Invalid keyId aws/s3", RequestError, "kms_key_not_found", "customer"),
    ("KMS.NotFoundException", 400, "Alias arn:… is not found.", RequestError, "kms_key_not_found", "customer"),
    ("KMS.NotFoundException", 400, "Invalid arn us-west-2", RequestError, "kms_key_in_another_region", "customer"),
    ("KMS.KMSInvalidStateException", 400, "x is pending replica deletion.", RequestError, *DYING),
    ("KMS.KMSInvalidStateException", 400, "x is pending import.", RequestError, "kms_key_unusable", "customer"),
    ("KMS.Unheard", 400, "of", RequestError, "kms_key_unusable", "customer"),
    ("KMS.KMSInternalException", 500, "The request can be retried.", RequestError, "s3_unavailable", "aws"),
    ("KMS.DependencyTimeoutException", 503, "", RequestError, "s3_unavailable", "aws"),
    ("KMS.AccessDeniedException", 400, "not allowed", AccessDeniedError, "kms_denied", "customer"),
    ("KMS.ThrottlingException", 400, "exceeded the rate", ThrottledError, "throttled", "aws"),
    ("ExpiredToken", 400, "", CredentialsError, "session_expired", "aws"),
    ("InvalidToken", 400, "", CredentialsError, "session_token_invalid", "vendor"),
    ("TokenRefreshRequired", 400, "", CredentialsError, "session_expired", "aws"),
    ("InvalidAccessKeyId", 403, "", CredentialsError, "session_expired", "aws"),
    ("SignatureDoesNotMatch", 403, "", CredentialsError, "signature_differs", "network"),
    ("KeyTooLongError", 400, "", RequestError, "key_refused_as_too_long", "customer"),
    ("InvalidStorageClass", 400, "", RequestError, "storage_class_refused", "customer"),
    ("AccessControlListNotSupported", 400, "", AccessDeniedError, "acl_refused", "vendor"),
    ("InvalidBucketName", 400, "", RequestError, "bucket_name_refused", "customer"),
    ("InvalidBucketOwnerAWSAccountID", 400, "", RequestError, "owner_malformed", "customer"),
    ("InvalidEncryptionAlgorithmError", 400, "", RequestError, "encryption_refused", "customer"),
    ("InvalidPayer", 403, "", AccessDeniedError, "requester_pays", "customer"),
    ("MissingUploadObjectWithObjectLockHeaders", 400, "", RequestError, "checksum_required", "vendor"),
    *[(code, 400, "", RequestError, "request_not_understood", "vendor") for code in UNSUITABLE],
    *[(code, int(code), "", RequestError, "request_not_understood", "vendor") for code in UNSUITABLE_STATUS],
    ("InvalidPart", 400, "", IntegrityError, "part_lost", "aws"),
    ("BrandNewConflict", 409, "", RequestError, "conflict", "aws"),
    ("BrandNewTrouble", 400, "", RequestError, "request_refused", "vendor"),
]


@pytest.mark.parametrize(
    ("code", "status", "message", "error", "ours", "owner"),
    S3_ANSWERS,
    ids=[f"{a[0]}-{a[1]}-{a[2]}-{a[4]}" for a in S3_ANSWERS],
)
def test_an_answer_of_s3_has_a_cause_and_an_owner(
    *, code: str, status: int, message: str, error: type[S3DestError], ours: str, owner: str
) -> None:
    """The code decides before the status; code, status and request id are told."""
    explained = explain(client_error(code, status, message), CONFIG, operation="PutObject", key=KEY)
    assert type(explained) is error
    assert (explained.code, explained.owner) == (ours, owner)
    assert (explained.aws_code, explained.status, explained.request_id) == (code, status, "4442587FB7D0A2F9")
    assert (explained.bucket, explained.key, explained.operation) == ("acme-lake", KEY, "PutObject")
    assert explained.retryable is (
        ours in {"throttled", "s3_unavailable", "request_timeout", "conflict", "body_altered"}
    )
    if isinstance(explained, RequestError):
        assert explained.ambiguous is (ours == "s3_unavailable" or (ours == "throttled" and status == 503))


@pytest.mark.parametrize(
    "name", ["acme-data-retention", "acme-mfa", "acme-lake/kms:x", "requester pays", "BlockPublicAcls"]
)
@pytest.mark.parametrize(("operation", "ours"), [("PutObject", "put_not_allowed"), ("DeleteObject", "delete_denied")])
def test_a_name_is_no_reason(name: str, operation: str, ours: str) -> None:
    """AWS repeats those of the bucket, the key and the role, which may have words of another refusal."""
    who = f"arn:aws:sts::111122223333:assumed-role/{name.replace(' ', '-')}/s3dest"
    why = f"because no identity-based policy allows the s3:{operation} action"
    said = f'User: {who} is not authorized to perform: s3:{operation} on resource: "arn:aws:s3:::{name}/a b" {why}'
    error = client_error("AccessDenied", 403, said, operation=operation)
    assert explain(error, CONFIG, operation=operation, key=KEY).code == ours


STS_ANSWERS: list[tuple[str, int, str, str, str]] = [
    ("AccessDenied", 403, "User: X is not authorized to perform: sts:AssumeRole", "role_not_assumable", "customer"),
    ("NoSuchEntity", 404, "", "role_not_assumable", "customer"),
    ("AccessDenied", 403, "Roles may not be assumed by root accounts.", "vendor_keys_of_root", "vendor"),
    (
        "InvalidIdentityToken",
        400,
        "No OpenIDConnect provider found",
        "oidc_provider_missing",
        "customer",
    ),
    ("InvalidIdentityToken", 400, "Incorrect token audience", "token_audience", "customer"),
    (
        "InvalidIdentityToken",
        400,
        "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
        "oidc_provider_thumbprint",
        "customer",
    ),
    (
        "InvalidIdentityToken",
        400,
        "Couldn't retrieve verification key from your identity provider,  please reference …",
        "issuer_unreachable",
        "vendor",
    ),
    ("InvalidIdentityToken", 400, "could not be validated", "token_refused", "vendor"),
    ("ExpiredTokenException", 400, "Token expired", "token_refused", "vendor"),
    ("IDPRejectedClaim", 403, "", "token_refused", "vendor"),
    ("IDPCommunicationError", 400, "", "issuer_unreachable", "vendor"),
    ("RegionDisabledException", 403, "", "sts_region_disabled", "customer"),
    ("MalformedPolicyDocument", 400, "", "session_policy_refused", "vendor"),
    ("PackedPolicyTooLarge", 400, "", "session_policy_refused", "vendor"),
    ("InvalidClientTokenId", 403, "", "vendor_keys_refused", "vendor"),
    ("SignatureDoesNotMatch", 403, "The request signature does not match", "vendor_keys_refused", "vendor"),
    ("SignatureDoesNotMatch", 403, "Signature expired: 20261123 is now earlier than", "clock_skewed", "vendor"),
    ("InvalidSignatureException", 403, "Signature not yet current: 2026", "clock_skewed", "vendor"),
    ("ExpiredToken", 403, "The security token included in the request is expired", "vendor_keys_expired", "vendor"),
    (
        "ValidationError",
        400,
        "DurationSeconds exceeds the MaxSessionDuration",
        "session_duration",
        "vendor",
    ),
    ("Throttling", 400, "Rate exceeded", "sts_unavailable", "aws"),
    ("InternalFailure", 500, "", "sts_unavailable", "aws"),
    ("503", 503, "", "sts_unavailable", "aws"),
    ("Unheard", 400, "of", "sts_refused", "vendor"),
]


@pytest.mark.parametrize(
    ("code", "status", "message", "ours", "owner"),
    STS_ANSWERS,
    ids=[f"{answer[0]}-{answer[3]}" for answer in STS_ANSWERS],
)
@pytest.mark.parametrize("operation", ["AssumeRole", "AssumeRoleWithWebIdentity"])
def test_an_answer_of_sts_has_a_cause_and_an_owner(
    *, code: str, status: int, message: str, ours: str, owner: str, operation: str
) -> None:
    """Whichever request it was raised out of; no bucket is named, for none was asked."""
    if ours == "role_not_assumable" and operation == "AssumeRoleWithWebIdentity":
        ours = "role_not_assumable_by_token"
    raw = client_error(code, status, message, operation=operation)
    explained = explain(raw, CONFIG, operation=operation)
    assert (explained.code, explained.owner, explained.aws_code) == (ours, owner, code)
    assert isinstance(explained, CredentialsError)
    assert explained.bucket is None
    assert explained.retryable is (ours in {"sts_unavailable", "issuer_unreachable"})


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("", "The role {role} cannot be assumed by {user}."),
        ("because no role trust policy allows", "The trust policy of {role} does not let it be assumed by {user}."),
        ("because no identity-based policy allows", "own side does not allow sts:AssumeRole on {role} by {user}."),
    ],
)
def test_who_may_not_assume_the_role_is_told_in_a_sentence(reason: str, said: str) -> None:
    """As AWS names the caller; the trust policy has to name just that."""
    role, user = CONFIG.auth.model_dump()["role_arn"], "arn:aws:iam::999988887777:user/sync"
    words = f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {role} {reason} the x:Y action"
    explained = explain(client_error("AccessDenied", 403, words), CONFIG, operation="AssumeRole")
    assert said.format(role=role, user=user) in explained.message


@pytest.mark.parametrize(("expires", "ours"), [(1.0, "token_refused"), (4e9, "role_not_assumable_by_token")])
def test_a_token_that_has_expired_is_the_vendors_affair(expires: float, ours: str) -> None:
    """Ceph says of it what it says of a role that does not trust it."""
    raw = client_error("AccessDenied", 403, operation="AssumeRoleWithWebIdentity")
    claims = Claims("https://issuer.example", "vendor", "acme", expires)
    assert explain(raw, CONFIG, operation="AssumeRoleWithWebIdentity", claims=claims).code == ours


@pytest.mark.parametrize(
    ("url", "token", "ours"),
    [
        ("https://s3.example.com", "garbage", "token_refused"),
        ("https://s3.example.com", "eyJhbGciOiJSUzI1NiJ9.@@@.x", "token_refused"),
        ("https://s3.example.com", WHOLE_TOKEN, "role_not_assumable_by_token"),
        (None, "garbage", "role_not_assumable_by_token"),
    ],
)
def test_what_is_no_token_is_the_vendors_affair(url: str | None, token: str, ours: str) -> None:
    """Ceph says of it, too, what it says of a role that does not trust one; AWS has a code for it."""
    raw = client_error("AccessDenied", 403, operation="AssumeRoleWithWebIdentity")
    config = FakeAws().config(endpoint_url=url)
    explained = explain(raw, config, operation="AssumeRoleWithWebIdentity", claims=Claims.of(token))
    assert explained.code == ours


def test_every_known_code_was_tried() -> None:
    """A code that is added to the tables is added here, or is an alias of one that is."""
    tried = {answer[0] for answer in S3_ANSWERS}
    aliases = verdicts.THROTTLES | verdicts.REGION_CODES | verdicts.EXPIRED_CODES
    assert verdicts._S3_CODES.keys() - aliases - tried <= {"412", "IncompleteBody", "NoSuchUpload"}
    tried_at_sts = {answer[0] for answer in STS_ANSWERS}
    assert sts_verdicts._CODES.keys() - aliases - tried_at_sts <= {"InvalidAccessKeyId", "UnrecognizedClientException"}


@pytest.mark.parametrize(
    ("code", "ours"), [("InvalidAccessKeyId", "access_key_unknown"), ("SignatureDoesNotMatch", "secret_key_wrong")]
)
def test_a_users_keys_are_the_customers_affair(code: str, ours: str) -> None:
    """A role's would be renewed."""
    explained = explain(client_error(code, 403), USER, operation="PutObject", key=KEY)
    assert (explained.code, explained.owner) == (ours, "customer")


@pytest.mark.parametrize(
    ("operation", "ours"),
    [
        ("PutObject", "put_denied"),
        ("CreateMultipartUpload", "put_denied"),
        ("UploadPart", "put_denied"),
        ("CompleteMultipartUpload", "put_denied"),
        ("DeleteObject", "delete_denied"),
        ("AbortMultipartUpload", "abort_denied"),
    ],
)
def test_a_denial_says_of_what(operation: str, ours: str) -> None:
    """Each needs another line in the policy."""
    raw = client_error("AccessDenied", 403, "Access Denied", operation=operation)
    assert explain(raw, CONFIG, operation=operation, key=KEY).code == ours


def test_an_unknown_code_is_shown_whole() -> None:
    """With what AWS said and the request id, for its support; nothing is guessed."""
    explained = explain(client_error("BrandNew", 400, "said AWS"), CONFIG, operation="PutObject", key=KEY)
    text = str(explained)
    for fact in (
        "BrandNew: said AWS",
        "400 BrandNew",
        "request id 4442587FB7D0A2F9",
        f"s3://acme-lake/{KEY}",
        "PutObject",
    ):
        assert fact in text


def test_control_characters_go_nowhere() -> None:
    """Neither from a message nor from a code or an id: they would rule a terminal, or forge a line of a log."""
    raw = client_error("Br\x1b[2Jand", 400, "said\r\nERROR \x1b[31m\u202e", request_id="4\n2" + "x" * 999)
    explained = explain(raw, CONFIG, operation="PutObject", key=KEY)
    assert str(explained).isprintable()
    assert explained.aws_code == "Br[2Jand"
    assert len(explained.request_id or "") == 200


def test_a_secret_that_a_store_repeats_is_hidden() -> None:
    """It knows the user's secret, and need not keep it."""
    assert isinstance(USER.auth, HmacAuth)
    secret = USER.auth.secret_access_key.get_secret_value()
    explained = explain(client_error("Odd", 400, f"got {secret}"), USER, operation="PutObject", key=KEY)
    assert secret not in str(explained)
    assert "got (hidden)" in str(explained)


def test_a_token_in_the_place_of_a_code_or_an_id_is_hidden() -> None:
    """It is longer than they may be: whoever cuts it first does not know it again."""
    token = "IQoJb3JpZ2luX2VjE" * 40
    raw = client_error(f"Bad{token}", 403, "no", request_id=token)
    explained = explain(raw, CONFIG, operation="PutObject", key=KEY, hide=[token])
    assert (explained.aws_code, explained.request_id) == ("Bad(hidden)", "(hidden)")
    assert token[:17] not in "".join(traceback.format_exception(explained))


def test_a_long_message_is_cut() -> None:
    """A page of HTML helps nobody."""
    explained = explain(client_error("BrandNew", 400, "x" * 5000), CONFIG, operation="PutObject", key=KEY)
    assert len(str(explained)) < 1000


KEY_ARN = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd"


@pytest.mark.parametrize(
    ("words", "ours", "owner"),
    [
        ("because no identity-based policy allows the ACTION action", "kms_denied", "customer"),
        ("because no resource-based policy allows the ACTION action", "kms_key_policy_denies", "customer"),
        ("with an explicit deny in a resource-based policy", "kms_key_policy_denies", "customer"),
        ("with an explicit deny in an identity-based policy", "denied_by_identity_policy", "customer"),
        ("with an explicit deny in a service control policy", "denied_by_organization", "customer"),
        ("with an explicit deny in a resource control policy", "denied_by_resource_control", "customer"),
        ("because no permissions boundary allows the ACTION action", "denied_by_boundary", "customer"),
        ("because no VPC endpoint policy allows the ACTION action", "denied_by_vpc_endpoint", "vendor"),
        ("because no session policy allows the ACTION action", "denied_by_session_policy", "vendor"),
        ("", "kms_denied", "customer"),
    ],
)
def test_each_policy_that_denies_a_key_has_its_code(words: str, ours: str, owner: str) -> None:
    """The key's own is none of the bucket, and what is missing is an action of KMS: on the key that AWS names."""
    who = "User: arn:aws:sts::111122223333:assumed-role/transfer-role/s is not authorized to perform:"
    message = f"{who} kms:GenerateDataKey on resource: {KEY_ARN} {words}".replace("ACTION", "kms:GenerateDataKey")
    explained = explain(client_error("AccessDenied", 403, message), CONFIG, operation="PutObject", key=KEY)
    assert (explained.code, explained.owner) == (ours, owner)
    assert "kms:GenerateDataKey" in explained.message.partition(" AWS said: ")[0]
    assert "arn:aws:s3:::" not in explained.remedy
    if explained.statement:
        assert explained.statement["Action"] == ["kms:GenerateDataKey", "kms:Decrypt"]
        assert explained.statement["Resource"] == ("*" if ours == "kms_key_policy_denies" else KEY_ARN)


def test_a_data_key_that_may_not_be_decrypted_is_told_by_kms_own_words() -> None:
    """No action stands in them."""
    message = "The ciphertext refers to a customer master key that does not exist, … or you are not allowed to access."
    raw = client_error("AccessDenied", 403, message, operation="UploadPart")
    assert explain(raw, CONFIG, operation="UploadPart", key=KEY).code == "kms_decrypt_denied"


@pytest.mark.parametrize(
    ("code", "status", "ours"),
    [
        ("", 403, "sts_answer"),
        ("", 302, "sts_answer"),
        ("407", 407, "proxy_wants_login"),
        ("502", 502, "gateway_failed"),
        ("408", 408, "gateway_failed"),
        ("429", 429, "throttled"),
    ],
)
def test_a_bare_status_without_a_request_id_is_no_answer_of_sts(code: str, status: int, ours: str) -> None:
    """And so it is not said to be the vendor's fault, nor AWS's."""
    raw = client_error(code, status, operation="AssumeRole", request_id=None)
    explained = explain(raw, CONFIG, operation="AssumeRole")
    assert isinstance(explained, CredentialsError)
    assert (explained.code, explained.owner) == (ours, "aws" if ours == "throttled" else "network")


@pytest.mark.parametrize(
    ("code", "status", "request_id", "ours"),
    [
        ("", 403, None, "not_s3"),
        ("301", 301, None, "not_s3"),
        ("302", 302, None, "not_s3"),
        ("412", 412, None, "not_s3"),
        ("407", 407, None, "proxy_wants_login"),
        ("429", 429, None, "throttled"),
        ("502", 502, None, "gateway_failed"),
        ("403", 403, None, "not_s3"),
        ("403", 403, "4442587FB7D0A2F9", "put_denied"),
        ("404", 404, None, "not_s3"),
        ("400", 400, "4442587FB7D0A2F9", "request_refused"),
        ("", 200, None, "gateway_failed"),
        ("412", 412, "4442587FB7D0A2F9", "key_exists"),
    ],
)
def test_a_bare_status_without_a_request_id_is_no_answer_of_s3(
    code: str, status: int, request_id: str | None, ours: str
) -> None:
    """A proxy or a wrong address said it."""
    raw = client_error(code, status, request_id=request_id)
    assert explain(raw, CONFIG, operation="PutObject", key=KEY).code == ours


@pytest.mark.parametrize(
    ("where", "region"),
    [
        ({"headers": {"x-amz-bucket-region": "eu-north-1"}}, "eu-north-1"),
        ({"Region": "eu-north-1"}, "eu-north-1"),
        ({}, None),
    ],
    ids=["header", "body", "nowhere"],
)
def test_the_right_region_is_named_if_s3_names_it(where: dict[str, Any], region: str | None) -> None:
    """In the remedy and as an attribute."""
    explained = explain(client_error("PermanentRedirect", 301, **where), CONFIG, operation="PutObject", key=KEY)
    assert isinstance(explained, WrongRegionError)
    assert explained.region == region
    assert ("'eu-north-1'" in explained.remedy) is (region is not None)


def test_a_region_that_is_the_configs_own_is_no_news() -> None:
    """A store that is confused does not make the customer set what is set."""
    raw = client_error("PermanentRedirect", 301, headers={"x-amz-bucket-region": CONFIG.region})
    explained = explain(raw, CONFIG, operation="PutObject", key=KEY)
    assert (explained.code, explained.mend) == ("wrong_region", None)
    assert "S3 console" in explained.remedy


def test_a_malformed_header_is_about_a_region_only_if_it_says_so() -> None:
    """Stores use the same code for signatures they do not understand."""
    plain = client_error("AuthorizationHeaderMalformed", 400, "The authorization header is malformed")
    about = client_error("AuthorizationHeaderMalformed", 400, "the region 'eu-west-1' is wrong", Region="eu-north-1")
    assert explain(plain, CONFIG, operation="PutObject").code == "request_refused"
    assert explain(about, CONFIG, operation="PutObject").code == "wrong_region"


@pytest.mark.parametrize(
    "message",
    [
        "no match.\n\nThe Canonical String for this request should have been\n'POST\n/\nopaque'",
        "x-amz-security-token: opaque",
        f"Value '{TOKEN}' at 'webIdentityToken' failed",
        f"the token {TOKEN} is odd",
        "the token session-token-opaque is odd",
        "Value 'opaque\nin lines' at 'webIdentityToken' failed to satisfy constraint",
    ],
)
def test_a_token_that_aws_repeats_is_hidden(message: str) -> None:
    """In the text, and in whatever a traceback prints."""
    raw = client_error("InvalidIdentityToken", 400, message, operation="AssumeRoleWithWebIdentity")
    explained = explain(raw, CONFIG, operation="AssumeRoleWithWebIdentity", hide=["session-token-opaque", None, ""])
    text = "".join(traceback.format_exception(explained))
    assert "(hidden)" in text
    for secret in ("eyJ", "c2lnbmF0dXJl", "opaque"):
        assert secret not in text


def test_a_cause_without_a_token_is_chained() -> None:
    """Whoever debugs wants to see it."""
    raw = client_error("SlowDown", 503)
    assert explain(raw, CONFIG, operation="PutObject").__cause__ is raw


def test_an_answer_that_cannot_be_read_is_not_quoted() -> None:
    """STS's answers hold keys."""
    raw = ResponseParserError("Unable to parse response, invalid XML received:\nb'<SecretAccessKey>S3CR3T'")
    for operation in ("AssumeRole", "PutObject"):
        explained = explain(raw, CONFIG, operation=operation)
        assert "S3CR3T" not in "".join(traceback.format_exception(explained))
        assert explained.retryable


@pytest.mark.parametrize("error", [RecursionError("S3CR3T"), AttributeError("S3CR3T"), ResponseParserError("S3CR3T")])
def test_what_botocore_stumbles_over_is_no_answer(error: Exception) -> None:
    """Nested beyond reason, say; its words may be those of the answer, and the request may have taken effect."""
    stored, opened = (explain(error, CONFIG, operation=operation) for operation in ("PutObject", "AssumeRole"))
    assert (stored.code, opened.code) == ("answer_lost", "sts_answer")
    assert isinstance(stored, TransportError)
    assert stored.ambiguous
    for explained in (stored, opened):
        assert "S3CR3T" not in "".join(traceback.format_exception(explained))


@pytest.mark.parametrize(("name", "value"), [("x-amz-abort-date", "in spring"), ("x-amz-object-size", "many")])
def test_a_header_that_cannot_be_read_is_the_answers_fault(name: str, value: str) -> None:
    """Botocore lets a ValueError out of its parser."""
    with FakeAws() as aws:
        aws.store.kms = True
        for operation in ("PutObject", "CreateMultipartUpload"):
            given = b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
            aws.faults.always(operation, faults.bare(200, given, ETag='"1"', **{name.replace("-", "_"): value}))
        options = TransferOptions(deadline=timedelta(milliseconds=1))
        mode: Any = "setup" if "size" in name else "recheck"
        report = aws.destination(options=options).check(mode=mode)
    assert [(finding.code, finding.owner) for finding in report.findings] == [("answer_lost", "network")]


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("http://s3.example.com", "body_altered"),
        ("https://s3.example.com", "checksum_unsupported"),
        (None, "body_altered"),
    ],
)
def test_a_body_that_differs_from_its_signature_was_altered(url: str | None, ours: str) -> None:
    """And is sent again; where the signature has no digest of it, a store says so that does not know this form."""
    config = FakeAws().config(**({} if url is None else {"endpoint_url": url, "auth": FakeAws().user}))
    error = explain(client_error("XAmzContentSHA256Mismatch", 400), config, operation="PutObject")
    assert (error.code, error.retryable) == (ours, ours == "body_altered")


def test_other_stores_get_a_word_of_their_own() -> None:
    """What AWS does and they do not, where it matters for the remedy."""
    elsewhere = FakeAws().config(endpoint_url="https://s3.example.com")
    raw = client_error("AccessDenied", 403, operation="AssumeRole")
    assert "Ceph" in explain(raw, elsewhere, operation="AssumeRole").remedy
    assert "Ceph" not in explain(raw, CONFIG, operation="AssumeRole").remedy


@pytest.mark.parametrize("cls", verdicts._VENDORS_KEYS, ids=lambda cls: cls.__name__)
def test_what_keeps_the_vendors_keys_back_is_told_apart_from_what_else_sts_lacks(cls: type[Exception]) -> None:
    """A parameter or an address that cannot be sent is none of them."""
    assert explain(raised(cls), CONFIG, operation="AssumeRole").code == "vendor_keys_missing"
    other = raised(botocore_errors.ParamValidationError)
    assert explain(other, CONFIG, operation="AssumeRole").code == "unusable_request"


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "tls_not_spoken"),
        ("hostname '127.0.0.1' doesn't match 'localhost'", "tls_wrong_host"),
        ("certificate verify failed: Hostname mismatch, certificate is not valid for 'x'.", "tls_wrong_host"),
        ("certificate verify failed: certificate has expired (_ssl.c:1006)", "tls_expired"),
        ("certificate verify failed: certificate is not yet valid (_ssl.c:1006)", "tls_expired"),
        ("certificate verify failed: self-signed certificate (_ssl.c:1006)", "tls_failed"),
        ("certificate verify failed: unable to get local issuer certificate", "tls_failed"),
        ("[Errno 2] No such file or directory", "tls_bundle_missing"),
    ],
)
@pytest.mark.parametrize("operation", ["PutObject", "AssumeRole"])
def test_what_is_wrong_with_tls_is_told_apart(words: str, ours: str, operation: str) -> None:
    """By OpenSSL's words and urllib3's; nobody tries again. STS's certificate is not the store's."""
    raw = botocore_errors.SSLError(endpoint_url="https://s3.example.com", error=OSError(words))
    explained = explain(raw, CONFIG, operation=operation)
    assert (explained.code, explained.retryable) == (ours, False)
    if ours != "tls_bundle_missing":
        assert ("STS" in explained.message) is (operation == "AssumeRole")


@pytest.mark.parametrize(
    "words",
    [
        "EOF occurred in violation of protocol (_ssl.c:2427)",
        "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol (_ssl.c:1006)",
        "TLS/SSL connection has been closed (EOF) (_ssl.c:2427)",
        "[SSL: SSLV3_ALERT_BAD_RECORD_MAC] sslv3 alert bad record mac (_ssl.c:2580)",
    ],
)
def test_a_tls_connection_that_breaks_is_a_broken_connection(words: str) -> None:
    """As one without TLS: it is tried again, and nobody is sent to look for certificates."""
    raw = botocore_errors.SSLError(endpoint_url="https://s3.example.com", error=OSError(words))
    explained = explain(raw, CONFIG, operation="PutObject")
    assert (explained.code, explained.retryable, explained.ambiguous) == ("answer_lost", True, True)


def test_a_connection_that_broke_behind_a_proxy_is_none_that_failed_to_reach_it() -> None:
    """Though urllib3 1.26 words it so."""
    broken = BrokenOffError(None, "EOF occurred in violation of protocol")  # type: ignore[arg-type]  # a connection
    wrapped = ProxyError("Cannot connect to proxy.", broken)
    raw = botocore_errors.ProxyConnectionError(proxy_url="http://127.0.0.1:3128", error=wrapped)
    explained = explain(raw, CONFIG, operation="PutObject")
    assert (explained.code, explained.retryable, explained.ambiguous) == ("tls_broken_off", True, False)


def test_a_misspelt_region_is_told_by_sts_already() -> None:
    """Its name is the first that cannot be resolved."""
    config = FakeAws().config(region="eu-wst-9")
    lost = {"error": OSError("Name or service not known")}
    own = botocore_errors.EndpointConnectionError(endpoint_url="https://sts.eu-wst-9.amazonaws.com/", **lost)
    others = botocore_errors.EndpointConnectionError(endpoint_url="https://sts.eu-west-1.amazonaws.com/", **lost)
    assert explain(own, config, operation="AssumeRole").code == "region_unknown"
    assert explain(others, config, operation="AssumeRole").code == "name_not_found"


@pytest.mark.parametrize(
    ("config", "operation", "words"),
    [
        ({}, "PutObject", "the spelling of the region."),
        ({}, "AssumeRole", "the spelling of the region."),
        ({"sts_endpoint_url": "https://sts.example.com"}, "AssumeRole", "the spelling of the sts_endpoint_url."),
        ({"endpoint_url": "https://s3.example.com"}, "PutObject", "the spelling of the endpoint_url. A store that"),
        ({"endpoint_url": "https://s3.example.com"}, "AssumeRole", "the spelling of the endpoint_url. A store that"),
    ],
)
def test_a_remedy_names_a_field_that_is_set(config: dict[str, str], operation: str, words: str) -> None:
    """Who has given a region alone is not sent to look for a typing error in an address."""
    raw = botocore_errors.EndpointConnectionError(endpoint_url="https://x", error=OSError("Name or service not known"))
    explained = explain(raw, FakeAws().config(**config), operation=operation)
    assert explained.code == "name_not_found"
    assert words in explained.remedy
    assert ("addressing_style" in explained.remedy) is ("endpoint_url" in config)


def test_a_bare_denial_elsewhere_may_be_about_the_owner() -> None:
    """Ceph says no more where the bucket is not that of expected_bucket_owner."""
    elsewhere = FakeAws().config(endpoint_url="https://s3.example.com", expected_bucket_owner="someone")
    raw = client_error("AccessDenied", 403)
    assert "expected_bucket_owner" in explain(raw, elsewhere, operation="PutObject").remedy
    assert "expected_bucket_owner" not in explain(raw, CONFIG, operation="PutObject").remedy


@pytest.mark.parametrize(("message", "ended"), [("no", "no."), ("no.", "no."), ("no!", "no!"), ("", "NoSuchBucket.")])
def test_what_was_said_ends_before_the_remedy(message: str, ended: str) -> None:
    """Also where it is a bare code."""
    explained = explain(client_error("NoSuchBucket", 404, message), CONFIG, operation="PutObject")
    assert explained.message.endswith(f" {ended}")


def test_who_speaks_is_named() -> None:
    """AWS is not blamed for another store, nor a store for botocore, nor anybody for a proxy."""
    nobody = client_error("502", 502, "Bad Gateway", request_id=None)
    assert "It said: 502: Bad Gateway" in str(explain(nobody, CONFIG, operation="PutObject"))
    elsewhere = FakeAws().config(endpoint_url="https://s3.example.com")
    raw = client_error("BrandNew", 400, "no")
    assert "AWS said: BrandNew: no" in str(explain(raw, CONFIG, operation="PutObject"))
    assert "The store said: BrandNew: no" in str(explain(raw, elsewhere, operation="PutObject"))
    assert "botocore said: ValueError: no" in str(explain(ValueError("no"), elsewhere, operation="PutObject"))
