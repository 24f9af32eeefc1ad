"""How a condition compares a text that each caller may send, such as an external id or a token's claim."""

from __future__ import annotations

from typing import Final

from s3dest.review.grammar import Test, like

EXACT: Final = frozenset({"StringEquals", "StringEqualsIgnoreCase", "StringLike"})
"""The comparisons that let a given text in and keep others out."""


def takes(test: Test, text: str) -> bool:
    """Tell whether a test by one of these comparisons lets a text in."""
    if test.comparison == "StringLike":
        return any(like(value, text) for value in test.values)
    if test.comparison == "StringEqualsIgnoreCase":
        return text.lower() in {value.lower() for value in test.values}
    return text in test.values


def is_wild(test: Test) -> bool:
    """Tell whether a test lets in whatever is like a pattern."""
    return test.comparison == "StringLike" and any("*" in value or "?" in value for value in test.values)
