"""The probe: one small object, written, refused to be overwritten and removed by the very requests of a transfer."""

from __future__ import annotations

import zlib
from typing import Final

from s3dest import denials, observations, problems
from s3dest.body import Body, crc32_text
from s3dest.config import DestinationConfig
from s3dest.denial import Denial
from s3dest.diagnosis import describe
from s3dest.encryption import SseKms
from s3dest.errors import AccessDeniedError, RequestError, S3DestError
from s3dest.findings import Outcome
from s3dest.layout import probe_key
from s3dest.notes import Notes, reworded
from s3dest.options import MIN_PART
from s3dest.s3 import Bucket

DATA: Final = b'{"note": "s3dest wrote this to check the connection; it may be deleted"}\n'
CONTENT_TYPE: Final = "application/json"
_LONGEST_ID: Final = 200
"""Characters of an upload id that are shown; S3's have about 130."""

Result = tuple[Outcome, str]
"""How a step ended, and what it did."""


class Probe:
    """The steps of a check that touch the bucket; each raises what fails.

    Attributes:
        key: The probe's, used by no other check.
        may_exist: Whether it may be there.
        kms: Whether the store encrypted it with a KMS key.
        conditional_put: Whether the store refused to overwrite it.
        conditional_complete: Whether it refused that to a multipart upload.
    """

    def __init__(self, bucket: Bucket, notes: Notes) -> None:
        self.key = probe_key(bucket.config.key_prefix)
        self.may_exist = False
        self.kms = isinstance(bucket.config.encryption, SseKms)
        self.conditional_put: bool | None = None
        self.conditional_complete: bool | None = None
        self._bucket = bucket
        self._config: DestinationConfig = bucket.config
        self._notes = notes
        self._upload_id = ""

    def put(self) -> Result:
        """Write the probe; action: ``s3:PutObject``."""
        try:
            creation = self._bucket.put(self.key, Body.of(DATA), content_type=CONTENT_TYPE)
        except RequestError as error:
            # lost answers and altered bodies leave a probe behind; refusals do not
            self.may_exist = error.ambiguous or error.code == problems.ETAG_DIFFERS.code
            if isinstance(error, AccessDeniedError):
                raise self._asked_further(error) from None
            raise
        self.may_exist = True
        if not creation.created and not creation.ambiguous:
            raise describe(problems.KEY_EXISTS, self._config, operation="PutObject", key=self.key)
        self.kms = self.kms or creation.kms
        return "ok", f"wrote {self.key}"

    def put_again(self) -> Result:
        """Write it once more, which must be refused; action: ``s3:PutObject``."""
        again = self._bucket.put(self.key, Body.of(DATA), content_type=CONTENT_TYPE)
        self.conditional_put = not again.created
        if not again.created:
            return "ok", "the store refuses to overwrite (412)"
        return self._weakness("conditional_put"), "the store overwrote its own probe"

    def multipart(self) -> Result:
        """Complete a multipart upload of two parts onto the probe, which must be refused; action: ``s3:PutObject``.

        The first part has the least size that stores take before they look whether the key is taken.
        """
        upload_id = self._begin()
        try:
            first = self._bucket.multipart.upload_part(self.key, upload_id, 1, bytes(MIN_PART))
            second = self._bucket.multipart.upload_part(self.key, upload_id, 2, DATA)
            crc32 = crc32_text(zlib.crc32(DATA, zlib.crc32(bytes(MIN_PART))))
            size = MIN_PART + len(DATA)
            done = self._bucket.multipart.complete(self.key, upload_id, [first, second], size=size, crc32=crc32)
        except BaseException:  # an interrupt, too
            self._forget(upload_id)
            raise
        self.conditional_complete = not done.created
        if done.created:
            return self._weakness("conditional_complete"), "the store overwrote its own probe"
        self._forget(upload_id)
        return "ok", "two parts; the store refuses to overwrite (412)"

    def delete(self) -> Result:
        """Remove the probe; action: ``s3:DeleteObject``. Data can be delivered also where it stays."""
        try:
            deletion = self._bucket.delete(self.key)
        except S3DestError as error:
            self._notes.error(error, at_most="warning")
            if not isinstance(error, AccessDeniedError):
                self._notes.problem(observations.PROBE_LEFT_OVER, key=self.key)
            return "warning", f"left over: {self.key}"
        if deletion.marker:
            self._notes.problem(observations.BUCKET_VERSIONED, key=self.key)
        return "ok", "removed the probe"

    def create_upload(self) -> Result:
        """Begin a multipart upload; action: ``s3:PutObject``."""
        try:
            self._upload_id = self._bucket.multipart.create(self.key, content_type=CONTENT_TYPE)
        except AccessDeniedError as error:
            raise self._asked_further(error) from None
        return "ok", "began an upload that nobody sees"

    def upload_part(self) -> Result:
        """Upload a part of it; action: ``s3:PutObject``."""
        self._bucket.multipart.upload_part(self.key, self._upload_id, 1, DATA)
        return "ok", "uploaded a part"

    def abort_upload(self) -> Result:
        """Forget it; action: ``s3:AbortMultipartUpload``, which may be denied."""
        if self._forget(self._upload_id):
            return "ok", "forgot the upload"
        return "warning", f"pending: {self.key}, upload id {self._upload_id[:_LONGEST_ID]!r}"

    def _begin(self) -> str:
        try:
            return self._bucket.multipart.create(self.key, content_type=CONTENT_TYPE)
        except AccessDeniedError as error:
            # any other kind of policy that AWS names has a remedy and an owner of its own
            if error.code not in _BARE | {denials.DENIED_BY_BUCKET_POLICY.code}:
                raise
            better = reworded(error, denials.MULTIPART_DENIED, self._config)
        raise better

    def _forget(self, upload_id: str) -> bool:
        try:
            self._bucket.multipart.abort(self.key, upload_id)
        except S3DestError as error:
            if error.code != problems.UPLOAD_LOST.code:
                self._notes.error(error, at_most="note")
                return False
        return True

    def _weakness(self, name: str) -> Outcome:
        """Tell how bad it is that the store overwrote the probe; the finding follows when all of them are known."""
        accepted = self._config.capabilities is not None and self._config.capabilities.accepts(name)
        return "warning" if accepted else "failed"

    def _asked_further(self, error: AccessDeniedError) -> S3DestError:
        """Ask what a bare denial does not tell, with requests that create nothing visible."""
        if not self._config.on_aws:
            return error
        bare = error.code in _BARE and not self._bucket.may_put(self.key)
        if bare and self._config.expected_bucket_owner and self._bucket.may_put(self.key, owner=None):
            return reworded(error, denials.BUCKET_OWNER_DIFFERS, self._config)
        if bare and self._bucket.may_put(self.key, requester_pays=True):
            return reworded(error, denials.REQUESTER_PAYS, self._config)
        plain = error.code in _EXPLICIT and self._config.encryption is None and not _about_kms(error)
        if plain and not self._bucket.multipart.may_create(self.key, None):
            for encryption, name, mend in _ENCRYPTIONS:
                if self._bucket.multipart.may_create(self.key, encryption):
                    better = reworded(error, denials.ENCRYPTION_DEMANDED, self._config, mend=mend, encryption=name)
                    better.mend = mend if encryption == "AES256" else None  # which key, only the customer knows
                    return better
        return error


def _about_kms(error: AccessDeniedError) -> bool:
    return (Denial.of(error.said).action or "").startswith("kms:")


_BARE: Final = frozenset({denials.PUT_DENIED.code, denials.DENIED_CROSS_ACCOUNT.code})
"""Denials that say no more than that."""

_EXPLICIT: Final = frozenset(
    problem.code
    for problem in (
        denials.DENIED_BY_BUCKET_POLICY,
        denials.DENIED_BY_RCP,
        denials.DENIED_BY_SCP,
        denials.DENIED_BY_IDENTITY_POLICY,
    )
)
"""Denials that may have a condition on the encryption."""

_ENCRYPTIONS: Final = (
    ("AES256", "SSE-S3", {"encryption": {"type": "sse-s3"}}),
    ("aws:kms", "SSE-KMS", {"encryption": {"type": "sse-kms", "key_arn": "KEY_ARN"}}),
)
