"""Bring a format of your own: tab-separated values, one object as large as any other format's.

    python own_format.py             plays it on an S3 inside the process, with a made-up customer

A `Format` says what the objects are called, and makes an `Encoder` for each; neither needs a base class. Equal rows
must become equal bytes: by them a repeated transfer meets its own objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from s3dest import Column, Destination, DestinationConfig, RowError
from s3dest.testing import EmbeddedS3

ROWS = [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}]


class Tsv:
    """Tab-separated values without a header, not compressed."""

    name = "tsv"  # in the manifest
    compression = "none"
    extension = "tsv"  # the end of the keys
    content_type = "text/tab-separated-values"

    def encoder(self, schema: object = None) -> TsvEncoder:
        """Begin one object."""
        return TsvEncoder(schema)


class TsvEncoder:
    """Turns rows into the bytes of one object."""

    columns: tuple[Column, ...] | None = None  # for the manifest, where a format knows them
    pending = 0  # bytes that finish() has yet to give

    def __init__(self, schema: object) -> None:
        self.schema = schema

    def encode(self, rows: Sequence[Mapping[str, object]], *, first_row: int) -> bytes:
        """Write one line for each row.

        Raises:
            RowError: A value has a tab or a line break in it.
        """
        lines = []
        for number, row in enumerate(rows, first_row):
            fields = [str(value) for value in row.values()]
            if any(char in field for field in fields for char in "\t\r\n"):
                message = f"Row {number} has a tab or a line break in it."
                raise RowError(message, row=number, remedy="Replace it, or choose a format that has quotes.")
            lines.append("\t".join(fields) + "\n")
        return "".join(lines).encode()

    def finish(self) -> bytes:
        """End the object: nothing was held back."""
        return b""


def deliver(config: DestinationConfig) -> None:
    """Append two rows in the format above."""
    with Destination(config) as destination:
        with destination.append("members", format=Tsv()) as append:
            append.write_many(ROWS)
        for stored in append.receipt.objects:
            print(f"{stored.rows} rows, {stored.size} bytes, {stored.key}")


def main() -> None:
    """Deliver to a customer in the process."""
    with EmbeddedS3() as s3:
        deliver(s3.customer().config)


if __name__ == "__main__":
    main()
