"""Where the vendor's credentials may be sent: to AWS's own STS, and to hosts that the vendor names.

A config may say otherwise, and who fills one in be anybody. Nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.errors import ConfigError
from s3dest.names import is_aws_sts, is_clear_text, is_host


def hosts_of(given: Collection[str] | None) -> tuple[str, ...] | None:
    """Bring names of hosts into one form.

    Raises:
        ConfigError: They are no collection of names.
    """
    if given is None:
        return None
    if (
        isinstance(given, (str, bytes))  # a collection of its letters
        or not isinstance(given, Collection)
        or not all(isinstance(name, str) and is_host(name.lower()) for name in given)
    ):
        message = "sts_hosts takes a collection of host names, without scheme, port and path."
        raise ConfigError(message, code="sts_hosts", remedy="Write sts_hosts=['sts.example.com'], or () for AWS alone.")
    return tuple(sorted({name.lower() for name in given}))


def require_trusted(config: DestinationConfig, hosts: Collection[str] | None) -> None:
    """Refuse a config that would have the vendor's credentials sent elsewhere than the vendor allows.

    Raises:
        ConfigError: STS is at another host, or would be asked in clear text.
    """
    url = config.sts_url
    if hosts is None or url is None or not isinstance(config.auth, RoleAuth):
        return
    host = urlsplit(url).hostname or ""
    if (host in hosts or is_aws_sts(url)) and not is_clear_text(url):
        return
    field = "sts_endpoint_url" if config.sts_endpoint_url else "endpoint_url"
    how = " over http" if is_clear_text(url) else ""
    message = f"The config's {field} would have the vendor's credentials sent to {host}{how}, which is not allowed."
    remedy = f"Take {field} out of the config; or, if the vendor knows that host, name it in the identity's sts_hosts."
    raise ConfigError(
        message,
        code="sts_host_not_trusted",
        owner="customer",
        remedy="Give it an https address." if host in hosts or is_aws_sts(url) else remedy,
        bucket=config.bucket,
    )
