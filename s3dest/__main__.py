"""``python -m s3dest``: the command line."""

from __future__ import annotations

from s3dest.cli import main

if __name__ == "__main__":
    main()
