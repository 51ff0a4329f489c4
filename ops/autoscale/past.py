"""What earlier rounds asked for and the changes made since, for stabilization windows and policies. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ops.project.policy import LONGEST_PERIOD
from ops.project.section_rules import LONGEST_WINDOW

GAP = 60.0
"""Seconds without a round after which earlier rounds are discarded: the load in between is unknown."""


@dataclass(frozen=True, slots=True)
class Past:
    """``asked``: (time, replicas) of earlier rounds, the oldest first. ``changes``: (time, replicas added or removed).

    Its size is bounded: an earlier number is kept only while it is larger or smaller than all later ones.
    """

    asked: tuple[tuple[float, int], ...] = ()
    changes: tuple[tuple[float, int], ...] = ()

    def known(self, time: float, now: int) -> Past:
        """Before the first round and after a gap, assumes that the load required the current number.

        Kubernetes does the same when its controller starts, so that a restart never scales down early.
        """
        if self.asked and time - self.asked[-1][0] <= GAP:
            return self
        return Past(((time, now),), self.changes)

    def then(self, time: float, replicas: int) -> Past:
        """Adds the number that a round asked for."""
        if self.asked and self.asked[-1][1] == replicas:
            asked = (*self.asked[:-1], (time, replicas))
        else:
            asked = (*self.asked, (time, replicas))
        recent = [each for each in asked if time - each[0] <= LONGEST_WINDOW]
        return Past(_needed(recent), self.changes)

    def changed(self, time: float, by: int) -> Past:
        """Adds a change of the number of replicas."""
        changes = (*self.changes, (time, by))
        return Past(self.asked, tuple(each for each in changes if time - each[0] <= LONGEST_PERIOD))

    def extremes(self, since: float, present: int) -> tuple[int, int]:
        """The smallest and the largest number asked for since ``since``, including the ``present`` one."""
        numbers = [present, *(replicas for time, replicas in self.asked if time > since)]
        return min(numbers), max(numbers)

    def start_of_period(self, since: float, now: int) -> int:
        """The number of replicas at ``since``: the current number minus the later changes."""
        return now - sum(by for time, by in self.changes if time > since)


def _needed(asked: list[tuple[float, int]]) -> tuple[tuple[float, int], ...]:
    """Drops the numbers that can no longer be the smallest or the largest, because of later ones."""
    kept: list[tuple[float, int]] = []
    lowest, highest = float("inf"), float("-inf")
    for time, replicas in reversed(asked):
        if replicas < lowest or replicas > highest:
            kept.append((time, replicas))
        lowest, highest = min(lowest, replicas), max(highest, replicas)
    return tuple(reversed(kept))
