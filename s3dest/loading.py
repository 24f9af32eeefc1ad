"""Late imports: what is not loaded before it is needed, and how no fork comes in between.

A child that is forked while another thread of its parent imports a module would wait for that thread for ever.
"""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401  # it takes a lock at forks, too, and must not come in the middle of one
import os
import threading
from typing import Final

LOADING: Final = threading.RLock()
"""Held while such modules are imported, and while a process forks."""


os.register_at_fork(before=LOADING.acquire, after_in_parent=LOADING.release, after_in_child=LOADING.release)
