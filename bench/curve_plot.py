"""Curves over time below one another, as an SVG without any library: the same figures give the same file."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, HEIGHT, LEFT, GAP = 720.0, 110.0, 60.0, 46.0
TICKS = 6


@dataclass(frozen=True)
class Curve:
    """``points``: (seconds, value); ``steps``: a value holds until the next one."""

    title: str
    points: Sequence[tuple[float, float]]
    steps: bool = False


def draw(path: Path, curves: Sequence[Curve]) -> Path:
    """Writes the SVG and returns its path. All curves have the same time axis, from 0."""
    end = max((at for curve in curves for at, _ in curve.points), default=1.0) or 1.0
    parts = [text for number, curve in enumerate(curves) for text in _panel(curve, GAP + number * (HEIGHT + GAP), end)]
    height = len(curves) * (HEIGHT + GAP) + GAP
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + LEFT + 20:g}" height="{height:g}" '
        'font-family="sans-serif" font-size="11">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{"".join(parts)}</svg>\n'
    )
    return path


def _panel(curve: Curve, top: float, end: float) -> list[str]:
    most = max((value for _, value in curve.points), default=0.0) or 1.0
    bottom = top + HEIGHT

    def x(at: float) -> float:
        return LEFT + WIDTH * at / end

    def y(value: float) -> float:
        return bottom - HEIGHT * value / most

    points = sorted(curve.points)
    if curve.steps:
        points = [each for before, after in itertools.pairwise(points) for each in (before, (after[0], before[1]))]
    line = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in points)
    times = [end * number / TICKS for number in range(TICKS + 1)]
    return [
        f'<text x="{LEFT}" y="{top - 8:g}" font-weight="bold">{escape(curve.title)}</text>\n',
        f'<path d="M{LEFT},{top:g}V{bottom:g}H{LEFT + WIDTH:g}" fill="none" stroke="#888"/>\n',
        f'<text x="{LEFT - 6}" y="{top + 4:g}" text-anchor="end">{most:,.0f}</text>\n',
        f'<text x="{LEFT - 6}" y="{bottom:g}" text-anchor="end">0</text>\n',
        *(f'<text x="{x(at):.0f}" y="{bottom + 14:g}" text-anchor="middle">{at:.0f} s</text>\n' for at in times),
        f'<polyline points="{line}" fill="none" stroke="#1f6f5c" stroke-width="1.5"/>\n',
    ]
