"""The agent's duty that keeps the certificates of x-videa.tls valid."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ops.balancer.certificates import OnVolume
from ops.certificates import renewal
from ops.certificates.process import check_library
from ops.certificates.renewal import Renewals, tls_of
from ops.errors import PlanRefused
from ops.events import Emit
from ops.stack import Stack

EVERY = 60.0
"""Seconds between rounds, and so until a new domain in x-videa gets its certificate."""

SHORTEST = 1.0

WAIT = 5.0
"""Seconds until the next round while another process watches the project, or this one has just started."""

LOOK = 600.0
"""Seconds after which the volume is read again if nothing is due: reading runs a command in nginx's container."""


@dataclass
class Certificates:
    """``stacks``: as for the health checks; raises PlanRefused if the agent must do nothing.

    ``active``: whether this process is the one that watches the project; ``clock``: Unix time.
    """

    stacks: Callable[[], Sequence[Stack]]
    active: Callable[[], bool]
    clock: Callable[[], float] = time.time
    open: Callable[[Stack, Emit], Renewals] = renewal.of_stack
    name: str = field(default="certificates", init=False)
    on_change: bool = field(default=False, init=False)
    _due: float = field(default=0.0, init=False)
    _seen: OnVolume | None = field(default=None, init=False)
    _seen_at: float = field(default=0.0, init=False)
    _of: tuple[Sequence[Stack], tuple[str, ...]] = field(default=((), ()), init=False)

    @property
    def every(self) -> float:
        """Seconds until the next round."""
        return max(SHORTEST, min(EVERY, self._due - self.clock())) if self._due else EVERY

    def run(self, emit: Emit) -> None:
        """One round. A domain that fails is reported and does not stop the others. Raises VideaError."""
        self._due = 0.0
        if not self.active():
            self._due = self.clock() + WAIT
            return
        try:
            served = self.stacks()
        except PlanRefused:
            return  # the health checks report why
        if not served or not tls_of(served[0].project).domains:
            return
        check_library()
        renewals = self.open(served[0], emit)
        self._look(served, renewals)
        certificates = renewals.certificates(self._seen)
        renewals.ask_for_suggestions(certificates)
        certificates = renewals.certificates(self._seen)
        for each in certificates:
            if each.due <= self.clock():
                self._seen = None  # even if it fails halfway
                renewals.renew(each.domain)
        if self._seen is None:
            self._look(served, renewals)
            certificates = renewals.certificates(self._seen)
        self._due = min(each.due for each in certificates)

    def _look(self, served: Sequence[Stack], renewals: Renewals) -> None:
        """Reads the volume, unless the same nginx was asked recently."""
        of, now = (served, renewals.volume.containers), self.clock()
        if self._seen is None or self._of != of or not 0 <= now - self._seen_at < LOOK:
            self._seen = renewals.volume.look()
            self._of, self._seen_at = of, now
            renewals.arrange(self._seen)
