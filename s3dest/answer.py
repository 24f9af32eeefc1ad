"""What a service answered, taken out of botocore's exception; whatever is missing or odd in it is left empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


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
    date: str | None = None
    """The ``Date`` header: the service's clock."""

    @classmethod
    def of(cls, error: ClientError) -> Answer:
        """Read a `ClientError`."""
        response: Mapping[str, object] = error.response
        said, about = _mapping(response.get("Error")), _mapping(response.get("ResponseMetadata"))
        headers = _mapping(about.get("HTTPHeaders"))
        status = about.get("HTTPStatusCode")
        return cls(
            operation=error.operation_name,
            code=_text(said.get("Code")) or "",
            message=_text(said.get("Message")) or "",
            status=status if isinstance(status, int) else None,
            request_id=_text(about.get("RequestId")) or _text(headers.get("x-amz-request-id")),
            region=_text(headers.get("x-amz-bucket-region")) or _text(said.get("Region")),
            more={str(name): value for name, value in said.items() if isinstance(value, str)},
            date=_text(headers.get("date")),
        )

    @property
    def skew(self) -> float | None:
        """Seconds by which the caller's clock is ahead of the service's, if the answer tells both."""
        ours, theirs = _instant(self.more.get("RequestTime")), _instant(self.more.get("ServerTime"))
        return (ours - theirs).total_seconds() if ours and theirs else None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return str(value) if value else None


def _instant(text: str | None) -> datetime | None:
    if not text:
        return None
    for read in (
        datetime.fromisoformat,
        lambda text: datetime.strptime(text, "%Y%m%dT%H%M%SZ").astimezone(),
        parsedate_to_datetime,
    ):
        try:
            instant = read(text)
        except (ValueError, TypeError):
            continue
        return instant if instant.tzinfo else instant.astimezone()
    return None
