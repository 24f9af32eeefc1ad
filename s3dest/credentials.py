"""Keys for the customer's bucket: sessions of a role, renewed in time, or the fixed keys of a user.

Nothing here knows S3. botocore asks the provider made here for keys before it signs each request.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, Credentials, ReadOnlyCredentials
from botocore.exceptions import ClientError
from botocore.handlers import BUILTIN_HANDLERS
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import Loader

from s3dest import policies, sts_problems
from s3dest.answer_limit import limit_answers
from s3dest.auth import HmacAuth, RoleAuth
from s3dest.claims import Claims
from s3dest.config import DestinationConfig
from s3dest.diagnosis import describe, explain
from s3dest.errors import S3DestError
from s3dest.identity import AmbientIdentity, Identity, WebIdentity
from s3dest.names import partition_of
from s3dest.options import TransferOptions
from s3dest.privacy import Masked, calling
from s3dest.retry import Clock

if TYPE_CHECKING:
    from types_boto3_sts import STSClient

log = logging.getLogger(__name__)

Purpose = Literal["append", "setup-check", "audit", "nothing"]
"""What a session is for: how far it is narrowed. ``"audit"``: not at all. ``"nothing"``: to nothing."""

_NOTHING: Final[policies.Policy] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
}

LONGEST_WINDOW: Final = 900.0
"""Seconds before the end from which a new session is tried for, at most: botocore's own advisory window."""

SHORTEST_MAXIMUM: Final = 3600
"""Seconds that every role grants: the least MaxSessionDuration, and the most under role chaining (IAM user guide)."""

GLOBAL_STS: Final = "https://sts.amazonaws.com"
"""Chosen by botocore before 1.40, or where the environment says "legacy"; opt-in regions refuse its tokens."""

_TOO_LONG: Final = re.compile(r"MaxSessionDuration|role chaining|1 hour session limit", re.IGNORECASE)
_NOT_IN_SESSION_NAME: Final = re.compile(r"[^\w+=,.@-]", re.ASCII)


class _Loader(Loader):
    """AWS's API descriptions, read once.

    Each boto3 session appends its own folder to its loader's search paths, which must not grow with every destination.
    """

    @property
    def search_paths(self) -> list[str]:
        return list(super().search_paths)


class _Shared:
    """What all sessions have in common: without it each would cost 12 MiB and a quarter of a second."""

    def __init__(self) -> None:
        self.loader = _Loader()
        self.creating = threading.Lock()
        """boto3's sessions are not safe for creating clients in several threads at once."""
        self._hooks: tuple[list[object], HierarchicalEmitter] | None = None

    def hooks(self) -> HierarchicalEmitter:
        """Copy botocore's own event handlers, whose registration is half of what a session costs.

        A test library may change the list at any time, as moto does; then they are registered anew.
        """
        hooks = self._hooks
        if hooks is None or hooks[0] != BUILTIN_HANDLERS:
            hooks = list(BUILTIN_HANDLERS), HierarchicalEmitter()
            botocore.session.Session(event_hooks=hooks[1])
            self._hooks = hooks  # when it is whole: other threads may come meanwhile
        return copy.copy(hooks[1])

    def after_fork(self) -> None:
        """Forget a lock that another thread of the parent may have held."""
        self.creating = threading.Lock()


_shared: Final = _Shared()
os.register_at_fork(after_in_child=_shared.after_fork)


def session_with(provider: CredentialProvider | None) -> boto3.Session:
    """Make a session that takes its keys from ``provider`` alone, whatever the environment offers."""
    session = botocore.session.Session(
        # A profile in the environment is the vendor's, and says nothing about the customer's bucket.
        session_vars={"profile": (None, None, None, None)},
        event_hooks=_shared.hooks(),
        include_builtin_handlers=False,
    )
    session.register_component("data_loader", _shared.loader)
    session.register_component("credential_provider", CredentialResolver([provider] if provider else []))
    return boto3.Session(botocore_session=session)


def provider_for(
    config: DestinationConfig, identity: Identity, options: TransferOptions, *, purpose: Purpose, clock: Clock
) -> KeyProvider:
    """Make the provider of keys that a destination's auth calls for; no request is made yet."""
    if isinstance(config.auth, HmacAuth):
        secret = config.auth.secret_access_key.get_secret_value()
        return KeyProvider(Credentials(config.auth.access_key_id, secret, method="s3dest-hmac"))
    sessions = RoleSessions(config, config.auth, identity, options, purpose=purpose, clock=clock)
    return KeyProvider(RoleCredentials(sessions.open, clock=clock))


class KeyProvider(CredentialProvider):
    """Hands one credentials object to botocore's resolver."""

    METHOD = "s3dest"
    CANONICAL_NAME = "custom-s3dest"

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self.credentials = credentials

    def load(self) -> Credentials:
        """Return the credentials; called by botocore."""
        return self.credentials

    @property
    def held_token(self) -> str | None:
        """The token of the session in use, if one is open."""
        return self.credentials.held_token if isinstance(self.credentials, RoleCredentials) else None

    def keys_in_use(self) -> Keys | None:
        """Return the keys of a session that is open now, and open one if need be; ``None`` for a user's keys."""
        return self.credentials.current() if isinstance(self.credentials, RoleCredentials) else None

    def renew(self, *, used: Keys | None) -> bool:
        """Open a new session if ``used`` is still the one in use; tell whether there are new keys."""
        if not isinstance(self.credentials, RoleCredentials):
            return False
        self.credentials.renew(used=used)
        return True


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one session."""

    frozen: ReadOnlyCredentials = field(repr=False)
    life: float
    """Seconds from the opening to the end."""
    end: float
    """When they die, on the clock's scale."""


class RoleCredentials(Credentials):
    """Keys of a role, renewed one session at a time.

    From a window before the end on, which is scaled to the session's life, one thread opens a new session while the
    others go on with the old keys. If STS fails, the old keys are used to their end, and STS is asked again after a
    wait that doubles. Only without valid keys does every thread wait, and the failure is raised.
    """

    def __init__(self, open_session: Callable[[], Keys], *, clock: Clock) -> None:
        # botocore's constructor would store keys; here they are properties
        self.method = "s3dest-role"
        self.account_id = None
        self._open = open_session
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Keys | None = None
        self._renew_from = 0.0
        self._failures = 0
        self._last_failure: S3DestError | None = None

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return keys that are valid now; called by botocore for each request.

        Raises:
            CredentialsError: There are no valid keys, and STS gave none.
        """
        return self.current().frozen

    def current(self) -> Keys:
        """Return keys that are valid now, and their session's life.

        Raises:
            CredentialsError: There are no valid keys, and STS gave none.
        """
        keys = self._keys
        if keys is None or self._is_over(keys):
            return self._wait_for_new(keys)
        if self._clock.now() >= self._renew_from and self._lock.acquire(blocking=False):
            try:
                if self._keys is keys:
                    self._try_early(keys)
                keys = self._keys or keys
            finally:
                self._lock.release()
        return keys

    def renew(self, *, used: Keys | None) -> None:
        """Open a new session, unless another thread has replaced ``used`` already."""
        if self._keys is used:
            self._wait_for_new(used)

    @property
    def held_token(self) -> str | None:
        """The token of the last session, without opening one."""
        return self._keys.frozen.token if self._keys else None

    @property
    def access_key(self) -> str:  # type: ignore[override]  # an attribute in botocore
        """The access key ID of valid keys; opens a session if need be."""
        return self.get_frozen_credentials().access_key or ""

    @property
    def secret_key(self) -> str:  # type: ignore[override]
        """The secret access key of valid keys; opens a session if need be."""
        return self.get_frozen_credentials().secret_key or ""

    @property
    def token(self) -> str | None:  # type: ignore[override]
        """The session token of valid keys; opens a session if need be."""
        return self.get_frozen_credentials().token

    def _is_over(self, keys: Keys) -> bool:
        on_the_way = min(5.0, keys.life / 100)  # a request must arrive before the keys die
        return self._clock.now() >= keys.end - on_the_way

    def _wait_for_new(self, old: Keys | None) -> Keys:
        failures = self._failures
        with self._lock:
            if self._keys is not None and self._keys is not old:
                return self._keys
            if failures != self._failures and self._last_failure is not None:
                # STS failed while this thread waited: asking again at once would only add to its load
                raise copy.copy(self._last_failure)
            try:
                return self._replace()
            except S3DestError as error:
                self._failures += 1
                self._last_failure = error
                raise

    def _replace(self) -> Keys:
        keys = self._open()
        window = min(LONGEST_WINDOW, keys.life / 4) * random.uniform(0.8, 1.0)  # noqa: S311  # jitter, no secret
        self._keys, self._renew_from, self._failures = keys, keys.end - window, 0
        return keys

    def _try_early(self, keys: Keys) -> None:
        try:
            self._replace()
        except S3DestError as error:
            self._failures += 1
            remaining = keys.end - self._clock.now()
            wait = min(keys.life / 40, 2.0**self._failures) * random.uniform(0.5, 1.5)  # noqa: S311
            self._renew_from = self._clock.now() + wait
            log.warning(
                "no new session (%s); the keys in use are valid for %.0f s, next try in %.0f s",
                error.code,
                remaining,
                wait,
            )


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
        try:
            with calling():
                answer = self._ask(token)
        except Exception as error:  # noqa: BLE001  # botocore's errors have no common base
            claims = Claims.of(token.text) if token else None
            failure = explain(
                error,
                self._config,
                operation=self._operation,
                hide=[
                    token.text if token else None,
                    self._vendor_token() if isinstance(error, ClientError) else None,
                ],
                claims=claims,
            )
        else:
            return self._keys(answer, started)
        raise failure

    def _fetch_token(self) -> Masked:
        assert isinstance(self._identity, WebIdentity)  # noqa: S101  # for mypy
        try:
            return Masked(self._identity.fetch())
        except S3DestError:
            raise
        except Exception as error:
            # the vendor's own code or file: whatever it raises is its affair, and chained
            said = type(error).__name__
            raise describe(sts_problems.TOKEN_SOURCE, self._config, operation=self._operation, said=said) from error

    def _vendor_token(self) -> str | None:
        """Return the token of the vendor's own session, which an answer may repeat."""
        session = isinstance(self._identity, AmbientIdentity) and (self._identity.session or boto3.DEFAULT_SESSION)
        with contextlib.suppress(Exception):  # it signed the request, so that it was there; nothing depends on it
            keys = session.get_credentials() if session else None
            return keys.get_frozen_credentials().token if keys else None
        return None

    def _ask(self, token: Masked | None) -> dict[str, Any]:
        client = self._sts()
        while True:
            try:
                if token is None:
                    return dict(client.assume_role(**self._parameters()))
                return dict(client.assume_role_with_web_identity(**self._parameters(), WebIdentityToken=token.text))
            except ClientError as error:
                message = error.response.get("Error", {}).get("Message", "")
                if self._duration <= SHORTEST_MAXIMUM or not _TOO_LONG.search(message):
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
        try:
            expiration: datetime = given["Expiration"]
            frozen = ReadOnlyCredentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        except KeyError:
            given.clear()  # half a session would be shown with the local variables
            raise describe(sts_problems.NO_SESSION, self._config, operation=self._operation) from None
        # The life by STS's own clock: this machine's may be wrong.
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        now = datetime.now(UTC)
        with contextlib.suppress(KeyError, TypeError, ValueError):
            now = parsedate_to_datetime(headers["date"])
        life = (expiration - now).total_seconds()
        if life <= 0:
            life = float(self._duration)
        return Keys(frozen, life, started + life)

    def _sts(self) -> STSClient:
        if self._client is None:
            with _shared.creating:
                self._client = self._create_client()
        return self._client

    def _create_client(self) -> STSClient:
        settings = Config(
            connect_timeout=self._options.connect_timeout.total_seconds(),
            read_timeout=self._options.read_timeout.total_seconds(),
            retries={"mode": "standard", "total_max_attempts": 1},
            parameter_validation=False,  # it refuses durations below 900 s, which test servers allow
            ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # unknown to the stubs
        )
        endpoint = self._config.sts_endpoint_url or (None if self._config.on_aws else self._config.endpoint_url)
        if isinstance(self._identity, WebIdentity):
            create, region = session_with(None).client, self._config.region
            settings = settings.merge(Config(signature_version=UNSIGNED))
        else:
            create, region = (self._identity.session or boto3).client, self._region(self._identity)
        client: STSClient = create("sts", region_name=region, endpoint_url=endpoint, config=settings)
        if endpoint is None and client.meta.endpoint_url == GLOBAL_STS:
            regional = f"https://sts.{region}.amazonaws.com"
            client = create("sts", region_name=region, endpoint_url=regional, config=settings)
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


def _narrowing(config: DestinationConfig, auth: RoleAuth, purpose: Purpose) -> str | None:
    """Write the session policy, if there is to be one."""
    if not auth.session_policy or purpose == "audit":
        return None
    return policies.compact(_NOTHING if purpose == "nothing" else policies.session(config, purpose=purpose))


def session_name(bucket: str) -> str:
    """Name a session so that the customer's CloudTrail tells who came, and where to."""
    return _NOT_IN_SESSION_NAME.sub("-", f"s3dest-{bucket}")[:64]
