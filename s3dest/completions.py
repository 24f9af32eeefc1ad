"""What is known of the completions of uploads, which may be repeated for days.

Some stores forget a completed upload, and answer a repetition with NoSuchUpload, as they do for one that is lost.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from s3dest.creation import Creation

NO_SUCH_UPLOAD: Final = "NoSuchUpload"
"""The answer that may mean either. Ceph RGW remembers completed uploads, and has another for one that is gone."""

REMEMBERED: Final = 10_000
"""Uploads of which something is known, the last ones: some megabytes at most."""


@dataclass(slots=True)
class _Known:
    sent: bool = False
    lost: bool = False
    missing: bool = False
    outcome: Creation | None = None


class Completions:
    """What one process knows of its uploads' completions. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}

    def begin(self, upload_id: str) -> None:
        """Note that an upload was begun here, so that no completion of it was sent yet."""
        with self._lock:
            self._of(upload_id).sent = False

    def send(self, upload_id: str) -> bool:
        """Note that a completion is sent, and tell whether it is surely the first."""
        with self._lock:
            known = self._known.get(upload_id)
            first = known is not None and not known.sent
            if known is not None:
                known.sent = True
        return first

    def lose(self, upload_id: str) -> None:
        """Note that a completion may have taken effect, its answer being lost."""
        with self._lock:
            self._of(upload_id).lost = True

    def end(self, upload_id: str, outcome: Creation) -> Creation:
        """Note how a completion ended that was answered, and return it."""
        with self._lock:
            self._of(upload_id).outcome = outcome
        return outcome

    def give_up(self, upload_id: str) -> None:
        """Note that an abort is sent: what completes the upload nevertheless is not the first to be at it."""
        self.send(upload_id)

    def abort(self, upload_id: str) -> None:
        """Note that an upload was aborted: that it is gone is no sign of a completion."""
        with self._lock:
            if (known := self._known.get(upload_id)) is not None:
                known.lost = False

    def miss(self, upload_id: str) -> None:
        """Note that an upload is there no more: completed or aborted."""
        with self._lock:
            self._of(upload_id).missing = True

    def is_missing(self, upload_id: str) -> bool:
        """Tell whether an upload was there no more."""
        return self._seen(upload_id).missing

    def is_lost(self, upload_id: str) -> bool:
        """Tell whether a completion may have taken effect, its answer being lost."""
        return self._seen(upload_id).lost

    def outcome(self, upload_id: str) -> Creation | None:
        """Tell how a completion ended, if one was answered."""
        return self._seen(upload_id).outcome

    def _seen(self, upload_id: str) -> _Known:
        with self._lock:
            return self._known.get(upload_id) or _Known()

    def _of(self, upload_id: str) -> _Known:
        known = self._known.get(upload_id)
        if known is None:
            known = self._known[upload_id] = _Known(sent=True)
            if len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]
        return known
