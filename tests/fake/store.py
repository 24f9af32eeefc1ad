"""S3: one bucket that really stores, checks digests, and honours If-None-Match as far as it is told to.

Where AWS's documents are silent (a Complete repeated with If-None-Match), the test chooses.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal
from xml.etree import ElementTree as ET

from fake.clock import ManualClock
from fake.messages import Answer, Request
from fake.sts import Session

_ACTIONS = {
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "ListObjectsV2": "s3:ListBucket",
}
_HASHES: Mapping[str, Callable[[bytes], bytes]] = {
    "content-md5": lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
    "x-amz-checksum-sha256": lambda data: hashlib.sha256(data).digest(),
    "x-amz-checksum-crc32": lambda data: zlib.crc32(data).to_bytes(4),
}


KMS_KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@dataclass(frozen=True, slots=True)
class Stored:
    """An object."""

    data: bytes = field(repr=False)
    etag: str
    headers: Mapping[str, str] = field(repr=False)
    """Those of the request that created it, or of CreateMultipartUpload."""


@dataclass(slots=True)
class Upload:
    """A multipart upload that is under way."""

    key: str
    headers: Mapping[str, str]
    parts: dict[int, bytes] = field(default_factory=dict)
    etag: str | None = None
    """Set when it is completed."""

    @property
    def data(self) -> bytes:
        """All parts, in order."""
        return b"".join(data for _, data in sorted(self.parts.items()))


class Store:
    """One bucket.

    Attributes:
        allowed: The actions that the role or user has.
        conditional: The operations that honour If-None-Match.
        repeated_complete: What a Complete of a completed upload is answered: as AWS does, or as other stores do (Ceph
            RGW 18 with an empty ETag).
        gone_complete: What a Complete of an upload that is gone is answered: as AWS does, or as Ceph RGW 20.
        versioned: Whether the bucket keeps versions.
        kms: Whether the bucket's default is a KMS key.
        kms_key: What answers call that key.
        requester_pays: Whether requests must offer to pay.
        demands: The encryption without which a policy denies an upload.
        demanding: Which kind of policy.
        smallest_part: Bytes that every part but the last must have.
        objects: What is visible, by key.
        uploads: Multipart uploads, by id; aborted ones are gone.
        replaced: Keys at which other bytes took the place of an object: what must never happen.
    """

    def __init__(self, clock: ManualClock, *, bucket: str, region: str, owner: str) -> None:
        self.bucket = bucket
        self.region = region
        self.owner = owner
        self.allowed = {"s3:PutObject", "s3:DeleteObject"}
        self.conditional = {"PutObject", "CompleteMultipartUpload"}
        self.repeated_complete: Literal["same", "no ETag", "NoSuchUpload", "412"] = "same"
        self.gone_complete: Literal["NoSuchUpload", "under way"] = "NoSuchUpload"
        self.versioned = False
        self.kms = False
        self.kms_key = KMS_KEY
        self.requester_pays = False
        self.demands: Literal["AES256", "aws:kms"] | None = None
        self.demanding = "resource-based policy"
        self.smallest_part = 5 * 1024 * 1024
        self.objects: dict[str, Stored] = {}
        self.uploads: dict[str, Upload] = {}
        self.replaced: list[str] = []
        self._clock = clock
        self._numbers = count(1)

    @property
    def pending(self) -> dict[str, Upload]:
        """The uploads that are neither completed nor aborted."""
        return {upload_id: upload for upload_id, upload in self.uploads.items() if upload.etag is None}

    def answer(self, request: Request, session: Session | None) -> Answer:
        """Carry a request out, or refuse it."""
        answer = self._refusal(request, session)
        if answer is None:
            operations: dict[str, Callable[[Request], Answer]] = {
                "PutObject": self._put,
                "DeleteObject": self._delete,
                "CreateMultipartUpload": self._create,
                "UploadPart": self._part,
                "CompleteMultipartUpload": self._complete,
                "AbortMultipartUpload": self._abort,
                "GetObject": self._get,
                "ListObjectsV2": self._list,
            }
            answer = operations[request.operation](request)
        return answer.with_headers(x_amz_request_id=f"REQUEST{next(self._numbers)}")

    def _refusal(self, request: Request, session: Session | None) -> Answer | None:
        action = _ACTIONS.get(request.operation, f"s3:{request.operation}")
        if session is None:
            return Answer.error(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist.")
        if session.token != request.headers.get("x-amz-security-token"):
            return Answer.error(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        if self._clock.now() >= session.end:
            return Answer.error(400, "ExpiredToken", "The provided token has expired.")
        if request.bucket != self.bucket:
            return Answer.error(404, "NoSuchBucket", "The specified bucket does not exist")
        if request.region != self.region:
            message = "The bucket must be addressed using the specified endpoint."
            return Answer.error(301, "PermanentRedirect", message).with_headers(x_amz_bucket_region=self.region)
        resource = f"arn:aws:s3:::{request.bucket}/{request.key}"
        owner = request.headers.get("x-amz-expected-bucket-owner", self.owner)
        if owner != self.owner:
            return Answer.error(403, "AccessDenied", "Access Denied")
        if self.requester_pays and request.headers.get("x-amz-request-payer") != "requester":
            return Answer.error(403, "AccessDenied", "Access Denied")
        if refusal := self._unencrypted(request, action, resource):
            return refusal
        kind = "session" if not session.allows(action, resource) else "identity-based"
        if kind == "session" or action not in self.allowed:
            message = f'not authorized to perform: {action} on resource: "{resource}"'
            return Answer.error(403, "AccessDenied", f"{message} because no {kind} policy allows the {action} action")
        return self._bad_digest(request)

    def _unencrypted(self, request: Request, action: str, resource: str) -> Answer | None:
        given = request.headers.get("x-amz-server-side-encryption")
        if self.demands in {None, given} or request.operation not in {"PutObject", "CreateMultipartUpload"}:
            return None
        who = f'User: arn:aws:sts::111122223333:assumed-role/r/s is not authorized to perform: {action} on resource: "'
        return Answer.error(403, "AccessDenied", f'{who}{resource}" with an explicit deny in a {self.demanding}')

    def _bad_digest(self, request: Request) -> Answer | None:
        if request.operation not in {"PutObject", "UploadPart"}:
            return None
        if request.operation == "UploadPart" and ((upload := self._found(request)) is None or upload.etag is not None):
            return None  # that it is gone comes first
        for name, digest in _HASHES.items():
            given = request.headers.get(name)
            if given is not None and base64.b64decode(given) != digest(request.body):
                return Answer.error(400, "BadDigest", "The Content-MD5 or checksum did not match what was received.")
        signed = request.headers.get("x-amz-content-sha256")
        if signed not in {None, "UNSIGNED-PAYLOAD", hashlib.sha256(request.body).hexdigest()}:
            message = "The provided 'x-amz-content-sha256' header does not match what was computed."
            return Answer.error(400, "XAmzContentSHA256Mismatch", message)
        return None

    def _exists(self, request: Request) -> Answer | None:
        conditional = request.operation in self.conditional and request.headers.get("if-none-match") == "*"
        if not conditional or request.key not in self.objects:
            return None
        message = "At least one of the pre-conditions you specified did not hold"
        return Answer.error(412, "PreconditionFailed", message, Condition="If-None-Match")

    def _keep(self, key: str, stored: Stored) -> dict[str, str]:
        """Make an object visible, and return the headers that tell of it."""
        before = self.objects.get(key)
        if before is not None and before.data != stored.data:
            self.replaced.append(key)
        self.objects[key] = stored
        about = {"ETag": f'"{stored.etag}"'}
        if self.versioned:
            about["x-amz-version-id"] = f"version{next(self._numbers)}"
        if encryption := "aws:kms" if self.kms else stored.headers.get("x-amz-server-side-encryption"):
            about["x-amz-server-side-encryption"] = encryption
        return {**about, **self._key}

    @property
    def _key(self) -> dict[str, str]:
        """Name the bucket's key, as S3 does in the answers that create something."""
        if not self.kms:
            return {}
        name = "x-amz-server-side-encryption-aws-kms-key-id"
        return {"x-amz-server-side-encryption": "aws:kms", name: self.kms_key}

    def _put(self, request: Request) -> Answer:
        if refusal := self._exists(request):
            return refusal
        kms = self.kms or request.headers.get("x-amz-server-side-encryption") == "aws:kms"
        stored = Stored(request.body, _md5(b"kms" * kms + request.body), request.headers)
        sha256 = request.headers.get("x-amz-checksum-sha256")
        return Answer(200, self._keep(request.key, stored) | ({"x-amz-checksum-sha256": sha256} if sha256 else {}))

    def _get(self, request: Request) -> Answer:
        stored = self.objects.get(request.key)
        if stored is not None:
            return Answer(206, {"ETag": f'"{stored.etag}"'}, stored.data[:1])
        if "s3:ListBucket" in self.allowed:
            return Answer.error(404, "NoSuchKey", "The specified key does not exist.")
        message = f'is not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::{self.bucket}"'
        return Answer.error(403, "AccessDenied", f"User: u {message} because no identity-based policy allows it")

    def _list(self, request: Request) -> Answer:
        del request
        return _result("ListBucketResult", Name=self.bucket, KeyCount="0")

    def _delete(self, request: Request) -> Answer:
        if "if-match" in request.headers:
            return Answer.error(412, "PreconditionFailed", "At least one of the pre-conditions did not hold")
        self.objects.pop(request.key, None)
        if self.versioned:
            return Answer(204, {"x-amz-delete-marker": "true", "x-amz-version-id": f"marker{next(self._numbers)}"})
        return Answer(204)

    def _create(self, request: Request) -> Answer:
        upload_id = f"upload{next(self._numbers)}"
        self.uploads[upload_id] = Upload(request.key, request.headers)
        begun = _result("InitiateMultipartUploadResult", Bucket=self.bucket, Key=request.key, UploadId=upload_id)
        return begun.with_headers(**self._key)

    def _found(self, request: Request) -> Upload | None:
        upload = self.uploads.get(request.query["uploadId"])
        return upload if upload is not None and upload.key == request.key else None

    def _part(self, request: Request) -> Answer:
        upload = self._found(request)
        if upload is None or upload.etag is not None:
            return _NO_SUCH_UPLOAD
        number = int(request.query["partNumber"])
        if not 1 <= number <= 10_000:
            return Answer.error(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
        algorithm = upload.headers.get("x-amz-checksum-algorithm", "").lower()
        if algorithm and f"x-amz-checksum-{algorithm}" not in request.headers:
            return Answer.error(400, "InvalidRequest", "Checksum Type mismatch occurred")
        upload.parts[number] = request.body
        return Answer(200, {"ETag": f'"{_md5(request.body)}"'})

    def _complete(self, request: Request) -> Answer:
        upload = self._found(request)
        if upload is None:
            return _NO_SUCH_UPLOAD if self.gone_complete == "NoSuchUpload" else _UNDER_WAY
        if upload.etag is not None:
            repeated = {
                "same": _completed(self, upload),
                "no ETag": _completed(self, replace(upload, etag="")),
                "NoSuchUpload": _NO_SUCH_UPLOAD,
                "412": self._exists(request),
            }
            return repeated[self.repeated_complete] or _completed(self, upload)
        if refusal := self._bad_parts(request, upload) or self._exists(request):
            return refusal
        named = len(_named_parts(request.body))
        digests = b"".join(hashlib.md5(data, usedforsecurity=False).digest() for data in upload.parts.values())
        upload.etag = f"{_md5(digests)}-{named}"
        about = self._keep(request.key, Stored(upload.data, upload.etag, upload.headers))
        return _completed(self, upload).with_headers(**about)

    def _bad_parts(self, request: Request, upload: Upload) -> Answer | None:
        named = _named_parts(request.body)
        if list(named) != sorted(named):
            return Answer.error(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
        if not named or {number: _md5(data) for number, data in upload.parts.items()} != named:
            return Answer.error(400, "InvalidPart", "One or more of the specified parts could not be found.")
        if any(len(upload.parts[number]) < self.smallest_part for number in list(named)[:-1]):
            return Answer.error(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
        size = request.headers.get("x-amz-mp-object-size")
        if size is not None and int(size) != len(upload.data):
            return Answer.error(400, "InvalidRequest", "The provided 'x-amz-mp-object-size' header does not match.")
        crc = request.headers.get("x-amz-checksum-crc32")
        if crc is not None and base64.b64decode(crc) != zlib.crc32(upload.data).to_bytes(4):
            return Answer.error(400, "BadDigest", "The CRC32 you specified did not match the calculated checksum.")
        return None

    def _abort(self, request: Request) -> Answer:
        if self._found(request) is None:
            return _NO_SUCH_UPLOAD
        del self.uploads[request.query["uploadId"]]
        return Answer(204)


_UNDER_WAY = Answer.error(500, "InternalError", "This multipart completion is already in progress")
_NO_SUCH_UPLOAD = Answer.error(404, "NoSuchUpload", "The specified multipart upload does not exist.")


def _completed(store: Store, upload: Upload) -> Answer:
    etag = f'"{upload.etag}"' if upload.etag else ""
    return _result("CompleteMultipartUploadResult", Bucket=store.bucket, Key=upload.key, ETag=etag)


def _result(name: str, **fields: str) -> Answer:
    inside = "".join(f"<{field}>{value.replace('&', '&amp;')}</{field}>" for field, value in fields.items())
    return Answer(200, body=f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}>{inside}</{name}>'.encode())


def _named_parts(body: bytes) -> dict[int, str]:
    """Read the list of parts in a Complete."""
    root = ET.fromstring(re.sub(rb' xmlns="[^"]*"', b"", body, count=1))  # noqa: S314  # our own request
    parts = root.findall("Part")
    return {int(part.findtext("PartNumber", "0")): part.findtext("ETag", "").strip('"') for part in parts}


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
