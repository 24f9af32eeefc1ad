"""A request as it is sent."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, MutableMapping
from typing import Any, Self

from botocore.awsrequest import AWSPreparedRequest, AWSRequest


class Fields(MutableMapping[str, Any]):
    """The headers of a request, asked for in upper or lower case, as botocore's are, which take longer."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields: dict[str, Any] = dict(fields)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401  # botocore's may be bytes, too
        return self._fields[name.lower()]

    def __setitem__(self, name: str, value: Any) -> None:  # noqa: ANN401
        self._fields[name.lower()] = value

    def __delitem__(self, name: str) -> None:
        del self._fields[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def items(self) -> ItemsView[str, Any]:
        """Return them, without looking each up again."""
        return self._fields.items()

    def copy(self) -> Fields:
        """Copy them, as urllib3 does before it sends."""
        return Fields(self._fields)


class QuietRequest(AWSPreparedRequest):
    """A request whose session token is not shown as a local variable."""

    headers: Any

    def __init__(
        self,
        method: str,
        url: str,
        headers: Any,  # noqa: ANN401  # botocore's, or such
        body: Any,  # noqa: ANN401
        *,
        stream_output: bool = False,
    ) -> None:
        super().__init__(method, url, headers, body, stream_output)
        self.context: dict[str, Any] = {}  # where botocore's signers keep the time; in older ones a request has none

    @classmethod
    def of(cls, request: AWSRequest) -> Self:
        """Prepare a request to be sent."""
        made = request.prepare()
        return cls(made.method, made.url, made.headers, made.body, stream_output=made.stream_output)

    def __repr__(self) -> str:
        """Say no more than where it goes."""
        return f"<{self.method} {self.url}>"
