"""Words for what is refused."""

from __future__ import annotations

from uuid import UUID

import pytest

from s3dest.kind import kind_of


@pytest.mark.parametrize(
    ("value", "words"),
    [(1, "an int"), ([], "a list"), (UUID(int=0), "a UUID"), (None, "a NoneType"), (ValueError(), "a ValueError")],
)
def test_a_kind_has_its_article(value: object, words: str) -> None:
    """By the letter that it begins with."""
    assert kind_of(value) == words
