"""Who must be refused: without an external id, with a wrong one, with a token of another audience."""

from __future__ import annotations

from typing import Any

import pytest
from fake import FakeAws, faults
from fake.world import EXTERNAL_ID, ROLE_ARN

from s3dest import WebIdentity
from s3dest.strangers import wrong


@pytest.mark.parametrize("mode", ["setup", "recheck"])
def test_three_sessions_are_asked_for(aws: FakeAws, mode: Any) -> None:
    """One is given; the others are asked for under a name that tells why, short, and narrowed to nothing."""
    report = aws.destination().check(mode=mode)
    assert report.ok
    right, without, with_wrong = (request.form for request in aws.requests("AssumeRole"))
    assert right["ExternalId"] == EXTERNAL_ID
    assert "ExternalId" not in without
    assert with_wrong["ExternalId"].startswith(f"{EXTERNAL_ID}-wrong-")
    assert right["RoleSessionName"] == "s3dest-acme-lake"
    assert without["RoleSessionName"] == "s3dest-check-without-external-id"
    assert with_wrong["RoleSessionName"] == "s3dest-check-with-wrong-external-id"
    for form in (without, with_wrong):
        assert form["DurationSeconds"] == "900"
        assert '"Effect":"Deny"' in form["Policy"]


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("none", "external_id_not_required"),
        ("if-exists", "external_id_not_required"),
        ("like", "external_id_not_compared"),
    ],
)
def test_a_loose_trust_policy_fails_the_check(aws: FakeAws, condition: Any, code: str) -> None:
    """And whatever keys STS gave a stranger sign nothing."""
    aws.sts.condition = condition
    report = aws.destination().check()
    assert not report.ok
    assert [finding.code for finding in report.findings] == [code]
    assert {request.access_key for request in aws.log if request.operation != "AssumeRole"} == {"ASIAFAKE000000000001"}


@pytest.mark.parametrize(
    "fault",
    [
        faults.UNREACHABLE,
        faults.sts_refusal(400, "Throttling", "Rate exceeded"),
        faults.sts_refusal(400, "ValidationError", "odd"),
        faults.bare(500),
    ],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
def test_only_a_plain_refusal_counts(aws: FakeAws, fault: faults.Fault) -> None:
    """Anything else says nothing about the trust policy: a warning, and the check is ok."""
    aws.faults.at("AssumeRole", 1, faults.slow(0))
    for call in range(2, 40):
        aws.faults.at("AssumeRole", call, fault)
    report = aws.destination().check()
    assert report.ok
    assert {(finding.code, finding.severity) for finding in report.findings} == {("protection_untested", "warning")}
    (step,) = [step for step in report.steps if step.name == "external-id"]
    assert (step.outcome, step.detail) == ("warning", "could not be found out")


def test_a_token_of_another_audience_must_be_refused(aws: FakeAws) -> None:
    """With a second source; without one nothing is asked."""
    auth = {"role_arn": ROLE_ARN, "external_id": None}
    aws.sts.tokens = {"ours"}
    identity = WebIdentity(lambda: "ours", other_audience=lambda: "others")
    assert aws.destination(identity=identity, auth=auth).check().findings == ()
    assert len(aws.requests("AssumeRoleWithWebIdentity")) == 2
    aws.sts.tokens = None
    (finding,) = aws.destination(identity=identity, auth=auth).check().findings
    assert (finding.code, finding.severity) == ("audience_not_compared", "error")
    aws.log.clear()
    assert aws.destination(identity=WebIdentity(lambda: "ours"), auth=auth).check().ok
    assert len(aws.requests("AssumeRoleWithWebIdentity")) == 1


def test_an_audience_that_the_provider_does_not_know_is_refused_too(aws: FakeAws) -> None:
    """STS has a code of its own for it."""
    refusal = faults.sts_refusal(400, "InvalidIdentityToken", "Incorrect token audience")
    aws.faults.at("AssumeRoleWithWebIdentity", 2, refusal)
    identity = WebIdentity(lambda: "ours", other_audience=lambda: "others")
    auth = {"role_arn": ROLE_ARN, "external_id": None}
    assert aws.destination(identity=identity, auth=auth).check().findings == ()


def test_a_wrong_external_id_is_a_valid_one() -> None:
    """Also where the right one is as long as can be."""
    for right in ("ab", "x" * 1224):
        assert 2 <= len(wrong(right)) <= 1224
        assert wrong(right) != right
        assert wrong(right) != wrong(right)
