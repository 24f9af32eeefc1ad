"""Every example runs, as a script of its own and without a network."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


def test_there_are_examples() -> None:
    """An empty folder would pass unseen."""
    assert EXAMPLES


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(path: Path, tmp_path: Path) -> None:
    """From a folder of their own, with warnings as errors, nothing of the machine's AWS settings, and no proxy."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
    environment |= {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "*"}
    # A test file is an example too: it runs as its reader would run it.
    tool = (
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"] if path.stem.startswith("test_") else []
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", *tool, str(path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip(), "an example shows what happened"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_say_what_they_show(path: Path) -> None:
    """The docstring is the first thing a reader sees."""
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
