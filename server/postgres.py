"""PostgreSQL for the server: a bounded pool with time limits.

The pool is our own, on top of aiopg's connections: it resolves names outside the event loop (libpq would block it),
fails fast while PostgreSQL is unreachable, and counts waiting requests.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiopg
import psycopg2
import psycopg2.extensions

from server.database_connection import connect
from server.database_errors import DatabaseUnavailable, PoolTimeout
from server.database_session import Row, Session, reason
from server.settings import DatabaseSettings

log = logging.getLogger("videa.postgres")


@dataclass(slots=True)
class PoolFigures:
    """Counters since the start, and the total seconds of waiting for a connection."""

    acquired: int = 0
    timeouts: int = 0
    wait_seconds: float = 0.0
    connects: int = 0
    connect_failures: int = 0
    lost: int = 0


class Database:
    """At most `connection_limit` connections to one server, opened on demand and kept open."""

    def __init__(self, settings: DatabaseSettings, application_name: str) -> None:
        self._settings = settings
        self._dsn = dict(psycopg2.extensions.parse_dsn(settings.url))
        self._dsn.setdefault("application_name", application_name)
        limits = (
            f"-c statement_timeout={int(settings.statement_timeout * 1000)} -c lock_timeout=2000"
            " -c idle_in_transaction_session_timeout=10000"
        )
        self._dsn["options"] = f"{limits} {self._dsn.get('options', '')}".strip()
        self._idle: list[aiopg.Connection] = []
        self._size = 0
        self._waiters: deque[asyncio.Future[aiopg.Connection | None]] = deque()
        self._closing = False
        self._refuse_until = 0.0
        self._refuse_seconds = 0.0
        self._refusal = ""
        self.figures = PoolFigures()
        self.last_success = 0.0

    @property
    def limit(self) -> int:
        """The maximum number of connections of this instance."""
        return self._settings.connection_limit

    @property
    def size(self) -> int:
        """Connections that are open or being opened."""
        return self._size

    @property
    def idle(self) -> int:
        """Idle connections."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """Requests that wait for a connection."""
        return sum(not waiter.done() for waiter in self._waiters)

    async def fetch_all(self, sql: str, parameters: Sequence[Any] = (), *, read: bool = False) -> list[Row]:
        """All rows of one statement. With `read`, it is retried once after a lost connection.

        Raises DatabaseError.
        """
        for attempt in (1, 2):
            try:
                async with self.connection() as connection:
                    return await connection.fetch_all(sql, parameters)
            except DatabaseUnavailable:
                if not read or attempt == 2:
                    raise
                # The other idle connections are probably lost, too.
                self._drop_idle()
        raise AssertionError("unreachable")

    async def fetch_one(self, sql: str, parameters: Sequence[Any] = (), *, read: bool = False) -> Row | None:
        """The first row of one statement, or None. Raises DatabaseError."""
        rows = await self.fetch_all(sql, parameters, read=read)
        return rows[0] if rows else None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Session]:
        """One connection of the pool. Raises PoolTimeout, DatabaseUnavailable."""
        raw = await self._acquire()
        try:
            yield Session(raw)
            self.last_success = time.monotonic()
        finally:
            self._release(raw)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """One connection inside BEGIN and COMMIT; an exception rolls back. Raises DatabaseError."""
        async with self.connection() as session:
            await session.run("BEGIN")
            try:
                yield session
                await session.run("COMMIT")
            except BaseException:
                if not session.closed:
                    await session.run("ROLLBACK")
                raise

    async def connect(self, *, unlimited: bool = False) -> Session:
        """A connection outside the pool, for migrations; with `unlimited` without time-outs.

        Raises DatabaseUnavailable. The caller closes it.
        """
        raw = await self._connect()
        session = Session(raw)
        if unlimited:
            raw._timeout = 3600.0
            await session.run("SET statement_timeout = 0")
            await session.run("SET lock_timeout = 0")
        return session

    async def close(self) -> None:
        """Close idle connections now, and the others when they are returned."""
        self._closing = True
        self._drop_idle()
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(DatabaseUnavailable("the server is stopping"))

    async def _acquire(self) -> aiopg.Connection:
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._settings.pool_timeout):
                connection = await self._take()
        except TimeoutError:
            self.figures.timeouts += 1
            raise PoolTimeout(
                f"no connection became free within {self._settings.pool_timeout:g} s (limit {self.limit})"
            ) from None
        finally:
            self.figures.wait_seconds += time.monotonic() - started
        self.figures.acquired += 1
        return connection

    async def _take(self) -> aiopg.Connection:
        while True:
            if self._closing:
                raise DatabaseUnavailable("the server is stopping")
            while self._idle:
                connection = self._idle.pop()
                if not connection.closed:
                    return connection
                self._discard(connection)
            if self._size < self.limit:
                return await self._open()
            handed = await self._wait()
            if handed is not None:
                return handed

    async def _open(self) -> aiopg.Connection:
        if time.monotonic() < self._refuse_until:
            raise DatabaseUnavailable(self._refusal)
        self._size += 1
        try:
            connection = await self._connect()
        except BaseException:
            self._size -= 1
            self._wake(None)
            raise
        return connection

    async def _wait(self) -> aiopg.Connection | None:
        waiter: asyncio.Future[aiopg.Connection | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            # The connection may have been handed over in the same iteration of the loop that cancelled this task.
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                handed = waiter.result()
                if handed is None:
                    self._wake(None)
                else:
                    self._release(handed)
            raise

    def _release(self, connection: aiopg.Connection) -> None:
        idle = psycopg2.extensions.TRANSACTION_STATUS_IDLE
        if connection.closed or self._closing or connection.raw.get_transaction_status() != idle:
            self._discard(connection)
        elif not self._wake(connection):
            self._idle.append(connection)

    def _discard(self, connection: aiopg.Connection) -> None:
        if connection.closed:
            self.figures.lost += 1
        connection.close()
        self._size -= 1
        self._wake(None)

    def _wake(self, connection: aiopg.Connection | None) -> bool:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    def _drop_idle(self) -> None:
        while self._idle:
            self._discard(self._idle.pop())

    async def _connect(self) -> aiopg.Connection:
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                connection = await self._connect_any_address()
        except (psycopg2.Error, OSError, TimeoutError) as error:
            self.figures.connect_failures += 1
            self._refuse_seconds = min(1.0, max(0.1, self._refuse_seconds * 2))
            self._refuse_until = time.monotonic() + self._refuse_seconds * random.uniform(0.5, 1.0)  # noqa: S311
            self._refusal = reason(error)
            raise DatabaseUnavailable(self._refusal) from None
        self.figures.connects += 1
        self._refuse_seconds = 0.0
        return connection

    async def _connect_any_address(self) -> aiopg.Connection:
        # aiopg watches one socket, so libpq must not switch to the next address itself.
        last: Exception | None = None
        for address in await self._addresses():
            parameters = dict(self._dsn)
            if address is not None:
                parameters["hostaddr"] = address
            try:
                return await connect(parameters, patience=self._settings.statement_timeout + 1.0)
            except psycopg2.OperationalError as error:
                last = error
        raise last or psycopg2.OperationalError("the host name has no address")

    async def _addresses(self) -> list[str | None]:
        host = self._dsn.get("host", "")
        if not host or host.startswith("/") or "," in host or "hostaddr" in self._dsn or _is_address(host):
            return [None]
        entries = await asyncio.get_running_loop().getaddrinfo(host, self._dsn.get("port") or 5432)
        return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
