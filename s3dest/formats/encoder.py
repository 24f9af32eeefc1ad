"""The protocols between rows and bytes: a format, and the encoder of one object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Protocol, runtime_checkable

from s3dest.errors import ConfigError, RowError
from s3dest.formats.columns import Columns
from s3dest.formats.compression import Compressor
from s3dest.kind import kind_of
from s3dest.schema import Column

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, object]
"""One row: column names and values."""


class Dataclass(Protocol):
    """An instance of a dataclass: a row of its fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class PydanticModel(Protocol):
    """An instance of a pydantic model: a row of what it dumps, by alias."""

    def model_dump(self, *, by_alias: bool = ..., warnings: Literal["none"] = ...) -> dict[str, Any]:
        """Return its fields."""


RowLike = Row | Dataclass | PydanticModel
"""What a caller may hand in as a row."""


def show(name: str) -> str:
    """Quote a column's name for a message, which must be printable whatever is in the name."""
    return repr(name.encode(errors="backslashreplace").decode())


def name_refusal(name: object, row: int) -> RowError | None:
    """Build the error for what is no column's name, found in a row; ``None`` if it is one."""
    if not isinstance(name, str):
        message = f"Row {row} has a column name that is {kind_of(name)}, not a text."
        return RowError(message, row=row, remedy="Give each column a name that is a text.")
    try:
        name.encode()
    except UnicodeEncodeError:
        message = f"Row {row} has the column name {show(name)}, which is no UTF-8."
        remedy = "Rename the column: names are UTF-8, without halves of surrogate pairs."
        return RowError(message, row=row, column=name, remedy=remedy)
    return None


class SchemaGrown(Exception):  # noqa: N818  # no error: it asks for a new object
    """Raised by an encoder when rows need another schema than the object has; it has taken none of them in.

    Attributes:
        schema: What the next object's encoder is to be made with.
    """

    def __init__(self, schema: object) -> None:
        super().__init__("the rows need a new object with another schema")
        self.schema = schema


class Encoder(Protocol):
    """Turns rows into the bytes of one object; the same rows in the same order give the same bytes.

    That holds for one version of the libraries that encode: a Parquet file names the version that wrote it, say.
    """

    @property
    def schema(self) -> object:
        """What the next object's encoder is to be made with; of the format's own kind, perhaps ``None``."""

    @property
    def columns(self) -> tuple[Column, ...] | None:
        """The columns, for the manifest; ``None`` where the format does not know any."""

    @property
    def pending(self) -> int:
        """At most how many bytes `finish` would return now."""

    def encode(self, rows: Sequence[Row], *, first_row: int) -> bytes:
        """Take rows in and return the bytes that became ready, perhaps none.

        Raises:
            RowError: A row cannot be encoded; ``first_row`` is the number of the first one given.
            SchemaGrown: The rows need a new object with another schema.
        """

    def finish(self) -> bytes:
        """Return the last bytes; the encoder is spent."""


@runtime_checkable
class ArrowEncoder(Protocol):
    """What an encoder has too if it takes Arrow data as it is; others are given rows."""

    def encode_arrow(self, batch: pa.RecordBatch, *, first_row: int) -> bytes:
        """Take a batch in and return the bytes that became ready, perhaps none.

        Raises:
            RowError: A value cannot be encoded.
            SchemaGrown: The batch needs a new object with another schema.
        """


@runtime_checkable
class ColumnEncoder(Protocol):
    """What an encoder has too if it takes columns; others are given the rows that these were made of."""

    def encode_columns(self, columns: Columns, *, first_row: int) -> bytes:
        """Take in as many rows as the columns have values, and return the bytes that became ready, perhaps none.

        Raises:
            RowError: A value cannot be encoded.
            SchemaGrown: They need a new object.
        """


@runtime_checkable
class TextEncoder(Protocol):
    """What an encoder has too if it writes rows one after the other, as lines of text: it leaves compressing to others.

    Its ``encode`` and ``encode_arrow`` may be called again with some of the same rows; nothing is pending, and
    ``finish`` gives nothing. So an object ends with the very row that still fits.
    """

    @property
    def compressor(self) -> Compressor | None:
        """Compresses the object; ``None`` if it is stored as it is."""

    @property
    def line_end(self) -> bytes:
        """What each row ends with, and may hold elsewhere too."""

    def begin(self) -> bytes:
        """Return what comes before the first row; called once some rows were encoded."""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that become bytes together, on whatever thread."""

    write: Callable[[], bytes]
    """Makes the bytes; called once, perhaps while those of other groups are being made."""
    held: int
    """Bytes in memory of the rows."""
    most: int
    """At most how many bytes they become."""


@runtime_checkable
class GroupEncoder(Protocol):
    """What an encoder has too if it gathers rows to groups, and leaves it to others when and where these are written.

    Where thousands of objects are under construction at once, those that hold the most are asked for theirs early.
    """

    @property
    def held(self) -> int:
        """Bytes in memory of the rows that it holds."""

    def own(self) -> None:
        """Copy what of these is another's memory, who may change it from now on."""

    def keep(self, most: int, *, least: int) -> int:
        """Keep so many rows of the last batch that `pending` is ``most``, or less, and return how many these are.

        They are ``least`` at least, whatever is pending then; the others are as if they had not come.
        """

    def take_group(self, *, full: bool = True) -> Group | None:
        """Hand over the rows that it holds if they are a whole group, or, unless ``full``, whatever they are."""


class Format(Protocol):
    """A file format with its options."""

    @property
    def name(self) -> str:
        """Name in the manifest: ``jsonl``."""

    @property
    def compression(self) -> str:
        """Compression in the manifest: ``gzip``, ``none``."""

    @property
    def extension(self) -> str:
        """End of the keys: ``jsonl.gz``."""

    @property
    def content_type(self) -> str:
        """Media type of the objects as stored."""

    def encoder(self, schema: object = None) -> Encoder:
        """Begin one object.

        Args:
            schema: For the first object what the caller gave to ``append``, for later ones what the encoder of the
                one before said; ``None`` if there is none.
        """


_MEMBERS: Final = ("schema", "columns", "pending", "encode", "finish")
"""What an `Encoder` has."""


def encoder_of(file_format: Format, schema: object) -> Encoder:
    """Begin one object.

    Raises:
        ConfigError: What encodes it does not keep to the protocol: it would be found out in the middle of a transfer.
    """
    try:
        encoder = file_format.encoder(schema)
    except TypeError:
        if _takes_a_schema(file_format):
            raise  # the format's own
        raise _odd(file_format, "encoder() must take a schema, or None") from None
    # of a class first: a property may take its time
    missing = (name for name in _MEMBERS if not hasattr(type(encoder), name) and not hasattr(encoder, name))
    if (name := next(missing, None)) is not None:
        raise _odd(file_format, f"encoder() gives {kind_of(encoder)} without {name!r}")
    if not hasattr(encoder.pending, "__index__"):
        raise _odd(file_format, f"encoder tells {kind_of(encoder.pending)} for 'pending', not a number of bytes")
    return encoder


def _takes_a_schema(file_format: Format) -> bool:
    try:
        signature(file_format.encoder).bind(None)
    except TypeError:
        return False
    return True


def _odd(file_format: Format, fault: str) -> ConfigError:
    return unfit(file_format, f"its {fault}", remedy="Give it what the protocols Format and Encoder ask for.")


def unfit(file_format: Format, fault: str, *, remedy: str) -> ConfigError:
    """Build the error for a format of the caller's own that does not keep to the protocols."""
    message = f"The format {type(file_format).__name__} cannot be used: {fault}."
    return ConfigError(message, code="format", remedy=remedy)
