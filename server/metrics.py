"""The counters of this instance: cheap to record, rendered only on request."""

from __future__ import annotations

import asyncio
import gc
import math
import time
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field

from aiohttp.web_urldispatcher import AbstractRoute

# Seconds. Fine around the goal (p99 under 10 ms), coarse above the guide's 100 ms.
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SAMPLE_SECONDS = 5.0
_PROBES = "/health"
_WINDOW_SAMPLES = 13
# Seconds after which a request in flight is reported, and the maximum number of reported ones.
_PATIENCE = 0.1
_MOST_TOLD = 1000
# Replaces the start time of a stream, which is already answered.
ANSWERED = math.inf


@dataclass(slots=True)
class RouteFigures:
    """One method and route template."""

    count: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    statuses: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """Totals at one time; two samples give a rate."""

    at: float
    requests: int
    client_errors: int
    server_errors: int
    seconds: float
    buckets: tuple[int, ...]


class Metrics:
    """Counters since the start and samples of the last minute."""

    def __init__(self) -> None:
        self.started = time.time()
        self.open: dict[int, float] = {}
        """Start of each open request (perf_counter), by the id of its context; ANSWERED for a stream."""
        self.routes: dict[tuple[str, str], RouteFigures] = {}
        self._by_route: dict[AbstractRoute, RouteFigures] = {}
        self.gc_seconds = 0.0
        self.gc_longest = 0.0
        self._gc_started = 0.0
        self._samples: deque[Sample] = deque(maxlen=_WINDOW_SAMPLES)
        self._samples.append(self.sample())

    def observe(self, route: AbstractRoute, method: str, status: int, seconds: float) -> None:
        """Record one answered request with its route's template, never the raw path."""
        figures = self._by_route.get(route)
        if figures is None or method == "HEAD":
            figures = self._figures(route, method)
        figures.count += 1
        figures.seconds += seconds
        figures.buckets[bisect_left(BUCKETS, seconds)] += 1
        figures.statuses[status] = figures.statuses.get(status, 0) + 1

    def malformed(self, status: int) -> None:
        """Record one request that never reached a route."""
        figures = self.routes.setdefault(("OTHER", "malformed"), RouteFigures())
        figures.count += 1
        figures.buckets[0] += 1
        figures.statuses[status] = figures.statuses.get(status, 0) + 1

    def _figures(self, route: AbstractRoute, method: str) -> RouteFigures:
        resource = route.resource
        # Invented methods must not create an unlimited number of series.
        name = (method if method in _METHODS else "OTHER", resource.canonical if resource else "unmatched")
        figures = self.routes.setdefault(name, RouteFigures())
        # A request without a matching route gets a new object each time; HEAD shares the object of GET.
        if resource is not None and method != "HEAD":
            self._by_route[route] = figures
        return figures

    @property
    def in_flight(self) -> int:
        """Requests and streams that are open now."""
        return len(self.open)

    def unanswered(self) -> list[float]:
        """Seconds that requests in flight have been waiting, if longer than _PATIENCE; longest first."""
        now = time.perf_counter()
        waiting = (now - began for began in self.open.values())
        return sorted((seconds for seconds in waiting if seconds > _PATIENCE), reverse=True)[:_MOST_TOLD]

    @property
    def answered(self) -> int:
        """Requests answered for clients, without the constant health probes."""
        return sum(figures.count for (_, route), figures in self.routes.items() if not route.startswith(_PROBES))

    def sample(self) -> Sample:
        """The totals now, without health probes: a readiness of 503 during the start is no error for users."""
        requests = client_errors = server_errors = 0
        seconds = 0.0
        buckets = [0] * (len(BUCKETS) + 1)
        for (_, route), figures in self.routes.items():
            if route.startswith(_PROBES):
                continue
            requests += figures.count
            seconds += figures.seconds
            for index, count in enumerate(figures.buckets):
                buckets[index] += count
            for status, count in figures.statuses.items():
                if status >= 500:
                    server_errors += count
                elif status >= 400:
                    client_errors += count
        return Sample(time.monotonic(), requests, client_errors, server_errors, seconds, tuple(buckets))

    def last_minute(self) -> tuple[Sample, Sample]:
        """The oldest sample of the last minute and the totals now."""
        return self._samples[0], self.sample()

    async def keep_sampling(self) -> None:
        """Take a sample every 5 s, endlessly."""
        while True:
            await asyncio.sleep(_SAMPLE_SECONDS)
            self._samples.append(self.sample())

    def watch_gc(self) -> None:
        """Time the garbage collector from now on."""
        gc.callbacks.append(self._on_gc)

    def unwatch_gc(self) -> None:
        """Stop timing the garbage collector."""
        if self._on_gc in gc.callbacks:
            gc.callbacks.remove(self._on_gc)

    def _on_gc(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._gc_started = time.perf_counter()
        else:
            pause = time.perf_counter() - self._gc_started
            self.gc_seconds += pause
            self.gc_longest = max(self.gc_longest, pause)


_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])


def percentile(buckets: tuple[int, ...] | list[int], share: float) -> float | None:
    """The quantile `share` in seconds, by linear interpolation within the bucket, like Prometheus' histogram_quantile;
    None without requests."""
    total = sum(buckets)
    if total == 0:
        return None
    rank, seen = share * total, 0
    for index, count in enumerate(buckets):
        if seen + count >= rank and count:
            if index == len(BUCKETS):
                return BUCKETS[-1]
            low = BUCKETS[index - 1] if index else 0.0
            return low + (BUCKETS[index] - low) * (rank - seen) / count
        seen += count
    return BUCKETS[-1]
