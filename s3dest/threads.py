"""Tasks for a pool of threads, and why it does not take one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

from s3dest.errors import S3DestError

T = TypeVar("T")
P = ParamSpec("P")


def submit(pool: Executor, task: Callable[P, T], *arguments: P.args, **more: P.kwargs) -> Future[T]:
    """Have a pool run a task.

    Raises:
        S3DestError: It takes none: the destination was closed, the interpreter ends, or the system has no thread left.
            In the last case it may run the task all the same, if it has other threads.
    """
    try:
        return pool.submit(task, *arguments, **more)
    except RuntimeError as error:
        raise _refusal(str(error)) from error


def _refusal(text: str) -> S3DestError:
    if "new thread" in text:
        message = "The system starts no further thread for this process."
        remedy = "Raise its limit (ulimit -u, a container's pids limit), or lower concurrency in TransferOptions."
        return S3DestError(message, code="no_thread", remedy=remedy)
    if "interpreter shutdown" in text:
        message = "Python starts no further thread while it ends."
        return S3DestError(message, code="interpreter_ends", remedy="Commit before the program ends, not in atexit.")
    return closed()


def closed() -> S3DestError:
    """Build the error for what comes after a destination was closed.

    It is no `StateError`: that would say of a writer that the call, and not the transfer, has failed.
    """
    return S3DestError(
        "The destination was closed before all rows were delivered.",
        code="closed",
        remedy="Close a destination after its writers; repeat the transfer with the same transfer id.",
    )
