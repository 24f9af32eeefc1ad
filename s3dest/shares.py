"""Shares of one transfer, as their writers prepared them: whose they are, and whether they belong together."""

from __future__ import annotations

from collections.abc import Sequence

from s3dest.config import DestinationConfig
from s3dest.errors import ConfigError, StateError
from s3dest.formats.partition import folder
from s3dest.kind import kind_of
from s3dest.layout import Layout, escape
from s3dest.prepared import PreparedAppend


def is_of(share: PreparedAppend, config: DestinationConfig) -> bool:
    """Tell whether a share was prepared for a destination."""
    return (share.endpoint_url, share.bucket, share.prefix) == (config.endpoint_url, config.bucket, config.prefix)


def identity(of: PreparedAppend | Layout) -> tuple[object, ...]:
    """Return what tells one destination's transfers apart."""
    return (of.table, of.transfer_id, of.transfer_date)


def layout_of(prepared: Sequence[PreparedAppend], config: DestinationConfig) -> Layout:
    """Tell which transfer these are shares of.

    Raises:
        ConfigError: There is none, they are of several, or not of this destination.
    """
    if not prepared:
        message = "There is nothing to commit or abort: no prepared append was given."
        raise ConfigError(message, code="prepared", remedy="Give what prepare() returned.")
    first = prepared[0]
    for share in prepared:
        if not isinstance(share, PreparedAppend):
            message = f"Give PreparedAppends, each as an argument of its own, not {kind_of(share)}."
            raise ConfigError(message, code="prepared", remedy="For a list of them, write commit(*shares).")
        if not is_of(share, config):
            there, here = _places(share, config)
            message = f"This append was prepared for {there}, not for {here}."
            raise ConfigError(
                message,
                code="prepared_elsewhere",
                remedy="Use a destination with the endpoint_url, bucket and prefix that it was prepared for.",
            )
        if _kind(share) != _kind(first):
            message = "These were prepared for different transfers, tables, dates or formats."
            raise ConfigError(message, code="prepared_mixed", remedy="Commit each transfer by itself.")
    layout = Layout(config.key_prefix, first.table, first.transfer_id, first.transfer_date)
    for share in prepared:
        if len({item.number for item in share.objects}) < len(share.objects):
            message = f"The prepared append of writer {share.writer_id} names an object twice."
            raise ConfigError(
                message,
                code="prepared_altered",
                remedy="Give it as prepare() returned it; its JSON was changed where it was kept.",
            )
        for item in share.objects:
            key = layout.data_key(
                writer_id=share.writer_id,
                number=item.number,
                digest=item.sha256,
                extension=share.extension,
                folders=folder(item.partition),
            )
            if item.key != key:
                message = f"The prepared append names the key {item.key!r}, which is not that of its bytes."
                raise ConfigError(
                    message,
                    code="prepared_altered",
                    remedy="Give it as prepare() returned it; its JSON was changed where it was kept.",
                )
    return layout


def require_among(entry: Sequence[PreparedAppend], *writers: int) -> None:
    """See that a transfer that was finished from the journal has the writers' rows, in this attempt or an earlier one.

    Raises:
        StateError: It has not.
    """
    there = {share.writer_id for share in entry}
    if there.issuperset(writers):
        return
    names = [", ".join(map(str, sorted(ids))) for ids in (there, set(writers) - there)]
    shown = escape(entry[0].transfer_id)
    message = f"Transfer {shown} is committed, by its writers {names[0]}, without the rows of {names[1]}."
    remedy = "Let each writer prepare(), and commit all shares at once; what is left over needs another transfer id."
    raise StateError(message, code="other_writers", remedy=remedy)


def _places(share: PreparedAppend, config: DestinationConfig) -> tuple[str, str]:
    """Name where a share belongs and where the destination is: by their stores, too, if only these differ."""
    if (share.bucket, share.prefix) != (config.bucket, config.prefix):
        return f"s3://{share.bucket}/{share.prefix}", config.uri
    stores = ("AWS" if url is None else repr(url) for url in (share.endpoint_url, config.endpoint_url))
    there, here = (f"{config.uri} at {store}" for store in stores)
    return there, here


def _kind(share: PreparedAppend) -> tuple[object, ...]:
    return (*identity(share), share.format, share.compression, share.extension)
