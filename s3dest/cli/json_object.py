"""Objects of JSON as the command line reads them: in rows, and in its configuration."""

from __future__ import annotations

from typing import Any


class KeyTwiceError(ValueError):
    """An object has a key twice; the message says which, and does not say with what."""

    def __init__(self, key: object) -> None:
        super().__init__(f"the key {key!r:.80} comes twice in an object")


def with_each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object, and refuse to keep but the last of what has the same key.

    Raises:
        KeyTwiceError: A key comes twice.
    """
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        raise KeyTwiceError(next(key for key in keys if keys.count(key) > 1))
    return row
