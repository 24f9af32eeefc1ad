"""Late imports: none is in the middle when a process forks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from s3dest.loading import LOADING

SCRIPT = """
import builtins, sys
from s3dest import Destination, DestinationConfig, JsonLines
from s3dest.formats import format_of
from s3dest.formats.arrow import require_pyarrow
from s3dest.loading import LOADING

LATE = "s3dest", "pyarrow", "pandas", "boto3", "zstandard"
load = builtins.__import__
freely = []

def watch(name, *more):
    is_late = name.partition(".")[0] in LATE and name not in sys.modules
    if is_late and not LOADING._is_owned():
        freely.append(name)
    return load(name, *more)

builtins.__import__ = watch
auth = dict(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key="secret")
config = DestinationConfig.model_validate(dict(bucket="acme-lake", region="eu-west-1", auth=auth))
{first}
JsonLines(compression="zstd").encoder(None).compressor.compress(b"x")
require_pyarrow().array([1])
print(sorted(set(freely)))
"""


@pytest.mark.parametrize(
    "first",
    [
        'Destination(config).append("orders").abort()',
        "Destination(config).client()",
        "from s3dest import AppendWriter; Destination(config).client()",
    ],
)
def test_what_is_loaded_late_is_loaded_with_it(first: str) -> None:
    """Libraries that take long to load; pandas is loaded by pyarrow's first array."""
    asked = [sys.executable, "-c", SCRIPT.format(first=first)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(asked, capture_output=True, check=False, env=environment)
    assert (done.stdout.decode(), done.stderr.decode()) == ("[]\n", "")


def test_a_fork_waits_for_what_is_being_loaded() -> None:
    """There is no such thread in the child, and nobody would ever end it."""
    holds, over = threading.Event(), threading.Event()

    def load() -> None:
        with LOADING:
            holds.set()
            over.wait(0.1)
            over.set()

    thread = threading.Thread(target=load)
    thread.start()
    assert holds.wait(10)
    process = os.fork()
    if process == 0:
        os._exit(0 if over.is_set() and LOADING.acquire(timeout=10) else 1)
    assert os.waitpid(process, 0)[1] == 0
    thread.join()
