"""Times of day as ISO 8601 has them."""

from __future__ import annotations

import datetime as dt


def iso_time(value: dt.time) -> str:
    """Write a time.

    Raises:
        TypeError: Its zone has no offset without a date, so that it would be missing in the text.
    """
    if value.tzinfo is not None and value.utcoffset() is None:
        raise TypeError
    return value.isoformat()
