"""How much of an answer is read, and how long: a server that sends without end must not fill our memory, nor keep us.

S3's and STS's answers to what s3dest asks are short. Bodies that somebody reads as streams are not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Protocol

from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError, ResponseStreamingError
from urllib3 import exceptions as urllib3_errors

from s3dest.pools import Pools, use_connections

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.client import BaseClient

LONGEST: Final = 1024 * 1024
"""Bytes; an error of S3 or STS has a few thousand at most."""


class Session(Protocol):
    """Sends requests, as botocore's does."""

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Send a request, and return the answer."""

    def close(self) -> None:
        """Close the connections."""


class Stream(Protocol):
    """The rest of an answer, on its connection, as urllib3 gives it."""

    def stream(self) -> Iterator[bytes]:
        """Yield it."""

    def close(self) -> None:
        """Close the connection."""


class LimitedSession:
    """Reads no more of an answer than an honest one has."""

    def __init__(self, session: Session, pools: Pools) -> None:
        self.pools = pools
        self._session = session

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Send a request, and read the answer; raises botocore's exceptions, as its own session does."""
        streamed, request.stream_output = request.stream_output, True
        answer = self._session.send(request)
        if streamed and answer.status_code < 300:  # noqa: PLR2004  # HTTP's successes
            return answer
        read_whole(answer)
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def read_whole(answer: AWSResponse) -> None:
    """Let an answer read its body; raises botocore's exceptions, as its own session does."""
    whole = answer.raw
    answer.raw = _Limited(whole)
    try:
        _ = answer.content  # the answer keeps it
    except urllib3_errors.ReadTimeoutError as error:
        raise ReadTimeoutError(endpoint_url=answer.url, error=error) from error
    except urllib3_errors.ProtocolError as error:
        raise ConnectionClosedError(endpoint_url=answer.url, error=error) from error
    except urllib3_errors.HTTPError as error:
        raise HTTPClientError(error=error) from error
    finally:
        answer.raw = whole


class _Limited:
    """A body that ends with an exception where it becomes too long."""

    def __init__(self, raw: Stream) -> None:
        self._raw = raw

    def stream(self) -> Iterator[bytes]:
        """Yield the body; the connection is closed before it raises, lest somebody reads on from it."""
        size = 0
        for data in self._raw.stream():
            size += len(data)
            if size > LONGEST:
                self._raw.close()
                raise ResponseStreamingError(error=f"the answer is longer than {LONGEST:,} bytes")
            yield data


def limit_answers(client: BaseClient) -> LimitedSession:
    """Let a client of botocore read no more than that, and no longer than `answers_within` says.

    It has no setting for it, nor a hook between head and body. Returns what the client sends by.
    """
    endpoint = client._endpoint  # type: ignore[attr-defined]  # noqa: SLF001  # unknown to the stubs
    session = endpoint.http_session
    if isinstance(session, LimitedSession):  # the vendor's session gives one client to all, say
        return session
    limited = endpoint.http_session = LimitedSession(session, use_connections(session))
    return limited
