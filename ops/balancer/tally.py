"""What many requests came to, in bounded memory: counts, by route and by class of status, and a histogram of times."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

EXACT, STEP = 1000, 1.01
"""Milliseconds up to which a time is kept as nginx writes it; beyond, the steps of the histogram, here 1%."""

MAX_ROUTES = 64
"""Routes that are counted each for itself; all others together."""

OTHERS = "others"
"""The requests of all other routes."""

MAX_SEGMENTS = 6
"""Of a path that tell a route; what follows belongs to the same one."""

LONG = 32
"""A segment of a path that is this long is an id, whatever it is made of."""

_MAX_PENDING = 1024
_ID = re.compile(
    r"\d+|[0-9a-fA-F-]{32,36}|(?=[^/]*\d)[0-9a-fA-F]{8,}|[^/]{32,}|(?=[^/]*\d)(?=[^/]*[A-Z])[A-Za-z0-9_-]{10,}"
)


class Latencies:
    """Times of answers, in at most some 2,000 steps: exact to a millisecond up to a second, to 1% beyond."""

    def __init__(self, seconds: Iterable[float] = ()) -> None:
        self._counts: Counter[int] = Counter()
        self.count = 0
        for each in seconds:
            self.add(each)

    def add(self, seconds: float) -> None:
        """Counts one answer; between two steps it counts as the faster one."""
        self._counts[_step(seconds)] += 1
        self.count += 1

    def merge(self, other: Latencies) -> None:
        """Counts all that the other has counted."""
        self._counts.update(other._counts)
        self.count += other.count

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps that have counted anything."""
        return tuple(sorted(self._counts))

    def above(self, limit: float) -> int:
        """How many took longer than ``limit`` seconds."""
        bound = _step(limit)
        return sum(count for step, count in self._counts.items() if step > bound)

    def percentile(self, percent: float) -> float:
        """Seconds below which ``percent`` of the answers came: the nearest rank, no interpolation. 0 without any."""
        rank = math.ceil(percent / 100 * self.count)
        for step in self.steps:
            rank -= self._counts[step]
            if rank <= 0:
                return _seconds(step)
        return 0.0


@dataclass
class Mix:
    """The answers of a route. ``classes``: by hundreds of the status; 5 includes requests without an answer.

    ``empty``: successful answers without a body, of ``bodies`` whose size the log tells.
    """

    classes: Counter[int] = field(default_factory=Counter)
    empty: int = 0
    bodies: int = 0

    @property
    def answers(self) -> int:
        return self.classes.total()

    def merge(self, other: Mix) -> None:
        """Counts all that the other has counted."""
        self.classes.update(other.classes)
        self.empty, self.bodies = self.empty + other.empty, self.bodies + other.bodies


class Routes:
    """Names routes and bounds their number: one of its own for what is seen again, until there are MAX_ROUTES.

    So a scanner that asks for something else each time cannot use them up.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pending: set[str] = set()

    def name(self, method: str, path: str) -> str:
        """The route that a request is counted under."""
        if not path:
            return OTHERS
        found = f"{method} {route(path)}"
        if found in self._known:
            return found
        if len(self._known) >= MAX_ROUTES:
            return OTHERS
        if found not in self._pending:
            if len(self._pending) >= _MAX_PENDING:
                self._pending.clear()
            self._pending.add(found)
            return OTHERS
        self._pending.discard(found)
        self._known.add(found)
        return found


@lru_cache(_MAX_PENDING)
def route(path: str) -> str:
    """A path without what differs from one request to the next: numbers, UUIDs and other ids become ``*``."""
    segments = path.split("/")
    more = ["**"] if len(segments) > MAX_SEGMENTS + 1 else []
    return "/".join(["*" if _is_id(each) else each for each in segments[: MAX_SEGMENTS + 1]] + more)


def _is_id(segment: str) -> bool:
    # Most are plain words: the shape of an id is looked for only where it can be one.
    return not (segment.isalpha() and len(segment) < LONG) and _ID.fullmatch(segment) is not None


def total(routes: Mapping[str, Mix]) -> Mix:
    """All routes together."""
    everything = Mix()
    for mix in routes.values():
        everything.merge(mix)
    return everything


def _step(seconds: float) -> int:
    """The number of a histogram's step: milliseconds, and beyond EXACT growing by STEP."""
    milliseconds = max(0, round(seconds * 1000))
    if milliseconds <= EXACT:
        return milliseconds
    return EXACT + int(math.log(milliseconds / EXACT) / math.log(STEP))


def _seconds(step: int) -> float:
    return (step if step <= EXACT else EXACT * STEP ** (step - EXACT)) / 1000
