"""How conditions compare a text that each caller may send, such as an external id or a token's claim."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal

from s3dest.findings import Severity
from s3dest.review.grammar import Test
from s3dest.review.requests import holds

EXACT: Final = frozenset({"StringEquals", "StringEqualsIgnoreCase", "StringLike"})
"""The comparisons that let a given text in and keep others out."""

_NEGATED: Final = frozenset({"StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike"})
"""Those that keep a given text out and let all others in, and who sends none."""

Verdict = Literal["mismatch", "operator", "missing", "optional", "wildcard", "several"]
"""The first two keep the vendor out, the others let more than its text in."""


def severity_of(verdict: Verdict) -> Severity:
    """Tell how bad it is."""
    return "error" if verdict in {"mismatch", "operator"} else "warning"


def judge(tests: Sequence[Test], text: str | None, *, beside: bool) -> Iterator[tuple[Verdict, Test | None]]:
    """Say what of some tests keeps a text out, then what lets others in; all tests must hold.

    Args:
        tests: All that compare what is sent.
        text: What the vendor sends, if it is known.
        beside: Whether the vendor comes in elsewhere: whom these tests let in with another text is said then, and not
            that they keep the vendor's out.
    """
    compared = [test for test in tests if not _demands_any(test)]
    sent = len(compared) < len(tests)
    out = [test for test in compared if not _lets_in(test, text)]
    if not beside:
        yield from (("mismatch" if test.comparison in EXACT else "operator", test) for test in out)
    exact = [test for test in compared if test.comparison in EXACT]
    strict = next((test for test in exact if _is_strict(test, sent=sent)), None)
    # one that is strict makes up for those that are not
    if strict is not None:
        if beside and strict in out and all(_lets_in(test, strict.values[0]) for test in compared):
            yield "several", strict
    elif not exact and (beside or not out):
        yield "missing", None
    else:
        for test in exact:
            if (beside or test not in out) and (verdict := _loose(test, sent=sent, known=text is not None)):
                yield verdict, test


def _loose(test: Test, *, sent: bool, known: bool) -> Verdict | None:
    if test.optional and not sent:
        return "optional"
    if is_wild(test):
        return "wildcard"
    return "several" if known else None


def _lets_in(test: Test, text: str | None) -> bool:
    if text is None or test.comparison not in EXACT | _NEGATED:
        return test.comparison in EXACT | _NEGATED
    return holds(test, {test.key: text}) is True


def _demands_any(test: Test) -> bool:
    """Tell whether a test asks for nothing but that some text is sent."""
    return test.operator == "Null" and test.values == ("false",)


def _is_strict(test: Test, *, sent: bool) -> bool:
    """Tell whether a test lets one text in and no other; `sent` says that another test demands that there is one."""
    return (sent or not test.optional) and len(test.values) == 1 and not is_wild(test)


def keep_out(tests: Sequence[Test]) -> bool:
    """Tell whether the tests of a text keep out anybody at all."""
    sent = any(map(_demands_any, tests))
    return any(
        (sent or not test.optional) and test.comparison in EXACT and all(value.strip("*?") for value in test.values)
        for test in tests
    )


def opposite(test: Test) -> Test | None:
    """Tell what is left by a denial under one test, where a single other test says that."""
    if test.operator == "Null":
        return replace(test, values=("true" if test.values == ("false",) else "false",))
    if "Not" not in test.operator or ":" in test.operator:
        return None
    # what is not sent is unlike anything, and so denied, too
    return replace(test, operator=test.comparison.replace("Not", ""))


def is_wild(test: Test) -> bool:
    """Tell whether a test lets in whatever is like a pattern."""
    return test.comparison == "StringLike" and any("*" in value or "?" in value for value in test.values)
