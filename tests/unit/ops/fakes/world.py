"""The common state of the fake ports: the clock, and the disturbance of calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

NAME, APP, MAIL = "shop", "app", "mail"
START = 1_800_000_000.0


@dataclass
class World:
    """``disturb``: called with the name of each call before it; ``sick``: replicas that answer 500."""

    disturb: Callable[[str], None] = lambda call: None
    now: float = START
    sick: set[str] = field(default_factory=set)

    def used(self, call: str) -> None:
        self.disturb(call)
