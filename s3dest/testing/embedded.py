"""The embedded S3: moto's S3, STS and IAM with enforcement on, started and put away again.

Holds the life cycle and the making of customers; requests are answered in gate.py.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import threading
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self, get_args

import boto3
from botocore.credentials import Credentials
from botocore.handlers import BUILTIN_HANDLERS

from s3dest import policies
from s3dest.auth import HmacAuth, RoleAuth
from s3dest.config import DestinationConfig
from s3dest.credentials import KeyProvider
from s3dest.destination import closing_what_is_made
from s3dest.errors import ConfigError, StateError
from s3dest.kind import kind_of
from s3dest.policies import Policy, Statement
from s3dest.sdk import session_of_the_environment, session_with
from s3dest.testing.customer import ClientOf, Customer
from s3dest.vendor import AwsPrincipal, VendorIdentity

if TYPE_CHECKING:
    from s3dest.testing.gate import Gate

_ACCOUNT: Final = "123456789012"
"""The one account of moto's IAM, which cannot assume a role of another; vendor and customer share it."""

_HOME: Final = "us-east-1"


class EmbeddedS3:
    """Run S3, STS and IAM inside the process, with permissions enforced, for as long as the context is open.

    Inside the context the environment holds the credentials of a vendor, an IAM user who may assume roles, and no other
    AWS setting: `Destination(customer.config)` works as it does in production, without a word about tests. Nothing goes
    over the network or to disk. Afterwards environment and moto are as before, also after an exception, and the
    destinations that were made inside are closed::

        with EmbeddedS3() as s3:
            customer = s3.customer()
            with Destination(customer.config) as destination, destination.append("orders") as append:
                append.write({"id": 1})
            assert customer.rows("orders") == [{"id": 1}]
            assert s3.requests == ["AssumeRole", "PutObject", "PutObject"]

    Enforced as on AWS: permission policies, trust policies with their external id, session policies, conditional
    writes, and the bucket guard. Of these moto knows the first and half of the second, and its refusals are bare; the
    kit stands before it with the rest. Make clients inside the context: those made before go past the kit.

    Calls to other services are refused, as all that the vendor may do is assume roles; keys of another mock are not
    known here. Give code that keeps its state in DynamoDB, say, something else for it.

    Not proven by it, since moto has none of them: expiry of sessions, regions, ``expected_bucket_owner``, KMS,
    checksums, conditions in permission policies, web identity tokens (any is taken), other accounts and partitions, and
    answers such as 409 and 503. moto is the process's: one embedded S3 at a time, seen by all threads and by no child
    process. Inside of a ``mock_aws`` of your own it has a state of its own, too.

    Attributes:
        vendor: Who the vendor is to trust policies.
    """

    _claim: ClassVar[threading.Lock] = threading.Lock()  # of the one that may run

    def __init__(self) -> None:
        self.vendor = AwsPrincipal(arn=f"arn:aws:iam::{_ACCOUNT}:user/vendor")
        self._stack = ExitStack()
        self._parts: tuple[Gate, ClientOf] | None = None
        self._customers = 0
        self._buckets: set[str] = set()

    def __enter__(self) -> Self:
        """Start.

        Raises:
            ConfigError: moto is not there, or too old; it comes with the extra ``testing``.
            StateError: Another embedded S3 is running.
        """
        if not EmbeddedS3._claim.acquire(blocking=False):
            message = "An embedded S3 is running already; moto's state allows one at a time in a process."
            raise StateError(message, remedy="Leave its with block first, or use it by more than one destination.")
        with ExitStack() as stack:
            stack.callback(EmbeddedS3._claim.release)  # last of all, when environment and moto are as before
            self._parts = _start(stack)
            self._customers = 0
            self._buckets = set()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, and put environment and moto back as they were."""
        self._parts = None
        self._stack.close()

    @property
    def requests(self) -> list[str]:
        """The operations sent so far (``PutObject``, ``AssumeRole`` …), each try counted, without the customer's."""
        return list(self._gate.requests)

    def forget_requests(self) -> None:
        """Begin the log anew."""
        self._gate.requests.clear()

    def customer(
        self,
        *,
        bucket: str | None = None,
        region: str = "eu-west-1",
        prefix: str = "vendor/exports",
        auth: Literal["role", "hmac"] = "role",
        external_id: str | None = "acme-7f3c",
        vendor: VendorIdentity | None = None,
        guard: bool = False,
    ) -> Customer:
        """Play a customer who follows the set-up guide: a bucket, and a role or a user with the setup policy.

        Needs ``s3:CreateBucket``, ``iam:CreateRole`` and ``iam:PutRolePolicy``, or for ``"hmac"`` ``iam:CreateUser``,
        ``iam:CreateAccessKey`` and ``iam:PutUserPolicy``, all as the customer; the log leaves them out.

        Args:
            bucket: Name of the bucket to create. Default: ``acme-lake``, with a number from the second on.
            region: Its region, in the partition ``aws``.
            prefix: Folder to grant; empty for the whole bucket.
            auth: Hand over a role, or an IAM user's access key.
            external_id: What the role's trust policy demands; ``None`` for nothing.
            vendor: Whom the role trusts. Default: the vendor of this embedded S3.
            guard: Put the bucket guard in place; see `Customer.put_guard`.

        Raises:
            ConfigError: The bucket is another customer's, or there is no such kind of auth or vendor.
            ValidationError: pydantic's, of a bucket, region or prefix that cannot be one.
            StateError: It is not running.
        """
        if auth not in {"role", "hmac"}:
            message = f"A customer hands over a role or a user's keys, not {auth!r}."
            raise ConfigError(message, code="auth", remedy="Write auth='role' or auth='hmac'.")
        if vendor is not None and not isinstance(vendor, get_args(VendorIdentity)):
            message = f"A vendor is an AwsPrincipal, a GoogleServiceAccount or an OidcSubject, not {kind_of(vendor)}."
            raise ConfigError(message, code="vendor", remedy="Write vendor=AwsPrincipal(arn='arn:…'), for an ARN.")
        if bucket in self._buckets:
            message = f"The bucket {bucket!r} is another customer's already."
            raise ConfigError(
                message, code="bucket", remedy="Name another one, or leave it out: each gets its own then."
            )
        where = {"bucket": bucket or self._free("acme-lake"), "region": region, "prefix": prefix}
        if auth == "role":
            customer = self._with_role(where, external_id, vendor or self.vendor)
        else:
            customer = self._with_user(where)
        if guard:
            customer.put_guard()
        return customer

    def _with_role(self, where: Mapping[str, str], external_id: str | None, vendor: VendorIdentity) -> Customer:
        name = self._name("transfer-role")
        auth = RoleAuth(role_arn=f"arn:aws:iam::{_ACCOUNT}:role/{name}", external_id=external_id)
        config = DestinationConfig(**where, auth=auth)
        trust = policies.trust(config, vendor)
        self._create_bucket(config)
        self._client_of("iam", config.region).create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        return Customer(self._client_of, self._gate, config=config, principal=name, trust=trust)

    def _with_user(self, where: Mapping[str, str]) -> Customer:
        name = self._name("transfer-service")
        auth = HmacAuth.model_validate(_make_user(self._client_of("iam", where["region"]), self._gate, name))
        config = DestinationConfig(**where, auth=auth)
        self._create_bucket(config)
        return Customer(self._client_of, self._gate, config=config, principal=name, trust=None)

    def _create_bucket(self, config: DestinationConfig) -> None:
        store = self._client_of("s3", config.region)
        location = {"CreateBucketConfiguration": {"LocationConstraint": config.region}}
        store.create_bucket(Bucket=config.bucket, **({} if config.region == _HOME else location))
        self._buckets.add(config.bucket)

    def _free(self, bucket: str) -> str:
        """Name a bucket that no customer has, with a number from the second on."""
        names = (f"{bucket}-{number}" for number in itertools.count(2))
        return next(name for name in itertools.chain([bucket], names) if name not in self._buckets)

    def _name(self, kind: str) -> str:
        """Name a role or user as the guide does, with a number from the second on."""
        self._customers += 1
        return kind if self._customers == 1 else f"{kind}-{self._customers}"

    @property
    def _gate(self) -> Gate:
        return self._running()[0]

    @property
    def _client_of(self) -> ClientOf:
        return self._running()[1]

    def _running(self) -> tuple[Gate, ClientOf]:
        if self._parts is None:
            message = "The embedded S3 is not running; open it with a `with` statement."
            raise StateError(message, remedy="Write: with EmbeddedS3() as s3.")
        return self._parts


def _start(stack: ExitStack) -> tuple[Gate, ClientOf]:
    """Start moto, make vendor and customer, and only then turn enforcement on."""
    try:
        from moto import mock_aws  # noqa: PLC0415  # an extra, and half a second
        from moto.core.authorization import enable_iam_authentication  # noqa: PLC0415
        from moto.core.models import botocore_stubber  # noqa: PLC0415

        from s3dest.testing.gate import Gate, matching_as_iam  # noqa: PLC0415
    except ImportError as error:
        message = "The embedded S3 runs on moto 5.2.1 or newer, which is not installed."
        raise ConfigError(message, code="extra_missing", remedy="pip install 's3dest[testing]'") from error

    environment = stack.enter_context(_environment())
    stack.enter_context(_no_default_session())
    stack.enter_context(_own_state())
    # left to itself, moto puts keys of its own into the environment and, on its way out, restores it after us
    stack.enter_context(mock_aws(config={"core": {"mock_credentials": False, "reset_boto3_session": True}}))
    stack.enter_context(closing_what_is_made())
    gate = Gate()
    founder = _clients_of({"access_key_id": "none", "secret_access_key": "none"})("iam", _HOME)
    vendor = _make_user(founder, gate, "vendor", _allow("sts:AssumeRole"))
    customer = _make_user(founder, gate, "customer", _allow("*"))
    gate.customer_keys.add(customer["access_key_id"])
    stack.callback(gate.close)
    stack.enter_context(_instead(("before-send", botocore_stubber), ("before-send", gate.before_send)))
    stack.enter_context(matching_as_iam())
    stack.enter_context(enable_iam_authentication())
    environment.update({f"AWS_{name.upper()}": value for name, value in vendor.items()})
    boto3.DEFAULT_SESSION = session_of_the_environment()
    return gate, _clients_of(customer)


@contextmanager
def _environment() -> Iterator[MutableMapping[str, str]]:
    """Take all AWS settings out of the environment, also those in files, and bring them back."""
    before = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    try:
        for name in before:
            del os.environ[name]
        os.environ.update(
            AWS_DEFAULT_REGION=_HOME,
            AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
            AWS_EC2_METADATA_DISABLED="true",
        )
        yield os.environ
    finally:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _own_state() -> Iterator[None]:
    """Put moto's state aside, which a mock outside of this one has: moto itself begins anew only without any."""
    from moto.iam.models import iam_backends  # noqa: PLC0415  # an extra, and half a second
    from moto.s3.models import s3_backends  # noqa: PLC0415
    from moto.sts.models import sts_backends  # noqa: PLC0415

    states: list[dict[str, Any]] = [iam_backends, s3_backends, s3_backends.bucket_accounts, sts_backends]
    before = [dict(state.items()) for state in states]
    for state in states:
        state.clear()
    try:
        yield
    finally:
        for state, items in zip(states, before, strict=True):
            state.clear()
            state.update(items)


@contextmanager
def _no_default_session() -> Iterator[None]:
    """Put boto3's own session aside: whoever made one before, inside another mock say, made it with other keys."""
    before, boto3.DEFAULT_SESSION = boto3.DEFAULT_SESSION, None
    try:
        yield
    finally:
        boto3.DEFAULT_SESSION = before


@contextmanager
def _instead(moto: tuple[str, object], ours: tuple[str, object]) -> Iterator[None]:
    """Stand in moto's place in the handlers that each new session copies; side by side, botocore would call both."""
    place = BUILTIN_HANDLERS.index(moto)
    BUILTIN_HANDLERS[place] = ours
    try:
        yield
    finally:
        BUILTIN_HANDLERS[place] = moto


def _make_user(iam: Any, gate: Gate, name: str, policy: Policy | None = None) -> dict[str, str]:  # noqa: ANN401  # a client
    """Make an IAM user with an access key, and an inline policy if one is given."""
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    if policy is not None:
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    gate.introduce(key["AccessKeyId"], arn)
    return {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}


def _allow(action: str) -> Policy:
    statement: Statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _clients_of(keys: Mapping[str, str]) -> ClientOf:
    session = session_with(KeyProvider(Credentials(keys["access_key_id"], keys["secret_access_key"])))

    @functools.cache  # to make one takes longer than all that it is asked for
    def client(service: str, region: str) -> Any:  # noqa: ANN401  # its types know only today's regions
        return session.client(service, region_name=region)  # type: ignore[call-overload]

    return client
