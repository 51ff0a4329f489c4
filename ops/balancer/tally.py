"""Totals of many requests in limited memory: counts by route and status class, and a histogram of latencies."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

EXACT, STEP = 1000, 1.01
"""Up to EXACT milliseconds, latencies are as exact as in nginx's log; above, each histogram step is 1% longer."""

BOUNDS = (*(round(base * 10**power, 6) for power in range(-3, 1) for base in (1, 1.5, 2, 3, 5, 7)), 10.0)
"""Seconds: upper bounds of a coarse histogram, for charts; its last count is for longer latencies."""

MAX_ROUTES = 64
"""Number of routes that are counted separately; all others are counted together."""

OTHERS = "others"
"""The route for all other requests."""

MAX_SEGMENTS = 6
"""Number of path segments in a route; further segments are ignored."""

LONG = 32
"""A path segment of this length, in characters, is always an id."""

_MAX_PENDING = 1024
_ID = re.compile(
    r"\d+|[0-9a-fA-F-]{32,36}|(?=[^/]*\d)[0-9a-fA-F]{8,}|[^/]{32,}|(?=[^/]*\d)(?=[^/]*[A-Z])[A-Za-z0-9_-]{10,}"
)


class Latencies:
    """A histogram of latencies with about 2,000 steps: exact to 1 ms up to one second, to 1% above."""

    def __init__(self, seconds: Iterable[float] = ()) -> None:
        self._counts: Counter[int] = Counter()
        self.count = 0
        for latency in seconds:
            self.add(latency)

    def add(self, seconds: float) -> None:
        """Counts one answer; between two steps, in the faster one."""
        self._counts[_step(seconds)] += 1
        self.count += 1

    def merge(self, other: Latencies) -> None:
        """Adds the counts of ``other``."""
        self._counts.update(other._counts)
        self.count += other.count

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps with at least one answer."""
        return tuple(sorted(self._counts))

    def above(self, limit: float) -> int:
        """The number of answers that took longer than ``limit`` seconds."""
        bound = _step(limit)
        return sum(count for step, count in self._counts.items() if step > bound)

    def histogram(self) -> tuple[int, ...]:
        """The number of answers within each of BOUNDS, then of slower ones; empty without answers."""
        if not self.count:
            return ()
        counts = [0] * (len(BOUNDS) + 1)
        for step, count in self._counts.items():
            counts[bisect_left(BOUNDS, _seconds(step))] += count
        return tuple(counts)

    def percentile(self, percent: float) -> float:
        """The percentile in seconds, by nearest rank without interpolation; 0 without answers."""
        rank = math.ceil(percent / 100 * self.count)
        for step in self.steps:
            rank -= self._counts[step]
            if rank <= 0:
                return _seconds(step)
        return 0.0


@dataclass
class Mix:
    """The answers of a route. ``classes``: number by first digit of the status; 5 includes requests without an answer.

    ``bodies``: successful answers with a logged size; ``empty``: those of them without a body.
    """

    classes: Counter[int] = field(default_factory=Counter)
    empty: int = 0
    bodies: int = 0

    @property
    def answers(self) -> int:
        return self.classes.total()

    def merge(self, other: Mix) -> None:
        """Adds the counts of ``other``."""
        self.classes.update(other.classes)
        self.empty, self.bodies = self.empty + other.empty, self.bodies + other.bodies


class Routes:
    """Names routes and limits their number to MAX_ROUTES. A route is counted separately from its second request on, so
    that a scanner that requests a different path each time cannot use up the routes.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pending: set[str] = set()

    def name(self, method: str, path: str) -> str:
        """The route under which a request is counted."""
        if not path:
            return OTHERS
        name = f"{method} {route(path)}"
        if name in self._known:
            return name
        if len(self._known) >= MAX_ROUTES:
            return OTHERS
        if name not in self._pending:
            if len(self._pending) >= _MAX_PENDING:
                self._pending.clear()
            self._pending.add(name)
            return OTHERS
        self._pending.discard(name)
        self._known.add(name)
        return name


@lru_cache(_MAX_PENDING)
def route(path: str) -> str:
    """The path without variable parts: numbers, UUIDs and other ids become ``*``."""
    segments = path.split("/")
    more = ["**"] if len(segments) > MAX_SEGMENTS + 1 else []
    return "/".join(["*" if _is_id(segment) else segment for segment in segments[: MAX_SEGMENTS + 1]] + more)


def _is_id(segment: str) -> bool:
    # Most segments are plain words, for which the slower pattern is not needed.
    return not (segment.isalpha() and len(segment) < LONG) and _ID.fullmatch(segment) is not None


def total(routes: Mapping[str, Mix]) -> Mix:
    """The sum of all routes."""
    combined = Mix()
    for mix in routes.values():
        combined.merge(mix)
    return combined


def _step(seconds: float) -> int:
    """The histogram step of a latency: milliseconds up to EXACT, above logarithmic with base STEP."""
    milliseconds = max(0, round(seconds * 1000))
    if milliseconds <= EXACT:
        return milliseconds
    return EXACT + int(math.log(milliseconds / EXACT) / math.log(STEP))


def _seconds(step: int) -> float:
    return (step if step <= EXACT else EXACT * STEP ** (step - EXACT)) / 1000
