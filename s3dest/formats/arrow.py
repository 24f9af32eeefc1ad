"""Arrow data of any library, as pyarrow's record batches, without copying it into Python objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from s3dest.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa


class ArrowStream(Protocol):
    """What a table or a reader of Arrow data has (the Arrow PyCapsule interface)."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule of the stream."""


class ArrowArray(Protocol):
    """What a record batch of Arrow data has (the Arrow PyCapsule interface)."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> object:
        """Return capsules of the schema and the array."""


def require_pyarrow() -> Any:  # noqa: ANN401  # a module
    """Import pyarrow.

    Raises:
        ConfigError: It is missing; the error names the extra.
    """
    try:
        import pyarrow  # noqa: PLC0415, ICN001  # with the extra only
    except ImportError as error:
        message = "Parquet and Arrow need the pyarrow library."
        raise ConfigError(message, code="extra_missing", remedy="pip install 's3dest[parquet]'") from error
    return pyarrow


def batches(data: ArrowStream | ArrowArray) -> Iterable[pa.RecordBatch]:
    """Read Arrow data batch by batch.

    Raises:
        ConfigError: It is none, or pyarrow is missing.
    """
    arrow = require_pyarrow()
    if hasattr(data, "__arrow_c_stream__"):
        reader: Iterable[pa.RecordBatch] = arrow.RecordBatchReader.from_stream(data)
        return reader
    if hasattr(data, "__arrow_c_array__"):
        return [arrow.record_batch(data)]
    message = f"write_arrow() takes Arrow data (pyarrow, polars, pandas, duckdb …), not a {type(data).__name__}."
    raise ConfigError(message, code="not_arrow", remedy="For rows, use write_many().")
