"""The bucket as appending needs it: each request's headers, and a small result. Nothing above knows botocore.

There is no Head, Get or List, no ACL and no tag, and no way to create an object without ``If-None-Match: *``.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from s3dest import problems
from s3dest.capabilities import Capabilities
from s3dest.completions import NO_SUCH_UPLOAD, Completions, Creation
from s3dest.config import DestinationConfig
from s3dest.encryption import SseKms, SseS3
from s3dest.errors import RequestError, S3DestError
from s3dest.identity import Identity
from s3dest.options import TransferOptions, checksums_of
from s3dest.piece import Piece
from s3dest.prepared import PreparedPart
from s3dest.privacy import calling
from s3dest.retry import Clock
from s3dest.role_sessions import Purpose
from s3dest.wire import WEAK, Answer, OnRetry, Wire, ignore

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_ABORT_TIME: Final = timedelta(seconds=5)
"""An abort only tidies up: it must not keep anybody waiting whose transfer has failed, for an answer either."""

_WRONG_MD5: Final = base64.b64encode(bytes(16)).decode()

_MD5_ETAG: Final = re.compile(r"[0-9a-f]{32}")


def crc32_text(crc32: int) -> str:
    """Write a CRC32 as S3 wants it: Base64 of four bytes, the highest first."""
    return base64.b64encode(struct.pack(">I", crc32)).decode()


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of one request, with the digests that go along."""

    data: bytes | Piece = field(repr=False)
    sha256: bytes
    md5: bytes | None = None
    """If it was taken already."""

    @classmethod
    def of(cls, data: bytes) -> Body:
        """Digest ``data``."""
        return cls(data, hashlib.sha256(data).digest())

    def find_md5(self) -> bytes:
        """Take the MD5, unless it was."""
        return self.md5 if self.md5 is not None else _md5(self.data)

    def fresh(self) -> bytes | Piece:
        """Return what to send, from its beginning; it is shared, not copied."""
        return self.data if isinstance(self.data, bytes) else self.data.fresh()


@dataclass(frozen=True, slots=True)
class Deletion:
    """How a delete ended."""

    marker: bool
    """Whether the bucket is versioned, so that only a delete marker was set and the version remains."""


class Bucket:
    """One destination's bucket. Safe to share between threads, not between processes.

    Attributes:
        kms_key: ARN of the KMS key that the store encrypts with, once an answer told; ``"*"`` if it did not say which.
    """

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
        self._aws_checksums = checksums_of(config, options) == "aws"
        self._wire = Wire(config, identity, options, purpose=purpose, clock=clock or Clock())
        self._told: set[str] = set()
        self._completions = Completions()
        self._altered: set[str] = set()  # keys that hold other bytes than were sent
        self.kms_key: str | None = None

    @property
    def client(self) -> S3Client:
        """The boto3 client."""
        return self._wire.client

    @property
    def capabilities(self) -> Capabilities:
        """The form of requests, for a report of what the store takes."""
        with calling():  # botocore logs what it signs
            url = self.client.generate_presigned_url("get_object", {"Bucket": self.config.bucket, "Key": "k"})
        virtual = (urlsplit(url).hostname or "").startswith(f"{self.config.bucket}.")
        return Capabilities(
            checksums="aws" if self._aws_checksums else "md5", addressing="virtual" if virtual else "path"
        )

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def tell_once(self, what: str) -> bool:
        """Tell whether something is to be said for the first time."""
        if what in self._told:
            return False
        self._told.add(what)
        return True

    def open_session(self) -> None:
        """Get keys now rather than with the first request; actions: ``sts:AssumeRole*`` for a role, else none.

        Raises:
            CredentialsError: There are none to be had.
        """
        self._wire.open_session()

    def put(
        self, key: str, body: Body, *, content_type: str, manifest: bool = False, on_retry: OnRetry = ignore
    ) -> Creation:
        """Create an object unless there is one; action: ``s3:PutObject``.

        A 412 is no error here: the caller knows whose object it is. The answer must carry an ETag, and one that is
        an MD5 must be the body's, but on AWS: it verifies the SHA-256 that was sent, and tells it.

        Raises:
            RequestError: S3 refused, or did not answer before the deadline.
            CredentialsError: There are no keys to sign with.
        """
        operation = "PutObject"
        parameters = {"ContentType": content_type, "IfNoneMatch": "*", **self._encryption()}
        if not manifest:
            parameters |= self._storage_class()
        if self._aws_checksums:
            # With an explicit value botocore sends a plain body, not an aws-chunked one with a trailer.
            value = base64.b64encode(body.sha256).decode()
            parameters |= {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": value}
        else:
            body = replace(body, md5=body.find_md5())
            parameters["ContentMD5"] = base64.b64encode(body.find_md5()).decode()
        try:
            answer, ambiguous = self._wire.send(
                operation, key, parameters, body=body.fresh, needs="ETag", on_retry=on_retry
            )
        except RequestError as error:
            if error.code != problems.KEY_EXISTS.code:
                raise
            if key in self._altered:
                raise self._wire.failure(problems.ETAG_DIFFERS, operation, key) from error
            return Creation(created=False, ambiguous=error.ambiguous)
        try:
            proven = self._is_proven(answer, body, operation, key)
            etag = self._checked_etag(answer, None if proven else body.find_md5, operation, key)
        except RequestError as error:
            error.ambiguous = True  # something is there
            self._altered.add(key)
            raise
        self._altered.discard(key)
        self._see_key(answer)
        return Creation(
            created=True,
            ambiguous=ambiguous,
            surely_new=True,
            etag=etag,
            version_id=_version(answer),
            kms=str(answer.get("ServerSideEncryption", "")).startswith("aws:kms"),
        )

    def delete(self, key: str) -> Deletion:
        """Delete an object; action: ``s3:DeleteObject``. Only a check does so, to its own probe.

        Raises:
            RequestError: S3 refused, or did not answer before the deadline.
        """
        answer, _ = self._wire.send("DeleteObject", key, {})
        return Deletion(marker=bool(answer.get("DeleteMarker")) or _version(answer) is not None)

    def create_upload(self, key: str, *, content_type: str, on_retry: OnRetry = ignore) -> str:
        """Begin a multipart upload and return its id; action: ``s3:PutObject``. Nothing is visible.

        Raises:
            RequestError: S3 refused, or did not answer before the deadline.
        """
        parameters: dict[str, Any] = {"ContentType": content_type, **self._encryption(), **self._storage_class()}
        if self._aws_checksums:
            # Unnamed here, AWS would refuse the parts' checksums when the upload is completed.
            parameters |= {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
        answer, _ = self._wire.send("CreateMultipartUpload", key, parameters, needs="UploadId", on_retry=on_retry)
        self._see_key(answer)
        upload_id = str(answer["UploadId"])
        self._completions.begin(upload_id)
        return upload_id

    def upload_part(
        self, key: str, upload_id: str, number: int, data: bytes | Piece, *, on_retry: OnRetry = ignore
    ) -> PreparedPart:
        """Upload a part, counted from 1; action: ``s3:PutObject``. Nothing is visible.

        Raises:
            RequestError: S3 refused, or did not answer before the deadline.
        """
        operation = "UploadPart"
        parameters: dict[str, Any] = {"UploadId": upload_id, "PartNumber": number}
        piece = Piece.of(data) if isinstance(data, bytes) else data
        md5: bytes | None = None
        crc32 = None
        if self._aws_checksums:
            crc32 = crc32_text(piece.checksum())
            parameters |= {"ChecksumAlgorithm": "CRC32", "ChecksumCRC32": crc32}
        else:
            md5 = _md5(piece)
            parameters["ContentMD5"] = base64.b64encode(md5).decode()
        answer, _ = self._wire.send(operation, key, parameters, body=piece.fresh, needs="ETag", on_retry=on_retry)
        etag = self._checked_etag(answer, None if md5 is None else lambda: md5, operation, key)
        return PreparedPart(number=number, etag=etag, crc32=crc32)

    def complete_upload(
        self,
        key: str,
        upload_id: str,
        parts: Sequence[PreparedPart],
        *,
        size: int,
        crc32: str,
        young: bool = True,
        on_retry: OnRetry = ignore,
    ) -> Creation:
        """Make an upload's object visible unless there is one; action: ``s3:PutObject``.

        May be repeated. `NoSuchUpload` after an ambiguous completion of ours means that it had worked, if the upload
        is too ``young`` for a lifecycle rule; after one that was answered, that it ended as it was told to have.

        Raises:
            RequestError: S3 refused, or did not answer before the deadline; with code ``upload_lost`` the upload
                is gone.
        """
        listed = [{"PartNumber": part.number, "ETag": f'"{part.etag}"', **_crc32_of(part)} for part in parts]
        parameters: dict[str, Any] = {"UploadId": upload_id, "MultipartUpload": {"Parts": listed}, "IfNoneMatch": "*"}
        if self._aws_checksums:
            parameters |= {"ChecksumCRC32": crc32, "ChecksumType": "FULL_OBJECT", "MpuObjectSize": size}

        def done(answer: Answer) -> bool:
            # Without an ETag Ceph RGW 16 says that a first completion succeeded, and 18 that an earlier one had.
            return (answer.get("ETag"), answer.get("Bucket"), answer.get("Key")) == ("", self.config.bucket, key)

        first = self._completions.send(upload_id)
        try:
            answer, ambiguous = self._wire.send(
                "CompleteMultipartUpload",
                key,
                parameters,
                needs="ETag",
                unless=done,
                on_retry=on_retry,
                on_failure=partial(self._see, key, upload_id),
            )
        except RequestError as error:
            perhaps = error.ambiguous or self._completions.is_lost(upload_id)
            if error.code == problems.KEY_EXISTS.code:
                return self._completions.end(upload_id, Creation(created=False, ambiguous=perhaps))
            if error.code == problems.UPLOAD_LOST.code:
                if (before := self._completions.outcome(upload_id)) is not None:
                    return before
                if perhaps and young and error.aws_code == NO_SUCH_UPLOAD:
                    return Creation(created=True, ambiguous=True, confirmed=False)
            raise
        etag = _etag(answer) or None
        new = first and not ambiguous and etag is not None and self.config.enforces("conditional_complete")
        outcome = Creation(created=True, ambiguous=ambiguous, etag=etag, version_id=_version(answer))
        return replace(self._completions.end(upload_id, outcome), surely_new=new)

    def _see(self, key: str, upload_id: str, error: BaseException) -> None:
        """See what a try to complete an upload has told of it.

        Raises:
            RequestError: With code ``upload_lost``: it was gone before, and nobody has completed it.
        """
        # an interrupt may have come while it was waited for the answer
        if not isinstance(error, S3DestError) or error.ambiguous:
            self._completions.lose(upload_id)
        if not isinstance(error, RequestError) or error.code != problems.COMPLETION_UNDER_WAY.code:
            return
        # who held the lock may have completed it meanwhile: then the next try is told so
        if self._completions.is_missing(upload_id):
            raise self._wire.failure(problems.UPLOAD_LOST, "CompleteMultipartUpload", key)
        if self._is_gone(key, upload_id):
            self._completions.miss(upload_id)

    def _is_gone(self, key: str, upload_id: str) -> bool:
        """Ask for an upload by a part whose digest is wrong, which one that is there refuses, and stays as it is."""
        parameters = {"UploadId": upload_id, "PartNumber": 1, "ContentMD5": _WRONG_MD5}
        try:
            self._wire.send("UploadPart", key, parameters, body=Piece.of(b"?").fresh, deadline=timedelta())
        except S3DestError as error:
            return error.code == problems.UPLOAD_LOST.code
        return False

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Forget a multipart upload; action: ``s3:AbortMultipartUpload``, which the role need not have.

        Raises:
            AccessDeniedError: The role does not have it.
            RequestError: S3 did not answer before the deadline.
        """
        self._completions.give_up(upload_id)
        self._wire.in_haste(_ABORT_TIME).send("AbortMultipartUpload", key, {"UploadId": upload_id})
        self._completions.abort(upload_id)

    def may_put(self, key: str, *, owner: str | None = "", requester_pays: bool = False) -> bool:
        """Ask whether a put would be allowed, without one: by a part of an upload that is not there.

        Action: ``s3:PutObject``. Nothing is created.

        Args:
            key: The object key.
            owner: The account that must own the bucket; ``None`` for any, default: that of the config.
            requester_pays: Whether to offer paying for the request.
        """
        parameters: dict[str, Any] = {"UploadId": "s3dest-no-such-upload", "PartNumber": 1}
        parameters["ContentMD5"] = base64.b64encode(hashlib.md5(usedforsecurity=False).digest()).decode()
        if owner != "":
            parameters["ExpectedBucketOwner"] = owner
        if requester_pays:
            parameters["RequestPayer"] = "requester"
        try:
            self._wire.send("UploadPart", key, parameters, body=lambda: b"")
        except S3DestError as error:
            return error.code == problems.UPLOAD_LOST.code
        return True

    def may_create_upload(self, key: str, encryption: str | None) -> bool:
        """Ask whether an upload with an encryption, or with none, would be allowed, by one that is aborted at once.

        Actions: ``s3:PutObject``; ``s3:AbortMultipartUpload``, which may be denied.
        """
        parameters = {"ServerSideEncryption": encryption}
        try:
            answer, _ = self._wire.send("CreateMultipartUpload", key, parameters, needs="UploadId")
        except S3DestError:
            return False
        with contextlib.suppress(S3DestError):
            self.abort_upload(key, str(answer["UploadId"]))
        return True

    def _is_proven(self, answer: Answer, body: Body, operation: str, key: str) -> bool:
        """Tell whether the SHA-256 in the answer proves what is stored; one that is told must be the body's.

        AWS has verified it (S3 API reference, "PutObject"); another store may repeat a header that it never looked at.
        """
        told, ours = str(answer.get("ChecksumSHA256", "")), base64.b64encode(body.sha256).decode()
        if not ours.startswith(told):  # a closed connection may have cut it off
            raise self._wire.failure(problems.ETAG_DIFFERS, operation, key)
        return told == ours and self.config.on_aws

    def _checked_etag(self, answer: Answer, md5: Callable[[], bytes] | None, operation: str, key: str) -> str:
        """Return the ETag; one that is an MD5 must be that of the bytes sent."""
        etag = _etag(answer)
        encrypted = answer.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in answer
        if md5 is not None and not encrypted and _MD5_ETAG.fullmatch(etag) and etag != md5().hex():
            raise self._wire.failure(problems.ETAG_DIFFERS, operation, key)
        return etag

    def _see_key(self, answer: Answer) -> None:
        if str(answer.get("ServerSideEncryption", "")).startswith("aws:kms"):
            self.kms_key = str(answer.get("SSEKMSKeyId") or "*")

    def _storage_class(self) -> dict[str, str]:
        return {"StorageClass": self.config.storage_class} if self.config.storage_class else {}

    def _encryption(self) -> dict[str, str]:
        encryption = self.config.encryption
        if isinstance(encryption, SseKms):
            return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption.key_arn}
        return {"ServerSideEncryption": "AES256"} if isinstance(encryption, SseS3) else {}


def _md5(data: bytes | Piece) -> bytes:
    digest = hashlib.md5(usedforsecurity=False)
    for block in [data] if isinstance(data, bytes) else data.blocks():
        digest.update(block)
    return digest.digest()


def _crc32_of(part: PreparedPart) -> dict[str, str]:
    return {"ChecksumCRC32": part.crc32} if part.crc32 else {}


def _version(answer: Answer) -> str | None:
    version = answer.get("VersionId")
    return None if version in {None, "", "null"} else str(version)


def _etag(answer: Answer) -> str:
    return str(answer["ETag"]).removeprefix(WEAK).strip('"')
