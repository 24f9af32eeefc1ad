"""Tasks of one object on the threads of a destination: one after the other, in the order in which they came."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final

from s3dest.errors import S3DestError
from s3dest.threads import submit

_Task = Callable[[], None]

AT_MOST: Final = 3
"""Tasks that may wait or run: enough that neither side waits for the other, few enough to bound memory."""

_A_MOMENT: Final = 1e-6
"""Seconds; any makes the thread sleep, for some 80 microseconds. None at all would take the lock back at once."""


class Strand:
    """Runs tasks in order on a pool of threads, one at a time."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._changed = threading.Condition()
        self._tasks: deque[tuple[_Task, _Task]] = deque()  # to run, and what to do if it never will
        self._failure: BaseException | None = None

    def submit(self, task: _Task, *, drop: _Task, wait: bool = True) -> None:
        """Have a task run after those before it.

        Args:
            task: What to run.
            drop: Called instead if it cannot be run any more; also where this raises.
            wait: Whether to wait while there are too many.

        Raises:
            S3DestError: The destination was closed.
            Exception: What an earlier task raised.
        """
        with self._changed:
            try:
                if wait:
                    self._changed.wait_for(lambda: self._failure is not None or len(self._tasks) < AT_MOST)
                self._raise_failure()
            except BaseException:
                drop()
                raise
            self._tasks.append((task, drop))
            if len(self._tasks) == 1:
                self._go_on()
            self._raise_failure()

    def give_way(self) -> None:
        """Let a task go on that waits for the interpreter's lock; called between pieces of about half a millisecond.

        CPython leaves a waiting thread the lock after 5 ms, and a task needs it a dozen times a block: isal gives it
        away whenever its output grows. JSON Lines took 0.50 s without this, and 0.37 s with it (measured).
        """
        if self._tasks:
            time.sleep(_A_MOMENT)

    def settle(self) -> None:
        """Wait until all tasks are done; raise what one of them raised."""
        with self._changed:
            self._changed.wait_for(lambda: not self._tasks)
            self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _go_on(self) -> None:
        # each is handed over by itself: other strands have their turn, and the pool can be closed
        try:
            submit(self._pool, self._run, self._tasks[0][0])
        except S3DestError as error:
            self._fail(error)

    def _run(self, task: _Task) -> None:
        with self._changed:
            if self._failure is not None:  # it was dropped already, and the pool had taken it all the same
                return
        failure: BaseException | None = None
        try:
            task()
        except BaseException as error:  # noqa: BLE001  # it is raised where the next task is brought
            failure = error
        with self._changed:
            self._tasks.popleft()
            if failure is not None:
                self._fail(failure)
            elif self._tasks:
                self._go_on()
            self._changed.notify_all()

    def _fail(self, failure: BaseException) -> None:
        self._failure = failure
        while self._tasks:
            self._tasks.popleft()[1]()
        self._changed.notify_all()
