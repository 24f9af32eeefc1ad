"""STS: sessions that expire on the test's clock. Whether an identity token is signed is not looked at."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from itertools import count
from typing import Literal

from fake.clock import ManualClock
from fake.messages import Answer, Request

_TOO_LONG = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."


@dataclass(frozen=True, slots=True)
class Session:
    """The keys of one session, or of a user."""

    token: str | None = field(repr=False)
    end: float
    policy: str | None = None
    """The inline session policy."""

    def allows(self, action: str, resource: str) -> bool:
        """Tell whether the session policy does; its conditions are not looked at."""
        if self.policy is None:
            return True
        statements = json.loads(self.policy)["Statement"]
        return any(action in each["Action"] and fnmatchcase(resource, each["Resource"]) for each in statements)


class Sts:
    """One role that demands one external id.

    Attributes:
        external_id: What AssumeRole must bring; ``None`` for nothing.
        condition: How the trust policy compares it: with StringEquals, StringEqualsIfExists, StringLike and a wildcard,
            or not at all.
        longest: Seconds of the longest session: the role's MaxSessionDuration.
        too_long: What STS says to a longer one.
        tokens: The identity tokens it takes; ``None`` for any.
        sessions: All sessions opened, by access key; the keys of a user may be added.
    """

    def __init__(self, clock: ManualClock, *, role_arn: str, external_id: str | None) -> None:
        self.role_arn = role_arn
        self.external_id = external_id
        self.condition: Literal["equals", "if-exists", "like", "none"] = "equals"
        self.longest = 3600
        self.too_long = _TOO_LONG
        self.tokens: set[str] | None = None
        self.sessions: dict[str, Session] = {}
        self._clock = clock
        self._numbers = count(1)

    def answer(self, request: Request) -> Answer:
        """Open a session, or refuse to."""
        given = request.form
        lets_in: Callable[[Request], bool] = getattr(self, f"_{request.operation}")
        if given["RoleArn"] != self.role_arn or not lets_in(request):
            return Answer.sts_error(403, "AccessDenied", f"Not authorized to perform sts:{request.operation}")
        duration = int(given["DurationSeconds"])
        if duration > self.longest:
            return Answer.sts_error(400, "ValidationError", self.too_long)
        return self._open(request.operation, duration, given.get("Policy"))

    def _AssumeRole(self, request: Request) -> bool:  # noqa: N802  # AWS's name
        given = request.form.get("ExternalId")
        passes = {
            "equals": given == self.external_id,
            "if-exists": given in {None, self.external_id},
            "like": given is not None and given.startswith(self.external_id or ""),
            "none": True,
        }
        return request.access_key is not None and passes[self.condition]

    def _AssumeRoleWithWebIdentity(self, request: Request) -> bool:  # noqa: N802  # AWS's name
        return request.access_key is None and (self.tokens is None or request.form["WebIdentityToken"] in self.tokens)

    def _open(self, operation: str, duration: int, policy: str | None) -> Answer:
        number = next(self._numbers)
        access_key, token = f"ASIAFAKE{number:012d}", f"session-token-{number}-SECRETTOKEN"
        self.sessions[access_key] = Session(token, self._clock.now() + duration, policy)
        end = (self._clock.utc + timedelta(seconds=duration)).strftime("%Y-%m-%dT%H:%M:%SZ")
        keys = (
            f"<AccessKeyId>{access_key}</AccessKeyId><SecretAccessKey>session-SECRETKEY-{number}</SecretAccessKey>"
            f"<SessionToken>{token}</SessionToken><Expiration>{end}</Expiration>"
        )
        xml = (
            f"<{operation}Response><{operation}Result><Credentials>{keys}</Credentials></{operation}Result>"
            f"<ResponseMetadata><RequestId>R2</RequestId></ResponseMetadata></{operation}Response>"
        )
        return Answer(200, body=xml.encode())
