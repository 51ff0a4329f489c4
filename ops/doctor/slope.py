"""How fast something grows, told by a robust line through its samples."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

Sample = tuple[float, float]
"""When (seconds) and how much."""

MOST = 60
"""Samples that are looked at: enough for a trend, few enough for a quadratic method."""


def slopes(samples: Sequence[Sample]) -> list[float]:
    """The slopes between all pairs of samples, sorted (units a second)."""
    step = max(1, -(-len(samples) // MOST))
    chosen = list(samples[::-1][::step])
    return sorted(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for place, later in enumerate(chosen)
        for earlier in chosen[place + 1 :]
        if later[0] > earlier[0]
    )


def theil_sen(samples: Sequence[Sample]) -> float:
    """The median of all pairs' slopes (Theil 1950, Sen 1968): a few outliers do not move it. 0 with one sample."""
    found = slopes(samples)
    return median(found) if found else 0.0


def steady(samples: Sequence[Sample]) -> bool:
    """Whether it grows all along: also the last half by itself, and in three of four pairs.

    A process that warms up and stays, or that saws up and down, does not.
    """
    found = slopes(samples)
    last = slopes(samples[len(samples) // 2 :])
    return bool(found and last) and found[len(found) // 4] > 0 and median(last) > found[len(found) // 2] / 4
