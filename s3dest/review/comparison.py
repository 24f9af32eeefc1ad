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


def demands_any(test: Test) -> bool:
    """Tell whether a test asks for nothing but that some text is sent."""
    return test.operator == "Null" and test.values == ("false",)


def is_strict(test: Test, *, sent: bool) -> bool:
    """Tell whether a test lets one text in and no other; `sent` says that another test demands that there is one."""
    return (sent or not test.optional) and len(test.values) == 1 and test.comparison in EXACT and not is_wild(test)


def keeps_out(test: Test) -> bool:
    """Tell whether a test keeps out anybody at all."""
    return not test.optional and test.comparison in EXACT and all(value.strip("*?") for value in test.values)


def is_wild(test: Test) -> bool:
    """Tell whether a test lets in whatever is like a pattern."""
    return test.comparison == "StringLike" and any("*" in value or "?" in value for value in test.values)
