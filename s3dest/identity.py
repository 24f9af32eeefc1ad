"""What the vendor brings to STS: its own AWS credentials, or a token of an OpenID Connect provider.

Values only; credentials.py calls STS with them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from s3dest.errors import ConfigError
from s3dest.kind import kind_of
from s3dest.sts_hosts import hosts_of

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True, slots=True)
class AmbientIdentity:
    """The vendor's own AWS credentials, with which it calls ``sts:AssumeRole``.

    The request carries the access key id, the session token, a signature and the external id, to the STS that the
    config names: its ``sts_endpoint_url``, on other stores than AWS else its ``endpoint_url``.

    Args:
        session: The boto3 session to use; default: boto3's default session, and so the usual chain of environment,
            profile, container and instance metadata. A destination with a session of its own cannot be pickled.
        sts_hosts: The hosts, besides AWS's own STS, that these may be sent to, over https unless it is this machine;
            an empty collection: AWS alone. A `Destination` refuses a config that names another. Default: wherever the
            config says, which must not come from somebody who is not trusted then.

    Raises:
        ConfigError: The session is none, or the hosts are none.
    """

    session: boto3.Session | None = field(default=None, repr=False)
    sts_hosts: Collection[str] | None = field(default=None, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what is no session, and would be found out in the middle of a request only."""
        object.__setattr__(self, "sts_hosts", hosts_of(self.sts_hosts))
        if self.session is not None and not hasattr(self.session, "get_credentials"):  # boto3 is not imported yet
            message = f"An AmbientIdentity wants a boto3.Session, not {kind_of(self.session)}."
            raise ConfigError(message, code="identity", remedy="Make one: boto3.Session(profile_name='…').")

    def __reduce__(self) -> tuple[partial[AmbientIdentity], tuple[()]]:
        """Refuse to pickle a session, which holds sockets and locks."""
        # no __getstate__: dataclass replaces it by its own before Python 3.11.4 (gh-104035)
        if self.session is not None:
            message = "An AmbientIdentity with a boto3 session cannot be pickled."
            remedy = "Leave the session out and configure each worker's environment, or build the destination there."
            raise ConfigError(message, code="not_picklable", remedy=remedy)
        return partial(AmbientIdentity, sts_hosts=self.sts_hosts), ()


@runtime_checkable
class TokenSource(Protocol):
    """Anything that gives a fresh identity token when called: a function, say."""

    def __call__(self) -> str:
        """Return a JSON Web Token."""


@dataclass(frozen=True, slots=True)
class GoogleIdentityToken:
    """Identity tokens of the Google service account that this process runs as; needs the extra ``google``.

    Args:
        audience: The token's ``aud``: what the customer's trust policy demands as ``accounts.google.com:oaud``. One
            for each customer, as an external id would be.
    """

    audience: str

    def __call__(self) -> str:
        """Fetch a token from the metadata server, or with the key file in GOOGLE_APPLICATION_CREDENTIALS."""
        try:
            import urllib3  # noqa: PLC0415  # with the extra only
            from google.auth.transport.urllib3 import Request  # noqa: PLC0415
            from google.oauth2 import id_token  # noqa: PLC0415
        except ImportError as error:
            message = "Google identity tokens need the google-auth library."
            raise ConfigError(message, code="extra_missing", remedy="pip install 's3dest[google]'") from error
        with urllib3.PoolManager() as pool:
            return str(id_token.fetch_id_token(Request(pool), self.audience))  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """A token of an OpenID Connect provider, with which ``sts:AssumeRoleWithWebIdentity`` is called.

    No AWS account of the vendor is needed, and no external id is sent. The request carries the token itself, to the STS
    that the config names: its ``sts_endpoint_url``, on other stores than AWS else its ``endpoint_url``.

    Args:
        token: A callable that returns a fresh token, the path of a file that always holds one (read again for each
            session, as Kubernetes projects them), or a `GoogleIdentityToken`.
        other_audience: A second source, whose tokens have the same subject and the audience of nobody or of another
            customer. A check asks with one whether the role refuses it. Default: that is not checked.
        sts_hosts: The hosts, besides AWS's own STS, that tokens may be sent to, over https unless it is this machine;
            an empty collection: AWS alone. A `Destination` refuses a config that names another. Default: wherever the
            config says, which must not come from somebody who is not trusted then.

    Raises:
        ConfigError: The source of tokens is none, or the hosts are none.
    """

    token: TokenSource | Callable[[], str] | str | os.PathLike[str] = field(repr=False)
    other_audience: TokenSource | Callable[[], str] | str | os.PathLike[str] | None = field(default=None, repr=False)
    sts_hosts: Collection[str] | None = field(default=None, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse a token given as text: it would die within the hour."""
        object.__setattr__(self, "sts_hosts", hosts_of(self.sts_hosts))
        for source in (self.token, *([] if self.other_audience is None else [self.other_audience])):
            remedy = "Pass a function that returns a fresh token, or the path of a token file."
            if isinstance(source, str) and re.search(r"eyJ[\w-]*\.[\w-]+\.", source):
                message = "WebIdentity wants the source of tokens, not a token, which would be dead within the hour."
                raise ConfigError(message, code="token_source", remedy=remedy)
            if not callable(source) and not isinstance(source, (str, os.PathLike)):
                message = f"A token source must be a callable or a path, not {kind_of(source)}."
                raise ConfigError(message, code="token_source", remedy=remedy)

    def fetch(self) -> str:
        """Return a token that is fresh now.

        Raises:
            OSError: The token file cannot be read.
            ValueError: The source gave something that is no token.
        """
        token = self.token() if callable(self.token) else Path(self.token).read_text(encoding="utf-8")
        if not isinstance(token, str) or not token.strip():
            message = "the source gave no text, or an empty one"
            raise ValueError(message)
        return token.strip()


Identity = AmbientIdentity | WebIdentity
