"""Whether others get into the customer's role: sessions asked for as somebody who must be refused.

What STS hands out all the same is dropped at once, and narrowed to nothing in the first place.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final, Literal

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.errors import S3DestError
from s3dest.identity import Identity
from s3dest.options import TransferOptions
from s3dest.retry import Clock, Deadline, retrying
from s3dest.role_sessions import RoleSessions

Stranger = Literal["without-external-id", "with-wrong-external-id", "with-token-of-other-audience"]
Verdict = Literal["refused", "let-in", "unknown"]

SHORTEST: Final = timedelta(minutes=15)
"""The shortest session that STS gives (AssumeRole, STS API reference)."""

_LONGEST_EXTERNAL_ID: Final = 1224  # AssumeRole, STS API reference


def assume_as(
    stranger: Stranger,
    config: DestinationConfig,
    auth: RoleAuth,
    identity: Identity,
    options: TransferOptions,
    *,
    clock: Clock,
) -> tuple[Verdict, S3DestError | None]:
    """Ask STS for a session that it must refuse: ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``.

    The session's name tells the customer's CloudTrail why.

    Returns:
        ``refused`` on a plain AccessDenied only (for a token also where its audience is named), with the error unless
        somebody was let in.
    """
    changes: dict[str, object] = {
        "session_name": f"s3dest-check-{stranger}",
        "duration": min(auth.duration, SHORTEST),
        "external_id": wrong(auth.external_id) if stranger == "with-wrong-external-id" and auth.external_id else None,
    }
    sessions = RoleSessions(config, auth.model_copy(update=changes), identity, options, purpose="nothing", clock=clock)
    try:
        deadline = Deadline(options.deadline, clock).begin()
        retrying(deadline, clock=clock, what=f"AssumeRole {stranger}", on_retry=lambda: None)(sessions.open)
    except S3DestError as error:
        refused = error.aws_code == "AccessDenied" or error.code == "token_audience"
        return ("refused" if refused else "unknown"), error
    finally:
        sessions.close()
    return "let-in", None


def wrong(external_id: str) -> str:
    """Make a wrong external id that a condition with a wildcard at the end of the right one would take."""
    end = f"-wrong-{secrets.token_hex(4)}"
    return external_id[: _LONGEST_EXTERNAL_ID - len(end)] + end
