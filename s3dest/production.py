"""One writer's rows on their way to objects, and the objects as a share of a transfer."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from functools import partial

from s3dest.assembly import Assembly
from s3dest.beginning import Beginning
from s3dest.commit import Transfer
from s3dest.delivery import Delivery
from s3dest.finished import FinishedObject
from s3dest.formats.encoder import Format, encoder_of, show
from s3dest.formats.partition import Partitioning, folder
from s3dest.layout import Layout, escape
from s3dest.names import MAX_KEY_BYTES
from s3dest.options import checksums_of
from s3dest.prepared import PreparedAppend, PreparedObject
from s3dest.stock import Stock
from s3dest.upload import Uploads
from s3dest.wire import OnRetry

log = logging.getLogger(__name__)


class Production:
    """Makes objects. Not safe for threads: the writer holds its lock.

    Nothing here leads back to the writer: its finaliser holds this, and would keep it alive.

    Args:
        layout: Where the transfer lies.
        delivery: With what the objects are made and brought up.
        file_format: What they are in.
        writer_id: Which writer of the transfer this is.
        schema: The columns, if the caller gave any.
        partition_by: The columns that name folders.
        on_batch: Called when rows have been encoded; may raise.
        on_retry: Called before a request is tried again.

    Raises:
        ConfigError: The partitions are none, or the schema does not go with them.
    """

    def __init__(
        self,
        layout: Layout,
        delivery: Delivery,
        *,
        file_format: Format,
        writer_id: int,
        schema: object,
        partition_by: Sequence[str],
        on_batch: Callable[[], None],
        on_retry: OnRetry,
    ) -> None:
        self._layout = layout
        self._delivery = delivery
        self._format = file_format
        self._writer_id = writer_id
        self._started = dt.datetime.now(dt.UTC)
        self._key_of = partial(_key_of, layout, writer_id, file_format.extension)
        self.stock = Stock(
            delivery.budget,
            partial(getattr, delivery, "workers"),
            partial(_make_uploads, delivery, file_format.content_type, on_retry),
            key_of=self._key_of,
            part_size=delivery.options.part_size,
            signed=not delivery.config.over_tls,
            md5=checksums_of(delivery.config, delivery.options) == "md5",
            beginning=Beginning(file_format.name, file_format.compression),
        )
        partitioning = _partitioning(partition_by, layout)
        self.is_parted = partitioning is not None
        if partitioning is not None:
            schema = partitioning.without(schema)
        if schema is not None:
            encoder_of(file_format, schema)  # says what is wrong with it, which would come out with the first rows
        self.assembly = Assembly(
            self.stock,
            delivery.options,
            delivery.clock,
            file_format=file_format,
            schema=schema,
            partitioning=partitioning,
            on_batch=on_batch,
        )

    def finish(self) -> None:
        """Close the last objects: no more rows follow."""
        self.assembly.finish(at_end=True)
        for name in sorted(self.assembly.unseen if self.assembly.rows else ()):
            log.warning(
                "transfer %s to table %r is parted by %s, of which no row has a value: all are in the folder of null",
                escape(self._layout.transfer_id),
                self._layout.table,
                show(name),
            )

    def discard(self) -> None:
        """Let go of all rows and objects; sends nothing."""
        self.assembly.discard()
        self.stock.release()

    def give_up(self) -> None:
        """Let go of all rows and objects, and abort what went up as far as that is allowed."""
        self.assembly.discard()
        self.stock.abort()

    def prepare(self) -> PreparedAppend:
        """Bring all objects up as pending uploads, and describe them.

        Raises:
            S3DestError: Something could not be sent.
        """
        config, objects = self._delivery.config, self.stock.prepare()
        return PreparedAppend(
            endpoint_url=config.endpoint_url,
            bucket=config.bucket,
            prefix=config.prefix,
            table=self._layout.table,
            transfer_id=self._layout.transfer_id,
            transfer_date=self._layout.transfer_date,
            writer_id=self._writer_id,
            format=self._format.name,
            compression=self._format.compression,
            extension=self._format.extension,
            started=self._started,
            objects=tuple(sorted(objects, key=lambda item: item.number)),
        )

    def collect(self) -> Transfer:
        """List the objects: those at hand are to be put, those gone up to be completed.

        Raises:
            S3DestError: Something could not be sent.
        """
        items: list[FinishedObject | PreparedObject] = [*self.stock.prepared(), *self.stock.at_hand]
        items.sort(key=lambda item: item.number)
        return Transfer(
            self._layout,
            self._format.name,
            self._format.compression,
            self._format.content_type,
            self._started,
            [(item.key if isinstance(item, PreparedObject) else self._key_of(item), item) for item in items],
        )


def _key_of(layout: Layout, writer_id: int, extension: str, item: FinishedObject) -> str:
    digest = item.digests.sha256.hex()
    return layout.data_key(
        writer_id=writer_id,
        number=item.number,
        digest=digest,
        extension=extension,
        folders=folder(item.partition),
    )


def _partitioning(names: Sequence[str], layout: Layout) -> Partitioning | None:
    if not isinstance(names, str) and isinstance(names, Sequence) and not names:
        return None
    return Partitioning(names, longest=MAX_KEY_BYTES - len(layout.longest_key.encode()))


def _make_uploads(delivery: Delivery, content_type: str, on_retry: OnRetry) -> Uploads:
    return Uploads(delivery.pool, content_type=content_type, budget=delivery.budget, on_retry=on_retry)
