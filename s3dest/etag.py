"""ETags, as answers have them: whole or cut off, weak or not, and the MD5 of what was sent or something else."""

from __future__ import annotations

import re
from typing import Any, Final

_WEAK: Final = "W/"
"""What stands before an ETag that a proxy has made a weak one: nginx's gzip does so."""

_MD5: Final = re.compile(r"[0-9a-f]{32}")


def etag_of(answer: dict[str, Any]) -> str:
    """Return an answer's ETag, without quotes."""
    return str(answer["ETag"]).removeprefix(_WEAK).strip('"')


def is_whole(value: object) -> bool:
    """Tell an ETag, or an upload's id, from none, and from what a closed connection cut off.

    http.client takes a header that ends with the connection as it is.
    """
    text = str(value or "").removeprefix(_WEAK)
    return bool(text.strip('"')) and text.startswith('"') == text.endswith('"')


def is_md5(answer: dict[str, Any]) -> bool:
    """Tell whether an answer's ETag must be the MD5 of the bytes sent, as where no key encrypts (S3 API, "Object")."""
    encrypted = answer.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in answer
    return not encrypted and _MD5.fullmatch(etag_of(answer)) is not None
