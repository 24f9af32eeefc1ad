"""Which type holds the values of several, all by the names that Arrow has for them.

By names, since manifests are written by whoever commits, who may not have the library that wrote the objects.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

_FLOATS: Final = ("halffloat", "float", "double")
_INTEGER: Final = re.compile(r"(u?)int(8|16|32|64)")
_DECIMAL: Final = re.compile(r"decimal(32|64|128|256)\((\d+), (-?\d+)\)")
_BYTES: Final = re.compile(r"(large_)?binary|fixed_size_binary\[\d+\]")
_TIME: Final = re.compile(r"time(?:32|64)\[(s|ms|us|ns)\]")
_TIMESTAMP: Final = re.compile(r"timestamp\[(s|ms|us|ns)(?:, tz=(.+))?\]")
_LIST: Final = re.compile(r"(large_)?list<(.*)>", re.DOTALL)
_MAP: Final = re.compile(r"map<(.*)>", re.DOTALL)
_STRUCT: Final = re.compile(r"struct<(.*)>", re.DOTALL)

_UNITS: Final = ("s", "ms", "us", "ns")
_TIMES: Final = {"s": "time32[s]", "ms": "time32[ms]", "us": "time64[us]", "ns": "time64[ns]"}

_BITS: Final = 64  # of the largest integer
_DIGITS: Final = 20  # of the largest integer without sign
_PRECISION_128: Final = 38
_PRECISION_256: Final = 76
_NOT_NULL: Final = " not null"


def supertype(kinds: Iterable[str | None]) -> str | None:
    """Find the type that holds the values of all types; ``None`` if there is none, or one of them is not known.

    Integers beside floats are doubles, though the largest are rounded then: one object may make do with less.
    Nanoseconds reach from 1677 to 2262 only, so no type holds them beside coarser instants.
    """
    different = set(kinds) - {"null"}
    if len(different) <= 1:
        return different.pop() if different else "null"
    names = sorted(name for name in different if name is not None)
    if len(names) < len(different):
        return None
    return next((found for rule in _RULES if (found := rule(names)) is not None), None)


def _number(names: list[str]) -> str | None:
    floats = [name for name in names if name in _FLOATS]
    integers = [(found[1], int(found[2])) for name in names if (found := _INTEGER.fullmatch(name))]
    if len(floats) + len(integers) < len(names):
        return None
    if floats:
        return "double" if integers else max(floats, key=_FLOATS.index)
    unsigned = max((bits for sign, bits in integers if sign), default=0)
    signed = max((bits for sign, bits in integers if not sign), default=0)
    if not signed:
        return f"uint{unsigned}"
    bits = max(signed, 2 * unsigned)
    return f"int{bits}" if bits <= _BITS else None


def _decimal(names: list[str]) -> str | None:
    decimals = _all(_DECIMAL, [name for name in names if not _INTEGER.fullmatch(name)])
    if not decimals:
        return None
    sizes = [(int(found[2]) - int(found[3]), int(found[3])) for found in decimals]
    if len(decimals) < len(names):
        sizes.append((_DIGITS, 0))
    scale = max(scale for _, scale in sizes)
    precision = max(digits for digits, _ in sizes) + scale
    wide = precision > _PRECISION_128 or any(found[1] == "256" for found in decimals)
    return f"decimal{256 if wide else 128}({precision}, {scale})" if precision <= _PRECISION_256 else None


def _text(names: list[str]) -> str | None:
    return "large_string" if names == ["large_string", "string"] else None


def _bytes(names: list[str]) -> str | None:
    found = _all(_BYTES, names)
    return f"{_large(found)}binary" if found else None


def _time(names: list[str]) -> str | None:
    found = _all(_TIME, names)
    return _TIMES[_finest(found)] if found else None


def _timestamp(names: list[str]) -> str | None:
    found = _all(_TIMESTAMP, names)
    zones = {match[2] for match in found}
    if not found or (None in zones and len(zones) > 1):
        return None
    unit = _finest(found)
    if unit == "ns" and {match[1] for match in found} != {"ns"}:
        return None
    zone = zones.pop() if len(zones) == 1 else "UTC"  # the same instants
    return f"timestamp[{unit}]" if zone is None else f"timestamp[{unit}, tz={zone}]"


def _list(names: list[str]) -> str | None:
    found = _all(_LIST, names)
    items = [match[2].partition(": ") for match in found]
    item = _field([kind for _, _, kind in items]) if items else None
    return None if item is None else f"{_large(found)}list<{items[0][0]}: {item}>"


def _map(names: list[str]) -> str | None:
    pairs = [list(_split(match[1])) for match in _all(_MAP, names)]
    if not pairs or {len(pair) for pair in pairs} != {2}:
        return None
    kinds = [supertype(side) for side in zip(*pairs, strict=True)]
    return None if None in kinds else f"map<{', '.join(map(str, kinds))}>"


def _struct(names: list[str]) -> str | None:
    fields: dict[str, list[str]] = {}
    found = _all(_STRUCT, names)
    for match in found:
        for field in _split(match[1]):
            name, divides, kind = field.partition(": ")
            if not divides:  # a name with a comma in it was cut
                return None
            fields.setdefault(name, []).append(kind)
    # a field that one of them lacks may be null
    kinds = {name: _field(kinds if len(kinds) == len(found) else [*kinds, "null"]) for name, kinds in fields.items()}
    if not found or None in kinds.values():
        return None
    return f"struct<{', '.join(f'{name}: {kind}' for name, kind in kinds.items())}>"


_RULES: Final[tuple[Callable[[list[str]], str | None], ...]] = (
    _number,
    _decimal,
    _text,
    _bytes,
    _time,
    _timestamp,
    _list,
    _map,
    _struct,
)


def _field(kinds: list[str]) -> str | None:
    """Do the same for fields of lists or structs, which may be null then."""
    return supertype(kind.removesuffix(_NOT_NULL) for kind in kinds)


def _all(pattern: re.Pattern[str], names: list[str]) -> list[re.Match[str]]:
    """Match all names, or none."""
    found = [match for name in names if (match := pattern.fullmatch(name))]
    return found if len(found) == len(names) else []


def _split(text: str) -> Iterator[str]:
    """Split at commas that are not inside of brackets."""
    depth = start = 0
    for place, character in enumerate(text):
        depth += (character in "<([") - (character in ">)]")
        if not depth and text.startswith(", ", place):
            yield text[start:place]
            start = place + 2
    if text:
        yield text[start:]


def _large(found: list[re.Match[str]]) -> str:
    return next((match[1] for match in found if match[1]), "")


def _finest(found: list[re.Match[str]]) -> str:
    return max((match[1] for match in found), key=_UNITS.index)
