"""What a store can do, as a check found it: a part of the report, and worth keeping in the config."""

from __future__ import annotations

from typing import Literal

from s3dest.model import Model


class Capabilities(Model):
    """What a store can do; `null` where it was not tried.

    Kept in `DestinationConfig.capabilities`, it says which form of requests the store takes, and that a store which
    does not enforce append-only is used knowingly.
    """

    conditional_put: bool | None = None
    """Whether a put with `If-None-Match: *` refuses to overwrite."""

    conditional_complete: bool | None = None
    """Whether completing a multipart upload with `If-None-Match: *` refuses to overwrite."""

    checksums: Literal["aws", "md5"] | None = None
    """The checksums that the store took: `aws` is SHA-256 and CRC32, `md5` is Content-MD5."""

    addressing: Literal["virtual", "path"] | None = None
    """Where the bucket stood in the address: in the host name or in the path."""

    @property
    def weaknesses(self) -> tuple[str, ...]:
        """What keeps the store from enforcing append-only: names of fields that are false."""
        return tuple(name for name in ("conditional_put", "conditional_complete") if getattr(self, name) is False)

    def accepts(self, weakness: str) -> bool:
        """Tell whether a weakness is known here: whoever keeps these capabilities uses the store knowingly."""
        return weakness in self.weaknesses
