"""What a service answered, taken out of botocore's exception: facts, and nothing that is not one."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3dest.answer import Answer


def answer(message: str = "", *, code: str = "Odd", headers: Any = None, **more: str) -> Answer:
    """Make one."""
    metadata = {"HTTPStatusCode": 400, "HTTPHeaders": headers or {}}
    response: Any = {"Error": {"Code": code, "Message": message, **more}, "ResponseMetadata": metadata}
    return Answer.of(ClientError(response, "PutObject"))


@pytest.mark.parametrize(
    ("given", "region"),
    [
        (answer(headers={"x-amz-bucket-region": "eu-north-1"}, Region="eu-west-2"), "eu-north-1"),
        (answer(Region="eu-north-1"), "eu-north-1"),
        (answer("The me-south-1 location constraint is incompatible for the region specific endpoint"), "me-south-1"),
        (answer("The unspecified location constraint is incompatible for the region specific"), "us-east-1"),
        (answer(headers={"x-amz-bucket-region": "evil.example.com/"}), None),
        (answer("The region is wrong"), None),
    ],
)
def test_the_region_is_what_the_answer_names(given: Answer, region: str | None) -> None:
    """In its header, its body or its message; what cannot be a region is none."""
    assert given.region == region


@pytest.mark.parametrize(
    ("given", "skew"),
    [
        (answer(RequestTime="20261123T130000Z", ServerTime="2026-11-23T12:00:00Z"), 3600),
        (
            answer(
                "Signature expired: 20261123T110000Z is now earlier than 20261123T114500Z (20261123T120000Z - 15 min.)"
            ),
            -3600,
        ),
        (
            answer(
                "Signature not yet current: 20261123T123000Z is still later than 20261123T121500Z "
                "(20261123T120000Z + 15 min.)"
            ),
            1800,
        ),
        (answer(RequestTime="today", ServerTime="2026-11-23T12:00:00Z"), None),
        (answer("Signature expired: yesterday"), None),
    ],
)
def test_the_skew_is_what_the_answer_tells(given: Answer, skew: float | None) -> None:
    """By S3's two fields or by STS's sentence; positive where this machine is ahead, in any time zone."""
    assert given.skew == skew


@pytest.mark.usefixtures("far_from_utc")
def test_a_time_without_a_zone_is_utc() -> None:
    """One of the two may have none."""
    assert answer(RequestTime="20261123T130000Z", ServerTime="2026-11-23T12:00:00").skew == 3600


def test_a_refusal_of_sts_may_be_worded_as_one_of_s3() -> None:
    """As Ceph 16 and 18 do: botocore takes the error for the whole answer."""
    response: Any = {"Code": "AccessDenied", "Message": None, "ResponseMetadata": {"HTTPStatusCode": 403}}
    given = Answer.of(ClientError(response, "AssumeRole"))
    assert (given.code, given.message, given.status) == ("AccessDenied", "", 403)


def test_nobody_stands_behind_a_bare_status() -> None:
    """But behind one with a request id, in whichever header."""
    assert answer(code="403").anonymous
    assert answer(code="").anonymous
    assert not answer(code="AccessDenied").anonymous
    for name in ("x-amz-request-id", "x-amzn-requestid"):
        assert not answer(code="403", headers={name: "4442587FB7D0A2F9"}).anonymous
