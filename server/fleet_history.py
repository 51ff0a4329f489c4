"""The last 15 minutes of the whole fleet, for the charts of the dashboard.

With each heartbeat, all instances add their counts since the previous one to a hash in Redis, one hash for each 10 s:
`videa:fleet-history:N`, where N is the Unix time of Redis divided by 10. Its fields are `requests`, `errors`,
`instances`, and the numbers of answers by latency (`b0` to `bN`, as in metrics.BUCKETS). The size therefore does not
depend on the number of instances, the history includes stopped instances, and the percentile is that of all requests.
Requests that are answered while Redis is unavailable are missing: the charts have a gap then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from server.cache import CacheUnavailable, RedisLink
from server.metrics import BUCKETS, Metrics, percentile

SECONDS = 10
"""The length of a slot."""

SLOTS = 90
_KEPT = (SLOTS + 6) * SECONDS
_BUCKETS = tuple(f"b{number}" for number in range(len(BUCKETS) + 1))
_FIELDS = ("requests", "errors", "instances", *_BUCKETS)

Point = tuple[int, float | None, float | None, float | None, int | None]
"""Unix time of the end of a slot, requests/s, p95 in milliseconds, errors in percent, instances; None if unknown."""


class FleetHistory:
    """Adds this instance's part, and reads the whole."""

    def __init__(self, link: RedisLink, metrics: Metrics) -> None:
        self._link = link
        self._metrics = metrics
        self._told = metrics.sample()

    def skip(self) -> None:
        """Omits the requests answered since the last call, because it is unknown to which slots they belong."""
        self._told = self._metrics.sample()

    async def add(self, now: float, instances: int) -> None:
        """Adds the requests answered since the last call. ``now``: Unix time of Redis. Raises CacheUnavailable."""
        old, new = self._told, self._metrics.sample()
        self._told = new  # even if Redis fails now: a lost count is better than a false peak
        key = _key(int(now) // SECONDS)
        counts = {"requests": new.requests - old.requests, "errors": new.server_errors - old.server_errors}
        counts |= {name: after - before for name, before, after in zip(_BUCKETS, old.buckets, new.buckets, strict=True)}
        await asyncio.gather(
            *(self._link.send("HINCRBY", key, name, count) for name, count in counts.items() if count > 0),
            self._link.send("HSET", key, "instances", instances),
            self._link.send("EXPIRE", key, _KEPT),
        )

    async def read(self, now: float, slots: int = SLOTS) -> list[Point]:
        """The last complete slots, oldest first; none while Redis is unavailable."""
        last = int(now) // SECONDS
        numbers = range(last - slots, last)
        try:
            values = await asyncio.gather(*(self._link.send("HMGET", _key(number), *_FIELDS) for number in numbers))
        except CacheUnavailable:
            return []
        return [_point((number + 1) * SECONDS, found) for number, found in zip(numbers, values, strict=True)]


def _point(time: int, found: Sequence[bytes | None]) -> Point:
    if all(value is None for value in found):
        return time, None, None, None, None
    requests, errors, instances, *buckets = (int(value or 0) for value in found)
    p95 = percentile(buckets, 0.95)
    return (
        time,
        round(requests / SECONDS, 2),
        None if p95 is None else round(p95 * 1000, 2),
        round(100 * errors / requests, 3) if requests else 0.0,
        instances,
    )


def _key(number: int) -> str:
    return f"videa:fleet-history:{number}"
