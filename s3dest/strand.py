"""Tasks of one object on the threads of a destination: one after the other, in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final

from s3dest.errors import S3DestError

AT_MOST: Final = 3
"""Tasks that may wait or run: enough that neither side waits for the other, few enough to bound memory."""


class Strand:
    """Runs tasks in order on a pool of threads, one at a time."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._changed = threading.Condition()
        self._tasks: deque[Callable[[], None]] = deque()
        self._running = False
        self._failure: BaseException | None = None

    def submit(self, task: Callable[[], None]) -> None:
        """Have a task run after those before it; waits while there are too many.

        Raises:
            S3DestError: The destination was closed.
            Exception: What an earlier task raised.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._failure is not None or len(self._tasks) < AT_MOST)
            self._raise_failure()
            self._tasks.append(task)
            if self._running:
                return
            self._running = True
            try:
                self._pool.submit(self._run)
            except RuntimeError as error:
                self._running = False
                self._tasks.clear()
                message = "The destination was closed while rows were being appended."
                raise S3DestError(message, code="closed") from error

    def settle(self) -> None:
        """Wait until all tasks are done; raise what one of them raised."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running)
            self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._tasks or self._failure is not None:
                    self._running = False
                    self._changed.notify_all()
                    return
                task = self._tasks[0]
            try:
                task()
            except BaseException as error:  # noqa: BLE001  # it is raised where the next task is brought
                self._failure = error
            finally:
                with self._changed:
                    self._tasks.popleft()
                    self._changed.notify_all()
