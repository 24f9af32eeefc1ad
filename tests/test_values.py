"""Values that formats have no word for: what they are to all of them, and what is refused rather than changed."""

from __future__ import annotations

import datetime as dt
import enum
import json
import math
import subprocess
import sys
import types
import uuid
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from dateutil import tz  # type: ignore[import-untyped]  # it has no types
from encoding import Colour, Level, Number, Point, Text, encoded
from hypothesis import given
from hypothesis import strategies as st

from s3dest import JsonLines, RowError
from s3dest.formats.csv import Csv
from s3dest.formats.parquet import Parquet
from s3dest.formats.values import dumps, encode_odd, holds_not_finite, lines, plain, simple

Pair = namedtuple("Pair", "x y")  # noqa: PYI024  # what users have


class Moment(dt.datetime):
    """A datetime of another library."""


class Day(dt.date):
    """A date of another library."""


class Half(float):
    """A float that prints itself as another."""

    def __str__(self) -> str:
        """Mislead."""
        return "another"

    __repr__ = __str__


class Nowhere(enum.Enum):
    """An enum of what is not finite."""

    FAR = math.inf


NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


class Identity(uuid.UUID):
    """A UUID of a class of its own."""


class Name(str, enum.Enum):  # noqa: UP042  # a StrEnum prints itself as its text
    """An enum of names, which prints itself as none of them."""

    A = "a"


PLAIN: list[tuple[Any, Any]] = [
    (Text("text"), "text"),
    (Number(7), 7),
    (Half(0.5), 0.5),
    (Level.HIGH, 3),
    (Colour.RED, "red"),
    (Moment(2026, 11, 23, 12, tzinfo=dt.UTC), NOON),
    (Day(2026, 11, 23), NOON.date()),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Identity(int=1), "00000000-0000-0000-0000-000000000001"),
    (memoryview(b"abcd")[::2], b"ac"),
    (bytearray(b"a"), b"a"),
    (memoryview(b"a"), b"a"),
    ((1, (Colour.RED,)), [1, ["red"]]),
    (Pair(1, 2), [1, 2]),
    (OrderedDict(a=Level.HIGH), {"a": 3}),
    (types.MappingProxyType({"a": [uuid.UUID(int=1)]}), {"a": ["00000000-0000-0000-0000-000000000001"]}),
    (Point(1, Point(Colour.RED)), {"x": 1, "_y": {"x": "red", "_y": None}}),
]


@pytest.mark.parametrize(("value", "made"), PLAIN, ids=[type(value).__name__ for value, _ in PLAIN])
def test_a_value_is_what_it_is_to_python(value: Any, made: Any) -> None:
    """Of exactly a plain type, at any depth, and in every format the same."""
    assert plain(value) == made
    assert type(plain(value)) is type(made)
    assert json.dumps(plain(value), default=repr) == json.dumps(made, default=repr)
    for file_format in (JsonLines(compression="none"), Csv(compression="none"), Parquet(compression="none")):
        if not isinstance(made, list) or file_format.name != "parquet" or value != (1, (Colour.RED,)):
            assert encoded(file_format, [{"a": value}]) == encoded(file_format, [{"a": made}])


@pytest.mark.parametrize(
    ("named", "same"),
    [
        ({Name.A: 1}, {"a": 1}),
        ({Text("a"): None}, {"a": None}),
        ({"x": {Name.A: [{Text("b"): 1}]}}, {"x": {"a": [{"b": 1}]}}),
        ({"x": Point({Name.A: 1})}, {"x": Point({"a": 1})}),
    ],
    ids=["enum", "text", "nested", "dataclass"],
)
@pytest.mark.parametrize("file_format", [JsonLines("none"), Csv(null="-"), Parquet()], ids=lambda item: item.name)
def test_a_name_may_be_of_a_class_of_its_own(named: Any, same: Any, file_format: Any) -> None:
    """It is a text all the same, in every format."""
    assert encoded(file_format, [{"z": 1}, named]) == encoded(file_format, [{"z": 1}, same])
    if file_format.name == "jsonl":
        with pytest.raises(RowError, match="NaN"):
            encoded(file_format, [named | {"y": math.nan}])


REFUSED: list[Any] = [object(), {1, 2}, frozenset(), 1j, Fraction(1, 2), range(2), Point, dt.timedelta(1), iter([])]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"a": (value,)}, Point])
def test_what_is_not_known_is_refused(value: Any, wrap: Any) -> None:
    """At any depth, in every format."""
    with pytest.raises(TypeError):
        plain(wrap(value))
    for file_format in (JsonLines(), Csv(), Parquet()):
        with pytest.raises(RowError) as caught:
            encoded(file_format, [{"odd": wrap(value)}])
        assert caught.value.column == "odd"


def test_nanoseconds_of_pandas_are_not_dropped() -> None:
    """Python's datetime has none: a Timestamp with some is refused, and NaT is no instant."""
    import pandas as pd

    fine = pd.Timestamp("2026-11-23T12:00:00.000005Z")
    for file_format in (JsonLines(compression="none"), Csv(compression="none"), Parquet()):
        assert encoded(file_format, [{"a": fine}]) == encoded(file_format, [{"a": NOON.replace(microsecond=5)}])
        for value in (pd.Timestamp("2026-11-23T12:00:00.000000001Z"), pd.NaT):
            with pytest.raises(RowError) as caught:
                encoded(file_format, [{"a": value}])
            assert caught.value.column == "a"


@given(st.times())
def test_times_are_written_in_full(time: dt.time) -> None:
    """Orjson leaves out a zero between 10 and 100 milliseconds."""
    for value in (time, time.replace(microsecond=time.microsecond // 10)):
        for odd in (value, [value, NOON], {"a": [value]}, Point(value, NOON.date())):
            texts = json.loads(dumps(odd))
            assert value.isoformat() in json.dumps(texts)


@pytest.mark.parametrize(
    ("seconds", "offset"),
    [(3599, "+01:00"), (3570, "+01:00"), (3569, "+00:59"), (-3599, "-01:00"), (10794, "+03:00"), (-30, "-00:01")],
)
def test_offsets_are_whole_minutes_of_an_hour(seconds: int, offset: str) -> None:
    """RFC 3339 has no sixtieth, which orjson writes, and no seconds."""
    moment = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone(dt.timedelta(seconds=seconds)))
    assert dumps({"a": [moment]}) == b'{"a":["2026-11-23T12:00:00%b"]}' % offset.encode()
    assert lines([moment, NOON, "12:60"]).splitlines() == [dumps(moment), dumps(NOON), b'"12:60"']


def test_an_offset_of_nearly_a_day_is_refused() -> None:
    """Rounded it would be one, and is nobody's."""
    zone = dt.timezone(dt.timedelta(seconds=86399))
    with pytest.raises(RowError) as caught:
        encoded(JsonLines(), [{"a": NOON.astimezone(zone)}])
    assert (caught.value.row, caught.value.column) == (0, "a")


def test_a_text_like_a_short_time_changes_nothing() -> None:
    """Only the writing of times and dates does, and not by a letter."""
    value = ["00:00:00.12345", "1.12345", NOON, NOON.date(), Decimal("1.12345"), Point(1), {"a": b"a"}]
    wanted = [
        "00:00:00.12345",
        "1.12345",
        NOON.isoformat(),
        "2026-11-23",
        "1.12345",
        {"x": 1, "_y": None},
        {"a": "YQ=="},
    ]
    assert json.loads(dumps(value)) == wanted
    with pytest.raises(TypeError):
        dumps(["00:00:00.12345", dt.time(12, tzinfo=dt.UTC)])


@given(st.lists(st.dictionaries(st.text(max_size=3), st.times() | st.datetimes() | st.dates() | st.text() | st.none())))
def test_lines_are_what_is_written_by_itself(rows: list[dict[str, object]]) -> None:
    """Whatever newlines the texts have."""
    assert lines(rows) == b"".join(dumps(row) + b"\n" for row in rows)


FINE = dt.timezone(dt.timedelta(hours=-1, microseconds=-1))


class _Zone(dt.tzinfo):
    """A zone as of a library: its offset is what a function says, and what else it has is its own affair."""

    def __init__(self, offset: Callable[[dt.datetime | None], Any]) -> None:
        self._offset = offset

    def utcoffset(self, moment: dt.datetime | None) -> dt.timedelta | None:
        """Ask the function."""
        offset: dt.timedelta | None = self._offset(moment)
        return offset

    def normalize(self, moment: dt.datetime) -> dt.datetime:
        """Mislead: orjson asks this of whatever has it, as of pytz."""
        return moment.replace(tzinfo=dt.timezone(dt.timedelta(hours=9)))

    def dst(self, moment: dt.datetime | None) -> None:
        """Tell nothing."""

    def tzname(self, moment: dt.datetime | None) -> None:
        """Tell nothing."""


@pytest.mark.parametrize("hours", [2, -3.5, None])
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"b": value}])
def test_the_offset_of_a_foreign_zone_is_what_python_says(hours: float | None, wrap: Any) -> None:
    """As in CSV and Parquet; a zone without an offset is none to Python."""
    moment = NOON.replace(tzinfo=_Zone(lambda _: None if hours is None else dt.timedelta(hours=hours)))
    assert json.loads(dumps(wrap(moment))) == wrap(moment.isoformat())
    assert json.loads(lines([{"a": wrap(moment)}])) == {"a": wrap(moment.isoformat())}


IN_A_PROCESS = """
import datetime as dt
import sys
from zoneinfo import ZoneInfo
import dateutil.tz
from s3dest import JsonLines, RowError

class Zone(eval(sys.argv[1])):
    def __new__(cls):
        return dt.tzinfo.__new__(cls)

    def __init__(self):
        pass

    def utcoffset(self, moment):
        raise OverflowError("before the first year")

for value in (dt.datetime.min.replace(tzinfo=Zone()), [dt.datetime(2026, 11, 23, tzinfo=Zone())]):
    encoder = JsonLines().encoder()
    encoder.encode([{"a": dt.datetime(2026, 11, 23)}], first_row=0)
    try:
        encoder.encode([{"a": 1}, {"a": value}], first_row=7)
    except RowError as error:
        print(error.row, error.column)
"""


@pytest.mark.parametrize("base", ["dt.tzinfo", "dateutil.tz.tzlocal", "dateutil.tz.tzutc"])
def test_a_zone_that_fails_is_no_end_of_the_process(base: str) -> None:
    """It was one: orjson goes down with it, whatever zone it is derived from. The row and the column are named."""
    done = subprocess.run([sys.executable, "-c", IN_A_PROCESS, base], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "8 a\n8 a\n", "")


@pytest.mark.parametrize(
    "value",
    [
        *(NOON.replace(tzinfo=tz.tzoffset(None, hours * 3600)) for hours in (24, 25, -25, 100)),
        dt.datetime(9999, 12, 31, tzinfo=tz.tzstr("EST5EDT,0/0,J365/25")),
        dt.datetime(2026, 7, 1, tzinfo=tz.tzstr("AAA-23BBB")),
    ],
    ids=["24 h", "25 h", "-25 h", "100 h", "an end after the last year", "24 h in summer"],
)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"b": value}])
def test_an_offset_that_python_does_not_take_is_refused(value: Any, wrap: Any) -> None:
    """Orjson takes some as of another day, and goes down with others; dateutil's parser makes them of bad data."""
    for before in ([], [{"a": NOON}]):
        with pytest.raises(RowError) as caught:
            encoded(JsonLines(), [*before, {"a": wrap(value)}])
        assert (caught.value.row, caught.value.column) == (len(before), "a")


def _never(error: Exception) -> dt.tzinfo:
    def raises(_moment: object) -> None:
        raise error

    return _Zone(raises)


@pytest.mark.parametrize(
    "error", [OverflowError(), RuntimeError(), AttributeError(), LookupError(), ValueError()], ids=repr
)
@pytest.mark.parametrize("file_format", [JsonLines(), Csv(), Parquet()], ids=lambda file_format: file_format.name)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"b": value}])
@pytest.mark.parametrize("value", [NOON, dt.time(12)], ids=["datetime", "time"])
def test_a_zone_that_raises_is_refused(error: Exception, file_format: Any, wrap: Any, value: Any) -> None:
    """With the row and the column, whatever it raises."""
    with pytest.raises(RowError) as caught:
        encoded(file_format, [{"a": wrap(NOON)}, {"a": wrap(value.replace(tzinfo=_never(error)))}])
    assert (caught.value.row, caught.value.column) == (1, "a")


class _Dateless(dt.datetime):
    """A datetime that cannot tell its date, as one of pandas after the year 9999."""

    def date(self) -> dt.date:
        """Raise what Python's own never does."""
        raise NotImplementedError


class _Unequal(dt.date):
    """A date that cannot be compared."""

    def __ne__(self, other: object) -> bool:
        raise RuntimeError


@pytest.mark.parametrize("file_format", [JsonLines(), Csv(), Parquet()], ids=lambda file_format: file_format.name)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"b": value}])
@pytest.mark.parametrize("value", [_Dateless(2026, 11, 23), _Unequal(2026, 11, 23)], ids=["datetime", "date"])
def test_a_date_that_raises_is_refused(file_format: Any, wrap: Any, value: Any) -> None:
    """With the row and the column, whatever it raises."""
    with pytest.raises(RowError) as caught:
        encoded(file_format, [{"a": wrap(None), "b": 1}, {"a": wrap(value), "b": 1}])
    assert (caught.value.row, caught.value.column) == (1, "a")


@pytest.mark.parametrize("zone", [FINE, _Zone(lambda _: FINE.utcoffset(None))], ids=["Python's", "foreign"])
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"b": value}])
def test_parquet_refuses_what_pyarrow_cuts_off(zone: dt.tzinfo, wrap: Any) -> None:
    """Offsets of parts of a second, which Python has, and nobody."""
    with pytest.raises(RowError) as caught:
        encoded(Parquet(), [{"a": wrap(NOON.replace(tzinfo=dt.UTC))}, {"a": wrap(NOON.replace(tzinfo=zone))}])
    assert (caught.value.row, caught.value.column) == (1, "a")


@pytest.mark.parametrize("value", [math.nan, math.inf, Half(math.nan), Nowhere.FAR])
@pytest.mark.parametrize(
    "wrap",
    [lambda value: value, lambda value: [[value]], lambda value: {"a": (value,)}, lambda value: Point(None, value)],
)
def test_what_is_not_finite_is_found_at_any_depth(value: Any, wrap: Any) -> None:
    """And what is finite is not."""
    assert holds_not_finite(wrap(value))
    assert not holds_not_finite(wrap(1.5))


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), object(), {1}])
def test_json_has_no_place_for_some(value: Any) -> None:
    """Orjson makes a typed error of it."""
    with pytest.raises(TypeError):
        encode_odd(value)


def test_a_simple_value_is_of_a_base() -> None:
    """What is of none is refused."""
    assert simple(Text("a")) == "a"
    with pytest.raises(TypeError):
        simple([])
