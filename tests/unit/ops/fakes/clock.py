"""A clock in place of the module ``time``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class FakeClock:
    """It advances only by sleeping. ``longest``: seconds after which a test that still waits fails."""

    now: float = 0.0
    longest: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < self.longest, "it waits forever"
