"""Words for what is refused."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest

from s3dest.kind import converted, kind_of, type_name


@pytest.mark.parametrize(
    ("value", "words"),
    [(1, "an int"), ([], "a list"), (UUID(int=0), "a UUID"), (None, "a NoneType"), (ValueError(), "a ValueError")],
)
def test_a_kind_has_its_article(value: object, words: str) -> None:
    """By the letter that it begins with."""
    assert kind_of(value) == words


def test_what_numpy_has_is_told_from_what_python_has() -> None:
    """An ``int64`` is none of what a format takes "up to 64 bit", and a ``bool`` is none of Python's."""
    for value in (np.int64(1), np.array([1])):
        assert type_name(value) == f"numpy.{type(value).__name__}"
        assert converted(value).endswith(", by its tolist() say")
    assert converted(1j) == "Convert the value before it is written"
