"""Multipart uploads: begun, filled and completed, each by its own request; nothing is visible before the last one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from s3dest import problems
from s3dest.body import crc32_text, digest_text, md5_of
from s3dest.completions import NO_SUCH_UPLOAD, Completions
from s3dest.config import DestinationConfig
from s3dest.creation import Creation, parameters_of, version_of
from s3dest.errors import RequestError, S3DestError
from s3dest.etag import etag_of, is_md5
from s3dest.piece import Piece
from s3dest.prepared import PreparedPart
from s3dest.wire import OnRetry, Response, Wire, ignore

_ABORT_TIME: Final = timedelta(seconds=5)
"""An abort only tidies up: it must not keep anybody waiting whose transfer has failed, for an answer either."""

_WRONG_MD5: Final = digest_text(bytes(16))

NO_PART: Final = {"UploadId": "s3dest-no-such-upload", "PartNumber": 1, "ContentMD5": digest_text(md5_of(b""))}
"""Parameters of an empty part of an upload that no store has: it is refused for want of the right, or of the upload.
A bucket with Object Lock asks for a digest."""


class Multipart:
    """The multipart uploads of one bucket. Safe to share between threads.

    Args:
        wire: Sends.
        config: Whose bucket it is.
        aws_checksums: Whether CRC32 goes along, as on AWS; else MD5.
        on_begin: Told each answer to the beginning of an upload.
    """

    def __init__(
        self, wire: Wire, config: DestinationConfig, *, aws_checksums: bool, on_begin: Callable[[Response], None]
    ) -> None:
        self._wire = wire
        self._config = config
        self._aws_checksums = aws_checksums
        self._on_begin = on_begin
        self._completions = Completions()
        self._denied = False

    def create(self, key: str, *, content_type: str, on_retry: OnRetry = ignore) -> str:
        """Begin an upload and return its id; action: ``s3:PutObject``. Nothing is visible.

        Raises:
            RequestError: S3 refused, or did not answer before the deadline.
        """
        parameters = parameters_of(self._config, content_type)
        if self._aws_checksums:
            # Unnamed here, AWS would refuse the parts' checksums when the upload is completed.
            parameters |= {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
        answer, _ = self._wire.send("CreateMultipartUpload", key, parameters, needs="UploadId", on_retry=on_retry)
        self._on_begin(answer)
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
            md5 = md5_of(piece)
            parameters["ContentMD5"] = digest_text(md5)
        answer, _ = self._wire.send(operation, key, parameters, body=piece.fresh, needs="ETag", on_retry=on_retry)
        etag = etag_of(answer)
        if md5 is not None and is_md5(answer) and etag != md5.hex():
            raise self._wire.failure(problems.ETAG_DIFFERS, operation, key)
        return PreparedPart(number=number, etag=etag, crc32=crc32)

    def complete(
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

        def done(answer: Response) -> bool:
            # Without an ETag Ceph RGW 16 says that a first completion succeeded, and 18 that an earlier one had.
            return (answer.get("ETag"), answer.get("Bucket"), answer.get("Key")) == ("", self._config.bucket, key)

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
            if (outcome := self._outcome(upload_id, error, young=young)) is None:
                raise
            return outcome
        etag = etag_of(answer) or None
        new = first and not ambiguous and etag is not None and self._config.enforces("conditional_complete")
        outcome = Creation(created=True, ambiguous=ambiguous, etag=etag, version_id=version_of(answer))
        return replace(self._completions.end(upload_id, outcome), surely_new=new)

    def abort(self, key: str, upload_id: str) -> None:
        """Forget an upload; action: ``s3:AbortMultipartUpload``, which the role need not have.

        Raises:
            AccessDeniedError: The role does not have it.
            RequestError: S3 did not answer before the deadline.
        """
        self._completions.give_up(upload_id)
        self._wire.in_haste(_ABORT_TIME).send("AbortMultipartUpload", key, {"UploadId": upload_id})
        self._completions.abort(upload_id)

    def is_first_denial(self) -> bool:
        """Tell whether an abort is denied for the first time: of the others there is nothing new to say."""
        first, self._denied = not self._denied, True
        return first

    def may_create(self, key: str, encryption: str | None) -> bool:
        """Ask whether an upload with an encryption, or with none, would be allowed, by one that is aborted at once.

        Actions: ``s3:PutObject``; ``s3:AbortMultipartUpload``, which may be denied.
        """
        parameters = {"ServerSideEncryption": encryption}
        try:
            answer, _ = self._wire.send("CreateMultipartUpload", key, parameters, needs="UploadId")
        except S3DestError:
            return False
        with contextlib.suppress(S3DestError):
            self.abort(key, str(answer["UploadId"]))
        return True

    def _outcome(self, upload_id: str, error: RequestError, *, young: bool) -> Creation | None:
        """Tell how a completion ended that was refused, if that is no failure."""
        perhaps = error.ambiguous or self._completions.is_lost(upload_id)
        if error.code == problems.KEY_EXISTS.code:
            return self._completions.end(upload_id, Creation(created=False, ambiguous=perhaps))
        if error.code != problems.UPLOAD_LOST.code:
            return None
        if (before := self._completions.outcome(upload_id)) is not None:
            return before
        if perhaps and young and error.aws_code == NO_SUCH_UPLOAD:
            return Creation(created=True, ambiguous=True, confirmed=False)
        return None

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


def _crc32_of(part: PreparedPart) -> dict[str, str]:
    return {"ChecksumCRC32": part.crc32} if part.crc32 else {}
