"""Arrow batches as CSV: the same bytes that rows of the same values give."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from s3dest.formats.arrow import REFUSALS, first_refused, objects_of, require_pyarrow
from s3dest.formats.arrow_text import Style, Texts, between_quotes, joined, refusal, texts_of

if TYPE_CHECKING:
    import pyarrow as pa


def lines_of(
    batch: pa.RecordBatch,
    names: Sequence[str],
    first_row: int,
    *,
    delimiter: str,
    null: str,
    convert: Callable[[object], object],
) -> bytes:
    """Write a batch's rows; a column that it lacks is null.

    Args:
        batch: The batch.
        names: The object's columns.
        first_row: Number of the batch's first row.
        delimiter: What stands between fields.
        null: What stands for null.
        convert: Turns a Python value, of a nested column, say, into a text, which is quoted, or another field.

    Raises:
        RowError: A value has no text.
    """
    pieces: list[pa.Array | str] = []
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    for number, name in enumerate(names):
        pieces += [delimiter] if number else []
        if name in columns:
            pieces += between_quotes(_texts(columns[name], name, first_row, convert), null)
        else:
            pieces.append(null)
    return joined([*pieces, "\r\n"], batch.num_rows)


def _texts(column: pa.Array, name: str, first_row: int, convert: Callable[[object], object]) -> Texts:
    pa = require_pyarrow()
    import pyarrow.compute as pc  # noqa: PLC0415  # with the extra only

    def attempt(rows: int) -> Texts:
        some = column.slice(0, rows)
        if pa.types.is_string(some.type) or pa.types.is_large_string(some.type):
            return Texts(pc.replace_substring(some, '"', '""'), quoted=True)
        texts = texts_of(some, _STYLE)
        if texts is None:
            own = [None if value is None else _field(convert(value)) for value in objects_of(some)]
            texts = Texts(pa.array(own, pa.string()), quoted=False)
        return texts

    try:
        return attempt(len(column))
    except REFUSALS:
        row = first_row + first_refused(len(column), attempt)
    raise refusal(column, name, row, what="CSV")


def _field(value: object) -> str:
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return str(value)


def _offset(seconds: int) -> str:
    zone = dt.timezone(dt.timedelta(seconds=seconds))
    return dt.datetime(2000, 1, 1, tzinfo=zone).isoformat()[len("2000-01-01T00:00:00") :]


_STYLE: Final = Style(number=repr, offset=_offset)
