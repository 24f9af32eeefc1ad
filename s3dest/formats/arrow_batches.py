"""Batches of Arrow data that wait to be written together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from s3dest.formats.arrow import require_pyarrow

if TYPE_CHECKING:
    import pyarrow as pa

_FEW: Final = 2
"""Batches that are not worth to be made one."""

_COLUMN: Final = 800
"""Bytes that a column of a batch costs beside its values, about (measured with pyarrow 25)."""


class Batches:
    """Batches of one schema, in order. Small ones are made one: a thousand of them would cost more than their values.

    Attributes:
        rows: Of all of them.
        nbytes: Of their values.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.nbytes = 0
        self._batches: list[pa.RecordBatch] = []
        self._own = 0  # so many of the first ones share no memory with anybody

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._batches)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield them."""
        return iter(self._batches)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take one more."""
        count = len(self._batches)
        if count >= _FEW and count * batch.num_columns * _COLUMN > self.nbytes:
            self._batches, self._own = [_one_of(self._batches)], 1
        self._batches.append(batch)
        self.rows += batch.num_rows
        self.nbytes += batch.nbytes

    def pop(self) -> pa.RecordBatch:
        """Give the last one back."""
        batch = self._batches.pop()
        self._own = min(self._own, len(self._batches))
        self.rows -= batch.num_rows
        self.nbytes -= batch.nbytes
        return batch

    def own(self) -> None:
        """Copy what shares memory with whoever brought it, who may change it afterwards, or hopes that it is freed."""
        for place in range(self._own, len(self._batches)):
            self._batches[place] = _one_of([self._batches[place]])
        self._own = len(self._batches)


def _one_of(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Make one batch of several, or a copy of one."""
    pa = require_pyarrow()
    schema = batches[0].schema
    # of one array alone there would be no copy
    columns = [
        pa.concat_arrays([*(batch.column(place) for batch in batches), batches[0].column(place).slice(0, 0)])
        for place in range(len(schema))
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
