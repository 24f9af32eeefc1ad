"""The way in: a handler of botocore's events, the log of requests, and destinations that come here."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from email.utils import format_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from botocore.credentials import Credentials
from botocore.handlers import BUILTIN_HANDLERS

from fake.clock import ManualClock
from fake.faults import Faults
from fake.messages import Answer, Request
from fake.store import Store
from fake.sts import Session, Sts
from s3dest import AmbientIdentity, Destination, DestinationConfig, HmacAuth, Journal, TransferOptions, WebIdentity
from s3dest.credentials import KeyProvider
from s3dest.sdk import session_with

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.config import Config

BUCKET = "acme-lake"
REGION = "eu-west-1"
ACCOUNT = "111122223333"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/transfer-role"
EXTERNAL_ID = "acme-7f3c"
USER_KEY = "AKIAFAKEUSER00000001"
USER_SECRET = "user-SECRETKEY-0123456789"
VENDOR_SECRET = "vendor-SECRETKEY-0123456789"


class FakeAws:
    """One customer's S3 bucket and role, for as long as the context is open; only clients made inside reach it.

    Attributes:
        clock: The time, for all sides.
        log: Every request, in the order of arrival.
        faults: What goes wrong, and when.
        store: The bucket.
        sts: The role.
    """

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.log: list[Request] = []
        self.faults = Faults()
        self.store = Store(self.clock, bucket=BUCKET, region=REGION, owner=ACCOUNT)
        self.sts = Sts(self.clock, role_arn=ROLE_ARN, external_id=EXTERNAL_ID)
        self.sts.sessions[USER_KEY] = Session(None, float("inf"))
        self._lock = threading.Lock()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        BUILTIN_HANDLERS.append(_HANDLER)
        self._stack.callback(BUILTIN_HANDLERS.remove, _HANDLER)
        _open.append(self)
        self._stack.callback(_open.remove, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def operations(self) -> list[str]:
        """The operations asked for so far."""
        return [request.operation for request in self.log]

    def requests(self, operation: str) -> list[Request]:
        """The requests of one operation so far."""
        return [request for request in self.log if request.operation == operation]

    def config(self, **changes: Any) -> DestinationConfig:
        """What the customer hands over: by default a role."""
        values: dict[str, Any] = {
            "bucket": BUCKET,
            "region": REGION,
            "prefix": "vendor/exports",
            "auth": {"role_arn": ROLE_ARN, "external_id": EXTERNAL_ID},
        }
        return DestinationConfig.model_validate({**values, **changes})

    @property
    def user(self) -> HmacAuth:
        """The keys of a user, for the config's ``auth``."""
        return HmacAuth.model_validate({"access_key_id": USER_KEY, "secret_access_key": USER_SECRET})

    @property
    def vendor(self) -> AmbientIdentity:
        """The vendor, in one session for all destinations, as services have it; it needs no environment."""
        assert len(_open) <= 1  # of several, none could tell which one is meant
        return _VENDOR

    def destination(
        self,
        config: DestinationConfig | None = None,
        *,
        identity: AmbientIdentity | WebIdentity | None = None,
        options: TransferOptions | None = None,
        journal: Journal | None = None,
        **changes: Any,
    ) -> Destination:
        """Make a destination that lives by this clock; ``changes`` are those of the config."""
        destination = Destination(
            config or self.config(**changes),
            identity=identity or self.vendor,
            options=options or TransferOptions(),
            journal=journal,
        )
        destination._clock = self.clock.injected
        return destination

    def before_send(self, event_name: str, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Answer a request of a client."""
        operation = event_name.rpartition(".")[2]
        asked = Request.of(operation, request, bucket=self.store.bucket)
        with self._lock:
            self.log.append(asked)
        answer = self._answer(asked)
        if "date" not in answer.headers:
            answer = answer.with_headers(date=format_datetime(self.clock.utc, usegmt=True))
        asked.status = answer.status
        return answer.sent(asked.url)

    def _answer(self, asked: Request) -> Answer:
        fault = self.faults.take(asked.operation)
        if fault is None:
            return self._serve(asked)
        self.clock.advance(fault.delay)
        return fault.twist(asked, self._serve(asked) if fault.effect else Answer(200))

    def _serve(self, asked: Request) -> Answer:
        with self._lock:
            if asked.operation.startswith("AssumeRole"):
                answer = self.sts.answer(asked)
            else:
                answer = self.store.answer(asked, self.sts.sessions.get(asked.access_key or ""))
        asked.effect = answer.ok
        return answer


_open: list[FakeAws] = []
"""Those whose context is open."""


def _to_open(event_name: str, request: AWSPreparedRequest, **_: object) -> AWSResponse:
    return _open[-1].before_send(event_name, request)


_HANDLER: Final = ("before-send", _to_open)
"""One for all: with one each, botocore's handlers would be registered anew for each test, which takes half its time."""


def _vendor() -> AmbientIdentity:
    """Make the vendor's session once, and equal clients of it once: to make them takes longer than a check."""
    BUILTIN_HANDLERS.append(_HANDLER)
    session = session_with(KeyProvider(Credentials("AKIAFAKEVENDOR", VENDOR_SECRET)))
    BUILTIN_HANDLERS.remove(_HANDLER)
    create, made = session.client, {}

    def client(service: str, *, config: Config, **settings: str | None) -> object:
        wanted = repr((service, settings, vars(config)))
        if wanted not in made:
            made[wanted] = create(service, config=config, **settings)  # type: ignore[call-overload]
        return made[wanted]

    session.client = client  # type: ignore[assignment,method-assign]
    return AmbientIdentity(session)


_VENDOR = _vendor()
