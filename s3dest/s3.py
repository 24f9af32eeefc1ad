"""The wire: one bucket's requests, each with its headers, its tries and a small result. Nothing above knows botocore.

Only what appending needs is here. There is no Head, Get or List, no ACL and no tag, and no put without
``If-None-Match: *``.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from s3dest import problems
from s3dest.config import DestinationConfig
from s3dest.credentials import Purpose, provider_for, session_with
from s3dest.diagnosis import EXPIRED_CODES, REGION_CODES, describe, explain
from s3dest.encryption import SseKms, SseS3
from s3dest.errors import RequestError, S3DestError
from s3dest.identity import Identity
from s3dest.options import MIB, TransferOptions
from s3dest.privacy import calling
from s3dest.retry import Clock, retrying
from s3dest.version import __version__

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

T = TypeVar("T")

_SMALL_BODY: Final = MIB
"""Bytes up to which a refusal after the whole body costs less than asking first (``Expect: 100-continue``)."""

_MD5_ETAG: Final = re.compile(r"[0-9a-f]{32}")
_REDIRECTS: Final = frozenset({301, 302, 307})


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of one request, with the digests that go along."""

    data: bytes = field(repr=False)
    sha256: bytes
    md5: bytes

    @classmethod
    def of(cls, data: bytes) -> Body:
        """Digest ``data``."""
        return cls(data, hashlib.sha256(data).digest(), hashlib.md5(data, usedforsecurity=False).digest())


@dataclass(frozen=True, slots=True)
class Put:
    """How a conditional put ended."""

    created: bool
    """Whether this request created the object; else there was one already (412)."""

    ambiguous: bool = False
    """Whether an earlier try of this very request may have created it, its answer being lost."""

    etag: str | None = None
    """The ETag, without quotes."""

    version_id: str | None = None
    """The version, in a versioned bucket."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """How a delete ended."""

    marker: bool
    """Whether the bucket is versioned, so that only a delete marker was set and the version remains."""


class Bucket:
    """One destination's bucket, with one boto3 client. Safe to share between threads, not between processes."""

    def __init__(
        self,
        config: DestinationConfig,
        identity: Identity,
        options: TransferOptions,
        *,
        purpose: Purpose = "append",
        clock: Clock | None = None,
    ) -> None:
        self.config = config
        self._options = options
        self._clock = clock or Clock()
        self._provider = provider_for(config, identity, options, purpose=purpose, clock=self._clock)
        self._common = _common_headers(config)
        self.client = self._create_client()

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def open_session(self) -> None:
        """Get keys now rather than with the first request; actions: ``sts:AssumeRole*`` for a role, else none.

        Raises:
            CredentialsError: There are none to be had.
        """
        self._try("AssumeRole", self._provider.credentials.get_frozen_credentials)

    def put(self, key: str, body: Body, *, content_type: str, manifest: bool = False) -> Put:
        """Create an object unless there is one; action: ``s3:PutObject``.

        A 412 is no error here: the caller knows whose object it is. The answer must carry an ETag, and one that is
        an MD5 must be the body's.

        Raises:
            RequestError: S3 refused, or did not answer before the deadline.
            CredentialsError: There are no keys to sign with.
        """
        parameters = {"Key": key, "Body": body.data, "ContentType": content_type, "IfNoneMatch": "*"}
        if self.config.storage_class and not manifest:
            parameters["StorageClass"] = self.config.storage_class
        ambiguous = False

        def once() -> dict[str, Any]:
            nonlocal ambiguous
            try:
                answer = self._send("PutObject", **parameters, **self._digests(body), **self._encryption())
                if not answer.get("ETag"):
                    raise describe(problems.NO_ANSWER, self.config, operation="PutObject", key=key)
            except RequestError as error:
                ambiguous = ambiguous or error.ambiguous
                error.ambiguous = ambiguous
                raise
            return answer

        try:
            answer = self._try("PutObject", once, key=key)
        except RequestError as error:
            if error.code != problems.KEY_EXISTS.code:
                raise
            return Put(created=False, ambiguous=ambiguous)
        etag = str(answer["ETag"]).strip('"')
        encrypted = answer.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in answer
        if not encrypted and _MD5_ETAG.fullmatch(etag) and etag != body.md5.hex():
            raise describe(problems.ETAG_DIFFERS, self.config, operation="PutObject", key=key)
        return Put(created=True, ambiguous=ambiguous, etag=etag, version_id=_version(answer))

    def delete(self, key: str) -> Deletion:
        """Delete an object; action: ``s3:DeleteObject``. Only a check does so, to its own probe.

        Raises:
            RequestError: S3 refused, or did not answer before the deadline.
        """
        answer = self._try("DeleteObject", lambda: self._send("DeleteObject", Key=key), key=key)
        return Deletion(marker=bool(answer.get("DeleteMarker")) or _version(answer) is not None)

    def create_upload(self, key: str, *, content_type: str) -> str:
        """Begin a multipart upload and return its id; action: ``s3:PutObject``. Nothing is visible.

        Raises:
            RequestError: S3 refused, or did not answer before the deadline.
        """
        parameters: dict[str, Any] = {"Key": key, "ContentType": content_type, **self._encryption()}
        if self.config.storage_class:
            parameters["StorageClass"] = self.config.storage_class
        if self.config.on_aws:
            parameters["ChecksumAlgorithm"] = "SHA256"  # unnamed here, AWS would refuse the parts when completing
        operation = "CreateMultipartUpload"

        def once() -> str:
            upload_id = self._send(operation, **parameters).get("UploadId")
            if not upload_id:
                raise describe(problems.NO_ANSWER, self.config, operation=operation, key=key)
            return str(upload_id)

        return self._try(operation, once, key=key)

    def upload_part(self, key: str, upload_id: str, number: int, body: Body) -> str:
        """Upload a part, counted from 1, and return its ETag; action: ``s3:PutObject``. Nothing is visible.

        Raises:
            RequestError: S3 refused, or did not answer before the deadline.
        """
        operation = "UploadPart"
        parameters: dict[str, Any] = {"Key": key, "UploadId": upload_id, "PartNumber": number, "Body": body.data}

        def once() -> str:
            etag = self._send(operation, **parameters, **self._digests(body)).get("ETag")
            if not etag:
                raise describe(problems.NO_ANSWER, self.config, operation=operation, key=key)
            return str(etag).strip('"')

        return self._try(operation, once, key=key)

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Forget a multipart upload; action: ``s3:AbortMultipartUpload``, which the role need not have.

        Raises:
            AccessDeniedError: The role does not have it.
            RequestError: S3 did not answer before the deadline.
        """
        operation = "AbortMultipartUpload"
        self._try(operation, lambda: self._send(operation, Key=key, UploadId=upload_id), key=key)

    def _try(self, operation: str, once: Callable[[], T], *, key: str | None = None) -> T:
        what = f"{operation} {self.config.bucket}/{key}" if key else operation
        return retrying(self._options.deadline, clock=self._clock, what=what)(once)

    def _send(self, operation: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401  # botocore's parameters
        """Send one request once; twice, if the session's keys turn out to be dead."""
        used = self._provider.held_token
        try:
            return self._send_once(operation, parameters)
        except S3DestError as error:
            if error.aws_code not in EXPIRED_CODES or error.operation != operation:
                raise
            failure = error
        if not self._provider.renew(used=used):
            raise failure
        return self._send_once(operation, parameters)

    def _send_once(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        method = getattr(self.client, xform_name(operation))
        try:
            with calling():
                answer: dict[str, Any] = method(Bucket=self.config.bucket, **self._common, **parameters)
        except Exception as error:  # noqa: BLE001  # botocore's errors have no common base
            hide = [self._provider.held_token]
            failure = explain(error, self.config, operation=operation, key=parameters["Key"], hide=hide)
        else:
            return answer
        raise failure

    def _digests(self, body: Body) -> dict[str, str]:
        """Name value and algorithm: with an explicit value botocore sends a plain body, not an aws-chunked one.

        Stores other than AWS get the oldest form, which all of them know.
        """
        if not self.config.on_aws:
            return {"ContentMD5": base64.b64encode(body.md5).decode()}
        return {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": base64.b64encode(body.sha256).decode()}

    def _encryption(self) -> dict[str, str]:
        encryption = self.config.encryption
        if isinstance(encryption, SseKms):
            return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption.key_arn}
        return {"ServerSideEncryption": "AES256"} if isinstance(encryption, SseS3) else {}

    def _create_client(self) -> S3Client:
        config, options = self.config, self._options
        over_tls = config.endpoint_url is None or config.endpoint_url.startswith("https://")
        settings = Config(
            signature_version="s3v4",
            user_agent_extra=f"s3dest/{__version__}",
            connect_timeout=options.connect_timeout.total_seconds(),
            read_timeout=options.read_timeout.total_seconds(),
            max_pool_connections=options.concurrency,
            tcp_keepalive=True,
            retries={"mode": "standard", "total_max_attempts": 1},
            # said outright, so that nothing in the host's environment changes the form of a request
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # unknown to the stubs
            s3={
                "addressing_style": config.addressing_style,
                # each body carries a checksum; over TLS a signed digest of it would add nothing but its cost
                "payload_signing_enabled": not over_tls,
                "us_east_1_regional_endpoint": "regional",
                "use_accelerate_endpoint": False,
            },
        )
        client: S3Client = session_with(self._provider).client(
            "s3", region_name=config.region, endpoint_url=config.endpoint_url, config=settings
        )
        events = client.meta.events
        events.register_first("needs-retry.s3", _refuse_redirect)
        # of the general event, which comes after an operation's own: botocore adds the header there
        events.register_last("before-call.s3", _expect_only_for_large)
        return client


def _common_headers(config: DestinationConfig) -> dict[str, str]:
    return {"ExpectedBucketOwner": config.expected_bucket_owner} if config.expected_bucket_owner else {}


def _version(answer: dict[str, Any]) -> str | None:
    version = answer.get("VersionId")
    return None if version in {None, "", "null"} else str(version)


def _refuse_redirect(response: tuple[Any, dict[str, Any]] | None, operation: Any, **_: object) -> None:  # noqa: ANN401
    """Show a wrong region as it is: botocore would ask HeadBucket, go elsewhere, and tell nobody."""
    if response is None:
        return
    http, parsed = response
    code = str(parsed.get("Error", {}).get("Code", ""))
    if http.status_code in _REDIRECTS or code in REGION_CODES:
        raise ClientError(parsed, operation.name)  # type: ignore[arg-type]  # as botocore raises it


def _expect_only_for_large(params: dict[str, Any], **_: object) -> None:
    """Save a small body the round trip of asking first."""
    body = params.get("body")
    # botocore has made a file of the bytes by now
    size = body.getbuffer().nbytes if isinstance(body, BytesIO) else _SMALL_BODY + 1
    if size <= _SMALL_BODY:
        params["headers"].pop("Expect", None)
