"""The time until something is full, from the data of earlier runs."""

from __future__ import annotations

from ops.doctor.facts import Facts
from ops.doctor.limits import Limits
from ops.doctor.slope import steady, theil_sen


def seconds_left(facts: Facts, limits: Limits, level: str, free: float) -> float | None:
    """Seconds until ``level`` (see ``History.levels``) has grown by ``free`` bytes; None if it does not grow steadily.

    Only samples of the last ``fill_window`` seconds count; they must cover at least ``fill_least`` seconds.
    """
    samples = facts.history.levels.get(level, []) if facts.history else []
    samples = [sample for sample in samples if facts.taken - sample[0] < limits.fill_window]
    if len(samples) < limits.fill_samples or samples[-1][0] - samples[0][0] < limits.fill_least:
        return None
    slope = theil_sen(samples)
    if slope <= 0 or samples[-1][1] - samples[0][1] < limits.fill_growth or not steady(samples):
        return None
    return max(free, 0.0) / slope
