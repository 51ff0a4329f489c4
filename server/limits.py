"""Rate limits that all instances share through Redis; while Redis is unavailable, each instance counts by itself.

A window begins with the first request of a subject and is one counter in Redis: INCR, with EXPIRE by the instance that
created it. The last count from Redis is also stored here. Without Redis, the instance continues from this count, and a
subject over its limit needs no further round trip. In the first half of a large limit the answer does not wait for
Redis, and Redis gets the counts of many requests at once: after 0.05 s, or earlier from 1% of the limit on. All
instances together cannot use up the other half within this time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from server.cache import CacheUnavailable, RedisLink
from server.parsers import Limit
from server.problems import Problem

_PREFIX = "videa:limit:"
_MOST_SUBJECTS = 50_000
# A smaller limit could be used up within one round trip, so every request waits for its count.
_WIDE = 1000
# Redis gets the counts of a wide limit after this many seconds, or when this part of the limit is reached.
_PAY_WITHIN = 0.05
_PAY_PART = 100
_POLICY = "rate_policy"
Handler = TypeVar("Handler", bound=Callable[..., object])


def limited(policy: str) -> Callable[[Handler], Handler]:
    """Decorator of a route: limits it by address with this row of the table; `none`: no limit.

    Such a route needs no access token and ignores an Authorization header.
    """

    def mark(handler: Handler) -> Handler:
        setattr(handler, _POLICY, policy)
        return handler

    return mark


def policy_of(handler: object) -> str | None:
    """The row of a route."""
    policy: str | None = getattr(handler, _POLICY, None)
    return policy


@dataclass(slots=True)
class Window:
    """The usage of a subject. ends: monotonic seconds; owed: the part that is not counted in Redis yet."""

    count: int
    ends: float
    owed: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The limit for the response headers. reset: seconds."""

    limit: Limit
    remaining: int
    reset: int


class Limiter:
    """mode is `off`, `shared` (Redis) or `local` (memory of this instance)."""

    def __init__(
        self, link: RedisLink, table: Mapping[str, Limit] | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._link = link
        self.table = table
        self._clock = clock
        self._windows: dict[str, Window] = {}
        self._owing: dict[str, tuple[Limit, Window]] = {}
        self._refused_at: deque[float] = deque(maxlen=10_000)
        self.refused: dict[str, int] = {}
        self.local_decisions = 0

    @property
    def mode(self) -> str:
        """The current mode."""
        if self.table is None:
            return "off"
        return "shared" if self._link.up else "local"

    @property
    def refused_last_minute(self) -> int:
        """Requests refused in the last 60 seconds (at most 10,000 are remembered)."""
        since = self._clock() - 60
        while self._refused_at and self._refused_at[0] < since:
            self._refused_at.popleft()
        return len(self._refused_at)

    async def check(self, policy: str, subject: str) -> Verdict | None:
        """Count one request; None when limits are off. Raises Problem 429."""
        if self.table is None:
            return None
        limit = self.table[policy]
        key = f"{policy}:{subject}"
        now = self._clock()
        window = self._windows.get(key)
        if window is not None and window.ends <= now:
            window = None
        if window is not None and limit.requests >= _WIDE and window.count * 2 < limit.requests and self._link.up:
            window.count += 1
            self._owe(key, limit, window)
        elif window is None or window.count <= limit.requests:
            self._pay(key)
            window = await self._count(key, limit, window, now)
        reset = max(1, int(window.ends - now + 0.999))
        if window.count > limit.requests:
            self.refused[policy] = self.refused.get(policy, 0) + 1
            self._refused_at.append(now)
            raise _refusal(limit, reset)
        return Verdict(limit, limit.requests - window.count, reset)

    async def _count(self, key: str, limit: Limit, window: Window | None, now: float) -> Window:
        link = self._link
        if link.usable:
            try:
                count = int(await link.send("INCR", _PREFIX + key))
                if window is None or count <= window.count:
                    # Unknown to this instance, or a new window has started in Redis.
                    window = self._remember(key, Window(count, await self._ends(key, count, limit, now)))
                window.count = max(count, 1)
                return window
            except CacheUnavailable:
                window = self._windows.get(key, window)
        self.local_decisions += 1
        if window is None or window.ends <= now:
            window = self._remember(key, Window(0, now + limit.seconds))
        window.count += 1
        return window

    def _owe(self, key: str, limit: Limit, window: Window) -> None:
        window.owed += 1
        if window.owed == 1:
            if not self._owing:
                self._link.later(_PAY_WITHIN, self._pay_all)
            self._owing[key] = (limit, window)
        elif window.owed * _PAY_PART >= limit.requests:
            self._pay(key)

    def _pay_all(self) -> None:
        for key in list(self._owing):
            self._pay(key)

    def _pay(self, key: str) -> None:
        if key not in self._owing:
            return
        limit, window = self._owing.pop(key)
        owed, window.owed = window.owed, 0
        self._link.post(partial(self._counted, key, limit, window, owed), "INCRBY", _PREFIX + key, owed)

    def _counted(self, key: str, limit: Limit, window: Window, owed: int, answer: object) -> None:
        if not isinstance(answer, int):
            return
        if answer > owed:
            window.count = max(window.count, answer)
            return
        # Redis has started a new window (this one expired or was lost): the next request reads it.
        self._link.send("EXPIRE", _PREFIX + key, limit.seconds)
        if self._windows.get(key) is window:
            del self._windows[key]

    async def _ends(self, key: str, count: int, limit: Limit, now: float) -> float:
        if count == 1:
            self._link.send("EXPIRE", _PREFIX + key, limit.seconds)
            return now + limit.seconds
        left = int(await self._link.send("PTTL", _PREFIX + key))
        if left < 0:
            # The instance that created the window died before it set the expiry.
            self._link.send("EXPIRE", _PREFIX + key, limit.seconds)
            return now + limit.seconds
        return now + left / 1000

    def _remember(self, key: str, window: Window) -> Window:
        if len(self._windows) >= _MOST_SUBJECTS:
            now = self._clock()
            self._windows = {name: kept for name, kept in self._windows.items() if kept.ends > now}
            if len(self._windows) >= _MOST_SUBJECTS:
                self._windows.clear()
        self._windows[key] = window
        return window


def _refusal(limit: Limit, reset: int) -> Problem:
    return Problem(
        429,
        f"At most {limit.requests} requests in {limit.seconds} seconds. Try again in {reset} seconds.",
        headers={
            "Retry-After": str(reset),
            "RateLimit-Limit": str(limit.requests),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": str(reset),
        },
    )
