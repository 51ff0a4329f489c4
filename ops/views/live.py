"""The replicas of one service and their requests, while an operation changes them: cheap enough for every second."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from ops.balancer.access_log import Line
from ops.errors import VideaError
from ops.models import Replica
from ops.stack import Stack
from ops.traffic import Membership
from ops.views.top import Traffic, recent_lines, traffic_of


@dataclass(frozen=True, slots=True)
class LiveReplica:
    """``state``: of its container, or of the container's health check; ``rate``: requests per second."""

    name: str
    release: str
    state: str
    in_balancer: bool
    canary: bool
    rate: float


@dataclass(frozen=True, slots=True)
class LiveRelease:
    """The replicas of one release, with all requests that they have answered in the last seconds.

    ``share``: of these requests, None without any; ``wanted``: percent that the balancer sends to a canary.
    """

    release: str
    canary: bool
    replicas: int
    traffic: Traffic
    share: float | None
    wanted: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """``releases``: the oldest first, a canary last; ``worker``: the service gets no requests."""

    service: str
    worker: bool
    traffic: Traffic
    releases: tuple[LiveRelease, ...]
    replicas: tuple[LiveReplica, ...]


class LiveSource:
    """Reads samples. It asks for the balancer's list only after ``moved``: that costs a process in its container."""

    def __init__(self, stack: Stack) -> None:
        """Uses its own connection to the balancer: the operation's connection remembers what it is about to change."""
        self._stack = stack
        self._gateway = stack.connect()
        self._addresses: set[str] = set()
        self._membership: Membership | None = None

    def moved(self) -> None:
        """The balancer's list has changed."""
        self._membership = None

    def look(self) -> Sample:
        """One sample. Raises EngineError, BalancerError."""
        settings = self._stack.project.settings
        replicas = self._stack.replicas()
        if self._membership is None:
            self._membership = self._gateway.membership()
        self._addresses |= {address for replica in replicas for address in replica.networks.values() if address}
        lines = [] if settings.worker else recent_lines(self._stack)
        own = [line for line in lines if line.answered_by in self._addresses]
        return view_live(settings.service, settings.worker, replicas, self._membership, own, time.time())


def view_live(
    service: str, worker: bool, replicas: Iterable[Replica], membership: Membership, lines: list[Line], now: float
) -> Sample:
    """Combines the answers. ``lines``: the service's requests of the last seconds, also of replicas that are gone."""
    answered: dict[str, list[Line]] = {}
    for line in lines:
        answered.setdefault(line.answered_by, []).append(line)
    known = sorted(replicas, key=lambda replica: replica.number)
    by_replica = {replica.name: _own(replica, answered) for replica in known}
    groups: dict[tuple[bool, str], list[Replica]] = {}
    for replica in known:
        groups.setdefault((replica.name in membership.canary, replica.release), []).append(replica)
    total = sum(map(len, by_replica.values()))
    releases = []
    for (canary, release), members in sorted(groups.items(), key=lambda group: group[0][0]):
        requests = [line for replica in members for line in by_replica[replica.name]]
        wanted = membership.split.percent if canary and membership.split else None
        share = len(requests) / total if total else None
        releases.append(LiveRelease(release, canary, len(members), traffic_of(requests, now), share, wanted))
    rows = []
    for replica in known:
        listed = not worker and replica.attached and membership.admits(replica.name)
        rate = traffic_of(by_replica[replica.name], now).rate
        canary = replica.name in membership.canary
        rows.append(LiveReplica(replica.name, replica.release, _state(replica, listed), listed, canary, rate))
    return Sample(service, worker, traffic_of(lines, now), tuple(releases), tuple(rows))


def open_source(stack: Stack) -> LiveSource | None:
    """None if the balancer is not running."""
    try:
        return LiveSource(stack)
    except VideaError:
        return None


def _own(replica: Replica, answered: dict[str, list[Line]]) -> list[Line]:
    """The requests of a replica: its address may be that of a replica that was removed seconds ago."""
    since = (replica.started or replica.created).timestamp()
    addresses = filter(None, replica.networks.values())
    return [line for address in addresses for line in answered.get(address, ()) if line.time >= since]


def _state(replica: Replica, listed: bool) -> str:
    """A replica is ready before it is listed, whatever its container's health check will find at its first run."""
    if not replica.running:
        return replica.state
    if listed and replica.health == "starting":
        return "healthy"
    return "running" if replica.health == "none" else replica.health
