"""The agent's duty that scales services with the load: it measures, decides, and scales like `videa scale`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from ops import capacity
from ops.autoscale import state
from ops.autoscale.bounds import Bound, Bounds, machine_bounds, with_last
from ops.autoscale.busy import busy, closed
from ops.autoscale.decide import Decision, decide
from ops.autoscale.explain import reason
from ops.autoscale.measure import Meter
from ops.autoscale.past import Past
from ops.autoscale.record import Record
from ops.autoscale.samples import Samples
from ops.autoscale.state import Made, ServiceState
from ops.errors import EngineUnreachable, LockHeld, VideaError
from ops.events import Emit, discard
from ops.notices import AutoscaleDecided, AutoscaleLimited, AutoscaleSkipped
from ops.operations import Operation
from ops.stack import Stack

INTERVAL = 3.0
"""Seconds between the starts of rounds. As measuring the CPU takes 2 s, a change of the load is seen within 5 s."""

REOPEN = 60.0
"""Seconds after which the project is reloaded: its file, its settings and its balancer may have changed."""

BOUNDS = 30.0
"""Seconds for which measured limits of the machine are reused while they prevent scaling up."""

REST, LONGEST_REST = 30.0, 480.0
"""Seconds until the next try after a failed operation, doubled after each further failure; and their maximum."""

SKEW = 2.0
"""Seconds by which a clock must differ from the engine's, which reports full seconds, to count as different."""


def engine_clock(stack: Stack) -> Callable[[], float]:
    """The Unix time of the engine, with fractions. Raises EngineError."""
    ahead = stack.store.now() - time.time()
    return (lambda: time.time() + ahead) if abs(ahead) > SKEW else time.time


@dataclass
class _Service:
    """A service's state between rounds. ``limited``: the limit of the machine that prevents scaling up.

    ``rest_until``: the last operation failed, so there is no other one until then; ``rest``: seconds.
    """

    record: Record
    past: Past | None = None
    machine: tuple[Bound, ...] = ()
    machine_at: float = float("-inf")
    limited: str = ""
    rest: float = 0.0
    rest_until: float = float("-inf")


@dataclass
class Autoscaler:
    """``connect``: opens the project in its current state; ``dry_run``: only records what it would do.

    ``interval``: seconds between the starts of rounds. ``clock``: Unix time, by default the engine's.
    """

    connect: Callable[[], Stack]
    dry_run: bool = False
    interval: float = INTERVAL
    clock: Callable[[], float] | None = None
    name: str = field(default="autoscale", init=False)
    on_change: bool = field(default=False, init=False)
    _stack: Stack | None = field(default=None, init=False)
    _stacks: dict[str, Stack] = field(default_factory=dict, init=False)
    _meter: Meter | None = field(default=None, init=False)
    _opened: float = field(default=0.0, init=False)
    _took: float = field(default=0.0, init=False)
    _failed: str = field(default="", init=False)
    _services: dict[str, _Service] = field(default_factory=dict, init=False)

    @property
    def every(self) -> float:
        """Seconds until the next round, minus the duration of the last one."""
        return max(1.0, self.interval - self._took)

    def run(self, emit: Emit) -> None:
        """One round of all services. An error is emitted once; raises EngineUnreachable."""
        began = time.monotonic()
        try:
            self._round(emit)
            self._failed = ""
        except VideaError as error:
            self._stack = None
            if isinstance(error, EngineUnreachable):
                raise
            if error.message != self._failed:
                emit(AutoscaleSkipped("", error.message))
            self._failed = error.message
        finally:
            self._took = time.monotonic() - began

    def _round(self, emit: Emit) -> None:
        stack, meter = self._open()
        store, project = stack.store, stack.project
        why = busy(store, project.name)
        states = {} if why else state.read(store, project.name)
        for name in project.services:
            each = self._stack_of(stack, name)
            if not each.project.settings.autoscale.enabled:
                continue
            service = self._services.setdefault(name, _Service(Record(store, project.name, name)))
            before = states.get(name, ServiceState())
            hold = why or ("it is off; to turn it on: videa autoscale on" if before.off else "")
            hold = hold or ("the site is closed for maintenance" if closed(each) else "")
            if hold:
                if service.record.waits(hold, meter.clock()):
                    emit(AutoscaleSkipped(name, hold))
                self._stack = None if why else self._stack  # the operation may change the project
            elif meter.clock() >= service.rest_until:
                self._decide(each, meter, service, before, emit)

    def _open(self) -> tuple[Stack, Meter]:
        if self._stack is None or time.monotonic() - self._opened > REOPEN:
            self._stack, self._opened, self._stacks = self.connect(), time.monotonic(), {}
        if self._meter is None:
            self._meter = Meter(self.clock or engine_clock(self._stack))
        return self._stack, self._meter

    def _stack_of(self, stack: Stack, service: str) -> Stack:
        """The stack of a service, cached until the project is reopened: a new one must query nginx for its list."""
        if service not in self._stacks:
            self._stacks[service] = stack.of(service)
        return self._stacks[service]

    def _decide(self, stack: Stack, meter: Meter, service: _Service, before: ServiceState, emit: Emit) -> None:
        samples = meter.samples(stack)
        if not samples.replicas:  # after `videa down` or `videa scale 0`; Kubernetes does not scale from 0 either
            if service.record.waits(hold := "no replica runs; to start the stack: videa up", samples.time):
                emit(AutoscaleSkipped(service.record.service, hold))
            return
        past = (before.past if service.past is None else service.past).known(samples.time, samples.now)
        decision = self._bounded(stack, samples, past, service)
        service.past = past.then(decision.time, decision.asked)
        if decision.desired == decision.now:
            self._stay(stack, decision, service, service.past, emit)
        elif self.dry_run:
            made = Made(decision.time, decision.now, decision.desired, reason(decision), "dry run")
            if service.record.is_last(made):
                service.record.decided(decision, service.past)
                return
            emit(AutoscaleDecided(service.record.service, made.now, made.desired, made.reason, True))
            service.record.decided(decision, service.past, made)
        else:
            self._scale(decision, meter, service, service.past, emit)

    def _bounded(self, stack: Stack, samples: Samples, past: Past, service: _Service) -> Decision:
        """Measures the limits of the machine only if the number would rise: this runs commands in containers."""
        rules = stack.project.settings.autoscale
        decision = decide(samples, Bounds(rules.min, rules.max), rules, past)
        if decision.desired <= decision.now:
            return decision
        if samples.time - service.machine_at > BOUNDS:
            machine = machine_limits(stack, samples)
            service.machine, service.machine_at = with_last(machine, service.machine), samples.time
        return decide(samples, Bounds(rules.min, rules.max, service.machine), rules, past)

    def _stay(self, stack: Stack, decision: Decision, service: _Service, past: Past, emit: Emit) -> None:
        """Records that a limit of the machine prevented scaling up, which is also a decision."""
        limit = decision.stopped_by
        stopped = limit.name if limit and limit.name in {bound.name for bound in service.machine} else ""
        made = None
        if stopped and stopped != service.limited:
            made = Made(decision.time, decision.now, decision.now, reason(decision), stopped)
            emit(AutoscaleLimited(service.record.service, decision.now, decision.asked, made.reason))
        service.limited = stopped
        service.record.decided(decision, past, made)
        if not self.dry_run:  # prepare now: later, the machine is busier
            project = stack.project
            project.compose.prepare(project.settings.service)

    def _scale(self, decision: Decision, meter: Meter, service: _Service, past: Past, emit: Emit) -> None:
        name, why = service.record.service, reason(decision)
        if _is_off(service.record):  # turned off since the start of the round, which takes some seconds
            return
        emit(AutoscaleDecided(name, decision.now, decision.desired, why, False))
        operation = Operation(
            self.connect(), emit, f"videa autoscale {name}={decision.desired} ({why})", automatic=True
        )
        self._stack, service.machine_at = None, float("-inf")
        try:
            outcome = operation.scale_all({name: partial(_wanted, decision)})
        except LockHeld as error:
            if service.record.waits(error.message, meter.clock()):
                emit(AutoscaleSkipped(name, error.message))
            return
        except EngineUnreachable:
            raise
        except VideaError as error:
            service.rest = min(LONGEST_REST, service.rest * 2 or REST)
            service.rest_until = meter.clock() + service.rest
            made = Made(decision.time, decision.now, decision.desired, why, error.message)
            service.record.decided(decision, past, made)
            emit(AutoscaleSkipped(name, f"{error.message}; next try in {service.rest:g} s"))
            return
        service.rest, service.limited = 0.0, ""
        by = sum(part.wanted - len(part.fleet.alive) for part in outcome.parts)
        service.past = past.changed(meter.clock(), by)
        made = Made(decision.time, decision.now, decision.desired, why, "done")
        service.record.decided(decision, service.past, made)


def machine_limits(stack: Stack, samples: Samples) -> tuple[Bound, ...]:
    """The current limits of the machine and the database. Raises EngineError."""
    measured = capacity.measure(stack, [replica.name for replica in samples.replicas], discard)
    return machine_bounds(measured, stack.project.service, stack.platform.machine.cpus, samples.now)


def _is_off(record: Record) -> bool:
    return state.read(record.store, record.project).get(record.service, ServiceState()).off


def _wanted(decision: Decision, current: int) -> int:
    """The desired number, unless somebody has changed the current one in the meantime."""
    return decision.desired if current == decision.now else current


def keep(duty: Autoscaler, emit: Emit, stop: threading.Event) -> None:
    """Runs the duty until ``stop`` is set. Raises EngineUnreachable if the first round has this error."""
    duty.run(emit)
    while not stop.wait(duty.every):
        try:
            duty.run(emit)
        except EngineUnreachable as error:
            emit(AutoscaleSkipped("", error.message))
