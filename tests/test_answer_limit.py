"""How much of an answer is read: what an honest server sends, and not what another does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError, ResponseStreamingError
from fake import FakeAws
from urllib3 import exceptions as urllib3_errors

from s3dest.answer_limit import LONGEST, LimitedSession
from s3dest.identity import AmbientIdentity
from s3dest.options import TransferOptions
from s3dest.pools import Pools
from s3dest.retry import Clock
from s3dest.role_sessions import RoleSessions


class Body:
    """A body in blocks; an exception among them is raised."""

    def __init__(self, *blocks: bytes | Exception) -> None:
        self.blocks = blocks
        self.read = 0
        self.closed = False

    def stream(self) -> Iterator[bytes]:
        """Yield it."""
        for block in self.blocks:
            self.read += 1
            if isinstance(block, Exception):
                raise block
            yield block

    def close(self) -> None:
        """Close the connection."""
        self.closed = True


class Answering:
    """A session of botocore's with one answer."""

    def __init__(self, status: int, body: Body) -> None:
        self.answer = AWSResponse("https://s3.example.com/", status, HTTPHeaders(), body)
        self.closed = False

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Give it, unread."""
        assert request.stream_output
        return self.answer

    def close(self) -> None:
        """Close."""
        self.closed = True


def sent(status: int, body: Body, *, streamed: bool = False) -> AWSResponse:
    """Send a request that gets this answer."""
    request = AWSPreparedRequest("PUT", "https://s3.example.com/", HTTPHeaders(), b"", streamed)
    return LimitedSession(Answering(status, body), Pools()).send(request)


def test_an_answer_is_read_whole() -> None:
    """As by botocore's own session."""
    answer = sent(403, body := Body(b"<Error>", b"</Error>"))
    assert (answer.content, answer.raw, body.closed) == (b"<Error></Error>", body, False)


@pytest.mark.parametrize(("status", "streamed"), [(200, False), (403, False), (403, True)])
def test_an_answer_without_end_is_not(status: int, *, streamed: bool) -> None:
    """Nor is its connection used again; of a stream, the refusal is meant."""
    body = Body(*[bytes(LONGEST // 2)] * 100)
    with pytest.raises(ResponseStreamingError, match="longer than 1,048,576 bytes"):
        sent(status, body, streamed=streamed)
    assert (body.read, body.closed) == (3, True)


def test_a_stream_is_for_who_asked_for_it() -> None:
    """However long it is."""
    body = Body(*[bytes(LONGEST)] * 3)
    assert sent(200, body, streamed=True).raw is body
    assert body.read == 0


@pytest.mark.parametrize(
    ("given", "raised"),
    [
        (urllib3_errors.ReadTimeoutError(None, "", "slow"), ReadTimeoutError),  # type: ignore[arg-type]  # no pool
        (urllib3_errors.ProtocolError("cut"), ConnectionClosedError),
        (urllib3_errors.DecodeError("odd"), HTTPClientError),
    ],
)
def test_what_breaks_on_the_way_is_told_as_botocore_does(given: Exception, raised: type[Exception]) -> None:
    """So that nobody need know who read."""
    with pytest.raises(raised):
        sent(200, Body(b"<", given))


def test_both_clients_are_limited() -> None:
    """That of the store and that of STS; closing them closes botocore's."""
    config = FakeAws().config()
    identity, options = AmbientIdentity(), TransferOptions()
    sessions = RoleSessions(config, config.auth, identity, options, purpose="append", clock=Clock())  # type: ignore[arg-type]
    clients: list[Callable[[], Any]] = [FakeAws().destination(config).client, sessions._sts]
    for client in clients:
        assert isinstance(client()._endpoint.http_session, LimitedSession)
    inner = Answering(200, Body())
    LimitedSession(inner, Pools()).close()
    assert inner.closed
