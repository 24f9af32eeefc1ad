"""What becomes of a writer that nobody holds any more: its memory is freed, and nothing is published or sent.

These are what its finalisers call, which may run in any thread, and must not lead back to the writer.
"""

from __future__ import annotations

import logging
import os
import warnings
import weakref
from collections.abc import Callable

from s3dest.stock import Stock

log = logging.getLogger(__name__)


def weakly(method: Callable[[], None]) -> Callable[[], None]:
    """Call a method as long as its object lives, without keeping it alive."""
    held = weakref.WeakMethod(method)

    def call() -> None:
        if (alive := held()) is not None:
            alive()

    return call


def free(stock: Stock, process: int) -> None:
    """Free what a writer held whose end was begun."""
    if os.getpid() == process:
        stock.release()


def abandon(stock: Stock, transfer_id: str, process: int) -> None:
    """Free what a dropped writer held; it publishes nothing, and sends nothing, and that is told.

    In the log, too: Python hides a ResourceWarning by default, and who forgot the commit takes the rows for delivered.
    """
    if os.getpid() == process:
        stock.release()
        message = f"the writer of transfer {transfer_id} was dropped without commit or abort; nothing is published"
        log.warning("%s", message)
        warnings.warn(message, ResourceWarning, stacklevel=1)
