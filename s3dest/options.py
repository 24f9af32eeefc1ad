"""The vendor's tuning: sizes, concurrency, time limits. None of it is the customer's business."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import Field, PositiveInt

from s3dest.config import DestinationConfig
from s3dest.model import Model

MIB: Final = 1024 * 1024

MAX_PUT: Final = 5 * 1024 * MIB
"""Bytes in one PutObject (S3 user guide, "Amazon S3 multipart upload limits")."""

MIN_PART: Final = 5 * MIB
"""Bytes of every multipart part but the last (same page)."""

_MAX_WAIT: Final = timedelta(days=1)
"""A round bound below 2**31 ms: a longer wait at a socket (poll) ends at odd times, or at once."""

_Positive = Annotated[timedelta, Field(gt=timedelta(0))]
_Wait = Annotated[timedelta, Field(gt=timedelta(0), le=_MAX_WAIT)]


class TransferOptions(Model):
    """How a destination works; the defaults suit a service of many destinations. Sizes are bytes."""

    object_size: int = Field(default=128 * MIB, ge=1, le=MAX_PUT)
    """An object is closed when it has this many bytes, as stored (compressed)."""

    object_rows: PositiveInt | None = None
    """An object is closed when it has this many rows. Default: no limit."""

    object_age: _Positive | None = None
    """An object is closed when its first row is this old, at the next write. Default: no limit."""

    part_size: int = Field(default=8 * MIB, ge=MIN_PART, le=MAX_PUT)
    """Size of the parts in which a large object goes up; S3 asks for 5 MiB at least."""

    max_memory: int = Field(default=256 * MIB, ge=1)
    """What all transfers of a destination together may hold in memory."""

    concurrency: int = Field(default=8, ge=1, le=256)
    """How many requests of a destination may be under way at once."""

    manifest: bool = True
    """Whether each transfer ends with a manifest. Without one, nobody can tell a transfer from half of it."""

    checksums: Literal["auto", "aws", "md5"] = "auto"
    """Which checksums requests carry: `aws` is SHA-256 for a put and CRC32 for parts, `md5` is Content-MD5, known to
    every store. Default: `aws` on AWS, `md5` elsewhere."""

    deadline: _Positive = timedelta(minutes=5)
    """How long one request may take with all its tries, from the first one on: when it is over, none begins. One under
    way is not cut off, so that a slow network can bring up a large object: it ends at the latest one `read_timeout`
    after the deadline (two, if a session is opened for it) or, if that is later, after its last byte has gone, be it
    that the answer trickles in. Waiting for its turn (`concurrency`) before the first try does not count."""

    connect_timeout: _Wait = timedelta(seconds=10)
    """How long one try may take to connect to each address that a name has, and a new connection to take more of the
    request's bytes; at most a day."""

    read_timeout: _Wait = timedelta(seconds=60)
    """How long one try waits for the next byte of the answer, and a connection used before to take more bytes;
    at most a day."""


def checksums_of(config: DestinationConfig, options: TransferOptions) -> Literal["aws", "md5"]:
    """Choose the form of checksums: as the options say, as the store is known to take, or as stores of its kind do."""
    if options.checksums != "auto":
        return options.checksums
    known = config.capabilities.checksums if config.capabilities else None
    return known or ("aws" if config.on_aws else "md5")


def within(limit: timedelta, options: TransferOptions) -> TransferOptions:
    """Choose the same options, but no time limit above that."""
    limits = {name: min(getattr(options, name), limit) for name in ("deadline", "connect_timeout", "read_timeout")}
    return options.model_construct(**{**dict(options), **limits})
