"""The command line ``s3dest``; needs the extra ``cli``. Only the entry is here, light and free of its packages."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from pathlib import Path

__all__ = ["main"]

_PACKAGES = {"rich": "rich", "typer": "typer", "yaml": "PyYAML", "pydantic_settings": "pydantic-settings"}
"""What the extra brings: modules, and the distributions they come in."""


def main() -> None:
    """Run the command line; where its packages are missing, say how to get them."""
    try:
        from s3dest.cli.app import app  # noqa: PLC0415  # an extra
        from s3dest.cli.report import standard_output  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.exit(1)  # before anything has begun
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _PACKAGES:
            raise
        sys.exit(f"s3dest: the command line needs {_PACKAGES[package]}, which comes with: pip install 's3dest[cli]'")
    if sys.stdout is None:  # so Python has it where it was closed from the beginning
        sys.stdout = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115  # for reading: to write is an OSError
    if isinstance(sys.stdout, TextIOWrapper):
        # a pasted policy may hold what UTF-8 has not, and its terminal what it has not
        sys.stdout.reconfigure(errors="backslashreplace")
    code: str | int | None = None
    with standard_output():
        try:
            app(prog_name="s3dest")
        except SystemExit as end:
            code = end.code
    sys.exit(code)
