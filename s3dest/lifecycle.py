"""Where a writer is in its life: in which process, what may still be done, and what has failed it."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable
from types import TracebackType

from s3dest.errors import StateError


class State(enum.Enum):
    """From open to an end; only a failure is no end yet, since an abort may follow."""

    OPEN = "open"
    FAILED = "failed"
    SEALED = "sealed"
    PREPARED = "prepared"
    COMMITTED = "committed"
    ABORTED = "aborted"


class Lifecycle:
    """One writer's. As a context manager it fails the writer if the body raises, so that no half is ever committed.

    A `StateError` fails nothing: the call itself was refused.

    Args:
        transfer_id: For the texts.
        process: The process that the writer belongs to.
        on_failure: Called when the writer has failed, once; frees what it held.
    """

    def __init__(self, transfer_id: str, *, process: int, on_failure: Callable[[], None]) -> None:
        self.state = State.OPEN
        self._transfer_id = transfer_id
        self._process = process
        self._on_failure = on_failure
        self._failure: BaseException | None = None

    @property
    def is_here(self) -> bool:
        """Whether this process is the writer's, not one forked from it."""
        return os.getpid() == self._process

    def require_process(self) -> None:
        """Refuse a call in another process.

        Raises:
            StateError: This process was forked from the writer's.
        """
        if not self.is_here:
            message = "A writer belongs to the process that opened it; this is another, forked from it."
            raise StateError(message, code="other_process", remedy="Open a writer in each process, with its writer_id.")

    def require_open(self) -> None:
        """Refuse a call that only an open writer takes.

        Raises:
            StateError: It is not open; what failed it is the cause.
        """
        self.require_process()
        if self.state is State.OPEN:
            return
        if self.state is State.FAILED:
            message = (
                f"Transfer {self._transfer_id} has failed ({type(self._failure).__name__}) and can only be aborted."
            )
            error = StateError(message, code="failed", remedy="Repeat it from the start, with the same transfer id.")
            raise error from self._failure
        message = f"Transfer {self._transfer_id} is {self.state.value}; nothing more can be written."
        raise StateError(
            message,
            code=self.state.value,
            remedy="Open another writer; to repeat the transfer, with the same transfer id.",
        )

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Fail the writer, unless the call itself was refused."""
        if error is None or isinstance(error, StateError):
            return
        if self.state in {State.OPEN, State.SEALED}:
            self.state, self._failure = State.FAILED, error
            self._on_failure()
