"""The vendor's tuning: defaults, and S3's limits on them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from s3dest.options import MAX_PUT, MIB, MIN_PART, TransferOptions


def test_the_defaults_are_the_documented_ones() -> None:
    """README and design name these figures."""
    options = TransferOptions()
    assert (options.object_size, options.part_size, options.max_memory) == (128 * MIB, 8 * MIB, 256 * MIB)
    assert (options.object_rows, options.object_age, options.manifest) == (None, None, True)
    assert options.deadline == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("object_size", 1, MAX_PUT),
        ("part_size", MIN_PART, MAX_PUT),
        ("concurrency", 1, 256),
        ("max_memory", 1, None),
        ("object_rows", 1, None),
    ],
)
def test_sizes_keep_to_the_limits_of_s3(name: str, least: int, most: int | None) -> None:
    """The limits themselves pass, what lies beyond is refused at its field."""
    assert getattr(TransferOptions.model_validate({name: least}), name) == least
    beyond = [least - 1]
    if most is not None:
        assert getattr(TransferOptions.model_validate({name: most}), name) == most
        beyond.append(most + 1)
    for value in beyond:
        with pytest.raises(ValidationError) as caught:
            TransferOptions.model_validate({name: value})
        assert [line["loc"] for line in caught.value.errors()] == [(name,)]


@pytest.mark.parametrize("name", ["object_age", "deadline", "connect_timeout", "read_timeout"])
@pytest.mark.parametrize("value", [timedelta(0), timedelta(seconds=-1)])
def test_durations_are_positive(name: str, value: Any) -> None:
    """No time at all is no time limit."""
    with pytest.raises(ValidationError):
        TransferOptions.model_validate({name: value})


@pytest.mark.parametrize("name", ["connect_timeout", "read_timeout"])
def test_a_wait_at_a_socket_is_at_most_a_day(name: str) -> None:
    """One that the system cannot count would end at once, and each put as an answer that is lost."""
    day = timedelta(days=1)
    assert getattr(TransferOptions.model_validate({name: day}), name) == day
    with pytest.raises(ValidationError, match=rf"{name}\n.*less than or equal to 1 day"):
        TransferOptions.model_validate({name: day + timedelta(microseconds=1)})


def test_every_multipart_upload_fits_its_ten_thousand_parts() -> None:
    """The largest object in the smallest parts stays below S3's number of parts."""
    assert MAX_PUT / MIN_PART <= 10_000


def test_misspelt_options_are_refused() -> None:
    """A limit that is silently ignored is found in production."""
    with pytest.raises(ValidationError, match="objectsize"):
        TransferOptions.model_validate({"objectsize": 1})
