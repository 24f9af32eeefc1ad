"""What a service answered, taken out of botocore's exception; whatever is missing or odd in it is left empty."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_REGION: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
# IllegalLocationConstraintException names the bucket's region so; "unspecified" is us-east-1, which has no constraint
_LOCATION: Final = re.compile(r"The (?P<region>[\w-]+) location constraint is incompatible")
# STS: "Signature expired: OURS is now earlier than … (THEIRS - 15 min.)", and the like for one of the future
_SIGNED: Final = re.compile(r"Signature [a-z ]+: (?P<ours>\w+) is .*\((?P<theirs>\w+) [-+]")


@dataclass(frozen=True, slots=True)
class Answer:
    """One error answer."""

    operation: str
    code: str
    message: str
    status: int | None
    request_id: str | None
    region: str | None
    more: Mapping[str, str] = field(default_factory=dict)
    """What else the error holds: ``Header``, ``ArgumentName``, ``ServerTime`` …"""

    @classmethod
    def of(cls, error: ClientError) -> Answer:
        """Read a `ClientError`."""
        response: Mapping[str, object] = error.response
        # Ceph 16 and 18 word a refusal of STS as one of S3, which botocore then takes for the whole answer
        said, about = _mapping(response.get("Error", response)), _mapping(response.get("ResponseMetadata"))
        headers = _mapping(about.get("HTTPHeaders"))
        status = about.get("HTTPStatusCode")
        message = _text(said.get("Message")) or ""
        ids = (about.get("RequestId"), headers.get("x-amz-request-id"), headers.get("x-amzn-requestid"))
        return cls(
            operation=error.operation_name,
            code=_fact(said.get("Code")) or "",
            message=message,
            status=status if isinstance(status, int) else None,
            request_id=next(filter(None, map(_fact, ids)), None),
            region=_region(headers.get("x-amz-bucket-region")) or _region(said.get("Region")) or _location(message),
            more={str(name): value for name, value in said.items() if isinstance(value, str)},
        )

    @property
    def anonymous(self) -> bool:
        """Whether nothing in it is a service's: no request id, and no code but the status."""
        return not self.request_id and (not self.code or self.code.isdigit())

    @property
    def skew(self) -> float | None:
        """Seconds by which the caller's clock is ahead of the service's, if the answer tells both."""
        signed = _SIGNED.search(self.message)
        told = signed.groups() if signed else (self.more.get("RequestTime"), self.more.get("ServerTime"))
        ours, theirs = map(_instant, told)
        return (ours - theirs).total_seconds() if ours and theirs else None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return str(value) if value else None


def _fact(value: object) -> str | None:
    """Read a code or an id; who sends control characters in its place gets them into no log."""
    return "".join(filter(str.isprintable, str(value))) if value else None


def _region(value: object) -> str | None:
    return str(value) if _REGION.fullmatch(str(value or "")) else None


def _location(message: str) -> str | None:
    match = _LOCATION.search(message)
    return {"unspecified": "us-east-1"}.get(match["region"], match["region"]) if match else None


def _instant(text: str | None) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
