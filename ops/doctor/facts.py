"""All facts of the collectors, as one tree that converts to JSON and back, so that a bundle can be replayed offline.

It never contains a secret, only fingerprints of secrets, keyed with a new key in each run.
Times are seconds since the epoch, ages and durations are seconds, sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from ops.doctor.facts_balancer import BalancerFacts, EdgeSight, Traffic
from ops.doctor.facts_engine import ContainerFacts, EngineFacts, HostFacts
from ops.doctor.facts_postgres import PostgresFacts
from ops.doctor.facts_redis import RedisFacts
from ops.doctor.facts_replicas import Beat, InstanceFacts, Proof
from ops.doctor.facts_services import LogGroup, Reached, ServiceFacts
from ops.doctor.facts_swarm import SwarmFacts

VERSION = 1

UNKNOWN = "?"
"""Stands for a replica that could not be identified."""


class Skipped(Struct, frozen=True, omit_defaults=True):
    """What could not be examined, and why. ``id`` is a source ("postgres") or a check ("pg.conn_high").

    ``trace``: the traceback of a bug in videa, otherwise "". ``broken_off``: the source began to answer, but its answer
    ended early.
    """

    id: str
    reason: str
    trace: str = ""
    broken_off: bool = False


class HeldBack(Struct, frozen=True):
    """A service for which the autoscaler wants more replicas than a limit of the machine allows.

    ``limit``: its name, see ``ops.autoscale.bounds``; ``looked``: time of the last round; ``reason``: of that round.
    """

    service: str
    limit: str
    reason: str
    looked: float


class OperationFacts(Struct, frozen=True):
    """The project's lock and journal. ``holder``: of the lock, "" if it is free; ``alive``: its process is running.

    ``broken_off``: an interrupted operation, as text, or ""; ``returning``: it was interrupted during its rollback.
    ``waiting``: an operation that waits without a process, as text, or ""; ``held_back``: services that the
    autoscaler's last round could not scale up.
    """

    holder: str = ""
    command: str = ""
    since: float = 0
    alive: bool = False
    broken_off: str = ""
    waiting: str = ""
    returning: bool = False
    held_back: list[HeldBack] = []


class CertificateFacts(Struct, frozen=True):
    """A domain of x-videa.tls. Unix times; None without a certificate.

    ``due``: when the next certificate is ordered; ``failures``: in a row, the last one with ``error``.
    """

    domain: str
    not_before: float | None
    not_after: float | None
    due: float = 0.0
    failures: int = 0
    error: str = ""


class History(Struct, frozen=True):
    """Results of earlier runs of the doctor. ``memory``: container id -> (time, bytes); ``known``: "id subject" of each
    current finding -> time of the first of the consecutive runs that saw it. ``since`` and ``last``: times of the first
    and the last run. ``oom``: container id -> (time, OOM-killed processes) whenever the number had changed.
    ``levels``: name of what may fill up ("wal", "volume app-postgres-1") -> (time, bytes).
    """

    since: float | None = None
    last: float | None = None
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    known: dict[str, float] = field(default_factory=dict)
    oom: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    levels: dict[str, list[tuple[float, float]]] = field(default_factory=dict)


class Facts(Struct, frozen=True):
    """All facts. A source that could not be queried is None, and its reason is in ``skipped``.

    ``edges``: every running nginx, empty if there is only one. ``logs``: container -> its last error lines; ``reach``:
    replica -> what it can reach; both only for failing ones.
    """

    taken: float
    project: str
    service: str
    services: list[str]
    balancer_service: str
    engine: EngineFacts | None = None
    host: HostFacts | None = None
    containers: list[ContainerFacts] | None = None
    postgres: PostgresFacts | None = None
    redis: RedisFacts | None = None
    balancer: BalancerFacts | None = None
    traffic: Traffic | None = None
    instances: list[InstanceFacts] | None = None
    fleet: list[Beat] | None = None
    operation: OperationFacts | None = None
    certificates: list[CertificateFacts] | None = None
    history: History | None = None
    proof: Proof | None = None
    declared: dict[str, ServiceFacts] | None = None
    swarm: SwarmFacts | None = None
    edges: list[EdgeSight] | None = None
    logs: dict[str, list[LogGroup]] = field(default_factory=dict)
    reach: dict[str, list[Reached]] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    version: int = VERSION

    @property
    def replicas(self) -> list[ContainerFacts]:
        """The containers of the scaled service, ordered by number, without one-off runs."""
        return self.replicas_of(self.service)

    def replicas_of(self, service: str) -> list[ContainerFacts]:
        """The containers of a service, ordered by number, without one-off runs."""
        replicas = [
            container for container in self.containers or [] if container.service == service and not container.oneoff
        ]
        return sorted(replicas, key=lambda container: container.number)

    def runs(self, name: str) -> bool:
        """Whether a container with that name is running."""
        return any(container.name == name and container.running for container in self.containers or [])

    def restarting(self, name: str) -> bool:
        """Whether a container has exited and waits for its restart, which `docker compose up` does not speed up."""
        return any(container.name == name and container.state == "restarting" for container in self.containers or [])

    def paused(self, names: Iterable[str]) -> list[str]:
        """The names of the given containers that are paused."""
        states = {container.name: container.state for container in self.containers or []}
        return [name for name in names if states.get(name) == "paused"]

    @property
    def under_way(self) -> bool:
        """Whether a scale or deploy is running, so that replicas may temporarily differ."""
        return self.operation is not None and self.operation.alive

    def why_skipped(self, source: str) -> str:
        """The reason why a source is None."""
        reasons = [skip.reason for skip in self.skipped if skip.id == source]
        return reasons[0] if reasons else f"{source} was not examined"
