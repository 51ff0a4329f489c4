"""The data of `videa autoscale status` and `explain`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ops.autoscale import state
from ops.autoscale.bounds import Bound, Bounds
from ops.autoscale.decide import Decision, decide
from ops.autoscale.duty import engine_clock, machine_limits
from ops.autoscale.explain import Row, rows
from ops.autoscale.measure import Meter
from ops.autoscale.samples import Observed, Samples
from ops.autoscale.state import ServiceState
from ops.errors import ConfigError
from ops.project.config import Project
from ops.stack import Stack

ALIVE = 60.0
"""Seconds without a round after which the autoscaler counts as not running."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The recorded ``state`` of the autoscaler. ``runs``: it is running; ``least``, ``most``: from the rules."""

    service: str
    least: int
    most: int
    runs: bool
    state: ServiceState


@dataclass(frozen=True, slots=True)
class ServiceView(Recorded):
    """``now``: current replicas; ``machine``: the limits of the machine and the database."""

    now: int
    machine: tuple[Bound, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the autoscaler would decide now, and why."""

    service: str
    off: bool
    bounds: Bounds
    decision: Decision
    rows: tuple[Row, ...]
    missing: dict[str, str]


def chosen(project: Project, service: str = "") -> tuple[str, ...]:
    """The services with x-videa.autoscale, or only ``service``. Raises ConfigError if there is none, UsageError."""
    names = (service,) if service else project.services
    enabled = tuple(name for name in names if project.of(name).settings.autoscale.enabled)
    if not enabled:
        raise ConfigError(
            f"{service or 'no service'} {'has no' if service else 'has'} x-videa.autoscale",
            "write `autoscale: {min: 2, max: 6}` into its x-videa section: see docs/autoscale.md",
        )
    return enabled


def overview(stack: Stack, service: str = "") -> list[ServiceView]:
    """One view for each service. Raises ConfigError, EngineError."""
    now = engine_clock(stack)()
    return [_view(stack.of(each.service), each, now) for each in recorded(stack, chosen(stack.project, service))]


def recorded(stack: Stack, services: Iterable[str]) -> list[Recorded]:
    """The autoscaler's records of these services, with one request to the engine. Raises EngineError."""
    states = state.read(stack.store, stack.project.name)
    now = engine_clock(stack)()
    found = []
    for name in services:
        rules, written = stack.project.of(name).settings.autoscale, states.get(name, ServiceState())
        found.append(Recorded(name, rules.min, rules.max, now - written.looked <= ALIVE, written))
    return found


def _view(stack: Stack, known: Recorded, now: float) -> ServiceView:
    alive = tuple(Observed(replica.name) for replica in stack.replicas() if replica.attached)
    machine = machine_limits(stack, Samples(now, alive))
    return ServiceView(known.service, known.least, known.most, known.runs, known.state, len(alive), machine)


def explanation(stack: Stack, service: str = "") -> list[Explanation]:
    """Measures and decides now without changing anything. Takes some seconds. Raises ConfigError, EngineError."""
    states = state.read(stack.store, stack.project.name)
    meter = Meter(engine_clock(stack))
    return [
        _explained(stack.of(name), states.get(name, ServiceState()), meter) for name in chosen(stack.project, service)
    ]


def _explained(stack: Stack, written: ServiceState, meter: Meter) -> Explanation:
    rules = stack.project.settings.autoscale
    samples = meter.samples(stack)
    bounds = Bounds(rules.min, rules.max, machine_limits(stack, samples))
    decision = decide(samples, bounds, rules, written.past.known(samples.time, samples.now))
    shown = tuple(rows(decision, float(rules.tolerance)))
    return Explanation(stack.project.settings.service, written.off, bounds, decision, shown, dict(samples.missing))
