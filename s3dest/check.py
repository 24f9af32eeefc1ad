"""The connection check: the very requests of a transfer, on a probe, and what their answers mean."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from s3dest import problems
from s3dest.auth import RoleAuth
from s3dest.errors import AccessDeniedError, Owner, RequestError, S3DestError
from s3dest.findings import CheckReport, CheckStep, Finding, Outcome, Severity
from s3dest.identity import Identity, WebIdentity
from s3dest.layout import probe_key
from s3dest.options import TransferOptions
from s3dest.retry import Clock
from s3dest.s3 import Body, Bucket

log = logging.getLogger(__name__)

Mode = Literal["setup", "recheck"]

STEP_DEADLINE: Final = dt.timedelta(seconds=5)
"""How long one step may take with its retries, so that somebody waiting for the report is not kept for minutes."""

_PROBE: Final = b'{"note": "s3dest wrote this to check the connection; it may be deleted"}\n'
_CONTENT_TYPE: Final = "application/json"
_STEPS: Final = {
    "setup": ("credentials", "put", "append-only", "delete"),
    "recheck": ("credentials", "create-upload", "upload-part", "abort-upload"),
}


def patient(options: TransferOptions) -> TransferOptions:
    """Bound each step of a check."""
    return options.model_copy(
        update={
            name: min(getattr(options, name), STEP_DEADLINE) for name in ("deadline", "connect_timeout", "read_timeout")
        }
    )


class Check:
    """One run of a check; `run` once."""

    def __init__(self, bucket: Bucket, identity: Identity, *, mode: Mode, clock: Clock) -> None:
        self._bucket = bucket
        self._config = bucket.config
        self._identity = identity
        self._mode = mode
        self._clock = clock
        self._started = dt.datetime.now(dt.UTC)
        self._steps: list[CheckStep] = []
        self._findings: list[Finding] = []
        self._key = probe_key(self._config.key_prefix)

    def run(self) -> CheckReport:
        """Do the steps of the mode; those made pointless by a failure are skipped.

        Actions: ``s3:PutObject``, in setup mode ``s3:DeleteObject`` too; in recheck mode ``s3:AbortMultipartUpload``
        is tried and may be denied. For a role ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``.
        """
        self._note_external_id()
        steps = {"setup": self._setup, "recheck": self._recheck}[self._mode]
        if self._step("credentials", self._credentials):
            steps()
        done = {step.name for step in self._steps}
        skipped = [name for name in _STEPS[self._mode] if name not in done]
        self._steps += [CheckStep(name=name, outcome="skipped", duration=dt.timedelta(0)) for name in skipped]
        report = CheckReport(
            destination=self._config.uri,
            mode=self._mode,
            started=self._started,
            steps=tuple(self._steps),
            findings=tuple(self._findings),
        )
        log.info("%s of %s: %s", self._mode, report.destination, "ok" if report.ok else "failed")
        return report

    def _setup(self) -> None:
        self._may_exist = False
        if self._step("put", self._put):
            self._step("append-only", self._put_again)
        if self._may_exist:
            self._step("delete", self._delete)

    def _recheck(self) -> None:
        self._upload_id = ""
        if self._step("create-upload", self._create_upload):
            self._step("upload-part", self._upload_part)
            self._step("abort-upload", self._abort_upload)

    def _credentials(self) -> tuple[Outcome, str]:
        self._bucket.open_session()
        auth = self._config.auth
        auth = self._config.auth
        return "ok", f"session of {auth.role_arn}" if isinstance(auth, RoleAuth) else "keys of a user"

    def _put(self) -> tuple[Outcome, str]:
        try:
            self._bucket.put(self._key, Body.of(_PROBE), content_type=_CONTENT_TYPE)
        except RequestError as error:
            # lost answers and altered bodies leave a probe behind; refusals do not
            self._may_exist = error.ambiguous or error.code == problems.ETAG_DIFFERS.code
            raise
        self._may_exist = True
        return "ok", f"wrote {self._key}"

    def _put_again(self) -> tuple[Outcome, str]:
        again = self._bucket.put(self._key, Body.of(_PROBE), content_type=_CONTENT_TYPE)
        if not again.created:
            return "ok", "the store refuses to overwrite (412)"
        self._find(
            "append_only_not_enforced",
            "warning",
            "customer",
            "The store ignores If-None-Match: it let the same key be written twice.",
            "Keys name their bytes, so s3dest overwrites nothing all the same; better choose a store that enforces it.",
        )
        return "warning", "the store overwrote its own probe"

    def _delete(self) -> tuple[Outcome, str]:
        try:
            deletion = self._bucket.delete(self._key)
        except S3DestError as error:
            denied = isinstance(error, AccessDeniedError)
            self._findings.append(finding_of(error, severity="warning"))
            if not denied:
                self._find(
                    "probe_left_over",
                    "warning",
                    "customer",
                    f"The probe s3://{self._config.bucket}/{self._key} may be left over.",
                    "Delete that object by hand.",
                    key=self._key,
                )
            return "warning", f"left over: {self._key}"
        if deletion.marker:
            self._find(
                "bucket_versioned",
                "note",
                "customer",
                f"The bucket is versioned: deleting set a marker, and a version of {self._key} remains.",
                "A lifecycle rule on noncurrent versions of the probe folder removes it.",
                key=self._key,
            )
        return "ok", "removed the probe"

    def _create_upload(self) -> tuple[Outcome, str]:
        self._upload_id = self._bucket.create_upload(self._key, content_type=_CONTENT_TYPE)
        return "ok", "began an upload that nobody sees"

    def _upload_part(self) -> tuple[Outcome, str]:
        self._bucket.upload_part(self._key, self._upload_id, 1, _PROBE)
        return "ok", "uploaded a part"

    def _abort_upload(self) -> tuple[Outcome, str]:
        try:
            self._bucket.abort_upload(self._key, self._upload_id)
        except S3DestError as error:
            self._findings.append(finding_of(error, severity="note"))
            return "warning", f"pending: {self._key}, upload id {self._upload_id}"
        return "ok", "forgot the upload"

    def _note_external_id(self) -> None:
        auth = self._config.auth
        if not isinstance(auth, RoleAuth):
            return
        by_token = isinstance(self._identity, WebIdentity)
        if by_token and auth.external_id is not None:
            message = "The external id is not sent: identity tokens have none, and their audience takes its part."
            self._find(
                "external_id_not_sent", "note", "vendor", message, "Use an audience of its own for each customer."
            )
        if not by_token and auth.external_id is None:
            message = (
                "The role is assumed without an external id: other customers of the vendor could name it as theirs."
            )
            self._find(
                "external_id_absent",
                "warning",
                "vendor",
                message,
                "Demand one with sts:ExternalId in the trust policy.",
            )

    def _step(self, name: str, action: Callable[[], tuple[Outcome, str]]) -> bool:
        """Do one step; tell whether the next ones make sense."""
        outcome: Outcome = "failed"
        detail = ""
        began = self._clock.now()
        with self._findings_of_errors():
            outcome, detail = action()
        duration = dt.timedelta(seconds=self._clock.now() - began)
        self._steps.append(CheckStep(name=name, outcome=outcome, duration=duration, detail=detail))
        return outcome != "failed"

    @contextmanager
    def _findings_of_errors(self) -> Iterator[None]:
        try:
            yield
        except S3DestError as error:
            self._findings.append(finding_of(error))

    def _find(  # the fields of a finding
        self, code: str, severity: Severity, owner: Owner, message: str, remedy: str, *, key: str | None = None
    ) -> None:
        self._findings.append(
            Finding(code=code, severity=severity, owner=owner, message=message, remedy=remedy, key=key)
        )


def finding_of(error: S3DestError, *, severity: Severity = "error") -> Finding:
    """Make a finding of an error."""
    return Finding(
        code=error.code,
        severity=severity,
        owner=error.owner,
        message=error.message,
        remedy=error.remedy,
        operation=error.operation,
        key=error.key,
        aws_code=error.aws_code,
        status=error.status,
        request_id=error.request_id,
    )
