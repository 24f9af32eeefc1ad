"""The virtual environments of the contestants: made at the first run, and anew when their requirements change."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent

_REQUIREMENTS: Final = {"peers": "requirements.txt", "s3fs": "requirements-s3fs.txt"}


def python_of(name: str, folder: Path) -> Path:
    """Return the interpreter of an environment under ``folder``, which has what its requirements say."""
    requirements, home = HERE / _REQUIREMENTS[name], folder / name
    python, mark = home / "bin" / "python", home / "made-from"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    if not mark.exists() or mark.read_text(encoding="ascii") != wanted:
        print(f"making {home}, which takes a few minutes", file=sys.stderr)
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
        mark.write_text(wanted, encoding="ascii")
    return python
