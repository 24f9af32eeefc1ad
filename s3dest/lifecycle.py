"""Where a writer is in its life: in which process, what may still be done, and what has failed it."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    """One writer's. It is the context of a call that writes, and fails the writer if that raises.

    What has failed is never committed, for it may be a half.

    Args:
        transfer_id: For the texts, as they are to show it.
        process: The process that the writer belongs to.
        on_failure: Called when the writer has failed; frees what it held.
        on_abort: Called when the writer was aborted, and nothing works any more with what it held; may be called again.
    """

    def __init__(
        self, transfer_id: str, *, process: int, on_failure: Callable[[], None], on_abort: Callable[[], None]
    ) -> None:
        self.state = State.OPEN
        self._transfer_id = transfer_id
        self._process = process
        self._on_failure = on_failure
        self._on_abort = on_abort
        self._writes = 0  # calls that write, one in the middle of the other
        self._failure: BaseException | None = None
        self._is_held = False

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

    @contextmanager
    def held(self) -> Iterator[None]:
        """Refuse calls that come in the middle of this one, in the same thread: out of a callback or signal handler.

        What an abort had emptied would be committed, as if there had never been more.
        """
        before, self._is_held = self._is_held, True
        try:
            yield
        finally:
            self._is_held = before

    def require_free(self) -> None:
        """Refuse a call in the middle of another; to be asked by who has the writer's lock.

        Raises:
            StateError: It is one.
        """
        if self._is_held:
            raise self._busy()

    def require_idle(self) -> None:
        """Refuse a call in the middle of another, of a write too, whose rows it would miss.

        Raises:
            StateError: It is one.
        """
        if self._is_held or self._writes:
            raise self._busy()

    def _busy(self) -> StateError:
        message = f"Transfer {self._transfer_id} is in the middle of a call, and its writer cannot be used now."
        remedy = (
            "Wait until the call has returned. To give up, let a signal handler raise KeyboardInterrupt (an Exception "
            "may be taken for the network's), and out of on_progress the source of the rows."
        )
        return StateError(message, code="busy", remedy=remedy)

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

    def not_committed(self) -> StateError:
        """Build the error for a receipt that is not there, with the way to one from here."""
        message = f"Transfer {self._transfer_id} has no receipt: it is {self.state.value}, not committed."
        if self.state is State.PREPARED:
            remedy = "Commit it: destination.commit(prepared) returns the receipt."
        elif self.state in {State.FAILED, State.ABORTED}:
            remedy = "Repeat the transfer from the start, with the same transfer id."
        else:
            remedy = "Call commit(), or leave the with block without an exception; the receipt is there afterwards."
        return StateError(message, code="not_committed", remedy=remedy)

    @contextmanager
    def sealing(self) -> Iterator[None]:
        """Fail the writer if the body raises."""
        try:
            yield
        except BaseException as error:
            self._fail(error)
            raise

    def __enter__(self) -> None:
        """Let in a call that writes.

        Raises:
            StateError: It comes in the middle of another, or the writer is not open.
        """
        self.require_free()
        self.require_open()
        self._writes += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Fail the writer if the call raised; end an abort that came in the middle of it.

        Raises:
            StateError: There was one.
        """
        self._writes -= 1
        if error is not None:
            self._fail(error)
        if self.state is State.ABORTED and not self._writes:
            self._on_abort()
            if error is None:
                self.require_open()

    def abort(self) -> bool:
        """Let nothing more be written; tell whether all was given up, or a call that writes will do it at its end.

        The latter where the source of its rows or a signal handler calls this: the call works with what is given up.
        """
        self.state = State.ABORTED
        if self._writes:
            return False
        self._on_abort()
        return True

    def _fail(self, error: BaseException) -> None:
        if self.state in {State.OPEN, State.SEALED}:
            self.state, self._failure = State.FAILED, error
            self._on_failure()
