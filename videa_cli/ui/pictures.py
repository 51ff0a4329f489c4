"""Small pictures as SVG: numbers for the template, which has the attributes. No script draws them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ops.autoscale.view import Recorded
from ops.balancer.tally import BOUNDS
from ops.views.board import Board, Share

POINTS = 150
"""Samples of a trend: five minutes at one sample in two seconds."""

WIDTH, HEIGHT = 150, 32


@dataclass(frozen=True)
class Spark:
    """A line of the last samples. ``points``: for a polyline in WIDTH x HEIGHT; ``last`` and ``most``: values."""

    points: str
    last: float | None
    most: float | None


def spark(values: Sequence[float | None]) -> Spark:
    """The newest sample is at the right; a sample without a value is left out."""
    known = [value for value in values if value is not None]
    top = max(known, default=0.0) or 1.0
    start = WIDTH - len(values)
    points = " ".join(
        f"{start + number},{HEIGHT - 1 - value / top * (HEIGHT - 3):.1f}"
        for number, value in enumerate(values, 1)
        if value is not None
    )
    return Spark(points, values[-1] if values else None, max(known, default=None))


@dataclass
class Trends:
    """The last samples of each service: requests/s, p95 in seconds, share of errors."""

    by_service: dict[str, deque[tuple[float, float | None, float]]] = field(default_factory=dict)

    def add(self, board: Board) -> None:
        """Adds a sample."""
        for service in board.services:
            known = self.by_service.setdefault(service.status.service, deque(maxlen=POINTS))
            known.append((service.total.rate, service.total.p95, service.total.errors))

    def of(self, service: str) -> dict[str, Spark]:
        """The trends of a service by name: rate, p95, errors."""
        samples = self.by_service.get(service, ())
        return {
            "rate": spark([rate for rate, _, _ in samples]),
            "p95": spark([p95 for _, p95, _ in samples]),
            "errors": spark([errors for _, _, errors in samples]),
        }


@dataclass(frozen=True)
class Comparison:
    """Two histograms of latencies as steps. ``canary``, ``stable``: points in WIDTH x HEIGHT, "" without answers.

    ``fastest``, ``slowest``: seconds at both ends of the picture, None for no bound; the scale is that of BOUNDS.
    """

    canary: str
    stable: str
    fastest: float
    slowest: float | None


def comparison(canary: Sequence[int], stable: Sequence[int]) -> Comparison:
    """The part of the scale that has answers; each side as shares of its own answers."""
    used = [number for side in (canary, stable) for number, count in enumerate(side) if count]
    first, last = min(used, default=0), max(used, default=0)
    new, old = (_parts(side)[first : last + 1] for side in (canary, stable))
    top = max((*new, *old), default=1.0)
    return Comparison(
        canary=_steps(new, top),
        stable=_steps(old, top),
        fastest=BOUNDS[first - 1] if first else 0.0,
        slowest=BOUNDS[last] if last < len(BOUNDS) else None,
    )


def _parts(counts: Sequence[int]) -> list[float]:
    total = sum(counts)
    return [count / total for count in counts] if total else []


def _steps(parts: Sequence[float], top: float) -> str:
    """From the left edge of the picture to the right one, on the ground at both."""
    heights = [HEIGHT - part / top * (HEIGHT - 2) for part in parts]
    wide = WIDTH / len(parts) if parts else 0.0
    corners = [(wide * (number + edge), height) for number, height in enumerate(heights) for edge in (0, 1)]
    ground = [(0.0, float(HEIGHT)), *corners, (float(WIDTH), float(HEIGHT))] if corners else []
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in ground)


@dataclass(frozen=True)
class Staircase:
    """The number of replicas over time. ``points``: in WIDTH x HEIGHT; ``begin``, ``end``: Unix times of both ends."""

    points: str
    begin: float
    end: float


def staircase(known: Recorded) -> Staircase | None:
    """The autoscaler's changes until its last round, up to the most that the rules allow; None without a change."""
    changes = [made for made in known.state.made if made.result == "done"]
    if not changes:
        return None
    begin, end = changes[0].time, max(known.state.looked, changes[-1].time + 1.0)
    top = max(known.most, *(max(made.now, made.desired) for made in changes))
    corners = [corner for made in changes for corner in ((made.time, made.now), (made.time, made.desired))]
    points = " ".join(
        f"{WIDTH * (moment - begin) / (end - begin):.1f},{HEIGHT - number / top * (HEIGHT - 2):.1f}"
        for moment, number in (*corners, (end, changes[-1].desired))
    )
    return Staircase(points, begin, end)


@dataclass(frozen=True)
class Part:
    """A part of the picture of the split: ``left`` and ``width`` in percent; ``hue``: number of its colour."""

    share: Share
    left: float
    width: float
    hue: int


def split_parts(shares: Iterable[Share]) -> list[Part]:
    """The releases side by side: by their requests, without requests by the split or by their replicas that serve."""
    known = list(shares)
    measured = any(share.share for share in known)
    decided = any(share.wanted is not None for share in known)
    serving = sum(share.serving for share in known)
    parts, left = [], 0.0
    for number, share in enumerate(known):
        if measured:
            width = 100 * (share.share or 0.0)
        elif decided:
            width = share.wanted or 0.0
        else:
            width = 100 * share.serving / serving if serving else 0.0
        hue = 1 if share.canary else 0 if number == 0 else 2
        parts.append(Part(share, round(left, 2), round(width, 2), hue))
        left += width
    return parts
