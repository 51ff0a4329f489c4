"""The data of `videa autoscale status` and `explain`."""

from __future__ import annotations

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
"""Seconds without a round after which nobody runs the autoscaler."""


@dataclass(frozen=True, slots=True)
class ServiceView:
    """``now``: replicas that there are; ``machine``: the limits of the machine and the database.

    ``runs``: somebody runs the autoscaler; ``state``: what it has written.
    """

    service: str
    now: int
    least: int
    most: int
    machine: tuple[Bound, ...]
    runs: bool
    state: ServiceState


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
    """The services with x-videa.autoscale, or only this one. Raises ConfigError if there is none, UsageError."""
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
    states = state.read(stack.store, stack.project.name)
    now = engine_clock(stack)()
    return [_view(stack.of(name), states.get(name, ServiceState()), now) for name in chosen(stack.project, service)]


def _view(stack: Stack, written: ServiceState, now: float) -> ServiceView:
    rules = stack.project.settings.autoscale
    alive = tuple(Observed(replica.name) for replica in stack.replicas() if replica.attached)
    machine = machine_limits(stack, Samples(now, alive))
    name, runs = stack.project.settings.service, now - written.looked <= ALIVE
    return ServiceView(name, len(alive), rules.min, rules.max, machine, runs, written)


def explanation(stack: Stack, service: str = "") -> list[Explanation]:
    """Measures and decides now, and changes nothing. Takes some seconds. Raises ConfigError, EngineError."""
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
