"""The audit: each right that appending does not need, found by requests that change nothing."""

from __future__ import annotations

from typing import Any

import pytest
from fake import FakeAws, faults
from fake.store import KMS_KEY

from s3dest import Destination, policies
from s3dest.testing import EmbeddedS3

PUT = {"s3:PutObject"}


def codes(aws: FakeAws, mode: Any = "recheck") -> set[str]:
    """Audit, and list what was found beyond the note on the abort."""
    report = aws.destination().check(mode=mode, audit=True)
    assert report.ok
    assert [step.name for step in report.steps].count("audit") == 1
    return {finding.code for finding in report.findings} - {"abort_denied", "delete_denied"}


def test_the_audits_session_is_not_narrowed(aws: FakeAws) -> None:
    """Or it would see nothing but our own policy."""
    aws.destination().check(mode="recheck", audit=True)
    sent = [request.form.get("Policy") for request in aws.requests("AssumeRole")]
    assert sent.count(None) == 1
    assert [request.form["RoleSessionName"] for request in aws.requests("AssumeRole")][-1] == "s3dest-acme-lake"


def test_rights_beyond_need_are_found(aws: FakeAws) -> None:
    """One by one; the fake's right to put is not bound to a prefix, and so is found each time."""
    elsewhere = "may_put_elsewhere"
    for more, found in (
        (set[str](), {elsewhere}),
        ({"s3:GetObject"}, {elsewhere, "may_read"}),
        ({"s3:ListBucket"}, {elsewhere, "may_list"}),
        ({"s3:DeleteObject"}, {elsewhere, "may_delete"}),
        ({"s3:GetObject", "s3:ListBucket"}, {elsewhere, "may_read", "may_list"}),
    ):
        aws.store.allowed = PUT | more
        assert codes(aws) == found


def test_reading_is_tried_on_the_probe_during_set_up(aws: FakeAws) -> None:
    """On one that is there; deleting is tried on what is not."""
    aws.store.allowed = {"s3:PutObject", "s3:DeleteObject", "s3:GetObject"}
    assert codes(aws, "setup") == {"may_put_elsewhere", "may_read", "may_delete"}
    assert aws.store.objects == {}
    assert aws.requests("GetObject")[0].key == aws.requests("PutObject")[0].key


def warnings(destination: Destination, mode: Any) -> set[str]:
    """Audit, and list what should be mended."""
    return {finding.code for finding in destination.check(mode=mode, audit=True).findings if finding.severity != "note"}


@pytest.mark.parametrize("prefix", ["", "vendor/exports"])
@pytest.mark.parametrize("mode", ["setup", "recheck"])
def test_the_right_to_delete_probes_is_in_order(mode: Any, prefix: str) -> None:
    """One to delete data is not, with IAM deciding; neither deletes any."""
    with EmbeddedS3() as s3:
        customer = s3.customer(prefix=prefix)
        with Destination(customer.config) as destination:
            with destination.append("orders") as append:
                append.write({"id": 1})
            before = customer.objects()
            assert warnings(destination, mode) == set()
            wide: Any = policies.permission(customer.config)
            wide["Statement"][1]["Resource"] = wide["Statement"][0]["Resource"]
            customer.put_permission(wide)
            assert warnings(destination, mode) == {"may_delete"}
            assert customer.objects() == before


def test_an_audit_changes_nothing(aws: FakeAws) -> None:
    """Whatever the role may do: nothing is created, deleted or overwritten, no marker set, no upload left."""
    aws.store.allowed = {"s3:PutObject", "s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:AbortMultipartUpload"}
    with aws.destination().append("orders") as append:
        append.write({"id": 1})
    before = dict(aws.store.objects)
    codes(aws)
    assert aws.store.objects == before
    assert aws.store.uploads == {}
    (delete,) = aws.requests("DeleteObject")
    assert delete.headers["if-match"]
    assert delete.key not in before


@pytest.mark.parametrize("operation", ["GetObject", "ListObjectsV2", "DeleteObject", "UploadPart"])
def test_an_answer_that_does_not_tell_is_a_note(aws: FakeAws, operation: str) -> None:
    """Nothing is concluded from an outage."""
    aws.store.allowed = PUT
    if operation == "UploadPart":
        aws.faults.at(operation, 2, faults.refusal(400, "Odd"))
    else:
        aws.faults.always(operation, faults.INTERNAL_ERROR)
    assert "audit_inconclusive" in codes(aws)


@pytest.mark.parametrize("operation", ["GetObject", "ListObjectsV2"])
def test_a_page_of_a_proxys_is_no_right(aws: FakeAws, operation: str) -> None:
    """Whoever answers everything with 200 and HTML knows nothing of rights."""
    aws.faults.always(operation, faults.HTML_200)
    found = codes(aws)
    assert "audit_inconclusive" in found
    assert not found & {"may_read", "may_list"}


@pytest.mark.parametrize("mode", ["setup", "recheck"])
def test_the_policy_that_is_enough_has_the_buckets_key(aws: FakeAws, mode: Any) -> None:
    """The config does not name it, S3's answer does; without it the customer would lock the vendor out."""
    aws.store.kms = True
    aws.store.allowed = PUT | {"s3:DeleteObject", "s3:ListBucket"}
    report = aws.destination().check(mode=mode, audit=True)
    (finding,) = [finding for finding in report.findings if finding.code == "may_list"]
    told: list[Any] = [finding.statement, *([report.steady_policy] if mode == "setup" else [])]
    for policy in told:
        put, kms = policy["Statement"]
        assert put["Action"] == ["s3:PutObject"]
        assert (kms["Action"], kms["Resource"]) == (["kms:GenerateDataKey", "kms:Decrypt"], KMS_KEY)


@pytest.mark.parametrize("key", ["", "1234abcd", KMS_KEY.replace("eu-west-1", "us-east-1"), "a key"])
def test_a_key_that_no_policy_can_name_is_no_failure(aws: FakeAws, key: str) -> None:
    """What answers may be no AWS; a policy without the key would lock the vendor out, and so none is handed over."""
    aws.store.kms, aws.store.kms_key = True, key
    report = aws.destination().check(audit=True)
    assert report.ok
    assert report.steady_policy is None


def test_a_user_is_audited_too(aws: FakeAws) -> None:
    """With its own keys."""
    aws.store.allowed = PUT | {"s3:ListBucket"}
    report = aws.destination(auth=aws.user).check(mode="recheck", audit=True)
    assert "may_list" in {finding.code for finding in report.findings}
    assert not aws.requests("AssumeRole")
