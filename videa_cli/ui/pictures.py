"""The numbers of the pictures: of charts over time for uPlot, of the others for the SVG in the templates."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ops.autoscale.view import Recorded
from ops.balancer.tally import BOUNDS
from ops.views.board import Board, Share

SAMPLES = 450
"""Samples of a trend: fifteen minutes at one sample in two seconds."""

GAP = 30.0
"""Seconds without a sample, because the page was not open, after which the line of a chart is interrupted."""

WIDTH, HEIGHT = 150, 32

Sample = tuple[float, float | None, float | None, float | None, int | None, int | None]
"""Unix time, requests/s, p95 in milliseconds, errors in percent, healthy replicas, replicas."""


@dataclass
class Trends:
    """The last samples of each service."""

    by_service: dict[str, deque[Sample]] = field(default_factory=dict)

    def add(self, board: Board) -> None:
        """Adds a sample; one that is not newer than the last is ignored."""
        for service in board.services:
            known = self.by_service.setdefault(service.status.service, deque(maxlen=SAMPLES))
            last = known[-1][0] if known else None
            if last is not None and board.taken <= last:
                continue
            if last is not None and board.taken - last > GAP:
                known.append((last + 1.0, None, None, None, None, None))
            total, replicas = service.total, len(service.rows)
            p95 = None if total.p95 is None else round(1000 * total.p95, 2)
            errors = round(100 * total.errors, 3)
            known.append((round(board.taken, 1), round(total.rate, 1), p95, errors, service.healthy, replicas))

    def since(self, moment: float) -> dict[str, list[Sample]]:
        """The samples after a Unix time by service; services without any are left out."""
        newer = {name: [row for row in rows if row[0] > moment] for name, rows in self.by_service.items()}
        return {name: rows for name, rows in newer.items() if rows}


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
    """The number of replicas over time: it is ``numbers[n]`` from the Unix time ``times[n]`` on."""

    times: tuple[float, ...]
    numbers: tuple[int, ...]

    @property
    def begin(self) -> float:
        return self.times[0]

    @property
    def end(self) -> float:
        return self.times[-1]


def staircase(known: Recorded) -> Staircase | None:
    """The autoscaler's changes until its last round; None without a change."""
    changes = [made for made in known.state.made if made.result == "done"]
    if not changes:
        return None
    last = changes[-1]
    end = max(known.state.looked, last.time + 1.0)
    before = changes[0].time - max(1.0, (end - changes[0].time) / 20)  # so that the first change is seen as a step
    return Staircase(
        (before, *(made.time for made in changes), end),
        (changes[0].now, *(made.desired for made in changes), last.desired),
    )


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
