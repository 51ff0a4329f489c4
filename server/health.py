"""The health of this instance: liveness, readiness, and the state of its dependencies."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from server.cache import CacheUnavailable, RedisLink
from server.database_errors import DatabaseError, PoolTimeout
from server.postgres import Database

_CHECK_TIMEOUT = 1.0
# If a balancer, videa and a person ask at the same time, PostgreSQL is queried once.
_REMEMBER_SECONDS = 0.25
# A pool that is busy with successful work means a loaded database, not a lost one.
_RECENT_SUCCESS = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """status: ok | fail | off (not configured). milliseconds: how long the check took."""

    status: str
    milliseconds: float
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As shown in /health."""
        shown: dict[str, Any] = {"status": self.status, "latency_ms": round(self.milliseconds, 2)}
        if self.reason:
            shown["reason"] = self.reason
        return shown


class Health:
    """Checks PostgreSQL and Redis with time-outs, and caches the result for a quarter of a second."""

    def __init__(self, database: Database, redis: RedisLink) -> None:
        self._database = database
        self._redis = redis
        self._checked_at = 0.0
        self._running: asyncio.Task[dict[str, Check]] | None = None
        self._last: dict[str, Check] = {}
        self.migrated = False
        self.migration_error: str | None = None

    async def check(self) -> dict[str, Check]:
        """The state of each dependency, at most a quarter of a second old."""
        if self._last and time.monotonic() - self._checked_at < _REMEMBER_SECONDS:
            return self._last
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._check_all())
        return await asyncio.shield(self._running)

    async def _check_all(self) -> dict[str, Check]:
        # The age counts from the start of the check: a check from before a fault must not stay cached after it.
        started = time.monotonic()
        postgres, redis = await asyncio.gather(self._check_postgres(), self._check_redis())
        self._last, self._checked_at = {"postgres": postgres, "redis": redis}, started
        return self._last

    async def _check_postgres(self) -> Check:
        started = time.perf_counter()
        reason: str | None = None
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT), self._database.connection() as session:
                await session.fetch_one("SELECT 1")
        except (PoolTimeout, TimeoutError):
            if time.monotonic() - self._database.last_success > _RECENT_SUCCESS:
                reason = f"no answer within {_CHECK_TIMEOUT:g} s"
        except DatabaseError as error:
            reason = str(error)
        if reason is None and not self.migrated:
            reason = self.migration_error or "migrations are not applied yet"
        return Check("fail" if reason else "ok", (time.perf_counter() - started) * 1000, reason)

    async def _check_redis(self) -> Check:
        if not self._redis.configured:
            return Check("off", 0.0, "REDIS_URL is not set")
        started = time.perf_counter()
        reason = None
        try:
            await self._redis.ping()
        except CacheUnavailable as error:
            reason = str(error)
        return Check("fail" if reason else "ok", (time.perf_counter() - started) * 1000, reason)


def overall(checks: dict[str, Check], tasks_sound: bool = True) -> str:
    """fail without PostgreSQL; degraded without Redis or if a background task failed recently; otherwise ok."""
    if checks["postgres"].status == "fail":
        return "fail"
    return "ok" if checks["redis"].status == "ok" and tasks_sound else "degraded"
