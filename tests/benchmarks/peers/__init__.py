"""Who takes part: one module each, which does the work as its users would write it.

A module has a function for each kind of work it takes part in: ``jsonl(store, rows)``, ``parquet(store, rows)``,
``arrow(store, table)`` and ``file(store, path)`` return a `Task`, ``tiny(store, rows)`` a `Transfer`. ``ABSENT`` says
why it has none of another kind, and under ``threads`` why it does tiny transfers in one thread only.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

PEERS: Final = {
    "floor": "peers",
    "s3dest": "peers",
    "boto3": "peers",
    "smart_open": "peers",
    "s3fs": "s3fs",
    "obstore": "peers",
    "pyarrow": "peers",
    "polars": "peers",
    "awswrangler": "peers",
    "dlt": "s3fs",
}
"""Each contestant's environment."""


def maker(peer: str, kind: str, *, threads: int) -> Callable[..., Any]:
    """Return the function of a contestant that makes its task.

    Raises:
        LookupError: It takes no part; the text says why.
    """
    module = import_module(f"benchmarks.peers.{peer}_")
    if not hasattr(module, kind):
        raise LookupError(module.ABSENT[kind])
    if threads > 1 and "threads" in module.ABSENT:
        raise LookupError(module.ABSENT["threads"])
    function: Callable[..., Any] = getattr(module, kind)
    return function
