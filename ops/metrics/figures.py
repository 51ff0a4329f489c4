"""The agent's snapshot of a project, for its metrics and the discovery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock

from ops.autoscale import state as autoscaled
from ops.autoscale.state import ServiceState
from ops.ejected import Ejected
from ops.errors import VideaError
from ops.events import Event
from ops.models import Replica
from ops.notices import DriftRepaired, DutyFailed, ReplicaEjected, ReplicaReturned
from ops.notify.message import DOCUMENT, State
from ops.rollout.under_way import UnderWay, under_way
from ops.stack import Stack


@dataclass(frozen=True)
class Service:
    """A service that videa scales. ``listed``: names of the replicas that the balancer sends requests to.

    ``worker``: it gets no requests.
    """

    port: int
    worker: bool
    replicas: Sequence[Replica]
    listed: frozenset[str]


@dataclass(frozen=True)
class Figures:
    """``ejected``: replicas that the health checks have ejected; ``operation``: None if there is none."""

    project: str
    services: Mapping[str, Service] = field(default_factory=dict)
    ejected: frozenset[str] = frozenset()
    autoscaling: Mapping[str, ServiceState] = field(default_factory=dict)
    operation: UnderWay | None = None
    notifications: State = field(default_factory=State)


def look(stacks: Sequence[Stack]) -> Figures:
    """Takes a snapshot now. Raises EngineError."""
    first = stacks[0]
    store, project = first.store, first.project.name
    services = {}
    for stack in map(first.of, first.project.services):
        listed: frozenset[str] = frozenset()
        with suppress(VideaError):  # without a balancer, no replica is listed
            listed = frozenset(stack.gateway.membership(remembered=True).servers)
        settings = stack.project.settings
        services[settings.service] = Service(settings.port, settings.worker, stack.replicas(), listed)
    return Figures(
        project,
        services,
        frozenset(Ejected(store, project).read()),
        autoscaled.read(store, project),
        under_way(store, project),
        DOCUMENT.read(store, project),
    )


@dataclass
class Counts:
    """Counters of events since the agent's start: kind -> count."""

    events: Counter[str] = field(default_factory=Counter)
    duties: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock, init=False)

    def hear(self, event: Event) -> None:
        """Counts an event of the agent."""
        with self._lock:
            if isinstance(event, ReplicaEjected | ReplicaReturned | DriftRepaired):
                self.events[str(event.__struct_config__.tag)] += 1
            elif isinstance(event, DutyFailed):
                self.duties[event.duty] += 1


@dataclass
class Fresh:
    """A cache: ``take`` takes a new snapshot at most every ``age`` seconds."""

    stacks: Callable[[], Sequence[Stack]]
    clock: Callable[[], float]
    age: float = 5.0
    _last: tuple[float, Figures] | None = field(default=None, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def take(self) -> Figures:
        """The figures, at most ``age`` seconds old. Raises like ``look`` and ``stacks``."""
        with self._lock:
            if self._last is None or not 0 <= self.clock() - self._last[0] < self.age:
                self._last = self.clock(), look(self.stacks())
            return self._last[1]
