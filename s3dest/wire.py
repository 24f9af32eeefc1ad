"""One request to one bucket: its lane, its tries, its keys renewed when they are dead, its failures explained."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from botocore import xform_name

from s3dest import denials, problems
from s3dest.answer_time import answers_within
from s3dest.client import create_client
from s3dest.config import DestinationConfig
from s3dest.credentials import KeyProvider, provider_for
from s3dest.diagnosis import describe, explain
from s3dest.errors import CredentialsError, RequestError, S3DestError
from s3dest.etag import is_whole
from s3dest.identity import Identity
from s3dest.lanes import Lanes, TooLateError
from s3dest.options import TransferOptions, within
from s3dest.piece import Piece
from s3dest.privacy import calling
from s3dest.problem import Problem
from s3dest.retry import Clock, Deadline, retrying
from s3dest.role_sessions import Keys, Purpose
from s3dest.small_puts import OPERATION, SmallPuts

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

log = logging.getLogger(__name__)

_DONE: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})

_DEAD: Final = frozenset({problems.SESSION_EXPIRED.code, problems.SIGNATURE_DIFFERS.code})
_OLD_ENOUGH: Final = 60.0
"""Seconds after which a denial makes us ask for another session: one a minute while the denial lasts."""

T = TypeVar("T")
Response = dict[str, Any]

OnRetry = Callable[[], None]
Sendable = bytes | Piece


def ignore() -> None:
    """Do nothing at a retry."""


def overlook(_error: BaseException) -> None:
    """Do nothing at a failure."""


@dataclass(frozen=True, slots=True)
class _Request:
    """What is sent, once or several times; parameters and body as `Wire.send` has them."""

    operation: str
    key: str | None
    parameters: dict[str, Any]
    body: Callable[[], Sendable] | None
    deadline: Deadline
    failures: list[S3DestError] = field(default_factory=list)
    """What the last try raised, if there was one."""


class Wire:
    """Sends requests with one boto3 client. Safe to share between threads, not between processes."""

    def __init__(
        self,
        config: DestinationConfig,
        identity: Identity,
        options: TransferOptions,
        *,
        purpose: Purpose,
        clock: Clock,
        lender: KeyProvider | None = None,
    ) -> None:
        self._config = config
        self._identity = identity
        self._options = options
        self._purpose: Purpose = purpose
        self._clock = clock
        self._lanes = Lanes(options.concurrency)
        self._doubted = -_OLD_ENOUGH  # when a session was last replaced since it was denied something
        self._replacing: Keys | None = None  # those of the session that is being replaced so
        self._provider = provider_for(config, identity, options, purpose=purpose, clock=clock, lender=lender)
        self._common: dict[str, Any] = {"Bucket": config.bucket}
        if config.expected_bucket_owner:
            self._common["ExpectedBucketOwner"] = config.expected_bucket_owner
        self.client = create_client(config, options, self._provider)
        self._small_puts: SmallPuts | None = SmallPuts(self.client, self._provider)
        self._lock = threading.Lock()
        self._hasty: Wire | None = None

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        self._provider.close()
        with self._lock:
            if self._hasty is not None:
                self._hasty.close()

    def lend_client(self) -> S3Client:
        """Return the client, to somebody who may change what it sends: all goes its own way from now on."""
        self._small_puts = None
        return self.client

    def in_haste(self, limit: timedelta) -> Wire:
        """Return a wire to the same bucket for what must not keep anybody waiting.

        It waits for no request of this one, all of whose lanes may be taken by some that hang, and takes this one's
        keys as they are.

        Args:
            limit: The longest that it waits for an answer of S3 or STS, or tries a request. One value a wire.
        """
        with self._lock:
            if self._hasty is None:
                self._hasty = Wire(
                    self._config,
                    self._identity,
                    within(limit, self._options),
                    purpose=self._purpose,
                    clock=self._clock,
                    lender=self._provider,
                )
            return self._hasty

    def open_session(self) -> None:
        """Get keys now rather than with the first request.

        Raises:
            CredentialsError: There are none to be had.
        """
        deadline = Deadline(self._options.deadline, self._clock).begin()

        def once() -> object:
            with self._patience(deadline):
                return self._provider.credentials.get_frozen_credentials()

        self._try("AssumeRole", None, once, deadline, ignore)

    def send(
        self,
        operation: str,
        key: str | None,
        parameters: dict[str, Any],
        *,
        body: Callable[[], Sendable] | None = None,
        needs: str | None = None,
        unless: Callable[[Response], bool] | None = None,
        on_retry: OnRetry = ignore,
        on_failure: Callable[[BaseException], None] = overlook,
        deadline: timedelta | None = None,
    ) -> tuple[Response, bool]:
        """Send a request until it succeeds, fails for good, or the deadline is near.

        Args:
            operation: In AWS's spelling.
            key: The object key; ``None`` for an operation on the bucket.
            parameters: botocore's, without bucket, owner and body; ``None`` takes one of these out.
            body: Returns the body from its beginning; called for each try.
            needs: A field without which a success is none,
            unless: except where this says so.
            on_retry: Called before each further try.
            on_failure: Called with what each try raised, an interrupt too; may raise what ends the tries.
            deadline: The options', if it is not this.

        Returns:
            The answer, and whether an earlier try is ambiguous: it may have taken effect, its answer being lost.

        Raises:
            S3DestError: The last failure; its ``ambiguous`` covers all tries.
        """
        ambiguous = False
        limit = Deadline(self._options.deadline if deadline is None else deadline, self._clock)
        request = _Request(operation, key, parameters, body, limit)

        def once() -> Response:
            nonlocal ambiguous
            try:
                with self._patience(limit.begin()):
                    answer = self._send_renewed(request)
                if needs and not (_is_done(answer, needs) or (unless and unless(answer))):
                    self._refuse(request)
            except TooLateError:
                answer = None
            except BaseException as error:
                ambiguous = ambiguous or _is_doubtful(error)
                if isinstance(error, S3DestError):
                    error.ambiguous = ambiguous
                    request.failures[:] = [error]
                on_failure(error)
                raise
            if answer is None:
                raise request.failures.pop()  # out here, lest it was told to come of being too late
            return answer

        try:
            return self._try(operation, key, once, limit, on_retry), ambiguous
        finally:
            request.failures.clear()  # whose frames hold it

    def _refuse(self, request: _Request) -> NoReturn:
        raise self.failure(problems.NO_ANSWER, request.operation, request.key)

    def failure(self, problem: Problem, operation: str, key: str | None) -> S3DestError:
        """Build the error for a problem that the answer itself shows."""
        return describe(problem, self._config, operation=operation, key=key)

    def _try(self, operation: str, key: str | None, once: Callable[[], T], deadline: Deadline, on_retry: OnRetry) -> T:
        what = f"{operation} {self._config.bucket}/{key}" if key else operation
        retry = retrying(deadline, clock=self._clock, what=what, on_retry=on_retry)
        try:
            return retry(once)
        except S3DestError as error:
            # not by the next try, which would ask STS each time; by the caller's
            error.retryable = error.retryable or error.code == problems.SESSION_EXPIRED.code
            # without tenacity's frames, which hold the error as it holds them
            raise error.with_traceback(None)  # noqa: B904  # it is the same
        finally:
            retry.before_sleep = None  # it refers to itself, and would keep a writer and its rows until a collection

    def _patience(self, deadline: Deadline) -> AbstractContextManager[None]:
        """Bound what an answer takes that trickles in: no longer than if it came whole, but at the last moment."""
        return answers_within(deadline.left, patience=self._options.read_timeout.total_seconds())

    def _send_renewed(self, request: _Request) -> Response:
        """Send once; twice, with new keys, if the session's turn out to be dead."""
        used = self._provider.keys_in_use()
        try:
            return self._send_once(request)
        except S3DestError as error:
            if error.operation != request.operation:
                raise
            if error.code not in _DEAD and not self._is_replaced(used, error):
                raise
            failure = error
        try:
            if (failure.code in _DEAD and not self._provider.renew(used=used)) or request.deadline.is_over:
                raise failure
        finally:
            del failure  # lest its traceback and this frame keep each other alive, and the caller's rows with them
        return self._send_once(request)

    def _is_replaced(self, used: Keys | None, error: S3DestError) -> bool:
        """Replace a session that may have been revoked, and tell whether there is another now.

        IAM's "revoke active sessions" denies all to those older than the click; so a denial is met by one more try,
        with a new session, once a while. Whatever STS says to that, it is the denial that is told.
        """
        if used is None or error.code != denials.DENIED_BY_IDENTITY_POLICY.code:
            return False
        if self._provider.valid_keys() is not used:  # another thread has
            return True
        now = self._clock.now()
        if self._replacing is not used:  # or this one waits for the other thread's
            if now - max(used.end - used.life, self._doubted) <= _OLD_ENOUGH:
                return False
            self._doubted, self._replacing = now, used
        try:
            return self._provider.renew(used=used)
        except S3DestError as failure:
            log.warning("no new session in the place of one that is denied something: %s", failure)
            return False
        finally:
            self._replacing = None

    def _send_once(self, request: _Request) -> Response:
        given = {**self._common, "Key": request.key, **request.parameters}
        if request.body is not None:
            given["Body"] = request.body()
        given = {name: value for name, value in given.items() if value is not None}
        before = self._clock.now()
        with self._lanes.taken(request.deadline.left if request.failures else None):
            request.deadline.excuse(self._clock.now() - before)
            if request.failures and request.deadline.is_over:
                raise TooLateError
            try:
                with calling(), self._patience(request.deadline):
                    answer = self._call(request.operation, given)
            except Exception as error:  # noqa: BLE001  # botocore's errors have no common base
                operation, key, hide = request.operation, request.key, self._provider.held_secrets
                failure = explain(error, self._config, operation=operation, key=key, hide=hide)
            else:
                return answer
            try:
                raise failure
            finally:
                del failure

    def _call(self, operation: str, given: dict[str, Any]) -> Response:
        puts = self._small_puts
        if operation == OPERATION and puts is not None and (answer := puts.put(given)) is not None:
            return answer
        method: Callable[..., Response] = getattr(self.client, xform_name(operation))
        return method(**given)


def _is_doubtful(error: BaseException) -> bool:
    """Tell whether a request may have taken effect: its answer was lost, or an interrupt came in the place of it."""
    return error.ambiguous if isinstance(error, (RequestError, CredentialsError)) else True


def _is_done(answer: Response, needs: str) -> bool:
    """Tell success from other answers below 300, which botocore takes for one: 202 promises nothing."""
    return answer.get("ResponseMetadata", {}).get("HTTPStatusCode") in _DONE and is_whole(answer.get(needs))
