"""What JSON makes of values that it has no word for, in JSON Lines and inside the fields of CSV alike."""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum


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
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError


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
