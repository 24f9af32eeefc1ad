"""The check: each step, each common cause, and what is left behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fake import FakeAws, faults
from fake.world import ROLE_ARN

from s3dest import CheckFailedError, CheckReport, ConfigError, GoogleIdentityToken, StateError, WebIdentity
from s3dest.destination import Destination
from s3dest.layout import PROBE_FOLDER

SETUP = [*["AssumeRole"] * 3, "PutObject", "PutObject", "DeleteObject"]
RECHECK = [*["AssumeRole"] * 3, "CreateMultipartUpload", "UploadPart", "AbortMultipartUpload"]


def codes(report: CheckReport) -> list[tuple[str, str, str]]:
    """List what was found."""
    return [(finding.code, finding.severity, finding.owner) for finding in report.findings]


def outcomes(report: CheckReport) -> list[str]:
    """List how the steps ended, less that of the external id, which has tests of its own."""
    return [step.outcome for step in report.steps if step.name != "external-id"]


@pytest.mark.parametrize(
    ("mode", "operation", "call"),
    [
        ("setup", "PutObject", 1),
        ("setup", "PutObject", 2),
        ("setup", "UploadPart", 2),
        ("recheck", "UploadPart", 1),
    ],
)
def test_an_interrupted_check_tidies_up(aws: FakeAws, mode: Any, operation: str, call: int) -> None:
    """Ctrl-C leaves neither probe nor upload, where they may be removed."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    aws.store.allowed.add("s3:AbortMultipartUpload")
    aws.faults.at(operation, call, faults.meanwhile(interrupt))
    with pytest.raises(KeyboardInterrupt):
        aws.destination().check(mode=mode, multipart="always")
    assert (aws.store.objects, aws.store.pending) == ({}, {})


def test_a_set_up_check_does_what_a_transfer_does(aws: FakeAws) -> None:
    """A session, a put with production's headers, a second put that must be refused, and the probe is gone."""
    destination = aws.destination(storage_class="STANDARD_IA", encryption={"type": "sse-s3"})
    report = destination.check()
    assert report.ok
    assert codes(report) == []
    assert [step.name for step in report.steps] == ["credentials", "external-id", "put", "append-only", "delete"]
    assert outcomes(report) == ["ok"] * 4
    assert aws.operations == SETUP
    assert aws.store.objects == {}
    first, second = aws.requests("PutObject")
    assert first.key == second.key == aws.requests("DeleteObject")[0].key
    assert first.key.startswith(f"vendor/exports/{PROBE_FOLDER}/probe_")
    with destination.append("orders") as append:
        append.write({"id": 1})
    volatile = {"authorization", "amz-sdk-invocation-id", "x-amz-date", "x-amz-security-token"}
    assert first.headers.keys() == aws.requests("PutObject")[2].headers.keys()
    for name in first.headers.keys() - volatile - {"content-length", "content-type", "x-amz-checksum-sha256"}:
        assert first.headers[name] == aws.requests("PutObject")[2].headers[name]


def test_a_recheck_leaves_nothing_visible(aws: FakeAws) -> None:
    """At no moment; it needs ``s3:PutObject`` alone, and says what it could not forget."""
    aws.store.allowed = {"s3:PutObject"}
    report = aws.destination().check(mode="recheck")
    assert report.ok
    assert codes(report) == [("abort_denied", "note", "customer")]
    assert outcomes(report) == ["ok", "ok", "ok", "warning"]
    assert "DeleteObject" not in aws.log[0].form["Policy"]
    assert aws.operations == RECHECK
    assert aws.store.objects == {}
    (upload,) = aws.store.pending.values()
    assert report.findings[0].key == upload.key
    assert "lifecycle rule" in report.findings[0].remedy


def test_a_recheck_cleans_up_where_it_may(aws: FakeAws) -> None:
    """With ``s3:AbortMultipartUpload``."""
    aws.store.allowed = {"s3:PutObject", "s3:AbortMultipartUpload"}
    report = aws.destination().check(mode="recheck")
    assert (outcomes(report), codes(report), aws.store.uploads) == (["ok"] * 4, [], {})


def test_each_check_has_a_probe_of_its_own(aws: FakeAws) -> None:
    """Two at once do not meet."""
    destination = aws.destination()
    destination.check()
    destination.check()
    assert len({request.key for request in aws.requests("PutObject")}) == 2


@pytest.mark.parametrize(
    ("urls", "told"),
    [
        ({"endpoint_url": "http://s3.example.com"}, True),
        ({"endpoint_url": "https://s3.example.com", "sts_endpoint_url": "http://10.0.0.7:8080"}, True),
        ({"endpoint_url": "https://s3.example.com"}, False),
        ({"endpoint_url": "http://127.0.0.1:9000"}, False),
        ({"endpoint_url": "http://localhost:9000"}, False),
    ],
)
def test_clear_text_is_told(aws: FakeAws, urls: dict[str, Any], *, told: bool) -> None:
    """Whoever reads along has the session's token; nobody does on the machine itself."""
    aws.store.allowed.add("s3:AbortMultipartUpload")
    report = aws.destination(addressing_style="path", **urls).check()
    assert report.ok
    assert codes(report) == ([("clear_text", "warning", "customer")] if told else [])


def test_what_a_store_calls_an_upload_rules_no_terminal(aws: FakeAws) -> None:
    """Its id is the store's own words."""
    aws.store.allowed = {"s3:PutObject"}
    begun = b"<InitiateMultipartUploadResult><UploadId>a&#133;b\n\xe2\x80\xae" + b"c" * 999 + b"</UploadId></Initiate"
    aws.faults.always("CreateMultipartUpload", faults.bare(200, begun + b"MultipartUploadResult>"))
    aws.faults.always("UploadPart", faults.bare(200, ETag='"x"'))
    (detail,) = [step.detail for step in aws.destination().check(mode="recheck").steps if step.name == "abort-upload"]
    assert detail.isprintable()
    assert len(detail) < 400


def test_a_users_check_asks_nobody_for_a_session(aws: FakeAws) -> None:
    """The first step has nothing to do."""
    assert aws.destination(auth=aws.user).check().ok
    assert aws.operations == SETUP[3:]


def test_a_role_that_cannot_be_assumed_ends_the_check(aws: FakeAws) -> None:
    """The finding names role and external id; the other steps are skipped."""
    aws.sts.external_id = "another"
    report = aws.destination().check()
    assert codes(report) == [("role_not_assumable", "error", "customer")]
    assert outcomes(report) == ["failed", "skipped", "skipped", "skipped"]
    assert aws.operations == ["AssumeRole"]
    assert ROLE_ARN in report.findings[0].message
    assert "'acme-7f3c'" in report.findings[0].remedy
    with pytest.raises(CheckFailedError) as caught:
        report.raise_for_failure()
    assert caught.value.code == "role_not_assumable"


S3_CAUSES: list[tuple[faults.Fault, str, str]] = [
    (faults.refusal(404, "NoSuchBucket", "The specified bucket does not exist"), "bucket_not_found", "customer"),
    (faults.DENIED, "put_denied", "customer"),
    (
        faults.refusal(403, "AccessDenied", "because no … policy allows the kms:GenerateDataKey"),
        "kms_denied",
        "customer",
    ),
    (faults.refusal(400, "KMS.DisabledException", "key is disabled"), "kms_key_disabled", "customer"),
    (faults.refusal(403, "RequestTimeTooSkewed"), "clock_skewed", "vendor"),
    (faults.refusal(501, "NotImplemented", "A header you provided"), "not_implemented", "customer"),
    (faults.refusal(429, "TooManyRequests"), "throttled", "aws"),
    (faults.bare(403, faults.HTML), "not_s3", "network"),
    (faults.UNTRUSTED, "tls_failed", "network"),
    (faults.PROXY_DOWN, "proxy_unreachable", "network"),
    (faults.UNREACHABLE, "endpoint_unreachable", "network"),
]


@pytest.mark.parametrize(("fault", "code", "owner"), S3_CAUSES, ids=[cause[1] for cause in S3_CAUSES])
@pytest.mark.parametrize("mode", ["setup", "recheck"])
def test_a_refused_put_has_its_cause(aws: FakeAws, fault: faults.Fault, code: str, owner: str, mode: Any) -> None:
    """In either mode; nothing was created, so nothing is deleted."""
    aws.faults.always("PutObject" if mode == "setup" else "CreateMultipartUpload", fault)
    report = aws.destination().check(mode=mode)
    assert codes(report) == [(code, "error", owner)]
    assert outcomes(report) == ["ok", "failed", "skipped", "skipped"]
    assert not {"DeleteObject", "AbortMultipartUpload"} & set(aws.operations)


@pytest.mark.parametrize(
    ("code", "ours"), [("InvalidAccessKeyId", "access_key_unknown"), ("SignatureDoesNotMatch", "secret_key_wrong")]
)
def test_wrong_keys_of_a_user(aws: FakeAws, code: str, ours: str) -> None:
    """Each half is named."""
    aws.faults.always("PutObject", faults.refusal(403, code))
    assert codes(aws.destination(auth=aws.user).check()) == [(ours, "error", "customer")]


def test_a_bucket_that_is_not_there(aws: FakeAws) -> None:
    """The name is told."""
    report = aws.destination(bucket="acme-lak").check()
    assert codes(report) == [("bucket_not_found", "error", "customer")]
    assert "'acme-lak'" in report.findings[0].message


def test_a_bucket_of_another_owner_gets_nothing(aws: FakeAws) -> None:
    """The name may have been taken over."""
    aws.store.owner = "999999999999"
    assert codes(aws.destination().check()) == [("bucket_owner_differs", "error", "customer")]
    assert aws.store.objects == {}


@pytest.mark.parametrize("mode", ["setup", "recheck"])
def test_a_wrong_region_is_told_and_not_mended(aws: FakeAws, mode: Any) -> None:
    """The right one is named; nothing is redirected, and no Head is sent."""
    aws.store.region = "eu-north-1"
    report = aws.destination().check(mode=mode)
    assert codes(report) == [("wrong_region", "error", "customer")]
    assert "'eu-north-1'" in report.findings[0].remedy
    assert len(aws.operations) == 4
    assert {request.host for request in aws.log[3:]} == {"acme-lake.s3.eu-west-1.amazonaws.com"}


@pytest.mark.parametrize("what", ["AssumeRole", "PutObject"])
def test_a_silent_endpoint_does_not_keep_anybody_waiting(aws: FakeAws, what: str) -> None:
    """Seconds, not minutes, whatever the transfer's own deadline is."""
    aws.faults.always(what, faults.CONNECT_TIMED_OUT.after(5))
    began = aws.clock.now()
    report = aws.destination().check()
    assert not report.ok
    assert report.findings[0].owner == "network"
    assert aws.clock.now() - began <= 15
    durations = [step.duration for step in report.steps]
    assert sum(durations, timedelta()) == timedelta(seconds=aws.clock.now() - began)


@pytest.mark.parametrize(
    "fault",
    [faults.ANSWER_TIMED_OUT, faults.INTERNAL_ERROR.carried_out(), faults.NO_ETAG, faults.HTML_200],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
def test_a_lost_answer_is_settled_by_the_next_try(aws: FakeAws, fault: faults.Fault) -> None:
    """The probe is there, whoever told; it is deleted."""
    aws.faults.next("PutObject", fault)
    report = aws.destination().check()
    assert report.ok
    assert outcomes(report) == ["ok"] * 4
    assert aws.store.objects == {}


@pytest.mark.parametrize(
    "fault",
    [faults.ANSWER_TIMED_OUT, faults.INTERNAL_ERROR.carried_out(), faults.WRONG_ETAG],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
def test_a_probe_that_may_be_there_is_deleted(aws: FakeAws, fault: faults.Fault) -> None:
    """Also when the put failed for good."""
    aws.faults.always("PutObject", fault)
    report = aws.destination().check()
    assert not report.ok
    assert [step.name for step in report.steps if step.outcome == "ok"] == ["credentials", "external-id", "delete"]
    assert aws.operations[-1] == "DeleteObject"
    assert aws.store.objects == {}


def test_a_lost_answer_before_a_refusal_still_deletes(aws: FakeAws) -> None:
    """The first try may have made the probe; that the second was denied says nothing about it."""
    aws.faults.next("PutObject", faults.ANSWER_TIMED_OUT, faults.DENIED)
    report = aws.destination().check()
    assert not report.ok
    assert [each for each in aws.operations if each != "UploadPart"] == SETUP
    assert aws.store.objects == {}


def test_a_denied_delete_names_the_key(aws: FakeAws) -> None:
    """Data can be delivered all the same: a warning, and the report is ok."""
    aws.store.allowed = {"s3:PutObject"}
    report = aws.destination().check()
    assert report.ok
    assert codes(report) == [("delete_denied", "warning", "customer")]
    assert outcomes(report) == ["ok", "ok", "ok", "warning"]
    (left_over,) = aws.store.objects
    assert report.findings[0].key == left_over
    assert left_over in report.findings[0].message
    assert left_over in report.steps[-1].detail


def test_a_delete_of_unknown_outcome_names_the_key(aws: FakeAws) -> None:
    """It may be left over."""
    aws.faults.always("DeleteObject", faults.LOST_REQUEST)
    report = aws.destination().check()
    assert report.ok
    assert [code for code, _, _ in codes(report)] == ["answer_lost", "probe_left_over"]
    assert {finding.severity for finding in report.findings} == {"warning"}
    assert {finding.key for finding in report.findings} == set(aws.store.objects)


def test_a_versioned_bucket_keeps_a_version(aws: FakeAws) -> None:
    """A note, with the rule that removes it."""
    aws.store.versioned = True
    report = aws.destination().check()
    assert report.ok
    assert codes(report) == [("bucket_versioned", "note", "customer")]


def test_a_store_that_ignores_conditions_is_told(aws: FakeAws) -> None:
    """It is an error, unless the config says that the store is used knowingly: then it is told all the same."""
    aws.store.conditional = set()
    report = aws.destination().check()
    assert not report.ok
    assert codes(report) == [("append_only_not_enforced", "error", "customer")]
    assert outcomes(report) == ["ok", "ok", "failed", "ok"]
    knowingly = aws.config().model_copy(update=report.findings[0].mend)
    report = aws.destination(knowingly).check()
    assert report.ok
    assert codes(report) == [("append_only_waived", "warning", "vendor")]
    assert outcomes(report) == ["ok", "ok", "warning", "ok"]
    assert aws.store.objects == {}


def test_a_second_put_that_fails_still_deletes(aws: FakeAws) -> None:
    """The probe is there since the first."""
    aws.faults.at("PutObject", 2, faults.DENIED)
    report = aws.destination().check()
    assert codes(report) == [("put_denied", "error", "customer")]
    assert outcomes(report) == ["ok", "ok", "failed", "ok"]
    assert aws.store.objects == {}


def test_a_role_without_an_external_id_is_a_warning(aws: FakeAws) -> None:
    """The vendor's other customers could name it."""
    aws.sts.external_id = None
    report = aws.destination(auth={"role_arn": ROLE_ARN, "external_id": None}).check()
    assert report.ok
    assert codes(report) == [("external_id_absent", "warning", "vendor")]


def test_an_external_id_is_not_sent_with_a_token(aws: FakeAws) -> None:
    """A note says so; without one there is nothing to say."""
    identity = WebIdentity(lambda: "token")
    assert codes(aws.destination(identity=identity).check()) == [("external_id_not_sent", "note", "vendor")]
    auth = {"role_arn": ROLE_ARN, "external_id": None}
    assert codes(aws.destination(identity=identity, auth=auth).check()) == []


def test_a_vendors_fault_is_not_the_customers(aws: FakeAws) -> None:
    """A token source that breaks."""

    def broken() -> str:
        raise LookupError

    report = aws.destination(identity=WebIdentity(broken)).check()
    assert [(code, owner) for code, severity, owner in codes(report) if severity == "error"] == [
        ("token_source", "vendor")
    ]


def test_a_check_after_close_is_refused(aws: FakeAws) -> None:
    """As is one of an unknown mode."""
    destination = aws.destination()
    mode: Any = "thorough"
    with pytest.raises(ConfigError, match="'setup' or 'recheck'"):
        destination.check(mode=mode)
    destination.close()
    with pytest.raises(StateError, match="closed"):
        destination.check()
    assert aws.log == []


def test_a_check_raises_nothing_of_its_own(aws: FakeAws) -> None:
    """Whatever goes wrong at any call is a finding."""
    for operation in set(SETUP + RECHECK):
        for fault in (faults.INTERNAL_ERROR, faults.EMPTY_200, faults.refusal(418, "Teapot"), faults.UNTRUSTED):
            for mode in ("setup", "recheck"):
                aws.faults.clear()
                aws.faults.always(operation, fault)
                chosen: Any = mode
                report = aws.destination().check(mode=chosen)
                asked = operation in (SETUP if mode == "setup" else RECHECK)
                deletes_well = fault is faults.EMPTY_200 and operation in {"DeleteObject", "AbortMultipartUpload"}
                assert bool([code for code in codes(report) if code[0] != "abort_denied"]) is (
                    asked and not deletes_well
                )


def test_google_identities_are_checked_like_any(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a faked token, and a destination made by the public constructor."""
    monkeypatch.setattr("google.oauth2.id_token.fetch_id_token", lambda *_: "token")
    config = aws.config(auth={"role_arn": ROLE_ARN, "external_id": None})
    assert Destination(config, identity=WebIdentity(GoogleIdentityToken("acme"))).check().ok
    assert aws.operations == ["AssumeRoleWithWebIdentity", *SETUP[3:]]


def test_waiting_ends_when_iam_has_spread_the_policy(aws: FakeAws) -> None:
    """It tells what it waits for, and how long it took."""
    told: list[str] = []
    refused = faults.sts_refusal(403, "AccessDenied", "not authorized to perform: sts:AssumeRole")
    aws.faults.next("AssumeRole", refused, refused)
    report = aws.destination().check(wait=timedelta(minutes=5), on_wait=told.append)
    assert report.ok
    assert [code for code, _, _ in codes(report)] == ["waited_for_iam"]
    assert report.waited == timedelta(seconds=15)
    assert aws.clock.slept == [5.0, 10.0]
    assert len(told) == 2
    assert "role_not_assumable" in told[0]


def test_what_each_attempt_left_over_is_named(aws: FakeAws) -> None:
    """A probe that cannot be deleted stays, as often as the check is repeated."""
    aws.store.allowed = {"s3:PutObject"}
    aws.sts.condition = "none"
    report = aws.destination().check(wait=timedelta(seconds=12))
    assert len(aws.store.objects) == 3
    assert {finding.key for finding in report.findings if finding.code == "delete_denied"} == set(aws.store.objects)


def test_waiting_ends_when_the_time_is_over(aws: FakeAws) -> None:
    """The last report is returned."""
    aws.store.allowed = set()
    report = aws.destination().check(wait=timedelta(minutes=1))
    assert not report.ok
    assert report.waited >= timedelta(minutes=1)
    assert sum(aws.clock.slept) == 60


def test_nothing_is_waited_for_that_time_does_not_mend(aws: FakeAws) -> None:
    """A wrong region stays wrong, and a check that is ok is over."""
    assert aws.destination().check(wait=timedelta(minutes=5)).ok
    aws.store.region = "eu-north-1"
    assert not aws.destination().check(wait=timedelta(minutes=5)).ok
    assert aws.clock.slept == []


def test_the_whole_check_is_bounded(aws: FakeAws) -> None:
    """What does not tidy up is not begun after a minute; the report says that it is unfinished."""
    aws.faults.at("PutObject", 1, faults.slow(61))
    report = aws.destination().check()
    assert [code for code, _, _ in codes(report)] == ["check_unfinished"]
    assert outcomes(report) == ["ok", "ok", "ok", "skipped"]
    assert [step.name for step in report.steps][-2:] == ["delete", "append-only"]
    assert aws.store.objects == {}


def test_a_check_that_was_slow_to_the_end_is_finished(aws: FakeAws) -> None:
    """Nothing was left out."""
    aws.faults.at("DeleteObject", 1, faults.slow(61))
    report = aws.destination().check()
    assert (codes(report), outcomes(report)) == ([], ["ok"] * 4)


def test_a_wrong_region_can_be_mended_by_the_finding(aws: FakeAws) -> None:
    """With the very update that it names."""
    aws.store.region = "eu-north-1"
    config = aws.config()
    (finding,) = aws.destination(config).check().findings
    assert finding.mend == {"region": "eu-north-1"}
    assert aws.destination(config.model_copy(update=finding.mend)).check().ok
