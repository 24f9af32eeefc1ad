"""What formats make of values that they have no word for: subclasses, enums, and what stands inside of others."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from itertools import repeat
from typing import Final, TypeGuard
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from s3dest.formats.encoder import Dataclass
from s3dest.formats.iso import offset_of

PLAIN: Final[frozenset[type]] = frozenset(
    {type(None), bool, int, float, str, bytes, Decimal, dt.datetime, dt.date, dt.time}
)
"""Types that `plain` returns, beside dicts, lists and tuples of them."""


_OPTION: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
"""What is left to us: orjson itself would leave out a dataclass's fields that begin with an underscore, writes times
between 10 and 100 ms ten times too late, and asks zones of other libraries for their offset in a way of its own."""

_SIXTY: Final = b':60"'
"""The end of an offset as orjson rounds it to minutes that no hour has (orjson 3.10 to 3.13)."""

_KNOWN_ZONES: Final = frozenset({type(None), dt.timezone, ZoneInfo})
"""Those of which orjson knows the offset. What it asks of others is not what Python does: of pytz it tells the offset
of another wall time, of dateutil one of days as if it were of hours, and where ``utcoffset`` raises, it takes the
process down (orjson 3.13)."""


def dumps(value: object) -> bytes:
    """Write JSON, with what orjson does not know.

    Raises:
        TypeError: A value has no place in JSON (orjson's own error, which is one).
        RecursionError: It is nested without end.
    """
    return orjson.dumps(value, default=_encode, option=_OPTION)


def lines(values: Sequence[object]) -> bytes:
    """Write values as lines of JSON, each ended by a newline: the same text that `dumps` makes of each.

    One call of orjson a value costs little, if nothing of Python is between the calls, and its newline is beyond doubt:
    a raw one cannot occur inside of JSON.

    Raises:
        TypeError: A value has no place in JSON (orjson's own error, which is one).
        RecursionError: It is nested without end.
    """
    return b"".join(map(orjson.dumps, values, repeat(_encode), repeat(_OPTION | orjson.OPT_APPEND_NEWLINE)))


def plain(value: object) -> object:
    """Turn a value, at any depth, into one of exactly the `PLAIN` types: an enum is its value, a UUID its text.

    Raises:
        TypeError: It is of no known kind, or would lose something.
    """
    if type(value) in PLAIN:
        return value
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if is_record(value):
        return {name: plain(inner) for name, inner in fields_of(value).items()}
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    return plain(simple(value))


def is_record(value: object) -> TypeGuard[Dataclass]:
    """Tell whether it is an instance of a dataclass, and no class."""
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def fields_of(record: Dataclass) -> dict[str, object]:
    """Read the fields of a dataclass.

    Raises:
        TypeError: One was never set.
    """
    try:
        return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    except AttributeError as error:
        message = "a field was never set"
        raise TypeError(message) from error


def encode_odd(value: object) -> object:
    """Turn a value that orjson does not know into one that it does.

    Raises:
        TypeError: It has no place in JSON.
    """
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return list(value)
    return fields_of(value) if is_record(value) else simple(value)


def with_plain_names(value: object) -> object:
    """Make the names in mappings, at any depth, plain texts; orjson takes no others.

    Raises:
        TypeError: A dataclass has a field that was never set.
        RecursionError: It is nested without end.
    """
    if isinstance(value, Mapping):
        return {
            str.__str__(name) if isinstance(name, str) else name: with_plain_names(inner)
            for name, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return list(map(with_plain_names, value))
    return with_plain_names(fields_of(value)) if is_record(value) else value


def holds_not_finite(value: object) -> bool:
    """Tell whether a NaN or an Infinity is anywhere in a value: orjson writes them as null without a word."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, Mapping):
        return any(map(holds_not_finite, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(holds_not_finite, value))
    if isinstance(value, Enum):
        return holds_not_finite(value.value)
    if dataclasses.is_dataclass(value):
        return any(holds_not_finite(getattr(value, field.name, None)) for field in dataclasses.fields(value))
    return False


def instant(value: dt.datetime) -> bytes:
    """Write a datetime as RFC 3339 has it: its offset is rounded to whole minutes.

    Raises:
        TypeError: The offset is a day then, or the zone cannot tell it.
    """
    if type(value.tzinfo) not in _KNOWN_ZONES:
        value = value.replace(tzinfo=_fixed(value))
    text = orjson.dumps(value)
    if not text.endswith(_SIXTY):
        return text
    hours = int(text[-6:-4]) + 1
    if hours == 24:  # noqa: PLR2004  # hours of a day
        raise TypeError
    return b'%b%02d:00"' % (text[:-6], hours)


def _encode(value: object) -> object:
    """Write what orjson leaves to us; dates with their times, of which there are many, as fast as can be."""
    if type(value) is dt.datetime:
        if type(value.tzinfo) in _KNOWN_ZONES and not (text := orjson.dumps(value)).endswith(_SIXTY):
            return orjson.Fragment(text)
        return orjson.Fragment(instant(value))
    if type(value) is dt.date or (type(value) is dt.time and value.tzinfo is None):
        return value.isoformat()
    return encode_odd(value)


def _fixed(value: dt.datetime) -> dt.tzinfo | None:
    offset = offset_of(value)
    return None if offset is None else dt.timezone(offset)


def simple(value: object) -> object:
    """Turn one value of a subclass into what it is to Python itself: the enum's value, the number, the text.

    Raises:
        TypeError: It is of no known kind, or would lose something.
    """
    if isinstance(value, Enum):
        return value.value
    # the base's own conversion: a subclass may print itself in another way
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__index__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, bytes):
        return bytes(memoryview(value))
    if isinstance(value, Decimal):
        return Decimal(value)
    if isinstance(value, UUID):
        return UUID.__str__(value)
    if isinstance(value, dt.date):
        try:
            made = _day(value)
            changed = bool(made != value)  # a pandas Timestamp with nanoseconds, say
        except Exception as error:  # whatever a class of another library raises, as pandas does after the year 9999
            raise TypeError from error
        if not changed:
            return made
    raise TypeError


def _day(value: dt.date) -> dt.date:
    if isinstance(value, dt.datetime):
        return dt.datetime.combine(value.date(), value.timetz())
    return dt.date(value.year, value.month, value.day)
