"""Sessions of a customer's role, as STS gives them out."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError

from s3dest import policies, sts_problems
from s3dest.answer_limit import limit_answers
from s3dest.auth import RoleAuth
from s3dest.claims import Claims
from s3dest.config import DestinationConfig
from s3dest.diagnosis import describe, explain
from s3dest.errors import S3DestError
from s3dest.identity import AmbientIdentity, Identity, WebIdentity
from s3dest.names import partition_of, session_name
from s3dest.options import TransferOptions
from s3dest.privacy import Masked, calling
from s3dest.retry import Clock
from s3dest.sdk import session_with, shared

if TYPE_CHECKING:
    from types_boto3_sts import STSClient

log = logging.getLogger(__name__)

Purpose = Literal["append", "setup-check", "audit", "nothing"]
"""What a session is for: how far it is narrowed. ``"audit"``: not at all. ``"nothing"``: to nothing."""

_NOTHING: Final[policies.Policy] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
}

SHORTEST_MAXIMUM: Final = 3600
"""Seconds that every role grants: the least MaxSessionDuration, and the most under role chaining (IAM user guide)."""

GLOBAL_STS: Final = "https://sts.amazonaws.com"
"""Chosen by botocore before 1.40, or where the environment says "legacy"; opt-in regions refuse its tokens."""

_OF_A_SESSION: Final = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")

_TOO_LONG: Final = re.compile(r"MaxSessionDuration|role chaining|1 hour session limit", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one session."""

    frozen: ReadOnlyCredentials = field(repr=False)
    life: float
    """Seconds from the opening to the end."""
    end: float
    """When they die, on the clock's scale."""


class RoleSessions:
    """Opens sessions of one customer's role at STS: ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``."""

    def __init__(
        self,
        config: DestinationConfig,
        auth: RoleAuth,
        identity: Identity,
        options: TransferOptions,
        *,
        purpose: Purpose,
        clock: Clock,
    ) -> None:
        self._config = config
        self._auth = auth
        self._identity = identity
        self._options = options
        self._clock = clock
        self._duration = int(auth.duration.total_seconds())
        self._policy = _narrowing(config, auth, purpose)
        self._client: STSClient | None = None
        self._session: boto3.Session | None = None  # the vendor's, that the client was made of

    @property
    def _operation(self) -> Literal["AssumeRole", "AssumeRoleWithWebIdentity"]:
        return "AssumeRoleWithWebIdentity" if isinstance(self._identity, WebIdentity) else "AssumeRole"

    def open(self) -> Keys:
        """Ask STS for a session; ask for less where STS says that the role or role chaining allows less.

        Raises:
            CredentialsError: STS refused, cannot be reached, or the vendor's own credentials are missing.
        """
        token = self._fetch_token() if isinstance(self._identity, WebIdentity) else None
        started = self._clock.now()
        has_own = False
        try:
            with calling():
                client = self._sts()
                self._own_keys()
                has_own = True
                answer = self._ask(client, token)
        except Exception as error:  # noqa: BLE001  # botocore's errors have no common base
            claims = Claims.of(token.text) if token else None
            failure = explain(
                error,
                self._config,
                operation=self._operation,
                hide=[
                    token.text if token else None,
                    self._own_token() if has_own and isinstance(error, ClientError) else None,
                ],
                claims=claims,
                own_keys=not has_own,
            )
        else:
            return self._keys(answer, started)
        try:
            raise failure
        finally:
            del failure  # lest its traceback and this frame keep each other alive, and the caller's with them

    def close(self) -> None:
        """Close the connections to STS; they are opened again where another session is asked for."""
        with shared.creating:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _fetch_token(self) -> Masked:
        assert isinstance(self._identity, WebIdentity)  # noqa: S101  # for mypy
        try:
            return Masked(self._identity.fetch())
        except S3DestError:
            raise
        except Exception as error:
            # the vendor's own code or file: whatever it raises is its affair, and chained; what was given as a file's
            # path may be a token
            of_file = isinstance(error, OSError) and not callable(self._identity.token)
            said = str(error.strerror) if of_file else type(error).__name__  # type: ignore[attr-defined]
            raise describe(
                sts_problems.TOKEN_SOURCE,
                self._config,
                operation=self._operation,
                said=said,
                speaker="The token file" if of_file else "The source",
            ) from error

    def _own_keys(self) -> ReadOnlyCredentials | None:
        """Return the vendor's own, for which botocore may ask STS or read a file: what fails then is the vendor's."""
        keys = self._session.get_credentials() if self._session else None
        return keys.get_frozen_credentials() if keys else None

    def _own_token(self) -> str | None:
        """Return the token of the vendor's own session, which an answer may repeat."""
        with contextlib.suppress(Exception):  # it signed the request, so that it was there; nothing depends on it
            keys = self._own_keys()
            return keys.token if keys else None
        return None

    def _ask(self, client: STSClient, token: Masked | None) -> dict[str, Any]:
        while True:
            try:
                if token is None:
                    return dict(client.assume_role(**self._parameters()))
                return dict(client.assume_role_with_web_identity(**self._parameters(), WebIdentityToken=token.text))
            except ClientError as error:
                if self._duration <= SHORTEST_MAXIMUM or not _is_too_long(error):
                    raise
                log.info(
                    "sessions of %s shall last %d s, not %d", self._auth.role_arn, SHORTEST_MAXIMUM, self._duration
                )
                self._duration = SHORTEST_MAXIMUM

    def _parameters(self) -> dict[str, Any]:
        parameters: dict[str, Any] = {
            "RoleArn": self._auth.role_arn,
            "RoleSessionName": self._auth.session_name or session_name(self._config.bucket),
            "DurationSeconds": self._duration,
        }
        if self._policy is not None:
            parameters["Policy"] = self._policy
        if isinstance(self._identity, AmbientIdentity) and self._auth.external_id is not None:
            parameters["ExternalId"] = self._auth.external_id
        return parameters

    def _keys(self, answer: dict[str, Any], started: float) -> Keys:
        given = answer.get("Credentials") or {}
        if not all(given.get(name) for name in _OF_A_SESSION):
            given.clear()  # half a session would be shown with the local variables
            raise describe(sts_problems.NO_SESSION, self._config, operation=self._operation)
        frozen = ReadOnlyCredentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        end: datetime = given["Expiration"]
        expiration = _in_utc(end)
        # The life by STS's own clock: this machine's may be wrong.
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        now = datetime.now(UTC)
        with contextlib.suppress(KeyError, TypeError, ValueError):
            now = _in_utc(parsedate_to_datetime(headers["date"]))
        life = (expiration - now).total_seconds()
        if life <= 0:
            life = float(self._duration)
        return Keys(frozen, life, started + life)

    def _sts(self) -> STSClient:
        client = self._client
        if client is None:
            with shared.creating:
                client = self._client = self._create_client()
        return client

    def _create_client(self) -> STSClient:
        settings = Config(
            connect_timeout=self._options.connect_timeout.total_seconds(),
            read_timeout=self._options.read_timeout.total_seconds(),
            retries={"mode": "standard", "total_max_attempts": 1},
            parameter_validation=False,  # it refuses durations below 900 s, which test servers allow
            ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # unknown to the stubs
        )
        endpoint = self._config.sts_url
        if isinstance(self._identity, WebIdentity):
            create, region = session_with(None).client, self._config.region
            settings = settings.merge(Config(signature_version=UNSIGNED))
        else:
            create, region = (self._identity.session or boto3).client, self._region(self._identity)
        client: STSClient = create("sts", region_name=region, endpoint_url=endpoint, config=settings)
        if endpoint is None and client.meta.endpoint_url == GLOBAL_STS:
            regional = f"https://sts.{region}.amazonaws.com"
            client = create("sts", region_name=region, endpoint_url=regional, config=settings)
        if isinstance(self._identity, AmbientIdentity):
            self._session = self._identity.session or boto3.DEFAULT_SESSION
        limit_answers(client)
        return client

    def _region(self, identity: AmbientIdentity) -> str:
        """Ask STS in the vendor's own region where that is in the bucket's partition, else in the bucket's.

        An STS of an opt-in region serves only callers whose account has opted in, too.
        """
        session = identity.session or boto3.DEFAULT_SESSION
        own = (
            (session.region_name if session else None)
            or os.environ.get("AWS_REGION")
            or os.environ.get("AWS_DEFAULT_REGION")
        )
        return own if own and partition_of(own) == partition_of(self._config.region) else self._config.region


def _is_too_long(error: ClientError) -> bool:
    """Tell whether a session of fewer seconds might be given; Ceph refuses too many without a word."""
    said = error.response.get("Error", {})
    message = said.get("Message") or ""
    return bool(_TOO_LONG.search(message)) or (said.get("Code") == "InvalidArgument" and not message)


def _in_utc(instant: datetime) -> datetime:
    """Read a time without a zone, as some stores write it."""
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _narrowing(config: DestinationConfig, auth: RoleAuth, purpose: Purpose) -> str | None:
    """Write the session policy, if there is to be one."""
    if not auth.session_policy or purpose == "audit":
        return None
    return policies.compact(_NOTHING if purpose == "nothing" else policies.session(config, purpose=purpose))
