"""Files that are evidently not in their writer's format: taken, and told of."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from s3dest import Csv, JsonLines, Parquet

if TYPE_CHECKING:
    from fake import FakeAws


def _parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"id": [1]}), file)
    return file.getvalue()


PLAIN = b'{"id":1}\n'
GZIP, ZSTD, PARQUET = gzip.compress(PLAIN, mtime=0), zstandard.compress(PLAIN), _parquet()
SKIPPABLE = bytes.fromhex("502a4d1800000000") + ZSTD


@pytest.mark.parametrize(
    ("file_format", "data", "words"),
    [
        (JsonLines(), GZIP, None),
        (JsonLines(), PLAIN, "is neither compressed nor Parquet by its first bytes, and is appended as gzip"),
        (JsonLines(), ZSTD, "is zstd by its first bytes, and is appended as gzip"),
        (JsonLines(), b"", None),
        (JsonLines(compression="none"), PLAIN, None),
        (JsonLines(compression="none"), b"{", None),
        (JsonLines(compression="none"), GZIP, "is gzip by its first bytes"),
        (Csv(compression="zstd"), ZSTD, None),
        (Csv(compression="zstd"), SKIPPABLE, None),
        (Csv(compression="zstd"), PARQUET, "is parquet by its first bytes"),
        (Csv(compression="none"), b"PAR1,b\n1,2\n", None),
        (Parquet(), PARQUET, None),
        (Parquet(compression="none"), PARQUET, None),
        (Parquet(), PLAIN, "is appended as parquet"),
        (Parquet(), b"", "is appended as parquet"),
    ],
)
def test_a_file_that_begins_otherwise_is_told_once(
    aws: FakeAws, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, file_format: Any, data: bytes, words: str | None
) -> None:
    """By a warning; its bytes are appended as they are."""
    path = tmp_path / "rows\n"
    path.write_bytes(data)
    with aws.destination() as destination, destination.append("orders", format=file_format) as append:
        append.write_file(path)
        append.write_file(path)
    assert [aws.store.objects[item.key].data for item in append.receipt.objects] == [data, data]
    told = [record.getMessage() for record in caplog.records if record.name == "s3dest.beginning"]
    assert len(told) == (words is not None)
    assert all(words is not None and words in text and text.isprintable() for text in told)
