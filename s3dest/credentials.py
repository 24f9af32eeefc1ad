"""Keys for the customer's bucket: sessions of a role, renewed in time, or the fixed keys of a user.

Nothing here knows S3. botocore asks the provider made here for keys before it signs each request.
"""

from __future__ import annotations

import copy
import logging
import random
import threading
from collections.abc import Callable
from typing import Final

from botocore.credentials import CredentialProvider, Credentials, ReadOnlyCredentials

from s3dest.answer_time import answers_within
from s3dest.auth import HmacAuth
from s3dest.config import DestinationConfig
from s3dest.errors import S3DestError
from s3dest.identity import Identity
from s3dest.options import TransferOptions
from s3dest.retry import Clock
from s3dest.role_sessions import Keys, Purpose, RoleSessions

log = logging.getLogger(__name__)

LONGEST_WINDOW: Final = 900.0
"""Seconds before the end from which a new session is tried for, at most: botocore's own advisory window."""

_EARLY_PATIENCE: Final = 5.0
"""Seconds that STS has for an answer, at most, while the old keys are valid: a request waits for it."""


def provider_for(
    config: DestinationConfig,
    identity: Identity,
    options: TransferOptions,
    *,
    purpose: Purpose,
    clock: Clock,
    lender: KeyProvider | None = None,
) -> KeyProvider:
    """Make the provider of keys that a destination's auth calls for; no request is made yet.

    Args:
        config: Whose bucket, and how to get in.
        identity: What the vendor brings to STS.
        options: How long STS is waited for.
        purpose: What the keys are for.
        clock: By which they age.
        lender: Whose session is used while it has one that is valid.
    """
    if isinstance(config.auth, HmacAuth):
        secret = config.auth.secret_access_key.get_secret_value()
        return KeyProvider(Credentials(config.auth.access_key_id, secret, method="s3dest-hmac"))
    sessions = RoleSessions(config, config.auth, identity, options, purpose=purpose, clock=clock)
    credentials = RoleCredentials(sessions.open, clock=clock, lend=lender.valid_keys if lender else None)
    return KeyProvider(credentials, close=sessions.close)


def _nothing() -> None:
    """Close nothing: a user's keys come from nowhere."""


class KeyProvider(CredentialProvider):
    """Hands one credentials object to botocore's resolver."""

    METHOD = "s3dest"
    CANONICAL_NAME = "custom-s3dest"

    def __init__(self, credentials: Credentials, *, close: Callable[[], None] = _nothing) -> None:
        super().__init__()
        self.credentials = credentials
        self._close = close

    def close(self) -> None:
        """Close what the keys come through."""
        self._close()

    def load(self) -> Credentials:
        """Return the credentials; called by botocore."""
        return self.credentials

    @property
    def held_secrets(self) -> list[str | None]:
        """Token and secret key of the session in use, if one is open, for texts that must not have them."""
        return self.credentials.held_secrets if isinstance(self.credentials, RoleCredentials) else []

    def valid_keys(self) -> Keys | None:
        """Return the keys of a session that is open now, if one is."""
        return self.credentials.valid() if isinstance(self.credentials, RoleCredentials) else None

    def keys_in_use(self) -> Keys | None:
        """Return the keys of a session that is open now, and open one if need be; ``None`` for a user's keys."""
        return self.credentials.current() if isinstance(self.credentials, RoleCredentials) else None

    def renew(self, *, used: Keys | None) -> bool:
        """Open a new session if ``used`` is still the one in use; tell whether there are new keys."""
        if not isinstance(self.credentials, RoleCredentials):
            return False
        self.credentials.renew(used=used)
        return True


class RoleCredentials(Credentials):
    """Keys of a role, renewed one session at a time.

    From a window before the end on, which is scaled to the session's life, one thread opens a new session while the
    others go on with the old keys. If STS fails, the old keys are used to their end, and STS is asked again after a
    wait that doubles. Only without valid keys does every thread wait, and the failure is raised.
    """

    def __init__(
        self, open_session: Callable[[], Keys], *, clock: Clock, lend: Callable[[], Keys | None] | None = None
    ) -> None:
        # botocore's constructor would store keys; here they are properties
        self.method = "s3dest-role"
        self.account_id = None
        self._open = open_session
        self._lend = lend
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

    def valid(self) -> Keys | None:
        """Return keys that are valid now, without asking for any."""
        keys = self._keys
        return None if keys is None or self._is_over(keys) else keys

    def renew(self, *, used: Keys | None) -> None:
        """Open a new session, unless another thread has replaced ``used`` already."""
        if self._keys is used:
            self._wait_for_new(used)

    @property
    def held_secrets(self) -> list[str | None]:
        """Token and secret key of the last session, without opening one."""
        return [self._keys.frozen.token, self._keys.frozen.secret_key] if self._keys else []

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
                raise copy.copy(self._last_failure)  # each its own
            try:
                return self._replace()
            except S3DestError as error:
                self._failures += 1
                self._last_failure = copy.copy(error)  # without its traceback, whose frames hold the caller's rows
                raise

    def _replace(self) -> Keys:
        lent = self._lend() if self._lend else None
        # those in use are to be replaced: S3 does not take them any more
        keys = self._open() if lent is None or lent is self._keys else lent
        window = min(LONGEST_WINDOW, keys.life / 4) * random.uniform(0.8, 1.0)  # noqa: S311  # jitter, no secret
        self._keys, self._renew_from, self._failures = keys, keys.end - window, 0
        self._last_failure = None
        return keys

    def _try_early(self, keys: Keys) -> None:
        try:
            with answers_within(0, patience=min(_EARLY_PATIENCE, keys.life / 40)):
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
