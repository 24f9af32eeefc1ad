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
    """Names of headers, by what stands for their values."""
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
        places = {f"s3destPlaceOfHeader{number}": name for number, name in enumerate([TOKEN, *own])}
        cut = re.compile(f"({'|'.join([_KEY, *places])})")
        auth = S3SigV4Auth(_NO_KEYS, service, region)
        texts, signed = [], []
        for names in (own, [TOKEN, *own]):
            given = {name: place for place, name in places.items() if name in names}
            request = AWSRequest("PUT", url + _KEY, {**same, **given})
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
        # no local variable holds the token
        return "".join(
            [
                key if piece == _KEY else _trimmed(headers[self.places[piece]]) if piece in self.places else piece
                for piece in self.texts[TOKEN in headers]
            ]
        )

    def is_botocores(self, url: str, key: str, headers: Mapping[str, str]) -> bool:
        """Tell whether botocore, too, would sign just that of a request to an address."""
        names = self.names(headers).split(";")
        request = AWSRequest("PUT", url, {name: headers[name] for name in names if name in headers})
        return S3SigV4Auth(_NO_KEYS, self.service, self.region).canonical_request(request) == self.fill(key, headers)


def _trimmed(value: str) -> str:
    return " ".join(value.split())  # as SigV4 has it
