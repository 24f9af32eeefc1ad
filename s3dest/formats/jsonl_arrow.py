"""Arrow batches as JSON Lines: the same bytes that rows of the same values give."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import orjson

from s3dest.errors import RowError
from s3dest.formats.arrow import REFUSALS, first_refused, objects_of, require_pyarrow
from s3dest.formats.arrow_text import Style, Texts, between_quotes, joined, refusal, texts_of
from s3dest.formats.values import holds_not_finite, instant, lines

if TYPE_CHECKING:
    import pyarrow as pa


def lines_of(batch: pa.RecordBatch, first_row: int) -> bytes:
    """Write a batch's rows, each ended by a newline.

    Raises:
        RowError: JSON has no place for a value.
    """
    pieces: list[pa.Array | str] = [] if batch.num_columns else ["{"]
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        pieces += ["," if pieces else "{", orjson.dumps(name).decode(), ":"]
        pieces += between_quotes(_texts(column, name, first_row), "null")
    return joined([*pieces, "}\n"], batch.num_rows)


def _texts(column: pa.Array, name: str, first_row: int) -> Texts:
    pa = require_pyarrow()

    def attempt(rows: int) -> Texts:
        some = column.slice(0, rows)
        if pa.types.is_string(some.type) or pa.types.is_large_string(some.type):
            return Texts(_escaped(some), quoted=True)
        texts = texts_of(some, _STYLE)
        return texts if texts is not None else Texts(_one_by_one(some), quoted=False)

    try:
        return attempt(len(column))
    except REFUSALS:
        row = first_row + first_refused(len(column), attempt)
    if pa.types.is_floating(column.type):
        message = f"Row {row}, column {name!r}: JSON has no NaN and no Infinity."
        raise RowError(message, row=row, column=name, remedy="Write null, or a text of your own.")
    raise refusal(column, name, row, what="JSON")


def _escaped(text: pa.Array) -> pa.Array:
    import pyarrow.compute as pc  # noqa: PLC0415  # with the extra only

    if not pc.any(pc.match_substring_regex(text, r'[\x00-\x1f"\\]')).as_py():
        return text
    text = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), '"', '\\"')
    if pc.any(pc.match_substring_regex(text, r"[\x00-\x1f]")).as_py():
        for character in map(chr, range(0x20)):
            text = pc.replace_substring(text, character, orjson.dumps(character)[1:-1].decode())
    return text


def _one_by_one(column: pa.Array) -> pa.Array:
    """Write nested values, decimals and bytes by way of Python objects, of this column only."""
    values = objects_of(column)
    text = lines(values)
    if b"null" in text and any(map(holds_not_finite, values)):
        raise ValueError
    return require_pyarrow().array(text.decode().split("\n")[:-1])


def _number(number: float) -> str:
    text = orjson.dumps(number).decode()
    if text == "null":
        raise ValueError
    return text


def _offset(seconds: int) -> str:
    zone = dt.timezone(dt.timedelta(seconds=seconds))
    return instant(dt.datetime(2000, 1, 1, tzinfo=zone)).decode()[-7:-1]


_STYLE: Final = Style(number=_number, offset=_offset)
