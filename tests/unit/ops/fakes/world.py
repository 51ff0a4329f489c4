"""What the fakes of the ports share: one clock, and what disturbs their calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

NAME, APP = "shop", "app"
START = 1_800_000_000.0


@dataclass
class World:
    """``disturb``: is told of each call before it is done; ``sick``: replicas that do not answer well."""

    disturb: Callable[[str], None] = lambda call: None
    now: float = START
    sick: set[str] = field(default_factory=set)

    def used(self, call: str) -> None:
        self.disturb(call)
