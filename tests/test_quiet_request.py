"""Requests as they are sent: what their headers answer, and what they show."""

from __future__ import annotations

from botocore.awsrequest import AWSRequest, HeadersDict

from s3dest.quiet_request import Fields, QuietRequest


def test_headers_are_asked_for_as_botocores_are() -> None:
    """Whoever answers in the place of the network may read and change them."""
    ours, botocores = (
        Fields({"content-type": "text/csv", "host": "h"}),
        HeadersDict({"Content-Type": "text/csv", "Host": "h"}),
    )
    for headers in (ours, botocores):
        headers["X-Trace"] = b"1"
        headers.update({"HOST": "elsewhere"})
        del headers["Content-TYPE"]
        copied = headers.copy()
        assert "x-trace" in copied
        assert copied.get("X-TRACE") == headers["x-Trace"] == b"1"
        assert headers.get("Content-Type") is None
        copied["Host"] = "changed"
        assert len(headers) == 2
        assert {name.lower(): value for name, value in headers.items()} == {"x-trace": b"1", "host": "elsewhere"}
        assert set(map(str.lower, headers)) == {"x-trace", "host"}


def test_a_request_shows_no_token() -> None:
    """Crash reporters print the local variables of frames."""
    request = QuietRequest.of(AWSRequest("PUT", "https://b.example.com/k", {"X-Amz-Security-Token": "a secret"}, b""))
    assert repr(request) == "<PUT https://b.example.com/k>"
    assert "a secret" not in repr(Fields({"x-amz-security-token": "a secret"}))
    assert request.headers["x-amz-security-token"] == "a secret"
