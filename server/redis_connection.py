"""How a connection to Redis is opened: redis-py does addresses, TLS and ACL, and hands the open socket over."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Mapping
from typing import Any

from redis.asyncio.connection import Connection, SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError


async def open_connection(options: dict[str, Any], *, seconds: float) -> asyncio.StreamWriter:
    """A connection that is signed in. options: of redis-py's Connection; seconds: how long it may take.

    Raises RedisError, OSError, TimeoutError.
    """
    kind = _TlsToAddress if options.pop("connection_class", None) is SSLConnection else _ToAddress
    connection = kind(**options, retry=Retry(NoBackoff(), 0), driver_info=None)
    try:
        async with asyncio.timeout(seconds):
            await _connect(connection)
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    writer, connection._writer, connection._reader = connection._writer, None, None
    if writer is None:
        raise ConnectionError("the connection was lost at once")
    return writer


class _ToAddress(Connection):
    """Connects to an address that is already resolved.

    With uvloop, the name lookup of an abandoned connection continues, and its failure is never retrieved.
    """

    address = ""

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "host": self.address}


class _TlsToAddress(_ToAddress, SSLConnection):
    """The same with TLS; the certificate must match the name."""

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "server_hostname": self.host}


async def _connect(connection: _ToAddress) -> None:
    addresses = await asyncio.get_running_loop().getaddrinfo(connection.host, connection.port, type=socket.SOCK_STREAM)
    last: Exception = ConnectionError("the host name has no address")
    for address in dict.fromkeys(str(entry[4][0]) for entry in addresses):
        connection.address = address
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:
            last = error
        else:
            return
    raise last


def seeds(url: str) -> Iterable[str]:
    """Of REDIS_URL, the URL of each host that it names."""
    scheme, _, rest = url.partition("?")[0].partition("://")
    if not scheme.endswith("+cluster"):
        yield f"{scheme}://{rest}"
        return
    login, at, hosts = rest.rpartition("@")
    for host in hosts.partition("/")[0].split(","):
        yield f"{scheme.removesuffix('+cluster')}://{login}{at}{host}"


def address_of(seed: str) -> str:
    """Host and port of such a URL."""
    options = parse_url(seed)
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
