"""What changed between two reports of one destination, in a sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Literal

from s3dest.model import Model

if TYPE_CHECKING:
    from s3dest.findings import CheckReport, Finding


class Change(Model):
    """One difference between two reports; prints as its sentence."""

    kind: Literal["appeared", "gone", "changed"]
    """`appeared`: a finding that the earlier report does not have. `gone`: one that is found no more. `changed`: the
    same cause with another severity, or another capability of the store."""

    code: str
    """Code of the finding, or `capability`."""

    sentence: str
    """What changed, with the date of the earlier report."""

    worse: bool
    """Whether it got worse."""

    def __str__(self) -> str:
        """Say it."""
        return self.sentence


def changes(before: CheckReport, after: CheckReport) -> Iterator[Change]:
    """Compare two reports. What the later one did not look at is not said to be gone."""
    since = f"since {before.started:%Y-%m-%d %H:%M} UTC"
    old, new = _by_cause(before), _by_cause(after)
    for cause, finding in new.items():
        if cause not in old:
            sentence = f"New {since}: {finding.code} ({finding.severity}). {finding.message}"
            yield Change(kind="appeared", code=finding.code, sentence=sentence, worse=finding.severity != "note")
        elif old[cause].severity != finding.severity:
            was, now = old[cause].severity, finding.severity
            sentence = f"{finding.code} was of severity {was}, and is of severity {now} {since}. {finding.message}"
            worse = _RANK[now] > _RANK[was]
            yield Change(kind="changed", code=finding.code, sentence=sentence, worse=worse)
    looked_at = {step.name for step in after.steps if step.outcome != "skipped"}
    if looked_at & {"put", "create-upload"}:  # who may do the one may do the other
        looked_at |= {"put", "create-upload"}
    for cause, finding in old.items():
        if cause not in new and (finding.step is None or finding.step in looked_at):
            sentence = f"Gone {since}: {finding.code}. It said: {finding.message}"
            yield Change(kind="gone", code=finding.code, sentence=sentence, worse=False)
    yield from _capabilities(before, after, since)


_RANK = {"note": 0, "warning": 1, "error": 2}


_SAME: Final = {"create-upload": "put", "upload-part": "multipart", "abort-upload": "multipart"}
"""Steps of a recheck, and those of a set-up check that send the same requests."""


def _by_cause(report: CheckReport) -> dict[tuple[str, str | None], Finding]:
    return {(finding.code, _SAME.get(finding.step or "", finding.step)): finding for finding in report.findings}


def _capabilities(before: CheckReport, after: CheckReport, since: str) -> Iterator[Change]:
    if before.capabilities is None or after.capabilities is None:
        return
    for name in type(before.capabilities).model_fields:
        was, now = getattr(before.capabilities, name), getattr(after.capabilities, name)
        if was is not None and now is not None and was != now:
            sentence = f"The store's {name} was {was}, and is {now} {since}."
            yield Change(kind="changed", code="capability", sentence=sentence, worse=now is False)
