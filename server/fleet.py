"""The heartbeats of the instances in Redis, so that operators need not query each instance.

Keys: `videa:fleet` (sorted set: instance -> Unix time of its last beat) and `videa:fleet:INSTANCE` (JSON, expires 15 s
after the last beat); for the keys of the history, see fleet_history. The dashboard reads them through /api/v1/fleet.
All times use the clock of Redis, which the instances share, so an instance with a wrong clock is neither hidden nor
shown after it has stopped.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections import deque
from typing import Any

import msgspec
import psutil

from server.auth.tokens import Tokens
from server.cache import CacheUnavailable, RedisLink
from server.fleet_history import FleetHistory
from server.heartbeat import read_heartbeat
from server.lifecycle import Lifecycle
from server.limits import Limiter
from server.metrics import BUCKETS, Metrics, percentile
from server.postgres import Database
from server.settings import Settings

log = logging.getLogger("videa.fleet")

BEAT_SECONDS = 2.0
_INDEX = "videa:fleet"
_GONE_SECONDS = 15
_MEMORY_EVERY = 5.0
_MEMORY_SAMPLES = 240


class Fleet:
    """Writes a heartbeat every 2 s; reads the others' heartbeats."""

    def __init__(
        self,
        *,
        settings: Settings,
        link: RedisLink,
        metrics: Metrics,
        database: Database,
        limiter: Limiter,
        tokens: Tokens,
        lifecycle: Lifecycle,
    ) -> None:
        self._settings = settings
        self._link = link
        self._metrics = metrics
        self._database = database
        self._limiter = limiter
        self._fingerprints = tokens.fingerprints
        self._lifecycle = lifecycle
        self._process = psutil.Process()
        self._memory: deque[tuple[int, int]] = deque(maxlen=_MEMORY_SAMPLES)
        self._clock_offset: float | None = None
        self._reported: set[str] = set()
        self.history = FleetHistory(link, metrics)
        self._instances = 1

    def describe(self) -> dict[str, Any]:
        """The current state of this instance. Memory in bytes, with samples of 20 minutes; times in Unix seconds."""
        metrics, database = self._metrics, self._database
        old, new = metrics.last_minute()
        span = max(new.at - old.at, 0.001)
        requests = new.requests - old.requests
        recent = [after - before for before, after in zip(old.buckets, new.buckets, strict=True)]
        p95 = percentile(recent, 0.95)
        return {
            "id": self._settings.instance_id,
            "release": self._settings.release,
            "hostname": socket.gethostname(),
            "pid": os.getpid(),
            "started": round(metrics.started - (self._clock_offset or 0.0), 3),
            "seen": round(self.now(), 3),
            "status": "draining" if self._lifecycle.draining else "serving",
            "secrets": self._fingerprints,
            "pool": {
                "limit": database.limit,
                "size": database.size,
                "idle": database.idle,
                "waiting": database.waiting,
                "timeouts": database.figures.timeouts,
            },
            "memory": {"rss": self._process.memory_info().rss, "samples": list(self._memory)},
            "limiter": {
                "mode": self._limiter.mode,
                "refused_last_minute": self._limiter.refused_last_minute,
                "limits": self._limiter.table,
            },
            "redis": {"kind": self._link.kind, "up": self._link.up, "outages": self._link.outages},
            "requests": {
                "total": new.requests,
                "client_errors": new.client_errors,
                "server_errors": new.server_errors,
                "in_flight": metrics.in_flight,
                "per_second": round(requests / span, 2),
                "server_error_rate": round((new.server_errors - old.server_errors) / requests, 5) if requests else 0.0,
                "p95_ms": None if p95 is None else round(p95 * 1000, 3),
            },
            "latency": {"bounds": BUCKETS, "counts": new.buckets, "seconds": round(new.seconds, 6)},
            "clock_offset": self._clock_offset,
        }

    def now(self) -> float:
        """Unix time by the clock of Redis as of the last beat; by this instance's clock before the first beat."""
        return time.time() - (self._clock_offset or 0.0)

    async def read(self) -> list[dict[str, Any]]:
        """All instances with a beat in the last 15 s, by id; only this one while Redis is unavailable.

        The beat of a stopped instance has expired, even if the index still lists it. An unreadable heartbeat is skipped
        and reported once.
        """
        own = self.describe()
        instances = {own["id"]: own}
        unreadable = set()
        for name, raw in await self._fetch():
            if name == own["id"] or raw is None:
                continue
            try:
                instances[name] = read_heartbeat(name, raw)
            except ValueError as error:
                unreadable.add(name)
                if name not in self._reported:
                    log.warning("heartbeat skipped", extra={"of": name, "reason": f"it {error}"})
        self._reported = unreadable
        return [instances[name] for name in sorted(instances)]

    @property
    def unreadable(self) -> list[str]:
        """Names of instances whose heartbeat was unreadable and skipped at the last read."""
        return sorted(self._reported)

    async def _fetch(self) -> list[tuple[str, object]]:
        try:
            known = await self._link.call("ZRANGE", _INDEX, 0, -1)
        except CacheUnavailable:
            return []
        names = [name.decode(errors="backslashreplace") for name in known]
        beats = await asyncio.gather(*(self._link.send("GET", _key(name)) for name in names), return_exceptions=True)
        # While Redis is unavailable, nothing is known; an error reply means a key of another type.
        lost = (not self._link.up and isinstance(beat, CacheUnavailable) for beat in beats)
        return [pair for pair, is_lost in zip(zip(names, beats, strict=True), lost, strict=True) if not is_lost]

    async def keep_beating(self) -> None:
        """Sample memory and write heartbeats, endlessly."""
        while True:
            self._sample_memory()
            await self.beat()
            await asyncio.sleep(BEAT_SECONDS)

    async def beat(self) -> None:
        """Write one heartbeat; without effect while Redis is unavailable."""
        try:
            before = time.time()
            seconds, micros = await self._link.call("TIME", key=_INDEX)
            # The way to Redis takes half of the round trip; the rest is the difference between the clocks.
            shared = int(seconds) + int(micros) / 1e6
            self._clock_offset = round((before + time.time()) / 2 - shared, 4)
            own = self._settings.instance_id
            *_, self._instances, _ = await asyncio.gather(
                self._link.send("SET", _key(own), msgspec.json.encode(self.describe()), "EX", _GONE_SECONDS),
                self._link.send("ZADD", _INDEX, shared, own),
                self._link.send("ZREMRANGEBYSCORE", _INDEX, "-inf", shared - _GONE_SECONDS),
                self._link.send("ZCARD", _INDEX),
                self.history.add(shared, self._instances),
            )
        except CacheUnavailable:
            self.history.skip()

    async def leave(self) -> None:
        """Remove this instance from the list when it stops."""
        own = self._settings.instance_id
        calls = [self._link.send("DEL", _key(own)), self._link.send("ZREM", _INDEX, own)]
        await asyncio.gather(*calls, return_exceptions=True)

    def _sample_memory(self) -> None:
        now = int(time.time())
        if not self._memory or now - self._memory[-1][0] >= _MEMORY_EVERY:
            self._memory.append((now, self._process.memory_info().rss))


def _key(instance: str) -> str:
    return f"{_INDEX}:{instance}"
