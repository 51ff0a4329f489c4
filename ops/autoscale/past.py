"""What earlier rounds asked for, and the changes that were made: for stabilization windows and policies. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ops.project.policy import LONGEST_PERIOD
from ops.project.section_rules import LONGEST_WINDOW

GAP = 60.0
"""Seconds without a round after which the earlier ones say nothing about the load since then."""


@dataclass(frozen=True, slots=True)
class Past:
    """``asked``: (time, replicas) of earlier rounds, the oldest first. ``changes``: (time, replicas added or removed).

    It has a bound: of the earlier numbers, only those are kept that are still the largest or the smallest of all that
    follow.
    """

    asked: tuple[tuple[float, int], ...] = ()
    changes: tuple[tuple[float, int], ...] = ()

    def known(self, time: float, now: int) -> Past:
        """Before the first round, and after a gap, the present number stands for what the load was.

        Kubernetes does the same when its controller starts, so that a restart never removes replicas early.
        """
        if self.asked and time - self.asked[-1][0] <= GAP:
            return self
        return Past(((time, now),), self.changes)

    def then(self, time: float, replicas: int) -> Past:
        """With what a round asked for."""
        if self.asked and self.asked[-1][1] == replicas:
            asked = (*self.asked[:-1], (time, replicas))
        else:
            asked = (*self.asked, (time, replicas))
        recent = [each for each in asked if time - each[0] <= LONGEST_WINDOW]
        return Past(_needed(recent), self.changes)

    def changed(self, time: float, by: int) -> Past:
        """With a change of the number of replicas."""
        changes = (*self.changes, (time, by))
        return Past(self.asked, tuple(each for each in changes if time - each[0] <= LONGEST_PERIOD))

    def extremes(self, since: float, present: int) -> tuple[int, int]:
        """The smallest and the largest number since then, with the present one."""
        numbers = [present, *(replicas for time, replicas in self.asked if time > since)]
        return min(numbers), max(numbers)

    def start_of_period(self, since: float, now: int) -> int:
        """The number of replicas then: the present one without the changes since."""
        return now - sum(by for time, by in self.changes if time > since)


def _needed(asked: list[tuple[float, int]]) -> tuple[tuple[float, int], ...]:
    """Without those that a later number makes superfluous for the smallest, and another for the largest."""
    kept: list[tuple[float, int]] = []
    lowest, highest = float("inf"), float("-inf")
    for time, replicas in reversed(asked):
        if replicas < lowest or replicas > highest:
            kept.append((time, replicas))
        lowest, highest = min(lowest, replicas), max(highest, replicas)
    return tuple(reversed(kept))
