"""Pools of connections, that lend those which stand."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import ClosedPoolError

from s3dest.answer_time import TimedSocket
from s3dest.connection import PlainConnection, TlsConnection

if TYPE_CHECKING:
    from botocore.httpsession import URLLib3Session


def path_of(url: str) -> str:
    """Return what follows scheme, host and port."""
    return url[url.index("/", len("https://")) :]


class Pools:
    """Where a session's connections are that lead to a server without a proxy, by its address."""

    def __init__(self) -> None:
        # weakly: urllib3 closes the connections of a pool when nobody holds it any more
        self._pools: WeakValueDictionary[str, LendingPool] = WeakValueDictionary()

    def add(self, pool: LendingPool) -> None:
        """Take in a pool that botocore has made; it makes another when it has closed one."""
        if pool.proxy is not None:
            return
        address = f"{pool.scheme}://{pool.host}"
        if pool.port == pool.ConnectionCls.default_port:
            self._pools[address] = pool
        self._pools[f"{address}:{pool.port}"] = pool

    def of(self, url: str) -> LendingPool | None:
        """Return the one that botocore has sent by to a URL's scheme, host and port, if it has."""
        return self._pools.get(url.removesuffix(path_of(url)))


class LendingPool(HTTPConnectionPool):
    """A pool that lends connections that stand."""

    def __init__(self, *given: Any, known: Pools, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*given, **options)
        known.add(self)

    def take(self) -> Any | None:  # noqa: ANN401
        """Take a connection that stands, if there is one."""
        try:
            connection: Any = self._get_conn()
        except ClosedPoolError:
            return None
        if isinstance(connection.sock, TimedSocket):
            return connection
        self.give_back(connection)
        return None

    def give_back(self, connection: Any) -> None:  # noqa: ANN401
        """Let others have a connection, or open one of their own: ``None`` for one that was closed."""
        self._put_conn(connection)


class _PlainPool(LendingPool, AWSHTTPConnectionPool):
    ConnectionCls = PlainConnection


class _TlsPool(LendingPool, AWSHTTPSConnectionPool):
    ConnectionCls = TlsConnection


def use_connections(session: URLLib3Session) -> Pools:
    """Let a session of botocore's that has sent nothing yet make such connections; it has no setting for them."""
    known = Pools()
    pools = {"http": partial(_PlainPool, known=known), "https": partial(_TlsPool, known=known)}
    session._pool_classes_by_scheme.update(pools)  # type: ignore[attr-defined]  # noqa: SLF001
    return known
