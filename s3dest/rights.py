"""What the customer's role or user may do beyond appending, asked with requests that change nothing.

The session is not narrowed by a session policy, or there would be nothing to see.
"""

from __future__ import annotations

from typing import Any

from s3dest.config import DestinationConfig
from s3dest.denial import Denial
from s3dest.errors import AccessDeniedError, S3DestError
from s3dest.identity import Identity
from s3dest.multipart import NO_PART
from s3dest.options import TransferOptions
from s3dest.retry import Clock
from s3dest.wire import Wire

_NO_ETAG = '"00000000000000000000000000000000"'


class Rights:
    """Asks for rights, one request each; ``None`` says that the answer does not tell."""

    def __init__(
        self, config: DestinationConfig, identity: Identity, options: TransferOptions, *, clock: Clock
    ) -> None:
        self._wire = Wire(config, identity, options, purpose="audit", clock=clock)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def may_read(self, key: str) -> bool | None:
        """Ask for an object; action: ``s3:GetObject``. Of a key that is not there, S3 tells who may list alone."""
        return self._ask("GetObject", key, {"Range": "bytes=0-0"}, "s3:GetObject", there="NoSuchKey", told="ETag")

    def may_list(self, prefix: str) -> bool | None:
        """Ask for a list of no keys; action: ``s3:ListBucket``."""
        return self._ask("ListObjectsV2", None, {"Prefix": prefix, "MaxKeys": 0}, "s3:ListBucket", told="Name")

    def may_delete(self, key: str) -> bool | None:
        """Ask to delete what is not there, on a condition that nothing meets; action: ``s3:DeleteObject``."""
        return self._ask(
            "DeleteObject", key, {"IfMatch": _NO_ETAG}, "s3:DeleteObject", there="PreconditionFailed NoSuchKey 412 404"
        )

    def may_put(self, key: str) -> bool | None:
        """Ask to add a part to an upload that is not there; action: ``s3:PutObject``."""
        parameters = {**NO_PART, "Body": b""}
        return self._ask("UploadPart", key, parameters, "s3:PutObject", there="NoSuchUpload")

    def _ask(
        self,
        operation: str,
        key: str | None,
        parameters: dict[str, Any],
        action: str,
        *,
        there: str = "",
        told: str | None = None,
    ) -> bool | None:
        """Tell whether the answer is one that only who has the right gets: a success, or an error code of ``there``.

        A success without the field ``told`` is no answer of S3, but of a proxy, say.
        """
        try:
            answer, _ = self._wire.send(operation, key, parameters)
        except AccessDeniedError as error:
            # denied is another action: the one asked for passed, as where a missing key may not be told of
            other = Denial.of(error.said).action
            return None if other and other.startswith("kms:") else other not in {None, action}
        except S3DestError as error:
            return True if error.aws_code in there.split() else None
        return True if told is None or answer.get(told) else None
