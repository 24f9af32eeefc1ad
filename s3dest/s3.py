"""The bucket as appending needs it: each request's headers, and a small result. Nothing above knows botocore.

There is no Head, Get or List, no ACL and no tag, and no way to create an object without ``If-None-Match: *``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from s3dest import problems
from s3dest.body import Body, digest_text
from s3dest.capabilities import Capabilities
from s3dest.config import DestinationConfig
from s3dest.creation import Creation, kms_key_of, parameters_of, version_of
from s3dest.errors import RequestError, S3DestError
from s3dest.etag import etag_of, is_md5
from s3dest.identity import Identity
from s3dest.multipart import NO_PART, Multipart
from s3dest.options import TransferOptions, checksums_of
from s3dest.privacy import calling
from s3dest.retry import Clock
from s3dest.role_sessions import Purpose
from s3dest.wire import OnRetry, Response, Wire, ignore

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Deletion:
    """How a delete ended."""

    marker: bool
    """Whether the bucket is versioned, so that only a delete marker was set and the version remains."""


class Bucket:
    """One destination's bucket. Safe to share between threads, not between processes.

    Attributes:
        multipart: Its multipart uploads.
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
        self._altered: set[str] = set()  # keys that hold other bytes than were sent
        self.kms_key: str | None = None
        self.multipart = Multipart(self._wire, config, aws_checksums=self._aws_checksums, on_begin=self._see_key)

    @property
    def client(self) -> S3Client:
        """The boto3 client; see `Wire.lend_client`."""
        return self._wire.lend_client()

    @property
    def capabilities(self) -> Capabilities:
        """The form of requests, for a report of what the store takes."""
        with calling():  # botocore logs what it signs
            url = self._wire.client.generate_presigned_url("get_object", {"Bucket": self.config.bucket, "Key": "k"})
        virtual = (urlsplit(url).hostname or "").startswith(f"{self.config.bucket}.")
        return Capabilities(
            checksums="aws" if self._aws_checksums else "md5", addressing="virtual" if virtual else "path"
        )

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

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
        parameters = {"IfNoneMatch": "*", **parameters_of(self.config, content_type, manifest=manifest)}
        if self._aws_checksums:
            # With an explicit value botocore sends a plain body, not an aws-chunked one with a trailer.
            parameters |= {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": digest_text(body.sha256)}
        else:
            body = replace(body, md5=body.find_md5())
            parameters["ContentMD5"] = digest_text(body.find_md5())
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
        if self._is_altered(answer, body):
            self._altered.add(key)
            failure = self._wire.failure(problems.ETAG_DIFFERS, operation, key)
            failure.ambiguous = True  # something is there
            raise failure
        self._altered.discard(key)
        self._see_key(answer)
        return Creation(
            created=True,
            ambiguous=ambiguous,
            surely_new=True,
            etag=etag_of(answer),
            version_id=version_of(answer),
            kms=kms_key_of(answer) is not None,
        )

    def delete(self, key: str) -> Deletion:
        """Delete an object; action: ``s3:DeleteObject``. Only a check does so, to its own probe.

        Raises:
            RequestError: S3 refused, or did not answer before the deadline.
        """
        answer, _ = self._wire.send("DeleteObject", key, {})
        return Deletion(marker=bool(answer.get("DeleteMarker")) or version_of(answer) is not None)

    def may_put(self, key: str, *, owner: str | None = "", requester_pays: bool = False) -> bool:
        """Ask whether a put would be allowed, without one: by a part of an upload that is not there.

        Action: ``s3:PutObject``. Nothing is created.

        Args:
            key: The object key.
            owner: The account that must own the bucket; ``None`` for any, default: that of the config.
            requester_pays: Whether to offer paying for the request.
        """
        parameters: dict[str, Any] = {**NO_PART}
        if owner != "":
            parameters["ExpectedBucketOwner"] = owner
        if requester_pays:
            parameters["RequestPayer"] = "requester"
        try:
            self._wire.send("UploadPart", key, parameters, body=lambda: b"")
        except S3DestError as error:
            return error.code == problems.UPLOAD_LOST.code
        return True

    def _is_altered(self, answer: Response, body: Body) -> bool:
        """Tell whether an answer shows that other bytes are stored than were sent.

        AWS has verified the SHA-256 that it tells (S3 API reference, "PutObject"); another store may repeat a header
        that it never looked at, so that its ETag is compared, too.
        """
        told, ours = str(answer.get("ChecksumSHA256", "")), digest_text(body.sha256)
        if not ours.startswith(told):  # a closed connection may have cut it off
            return True
        if told == ours and self.config.on_aws:
            return False
        return is_md5(answer) and etag_of(answer) != body.find_md5().hex()

    def _see_key(self, answer: Response) -> None:
        self.kms_key = kms_key_of(answer) or self.kms_key
