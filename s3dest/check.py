"""The connection check: the very requests of a transfer, on a probe, and what their answers mean."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Literal

from s3dest import observations, policies
from s3dest.audit import audit
from s3dest.auth import RoleAuth
from s3dest.capabilities import Capabilities
from s3dest.config import DestinationConfig
from s3dest.encryption import SseKms
from s3dest.errors import CredentialsError, S3DestError
from s3dest.findings import CheckReport, CheckStep, Finding, Outcome
from s3dest.identity import Identity, WebIdentity
from s3dest.names import is_clear_text
from s3dest.notes import Notes, settles
from s3dest.options import TransferOptions
from s3dest.probe import Probe, Result
from s3dest.retry import Clock
from s3dest.rights import Rights
from s3dest.s3 import Bucket
from s3dest.strangers import Stranger, assume_as

log = logging.getLogger(__name__)

Mode = Literal["setup", "recheck"]
Multipart = Literal["auto", "always", "never"]

STEP_DEADLINE: Final = dt.timedelta(seconds=5)
"""How long one request may take with its retries, so that somebody waiting for the report is not kept for minutes."""

DEADLINE: Final = dt.timedelta(seconds=60)
"""From when on only what tidies up is begun; `wait` repeats the whole check, each time with this."""

FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 30.0
"""Seconds between two checks while it is waited for IAM; the pause doubles."""

_TIDIES_UP: Final = frozenset({"delete", "abort-upload"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What a check is to do."""

    mode: Mode = "setup"
    multipart: Multipart = "auto"
    audit: bool = False


class Check:
    """One run of a check; `run` once."""

    def __init__(
        self, bucket: Bucket, identity: Identity, options: TransferOptions, *, plan: Plan, clock: Clock
    ) -> None:
        self._bucket = bucket
        self._config = bucket.config
        self._identity = identity
        self._options = options
        self._plan = plan
        self._clock = clock
        self._started = dt.datetime.now(dt.UTC)
        self._end = clock.now() + DEADLINE.total_seconds()
        self._out_of_time = False
        self._steps: list[CheckStep] = []
        self._notes = Notes(self._config)
        self._probe = Probe(bucket, self._notes)

    def run(self) -> CheckReport:
        """Do the steps of the mode; those made pointless by a failure are skipped."""
        self._note_external_id()
        if any(url and is_clear_text(url) for url in (self._config.endpoint_url, self._config.sts_endpoint_url)):
            self._notes.problem(observations.CLEAR_TEXT)
        steps = {"setup": self._setup, "recheck": self._recheck}[self._plan.mode]
        if self._step("credentials", self._credentials):
            self._ask_as_strangers()
            steps()
        self._judge()
        done = {step.name for step in self._steps}
        skipped = [name for name in self._expected() if name not in done]
        self._steps += [CheckStep(name=name, outcome="skipped", duration=dt.timedelta(0)) for name in skipped]
        if self._out_of_time:
            self._notes.problem(observations.UNFINISHED)
        return self._report()

    def _report(self) -> CheckReport:
        report = CheckReport(
            destination=self._config.uri,
            mode=self._plan.mode,
            started=self._started,
            steps=tuple(self._steps),
            findings=tuple(self._notes.findings),
            capabilities=self._capabilities(),
        )
        if report.ok and self._plan.mode == "setup" and (config := self._with_key()) is not None:
            steady = dict(policies.permission(config, stage="steady"))
            report = report.model_copy(update={"steady_policy": steady})
        log.info("%s of %s: %s", self._plan.mode, report.destination, "ok" if report.ok else "failed")
        return report

    def _expected(self) -> list[str]:
        """Name the steps that every check of this mode has."""
        auth = self._config.auth
        external_id = isinstance(auth, RoleAuth) and auth.external_id is not None
        stranger = ["external-id"] if external_id and not isinstance(self._identity, WebIdentity) else []
        of_mode = {
            "setup": ["put", "append-only", "delete"],
            "recheck": ["create-upload", "upload-part", "abort-upload"],
        }
        return ["credentials", *stranger, *of_mode[self._plan.mode], *(["audit"] if self._plan.audit else [])]

    def _setup(self) -> None:
        with self._tidying(self._probe.delete):
            self._put_and_delete()

    def _put_and_delete(self) -> None:
        if self._step("put", self._probe.put):
            self._step("append-only", self._probe.put_again)
            if self._wants_multipart():
                self._step("multipart", self._probe.multipart)
            if self._plan.audit:
                self._step("audit", self._audit)
        if self._probe.may_exist:
            self._step("delete", self._probe.delete)

    def _recheck(self) -> None:
        if self._step("create-upload", self._probe.create_upload):
            with self._tidying(self._probe.abort_upload):
                self._step("upload-part", self._probe.upload_part)
                self._step("abort-upload", self._probe.abort_upload)
            if self._plan.audit:
                self._step("audit", self._audit)

    @contextmanager
    def _tidying(self, tidy_up: Callable[[], Result]) -> Iterator[None]:
        """Leave nothing behind after an interrupt either; other failures are findings by now."""
        try:
            yield
        except BaseException:
            with suppress(S3DestError):
                tidy_up()
            raise

    def _wants_multipart(self) -> bool:
        """Tell whether large objects may fare otherwise than the probe: with KMS, and on other stores than AWS."""
        if self._plan.multipart != "auto":
            return self._plan.multipart == "always"
        return self._probe.kms or not self._config.on_aws

    def _credentials(self) -> Result:
        self._bucket.open_session()
        auth = self._config.auth
        return "ok", f"session of {auth.role_arn}" if isinstance(auth, RoleAuth) else "keys of a user"

    def _with_key(self) -> DestinationConfig | None:
        """Return the config with the KMS key that the bucket turned out to have: its policies must name that, too.

        Returns ``None`` where what answered names a key that no policy could.
        """
        key = self._bucket.kms_key
        if key is None or not self._config.on_aws or isinstance(self._config.encryption, SseKms):
            return self._config
        with suppress(ValueError):
            return self._config.model_copy(update={"encryption": SseKms(key_arn=key)})
        return None

    def _audit(self) -> Result:
        rights = Rights(self._config, self._identity, self._options, clock=self._clock)
        probe = self._probe.key if self._probe.may_exist else None
        self._notes.config = self._with_key() or self._config
        try:
            found = audit(rights, self._config, self._notes, probe=probe)
        finally:
            rights.close()
        return "warning" if found.startswith("may") else "ok", found

    def _ask_as_strangers(self) -> None:
        """Find out whether the role refuses who must be refused."""
        auth = self._config.auth
        if not isinstance(auth, RoleAuth):
            return
        if isinstance(self._identity, WebIdentity):
            if self._identity.other_audience is not None:
                self._step("audience", lambda: self._refuses(auth, ["with-token-of-other-audience"]))
        elif auth.external_id is not None:
            both: list[Stranger] = ["without-external-id", "with-wrong-external-id"]
            self._step("external-id", lambda: self._refuses(auth, both))

    def _refuses(self, auth: RoleAuth, strangers: list[Stranger]) -> Result:
        outcome: Outcome = "ok"
        for stranger in strangers:
            identity = self._identity
            if isinstance(identity, WebIdentity) and identity.other_audience is not None:
                identity = WebIdentity(identity.other_audience)
            verdict, error = assume_as(stranger, self._config, auth, identity, self._options, clock=self._clock)
            if verdict == "let-in":
                self._notes.problem(_LET_IN[stranger])
                return "failed", f"the role lets in {_PLAIN[stranger]}"
            if verdict == "unknown":
                said = f" {error.message}" if error else ""
                self._notes.problem(observations.PROTECTION_UNTESTED, stranger=_PLAIN[stranger] + "." + said)
                outcome = "warning"
        if outcome == "warning":
            return outcome, "could not be found out"
        return outcome, f"the role refuses {' and '.join(_PLAIN[stranger] for stranger in strangers)}"

    def _note_external_id(self) -> None:
        auth = self._config.auth
        if not isinstance(auth, RoleAuth):
            return
        by_token = isinstance(self._identity, WebIdentity)
        if by_token and auth.external_id is not None:
            self._notes.problem(observations.EXTERNAL_ID_NOT_SENT)
        if not by_token and auth.external_id is None:
            self._notes.problem(observations.EXTERNAL_ID_ABSENT)

    def _capabilities(self) -> Capabilities | None:
        """Tell what was learned about the store; nothing where no request to it succeeded."""
        written = [step for step in self._steps if step.name in {"put", "create-upload"}]
        if not written or written[0].outcome not in {"ok", "warning"}:
            return None
        return self._bucket.capabilities.model_copy(
            update={
                "conditional_put": self._probe.conditional_put,
                "conditional_complete": self._probe.conditional_complete,
            }
        )

    def _judge(self) -> None:
        """Say what a store that overwrites means, when all is known that the config would have to accept."""
        capabilities = self._capabilities()
        if capabilities is None:
            return
        mend = {"capabilities": capabilities.model_dump(exclude_none=True)}
        for weakness in capabilities.weaknesses:
            self._notes.step = _WEAK_STEPS[weakness]
            if self._config.capabilities is not None and self._config.capabilities.accepts(weakness):
                self._notes.problem(observations.ACCEPTED_WEAKNESS, weakness=weakness)
            else:
                self._notes.problem(_WEAKNESSES[weakness], mend=mend)

    def _step(self, name: str, action: Callable[[], Result]) -> bool:
        """Do one step; tell whether the next ones make sense."""
        if self._clock.now() >= self._end and name not in _TIDIES_UP:
            self._out_of_time = True
            return False
        outcome: Outcome = "failed"
        detail = ""
        began = self._clock.now()
        self._notes.step = name
        try:
            outcome, detail = action()
        except S3DestError as error:
            # an audit without a session of its own says nothing about the destination
            self._notes.error(
                error, at_most="note" if name == "audit" and isinstance(error, CredentialsError) else "error"
            )
        finally:
            self._notes.step = None
        duration = dt.timedelta(seconds=self._clock.now() - began)
        self._steps.append(CheckStep(name=name, outcome=outcome, duration=duration, detail=detail))
        return outcome != "failed"


_PLAIN: Final[dict[Stranger, str]] = {
    "without-external-id": "who brings no external id",
    "with-wrong-external-id": "who brings a wrong one",
    "with-token-of-other-audience": "a token of another audience",
}
_LET_IN: Final = {
    "without-external-id": observations.EXTERNAL_ID_NOT_REQUIRED,
    "with-wrong-external-id": observations.EXTERNAL_ID_NOT_COMPARED,
    "with-token-of-other-audience": observations.AUDIENCE_NOT_COMPARED,
}
_WEAKNESSES: Final = {
    "conditional_put": observations.NOT_APPEND_ONLY,
    "conditional_complete": observations.COMPLETE_NOT_CONDITIONAL,
}
_WEAK_STEPS: Final = {"conditional_put": "append-only", "conditional_complete": "multipart"}


def repeated(
    once: Callable[[], CheckReport],
    *,
    config: DestinationConfig,
    wait: dt.timedelta,
    clock: Clock,
    on_wait: Callable[[str], None] | None = None,
) -> CheckReport:
    """Repeat a check while all that it finds wrong may be IAM's slowness, and the time allows.

    Args:
        once: Makes one check.
        config: The destination.
        wait: How long to be patient.
        clock: Time and sleep.
        on_wait: Told before each pause what it is waited for, in a sentence.
    """
    began, pause = clock.now(), FIRST_PAUSE
    paused = False
    left_over: tuple[Finding, ...] = ()
    while True:
        report = once()
        report = report.model_copy(update={"findings": (*left_over, *report.findings)})
        left_over = tuple(finding for finding in report.findings if finding.key and finding.severity != "error")
        waited = clock.now() - began
        errors = [finding for finding in report.findings if finding.severity == "error"]
        left = wait.total_seconds() - waited
        if not errors or left <= 0 or not all(settles(finding) for finding in errors):
            return _after(report, config, waited) if paused else report
        codes = ", ".join(finding.code for finding in errors)
        sentence = (
            f"Waiting for policies just saved to count for {report.destination} ({codes}), for at most {left:.0f} s."
        )
        log.info("%s", sentence)
        if on_wait is not None:
            on_wait(sentence)
        clock.sleep(min(pause, left))
        pause, paused = min(2 * pause, LONGEST_PAUSE), True


def _after(report: CheckReport, config: DestinationConfig, seconds: float) -> CheckReport:
    """Tell in a report how long it was waited for."""
    notes = Notes(config)
    if report.ok:
        notes.problem(observations.WAITED, waited=f"{seconds:.0f} s")
    findings = (*report.findings, *notes.findings)
    return report.model_copy(update={"waited": dt.timedelta(seconds=seconds), "findings": findings})
