"""The growth rate of samples, by a robust linear fit."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

Sample = tuple[float, float]
"""(time in seconds, value)."""

MOST = 60
"""Maximum samples to use: enough for a trend, few enough for a quadratic algorithm."""


def slopes(samples: Sequence[Sample]) -> list[float]:
    """The sorted slopes between all pairs of samples (units per second)."""
    step = max(1, -(-len(samples) // MOST))
    chosen = list(samples[::-1][::step])
    return sorted(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for index, later in enumerate(chosen)
        for earlier in chosen[index + 1 :]
        if later[0] > earlier[0]
    )


def theil_sen(samples: Sequence[Sample]) -> float:
    """The median of all slopes (Theil 1950, Sen 1968), which is robust against a few outliers. 0 with one sample."""
    pair_slopes = slopes(samples)
    return median(pair_slopes) if pair_slopes else 0.0


def steady(samples: Sequence[Sample]) -> bool:
    """Whether the values grow the whole time: in three of four pairs, and also within the last half.

    False for a process that warms up and levels off, and for a sawtooth.
    """
    pair_slopes = slopes(samples)
    recent_slopes = slopes(samples[len(samples) // 2 :])
    return (
        bool(pair_slopes and recent_slopes)
        and pair_slopes[len(pair_slopes) // 4] > 0
        and median(recent_slopes) > pair_slopes[len(pair_slopes) // 2] / 4
    )
