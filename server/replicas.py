"""Sends reads to the replica if the result cannot differ from the primary's, otherwise to the primary.

The lag of the replica comes from log positions, not from its clock: every half second the primary's position is
recorded, and the replica's replay position shows which of these times it has reached.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from server.database_errors import DatabaseError, DatabaseUnavailable, StatementFailed
from server.database_session import Row
from server.postgres import Database

log = logging.getLogger("videa.replica")

_PROBE_SECONDS = 0.5
# Less than the life of the cache's tombstones, so that a read without a tombstone cannot be older than the last write.
_MOST_STALE = 1.5


class ReadRouter:
    """The primary and, if there is one, its replica."""

    def __init__(self, primary: Database, replica: Database | None) -> None:
        self._primary = primary
        self.replica = replica
        self._positions: deque[tuple[float, int]] = deque(maxlen=120)
        self._replayed = 0
        self._as_of = 0.0
        self.reads = {"primary": 0, "replica": 0}
        self.fallbacks = 0

    @property
    def staleness(self) -> float | None:
        """The replica is at most this many seconds behind; None if unknown."""
        return time.monotonic() - self._as_of if self._as_of else None

    @property
    def replica_usable(self) -> bool:
        """Whether reads may go to the replica now."""
        staleness = self.staleness
        return self.replica is not None and staleness is not None and staleness <= _MOST_STALE

    async def read(
        self, sql: str, parameters: Sequence[Any] = (), *, fresh: bool = False, after: int | None = None
    ) -> list[Row]:
        """Rows from the replica or the primary. Raises DatabaseError if neither answers.

        fresh: the newest data is required, so the primary; after: a log position that the server must have reached.
        """
        replica = self.replica
        if replica is not None and not fresh and self.replica_usable and self._replayed >= (after or 0):
            try:
                rows = await replica.fetch_all(sql, parameters, read=True)
            except (DatabaseError, StatementFailed) as error:
                self._give_up(str(error))
                self.fallbacks += 1
            else:
                self.reads["replica"] += 1
                return rows
        try:
            rows = await self._primary.fetch_all(sql, parameters, read=True)
        except DatabaseUnavailable:
            if replica is None:
                raise
            # Without a primary there are no new writes that the replica could lack.
            rows = await replica.fetch_all(sql, parameters, read=True)
            self.reads["replica"] += 1
            return rows
        self.reads["primary"] += 1
        return rows

    async def write_position(self) -> int | None:
        """The log position after a committed write; None without a replica."""
        if self.replica is None:
            return None
        try:
            row = await self._primary.fetch_one("SELECT (pg_current_wal_lsn() - '0/0')::bigint", read=True)
        except DatabaseError:
            return None
        return int(row[0]) if row else None

    async def keep_probing(self) -> None:
        """Compare the positions, endlessly; returns at once without a replica."""
        while self.replica is not None:
            try:
                async with asyncio.timeout(_MOST_STALE):
                    await self._probe(self.replica)
            except (DatabaseError, StatementFailed, TimeoutError) as error:
                self._give_up(str(error) or "no answer")
            await asyncio.sleep(_PROBE_SECONDS)

    async def close(self) -> None:
        """Close the replica's connections."""
        if self.replica is not None:
            await self.replica.close()

    async def _probe(self, replica: Database) -> None:
        now = time.monotonic()
        row = await self._primary.fetch_one("SELECT (pg_current_wal_lsn() - '0/0')::bigint", read=True)
        if row:
            self._positions.append((now, int(row[0])))
        row = await replica.fetch_one(
            "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint WHERE pg_is_in_recovery()", read=True
        )
        if row is None or row[0] is None:
            raise DatabaseUnavailable("DATABASE_REPLICA_URL does not point to a replica")
        self._replayed = int(row[0])
        reached = [moment for moment, position in self._positions if position <= self._replayed]
        if reached:
            if not self._as_of:
                log.info("replica in use")
            self._as_of = reached[-1]

    def _give_up(self, reason: str) -> None:
        if self._as_of:
            log.warning("replica not in use", extra={"reason": reason})
        self._as_of = 0.0
