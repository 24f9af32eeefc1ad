"""What a store can do: in the report, and back in the config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3dest import Capabilities, CheckReport, DestinationConfig

if TYPE_CHECKING:
    import pytest
    from fake import FakeAws


def test_a_report_tells_what_the_store_can_do(aws: FakeAws) -> None:
    """As far as it was tried; also after a journey as JSON."""
    report = aws.destination().check(multipart="always")
    expected = Capabilities(conditional_put=True, conditional_complete=True, checksums="aws", addressing="virtual")
    assert report.capabilities == expected
    assert CheckReport.model_validate_json(report.model_dump_json()).capabilities == expected
    assert aws.destination().check(mode="recheck").capabilities == Capabilities(checksums="aws", addressing="virtual")


def test_nothing_is_said_of_a_store_that_refused(aws: FakeAws) -> None:
    """There was nothing to see."""
    aws.store.allowed = set()
    assert aws.destination().check().capabilities is None


def test_capabilities_can_be_kept_in_the_config(aws: FakeAws) -> None:
    """As JSON, too; requests have the form that the store took."""
    config = aws.config(capabilities={"checksums": "md5"})
    assert DestinationConfig.model_validate(config.model_dump(mode="json")) == config
    aws.destination(config).check().raise_for_failure()
    assert "content-md5" in aws.requests("PutObject")[0].headers
    assert "x-amz-checksum-sha256" not in aws.requests("PutObject")[0].headers


def test_what_is_not_known_is_no_weakness() -> None:
    """Only what was seen to fail."""
    assert Capabilities().weaknesses == ()
    assert Capabilities(conditional_put=True, conditional_complete=False).weaknesses == ("conditional_complete",)


def test_the_multipart_probe_runs_where_large_objects_may_fare_otherwise(aws: FakeAws) -> None:
    """With KMS, elsewhere than on AWS, on request; two parts, and the probe is not overwritten."""
    assert "multipart" not in {step.name for step in aws.destination().check().steps}
    aws.store.kms = True
    report = aws.destination().check()
    assert report.ok
    (multipart,) = [step for step in report.steps if step.name == "multipart"]
    assert (multipart.outcome, multipart.detail) == ("ok", "two parts; the store refuses to overwrite (412)")
    assert len(aws.requests("UploadPart")) == 2
    assert aws.store.replaced == []
    assert "multipart" not in {step.name for step in aws.destination().check(multipart="never").steps}


def test_a_store_that_overwrites_is_used_loudly(aws: FakeAws, caplog: pytest.LogCaptureFixture) -> None:
    """Each process says so once; a store that does not is used in silence."""
    weak = aws.destination(capabilities={"conditional_put": False})
    for destination in (weak, weak, aws.destination(capabilities={"conditional_put": True})):
        with destination.append("orders") as append:
            append.write({"id": 1})
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == ["s3://acme-lake/vendor/exports does not enforce append-only (conditional_put)"]
