"""What is signed of requests that differ in little: botocore's own text, with places for what differs.

To put that text together (AWS calls it the canonical request) takes botocore longer than to sign it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

TOKEN: Final = "x-amz-security-token"  # noqa: S105  # a header's name
DATE: Final = "x-amz-date"
PAYLOAD: Final = "x-amz-content-sha256"

_KEY: Final = "s3destPlaceOfKey"

_NO_KEYS: Final = ReadOnlyCredentials("", "", None)
"""They are not needed for what is signed, but for signing it."""


@dataclass(frozen=True, slots=True)
class CanonicalForm:
    """Canonical requests that differ in the key and in the values of some headers."""

    service: str
    region: str
    places: Mapping[str, str]
    """What stands for the value of a header, by its name."""
    texts: tuple[Sequence[str], Sequence[str]]
    """Without a session's token, and with one: cut before and after each place."""
    signed: tuple[str, str]
    """The names of the headers that are signed, likewise."""

    @classmethod
    def of(cls, url: str, same: Mapping[str, str], digest: str | None, *, service: str, region: str) -> Self:
        """Let botocore make them.

        Args:
            url: Of the bucket, with a slash at its end.
            same: The headers that are signed, and the same for all.
            digest: The header that tells the body's digest, if there is one.
            service: That they are signed for.
            region: Likewise.
        """
        own = [name for name in (DATE, PAYLOAD, digest) if name]
        places = {name: f"s3destPlaceOfHeader{number}" for number, name in enumerate([TOKEN, *own])}
        cut = re.compile(f"({'|'.join([_KEY, *places.values()])})")
        auth = S3SigV4Auth(_NO_KEYS, service, region)
        texts, signed = [], []
        for names in (own, [TOKEN, *own]):
            request = AWSRequest("PUT", url + _KEY, {**same, **{name: places[name] for name in names}})
            texts.append(cut.split(auth.canonical_request(request)))
            signed.append(auth.signed_headers(auth.headers_to_sign(request)))
        return cls(service, region, places, (texts[0], texts[1]), (signed[0], signed[1]))

    def names(self, headers: Mapping[str, str]) -> str:
        """List those of a request's headers that are signed."""
        return self.signed[TOKEN in headers]

    def fill(self, key: str, headers: Mapping[str, str]) -> str:
        """Return what is signed of a request.

        Args:
            key: The object's, as it stands in the address.
            headers: All of them, by their names in lower case.
        """
        # trimmed, as SigV4 has them
        values = {place: " ".join(headers[name].split()) for name, place in self.places.items() if name in headers}
        values[_KEY] = key
        return "".join([values.get(piece, piece) for piece in self.texts[TOKEN in headers]])

    def is_botocores(self, url: str, key: str, headers: Mapping[str, str]) -> bool:
        """Tell whether botocore, too, would sign just that of a request to an address."""
        signed = {name: headers[name] for name in self.names(headers).split(";") if name in headers}
        auth = S3SigV4Auth(_NO_KEYS, self.service, self.region)
        return auth.canonical_request(AWSRequest("PUT", url, signed)) == self.fill(key, headers)
