"""What objects are made with, in tests: a budget, and threads that run when they are told to."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from s3dest.budget import Budget
from s3dest.press import Workshop
from s3dest.shelf import Spill


class Inline(Executor):
    """Runs what it is given at once, in the same thread."""

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Run it."""
        future: Future[Any] = Future()
        future.set_result(task(*arguments, **named))
        return future


class Delayed(Executor):
    """Runs what it is given when the test says so."""

    def __init__(self) -> None:
        self.at_once = False
        self.waiting: list[Callable[[], Any]] = []

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Keep it."""
        self.waiting.append(lambda: task(*arguments, **named))
        if self.at_once:
            self.run()
        return Future()

    def run(self) -> None:
        """Run all that waits."""
        while self.waiting:
            self.waiting.pop(0)()


def workshop(limit: int = 2**40, pool: Executor | None = None) -> Workshop:
    """Make a workshop whose memory takes so many bytes, and spills the rest."""
    budget = Budget(limit)

    def make_room(size: int) -> bool:
        if budget.take(size):
            return True
        for press in list(made.presses):
            press.spill()
        budget.force(size)
        return False

    threads = pool or Inline()
    made = Workshop(budget, Spill(), lambda: threads, make_room, md5=True)
    return made
