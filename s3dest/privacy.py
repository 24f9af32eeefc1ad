"""Keeps secrets out of botocore's debug log while s3dest is calling, and out of crash reports.

At DEBUG botocore logs whole requests and answers: session tokens, identity tokens, and the keys that STS hands out.
Those lines are dropped, for our own calls only; the host's other uses of botocore log as before.

Crash reporters show the local variables of a traceback's frames: ours hold nothing secret in clear, and those of
botocore, which hold whole requests, are cut off.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

_calling: ContextVar[bool] = ContextVar("s3dest_calling", default=False)

_TALKATIVE: Final = tuple(
    map(
        logging.getLogger,
        (
            "botocore.auth",
            "botocore.endpoint",
            "botocore.handlers",
            "botocore.httpsession",
            "botocore.parsers",
        ),
    )
)
"""The loggers that write headers and bodies: canonical requests, prepared requests, response bodies, and what Python
says of a header or a proxy's address that cannot be used."""


class _OursAreQuiet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG or not _calling.get()


_FILTER: Final = _OursAreQuiet()


@contextmanager
def calling() -> Iterator[None]:
    """Mark the calls inside as ours."""
    for logger in _TALKATIVE:
        logger.addFilter(_FILTER)  # adding it again does nothing
    token = _calling.set(True)
    try:
        yield
    finally:
        _calling.reset(token)


@dataclass(frozen=True, slots=True)
class Masked:
    """A secret text that shows nothing of itself as a local variable."""

    text: str = field(repr=False)


def without_frames(error: BaseException) -> None:
    """Cut the tracebacks off an error and everything that it drags along; what they say stays."""
    seen: list[BaseException] = []
    pending: list[BaseException | None] = [error]
    while pending:
        link = pending.pop()
        if link is not None and link not in seen:
            seen.append(link)
            link.__traceback__ = None
            pending += [link.__cause__, link.__context__]
