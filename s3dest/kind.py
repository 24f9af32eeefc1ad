"""Of which kind a value is, in the words of an error that refuses it."""

from __future__ import annotations


def kind_of(value: object) -> str:
    """Name the type of a value, with its article: ``an int``, ``a list``."""
    name = type(value).__name__
    return f"{'an' if name[:1] in 'aeioAEIO' else 'a'} {name}"
