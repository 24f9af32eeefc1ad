"""Dates with times, and times of day, as ISO 8601 has them."""

from __future__ import annotations

import datetime as dt


def iso_datetime(value: dt.datetime, between: str = "T") -> str:
    """Write a date with its time.

    Raises:
        TypeError: Its zone does not tell its offset.
    """
    try:
        return value.isoformat(between)
    except Exception as error:
        raise _no_offset() from error


def iso_time(value: dt.time) -> str:
    """Write a time.

    Raises:
        TypeError: Its zone has no offset without a date, so that it would be missing in the text, or does not tell it.
    """
    try:
        has_offset = value.tzinfo is None or value.utcoffset() is not None
    except Exception as error:
        raise _no_offset() from error
    if not has_offset:
        raise TypeError
    return value.isoformat()


def offset_of(value: dt.datetime) -> dt.timedelta | None:
    """Ask the zone of a date with its time for the offset, as ``isoformat`` does.

    Raises:
        TypeError: It does not tell.
    """
    try:
        return value.utcoffset()
    except Exception as error:
        raise _no_offset() from error


def _no_offset() -> TypeError:  # of whatever a class of another library raises
    return TypeError("the zone does not tell its offset")
