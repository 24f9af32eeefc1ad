"""Keys: which transfer an object belongs to and which bytes it holds. No value can leave the prefix.

A key depends on the identity of the transfer and on the bytes, never on the clock or the attempt, so that a
repetition meets its own objects.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from s3dest.errors import ConfigError
from s3dest.names import MAX_KEY_BYTES

PROBE_FOLDER: Final = ".s3dest-probe"
"""Folder of the check's probes under the prefix; query engines skip folders that begin with a dot."""

MANIFEST_FOLDER: Final = "_manifests"
"""Folder of the manifests under the prefix; query engines skip folders that begin with an underscore."""

DIGEST_LENGTH: Final = 24
"""Hex digits of the SHA-256 in a key: 96 bits, beyond any accident."""

LONGEST_EXTENSION: Final = 24
"""Characters at the end of a key; what else is in it must leave room for them."""

_ODD: Final = re.compile(rb"[^A-Za-z0-9._-]")
_UUID7: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_MAX_NUMBER: Final = 99_999  # five digits in the key, so that keys sort


def new_transfer_id() -> str:
    """Make a UUIDv7 (RFC 9562): milliseconds since the epoch, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    number = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(UUID(int=number))


def instant_in(transfer_id: str) -> dt.datetime | None:
    """Tell the UTC instant inside a UUIDv7; ``None`` for any other kind of id."""
    if not _UUID7.fullmatch(transfer_id):
        return None
    milliseconds = UUID(transfer_id).int >> 80
    try:
        return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    except (OverflowError, ValueError):  # 48 bits reach beyond the year 9999
        return None


def escape(text: str) -> str:
    """Escape all but ``A-Z a-z 0-9 . _ -`` as ``%XX`` of UTF-8, and a leading dot or underscore: reversible, ASCII.

    Undone by `urllib.parse.unquote`. Ids are shown so, too, lest one that holds a line break forges a line of a log.
    """
    escaped = _ODD.sub(lambda match: b"%%%02X" % match[0][0], text.encode()).decode()
    return f"%{ord(escaped[0]):02X}{escaped[1:]}" if escaped[:1] in {".", "_"} else escaped


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one transfer to one table lies."""

    key_prefix: str
    """Empty, or the destination's prefix and a slash."""
    table: str
    transfer_id: str
    transfer_date: dt.date

    def data_key(self, *, writer_id: int, number: int, digest: str, extension: str, folders: str = "") -> str:
        """Name an object.

        Args:
            writer_id: Which writer of the transfer made it.
            number: Its place among the writer's objects, from 0.
            digest: Its SHA-256 in hex.
            extension: What its format says.
            folders: Those of its partition, each with a slash.
        """
        name = f"{escape(self.transfer_id)}-{writer_id:05d}-{number:05d}-{digest[:DIGEST_LENGTH]}.{extension}"
        return f"{self.key_prefix}{escape(self.table)}/dt={self.transfer_date.isoformat()}/{folders}{name}"

    @property
    def longest_key(self) -> str:
        """A key as long as any object's, but for the folders of a partition."""
        return self.data_key(
            writer_id=_MAX_NUMBER, number=_MAX_NUMBER, digest="0" * 64, extension="x" * LONGEST_EXTENSION
        )

    @property
    def instant(self) -> dt.datetime:
        """When the transfer began, for all that its identity tells: the instant in a UUIDv7, else midnight UTC."""
        return instant_in(self.transfer_id) or dt.datetime.combine(self.transfer_date, dt.time(), dt.UTC)

    @property
    def manifest_key(self) -> str:
        """Name of the manifest."""
        folder = f"{self.key_prefix}{MANIFEST_FOLDER}/{escape(self.table)}/dt={self.transfer_date.isoformat()}"
        return f"{folder}/manifest_{escape(self.transfer_id)}.json"


def plan(
    key_prefix: str, table: str, *, transfer_id: str | None, transfer_date: dt.date | str | None, writer_id: int
) -> Layout:
    """Decide where a transfer lies; refuse what has no place.

    Raises:
        ConfigError: A table name that engines would skip, an id without a date, a key above S3's limit.
    """
    if not isinstance(table, str) or not table:
        message = "The table needs a name."
        raise ConfigError(message, code="table_name", remedy="Name the table by a text that is not empty.")
    if table[0] in {"_", "."}:
        message = f"The table name {table!r} begins with {table[0]!r}: query engines skip such folders."
        raise ConfigError(message, code="table_name", remedy="Choose a name that begins with a letter or a digit.")
    if type(writer_id) is not int or not 0 <= writer_id <= _MAX_NUMBER:
        message = f"writer_id must be a whole number from 0 to {_MAX_NUMBER}."
        raise ConfigError(message, code="writer_id", remedy="Number the writers of a transfer from 0.")
    if transfer_id is not None and (not isinstance(transfer_id, str) or not transfer_id):
        message = "transfer_id must be a text that is not empty, or None for a new UUIDv7."
        remedy = "Leave it out for a new one, or give the id that the transfer had before."
        if isinstance(transfer_id, UUID):
            remedy = "Give its text: str(transfer_id)."
        raise ConfigError(message, code="transfer_id", remedy=remedy)
    identity = transfer_id or new_transfer_id()
    layout = Layout(key_prefix, table, identity, _date(identity, transfer_date))
    _check_length(layout)
    return layout


def _date(transfer_id: str, given: dt.date | str | None) -> dt.date:
    if isinstance(given, dt.datetime):
        message = "transfer_date is a datetime; in which zone its day counts is for you to say."
        raise ConfigError(message, code="transfer_date", remedy="Pass a date, or its ISO text.")
    if isinstance(given, dt.date):
        return given
    if given is not None:
        try:
            return dt.date.fromisoformat(given)
        except (TypeError, ValueError):
            message = "transfer_date must be a datetime.date or its ISO text, such as '2026-11-23'."
            raise ConfigError(
                message, code="transfer_date", remedy="Leave it out where the transfer id is a UUIDv7."
            ) from None
    if (inside := instant_in(transfer_id)) is not None:
        return inside.date()
    message = f"The transfer id {transfer_id!r} is no UUIDv7 and so holds no date."
    remedy = "Pass transfer_date too, the same at every attempt: a retry after midnight must meet the same keys."
    raise ConfigError(message, code="transfer_date", remedy=remedy)


def _check_length(layout: Layout) -> None:
    try:
        size = max(len(layout.longest_key.encode()), len(layout.manifest_key.encode()))
    except UnicodeEncodeError:
        message = "The table name or transfer id holds half a surrogate pair, which no key can hold."
        raise ConfigError(message, code="key_not_text", remedy="Give texts that can be encoded as UTF-8.") from None
    if size > MAX_KEY_BYTES:
        message = f"The keys of this transfer would have up to {size} bytes; S3 allows {MAX_KEY_BYTES}."
        raise ConfigError(message, code="key_too_long", remedy="Shorten the prefix, the table name or the transfer id.")


def probe_key(key_prefix: str) -> str:
    """Name a probe that no other check uses."""
    return f"{key_prefix}{PROBE_FOLDER}/probe_{new_transfer_id()}"
