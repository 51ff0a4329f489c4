"""The duty that keeps the balancer's list correct: ejects unhealthy replicas, returns healthy ones, repairs drift."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ops.agent.repair import Repair
from ops.agent.watcher import Watcher
from ops.errors import BalancerError, EngineError, LockHeld, VideaError
from ops.events import Emit
from ops.notices import RoundSkipped
from ops.stack import Stack
from ops.watch import Judge, check_once, judge_of

SHARE = 0.5
"""Share of the interval until the next round while a replica is undecided: three failures then take one interval."""

EARLY = 0.9
"""Share of that pause after which a round probes. An earlier round, caused by a change, does not probe, so that one
slow second on a busy engine cannot make a replica unhealthy."""


@dataclass
class _Service:
    judge: Judge
    repair: Repair
    skipped: str = ""


@dataclass
class HealthChecks:
    """``stacks``: returns the current services that get requests. ``watcher``: ensures that only one process watches.

    ``interval``: seconds between rounds; None for x-videa.health.check_interval. ``command``: for the lock.
    """

    stacks: Callable[[], Sequence[Stack]]
    watcher: Watcher
    command: str
    interval: float | None = None
    clock: Callable[[], float] = time.monotonic
    name: str = field(default="health", init=False)
    on_change: bool = field(default=True, init=False)
    _services: dict[int, _Service] = field(default_factory=dict, init=False)
    _served: Sequence[Stack] = field(default=(), init=False)
    _probed: float = field(default=float("-inf"), init=False)

    @property
    def every(self) -> float:
        """Seconds until the next round."""
        undecided = any(each.judge.undecided or each.repair.undecided for each in self._services.values())
        return self._interval * (SHARE if undecided else 1.0)

    @property
    def _interval(self) -> float:
        default = min((each.project.settings.health.check_interval for each in self._served), default=10.0)
        return self.interval or float(default)

    def run(self, emit: Emit) -> None:
        """One round of all services. Raises LockHeld if another process watches, EngineError, ConfigError."""
        served = self.stacks()
        if served is not self._served:
            self._served = served
            self._services = {place: _Service(judge_of(each), Repair()) for place, each in enumerate(served)}
        if holder := self.watcher.claim(self._interval):
            raise LockHeld(f"{holder} watches already", "only one process watches a project: videa agent status")
        probing = self.clock() - self._probed >= self._interval * SHARE * EARLY
        if probing:
            self._probed = self.clock()
        for each, service in zip(served, self._services.values(), strict=True):
            self._check(each, service, probing, emit)

    def _check(self, stack: Stack, service: _Service, probing: bool, emit: Emit) -> None:
        reason = ""
        try:
            seen = check_once(stack, service.judge, emit, self.command, probing)
            if seen:
                service.repair.repair(seen, emit, self.command, probing)
        except (EngineError, BalancerError) as error:
            reason = error.message
        except VideaError as error:
            reason = f"{error.message}; {error.hint}"
        if reason and reason != service.skipped:
            emit(RoundSkipped(reason))
        service.skipped = reason
