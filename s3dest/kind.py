"""Of which kind a value is, in the words of an error that refuses it."""

from __future__ import annotations


def type_name(value: object) -> str:
    """Name the type of a value; numpy's with its package, since it has a ``bool`` and a ``str``, too."""
    kind = type(value)
    return f"{kind.__module__}.{kind.__name__}" if _is_array(value) else kind.__name__


def kind_of(value: object) -> str:
    """Name the type of a value, with its article: ``an int``, ``a list``."""
    name = type_name(value)
    return f"{'an' if name[:1] in 'aeioAEIO' else 'a'} {name}"


def converted(value: object) -> str:
    """Say how to make a plain value of one that is refused."""
    by = ", by its tolist() say" if _is_array(value) else ""
    return f"Convert the value before it is written{by}"


def _is_array(value: object) -> bool:
    """Tell whether a value is numpy's, an array or an element of one, or like it."""
    return hasattr(type(value), "tolist")
