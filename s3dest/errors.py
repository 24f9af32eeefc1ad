"""Everything s3dest raises, in one tree; nothing here knows AWS's exceptions (see diagnosis.py).

    S3DestError
    ├── ConfigError (ValueError)    the configuration or the call is wrong; nothing was sent
    ├── StateError                  used after close, commit, abort or a failed row
    ├── RowError (ValueError)       a row cannot be encoded; names row and column
    ├── LocalFileError              a file of this machine: the disk is full, say, or it cannot be read
    ├── CredentialsError            no session in the customer's account
    ├── CheckFailedError            raised by CheckReport.raise_for_failure(); carries the report
    └── RequestError                S3 refused a request, or its answer never came
        ├── AccessDeniedError       a policy says no
        ├── BucketNotFoundError     no bucket of that name
        ├── WrongRegionError        the bucket lives elsewhere; names the region when S3 does
        ├── ThrottledError          S3 asks for fewer requests
        ├── IntegrityError          what S3 holds is not what was sent, or the answer is no S3 answer
        └── TransportError          DNS, TLS, proxy, time-out, closed connection

Each can be pickled, with all its facts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from s3dest.findings import CheckReport

Owner = Literal["customer", "vendor", "aws", "network"]
"""Who can fix a problem: the bucket's owner, the service that imports s3dest, AWS, or the network between."""


class S3DestError(Exception):
    """Say what failed, on which key, what AWS said and what to do.

    Attributes:
        code: Stable name of the cause, for programs; the README lists all of them.
        owner: Who can fix it.
        remedy: What to do about it, in a sentence.
        operation: The S3 or STS operation, in AWS's spelling (``PutObject``), if a request was made.
        bucket: The bucket concerned.
        key: The object key concerned.
        aws_code: The error code in AWS's answer.
        status: The HTTP status of the answer.
        request_id: AWS's id of the request, for its support.
        retryable: Whether the same request may succeed later, unchanged.
        ambiguous: Whether the request may have taken effect all the same, its answer being lost.
        statement: The policy or statement to paste, as plain JSON values, where one fixes it.
        mend: The fields of the config that fix it, for ``config.model_copy(update=…)``, where they are known.
        said: What AWS, the store or botocore said, with its speaker; the message ends with it.
    """

    default_code = "unknown"
    default_owner: Owner = "vendor"
    ambiguous: bool = False
    statement: dict[str, Any] | None = None
    mend: dict[str, Any] | None = None
    said: str = ""

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        owner: Owner | None = None,
        remedy: str = "",
        operation: str | None = None,
        bucket: str | None = None,
        key: str | None = None,
        aws_code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.owner: Owner = owner or self.default_owner
        self.remedy = remedy
        self.operation = operation
        self.bucket = bucket
        self.key = key
        self.aws_code = aws_code
        self.status = status
        self.request_id = request_id
        self.retryable = retryable

    def __str__(self) -> str:
        facts = [self.code, self.owner]
        if self.operation:
            facts.append(self.operation)
        if self.bucket:
            facts.append(f"s3://{self.bucket}/{self.key or ''}")
        if self.aws_code or self.status:
            facts.append(" ".join(str(fact) for fact in (self.status, self.aws_code) if fact))
        if self.request_id:
            facts.append(f"request id {self.request_id}")
        text = f"{self.message} {self.remedy}" if self.remedy else self.message
        return f"{text} [{', '.join(facts)}]"

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.message, self.__dict__.copy())

    @classmethod
    def _bare(cls, message: str) -> Self:
        error = cls.__new__(cls, message)
        Exception.__init__(error, message)
        return error


def _restore(cls: type[S3DestError], message: str, state: dict[str, object]) -> S3DestError:
    """Rebuild a pickled error; keyword arguments do not survive the default protocol."""
    error = cls._bare(message)
    error.__dict__.update(state)
    return error


class ConfigError(S3DestError, ValueError):
    """The configuration or the call is wrong; nothing was sent."""

    default_code = "config"


class StateError(S3DestError):
    """A destination or writer was used after close, commit, abort or a failed row."""

    default_code = "state"


class RowError(S3DestError, ValueError):
    """A row cannot be encoded; the transfer can only be aborted, and nothing of it is visible.

    Attributes:
        row: Number of the row in this writer, counted from 0 in the order of writing.
        column: The column at fault, if one value alone is.
    """

    default_code = "row_not_encodable"

    def __init__(
        self, message: str = "", *, row: int | None = None, column: str | None = None, remedy: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.row = row
        self.column = column


class LocalFileError(S3DestError):
    """A file of this machine cannot be used: one to append, a temporary one, the journal. The `OSError` is its cause.

    Attributes:
        errno: The system's number of the error, as in `errno`, if it gave one.
        filename: The file, if the system named it.
    """

    default_code = "local_file"
    errno: int | None = None
    filename: str | None = None


class CredentialsError(S3DestError):
    """No session in the customer's account could be had."""

    default_code = "credentials"


class CheckFailedError(S3DestError):
    """A check found at least one error.

    Attributes:
        report: The whole `CheckReport`.
    """

    default_code = "check_failed"
    report: CheckReport | None = None


class RequestError(S3DestError):
    """S3 refused a request, or its answer never came."""

    default_code = "request_failed"
    default_owner: Owner = "aws"


class AccessDeniedError(RequestError):
    """A policy says no."""

    default_code = "access_denied"
    default_owner: Owner = "customer"


class BucketNotFoundError(RequestError):
    """There is no bucket of that name."""

    default_code = "bucket_not_found"
    default_owner: Owner = "customer"


class WrongRegionError(RequestError):
    """The bucket lives in another region.

    Attributes:
        region: Where the bucket lives, if S3 said so.
    """

    default_code = "wrong_region"
    default_owner: Owner = "customer"
    region: str | None = None


class ThrottledError(RequestError):
    """S3 asks for fewer requests."""

    default_code = "throttled"


class IntegrityError(RequestError):
    """What S3 holds is not what was sent, or the answer is no answer of S3."""

    default_code = "integrity"
    default_owner: Owner = "network"


class TransportError(RequestError):
    """The request or its answer was lost on the way: DNS, TLS, proxy, time-out, closed connection."""

    default_code = "transport"
    default_owner: Owner = "network"
