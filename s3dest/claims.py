"""The claims in an identity token, for telling what a trust policy must name. Not verified: that is STS's affair."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claims:
    """What a trust policy compares; none of it is secret."""

    issuer: str
    subject: str
    audience: str
    expires: float | None = None
    """Seconds since 1970."""

    @classmethod
    def of(cls, token: str) -> Claims | None:
        """Read a JSON Web Token; ``None`` for anything else."""
        try:
            _, body, _ = token.split(".")
            claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
            audience = claims["aud"]
            found = claims["iss"], claims["sub"], audience[0] if isinstance(audience, list) else audience
            expires = float(claims["exp"]) if "exp" in claims else None
        except (ValueError, KeyError, TypeError, IndexError, OverflowError, binascii.Error):
            return None
        return cls(*found, expires) if all(isinstance(each, str) and each for each in found) else None
