"""boto3's sessions as s3dest makes them: what all of them have in common is loaded once.

Nothing here knows S3, STS or a config.
"""

from __future__ import annotations

import copy
import encodings.idna  # noqa: F401  # Python would load it with the first connection, perhaps while a thread forks
import os
import threading
from pathlib import Path
from typing import Any, Final

import boto3
import boto3.s3.inject  # likewise boto3, with its first client
import botocore.session
from botocore.credentials import CredentialProvider, CredentialResolver
from botocore.exceptions import ConfigParseError
from botocore.handlers import BUILTIN_HANDLERS
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import Loader

_HEARD: Final = frozenset(
    {
        "region",
        "data_path",
        "config_file",
        "ca_bundle",
        "use_dualstack_endpoint",
        "use_fips_endpoint",
        "user_agent_appid",
    }
)
"""What the environment and the config file may say: which certificates and endpoints of AWS the host wants, say."""

_UNHEARD: Final = {
    **{
        name: (None, None, default, convert)
        for name, (_, _, default, convert) in botocore.session.Session.SESSION_VARIABLES.items()
        if name not in _HEARD
    },
    "credentials_file": (None, None, os.devnull, None),
}
"""The rest, with botocore's defaults: it is the vendor's, and says nothing about the customer's bucket."""


class _Loader(Loader):
    """AWS's API descriptions, read once.

    Each boto3 session appends boto3's folder to its loader's search paths, which must not grow with every destination.
    """

    def __init__(self) -> None:
        super().__init__(extra_search_paths=[str(Path(boto3.__file__).parent / "data")])

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


shared: Final = _Shared()
os.register_at_fork(after_in_child=shared.after_fork)


class _Session(botocore.session.Session):
    """A session that takes no more from the config file than what is heard, and can do without it."""

    @property
    def full_config(self) -> dict[str, Any]:
        if self._config is None:
            try:
                profiles = super().full_config["profiles"]
            except ConfigParseError:
                profiles = {}
            self._config: dict[str, Any] | None = {
                "profiles": {name: _heard(profile) for name, profile in profiles.items()}
            }
        return self._config


def _heard(profile: Any) -> dict[str, str]:  # noqa: ANN401  # whatever stands in a file
    values = profile.items() if isinstance(profile, dict) else ()
    return {name: value for name, value in values if name in _HEARD and isinstance(value, str)}


def session_with(provider: CredentialProvider | None) -> boto3.Session:
    """Make a session that takes its keys from ``provider`` alone, whatever the environment offers."""
    session = _Session(
        session_vars=_UNHEARD,
        event_hooks=shared.hooks(),
        include_builtin_handlers=False,
    )
    session.register_component("data_loader", shared.loader)
    session.register_component("credential_provider", CredentialResolver([provider] if provider else []))
    return boto3.Session(botocore_session=session)


def session_of_the_environment() -> boto3.Session:
    """Make a session as boto3 makes its default one, but for what all sessions have in common."""
    session = botocore.session.Session(event_hooks=shared.hooks(), include_builtin_handlers=False)
    session.register_component("data_loader", shared.loader)
    return boto3.Session(botocore_session=session)
