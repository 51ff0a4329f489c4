"""The current state of the replicas: health, release, load, and whether they get traffic."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

import msgspec

from ops.balancer.access_log import Line
from ops.balancer.recent import Recent, recent_requests
from ops.errors import VideaError
from ops.models import ProbeResult, Replica, Usage
from ops.probes import Running
from ops.rollout.under_way import UnderWay, under_way
from ops.stack import Stack
from ops.traffic import Edge, Look, Membership

SAMPLE_GAP = 0.1
"""Seconds between the two samples of CPU usage; short, because a user waits for the answer."""

RATE_WINDOW = 10.0
"""Seconds of nginx's log over which requests/s are computed."""


class ReplicaStatus(msgspec.Struct, frozen=True):
    """One line of ``videa status``.

    ``probe``: the probe with which videa checks its health, "" if it was not probed; ``by_connect``: the probe is only
    a TCP connection. ``node``: name of its node in a swarm, "" on a single engine. ``age``: seconds since it was
    created; ``cpu``: cores in use; ``memory`` and ``memory_limit``: bytes. None if unknown.
    """

    name: str
    release: str
    image: str
    health: str
    in_balancer: bool
    age: float
    restarts: int
    cpu: float | None
    memory: int | None
    memory_limit: int | None
    requests_per_second: float | None
    probe: str = ""
    by_connect: bool = False
    node: str = ""


class Status(msgspec.Struct, frozen=True):
    """The answer of ``videa status``.

    ``balancer``: "running", or its error; ``maintenance``: whether the site is closed; ``operation``: the one that has
    not ended. ``unreachable``: why nothing answers at ``url`` on this host, empty otherwise. ``worker``: the service
    gets no requests; ``route``: which requests it gets, "" if it gets all; ``own_refused``: the user's own files that
    nginx does not include, "NAME: reason"; ``others``: the other services that videa scales. ``log_dropped``: recent
    lines that are missing in nginx's log, so that the rates are too low. ``edges``: the nginx instances if there are
    several.
    """

    project: str
    service: str
    url: str | None
    balancer: str
    requests_per_second: float | None
    replicas: tuple[ReplicaStatus, ...]
    maintenance: bool = False
    operation: UnderWay | None = None
    unreachable: str = ""
    worker: bool = False
    route: str = ""
    own_refused: tuple[str, ...] = ()
    others: tuple[Status, ...] = ()
    log_dropped: int = 0
    edges: tuple[Edge, ...] = ()


class Shared(msgspec.Struct, frozen=True):
    """The balancer's data for all services, read once: its configuration, and the requests of the last seconds."""

    look: Future[Look]
    recent: Future[Recent]


def read_all(stack: Stack) -> Status:
    """The status of the default service, with those of the others. Raises EngineError."""
    names, own = stack.project.services, stack.project.settings.service
    stacks = [stack.of(name) for name in names]
    served = [each for each in stacks if not each.project.settings.worker]
    with ThreadPoolExecutor(len(names) + 2) as pool:
        # All services share one nginx, which is queried once.
        shared = Shared(pool.submit(_look, served[0]), pool.submit(_recent, served[0])) if len(served) > 1 else None
        asked = [
            pool.submit(read_status, each, name == own, None, shared if each in served else None)
            for name, each in zip(names, stacks, strict=True)
        ]
        known = {status.service: status for status in (answer.result() for answer in asked)}
    first = known.pop(own)
    return msgspec.structs.replace(first, others=tuple(known.values()))


def read_status(
    stack: Stack, first: bool = True, replicas: Sequence[Replica] | None = None, shared: Shared | None = None
) -> Status:
    """Queries the engine, the balancer and every replica, in parallel. Raises EngineError.

    ``first``: also read the operation and the published port, which are the same for every service. ``replicas``: given
    if the caller has just listed them. ``shared``: data that need not be queried again. If the balancer is not running,
    its error is part of the result: the state of the replicas is still useful.
    """
    settings = stack.project.settings
    with ThreadPoolExecutor(7) as pool:
        connecting = pool.submit(lambda: stack.gateway)  # in parallel with the list of replicas
        operation = pool.submit(under_way, stack.store, stack.project.name) if first else None
        nodes = pool.submit(stack.platform.nodes.all)
        replicas = stack.replicas() if replicas is None else replicas
        usage = pool.submit(stack.platform.usage, replicas, SAMPLE_GAP)
        try:
            connecting.result()
            observed = pool.submit(_observed, stack, replicas, shared)
            outside = pool.submit(stack.unreachable) if first else None
            requests = shared.recent if shared else pool.submit(_recent, stack)
            (served, answers), recent, balancer = observed.result(), requests.result(), "running"
            unreachable = outside.result() if outside else ""
        except VideaError as error:
            served, answers, recent, balancer, unreachable = None, {}, None, error.message, ""
        rates = request_rates(recent.requests, replicas, time.time()) if recent else {}
        used, unfinished = usage.result(), operation.result() if operation else None
        names = {node.id: node.name for node in nodes.result()}
    return Status(
        project=stack.project.name,
        service=settings.service,
        url=stack.url,
        balancer=balancer,
        requests_per_second=round(sum(rates.values()), 1) if recent else None,
        replicas=tuple(
            _line(replica, served, answers.get(replica.name), used.get(replica.name), rates, names)
            for replica in replicas
        ),
        maintenance=served is not None and served.maintenance is not None,
        operation=unfinished,
        unreachable=unreachable,
        worker=settings.worker,
        own_refused=served.own.refused if served and first else (),
        route="" if len(stack.project.served) < 2 or settings.worker else str(settings.route.effective),
        log_dropped=recent.dropped if recent else 0,
        edges=served.edges if served and first else (),
    )


def _look(stack: Stack) -> Look:
    return stack.gateway.look()


def _recent(stack: Stack) -> Recent:
    return recent_requests(stack.gateway.log_tail, RATE_WINDOW)


def _observed(
    stack: Stack, replicas: Sequence[Replica], shared: Shared | None
) -> tuple[Membership, dict[str, ProbeResult]]:
    if shared:
        stack.gateway.remember(shared.look.result())
    return stack.observe(replicas, remembered=shared is not None)


def request_rates(requests: Iterable[Line], replicas: Iterable[Replica], now: float) -> dict[str, float]:
    """Requests per second of each replica in the part of the window that ``requests`` covers. ``now``: Unix time."""
    names = {address: replica.name for replica in replicas for address in replica.networks.values() if address}
    lines = list(requests)
    span = max(1.0, min(RATE_WINDOW, now - min((request.time for request in lines), default=now)))
    counts = Counter(names.get(request.answered_by, "") for request in lines)
    return {name: counts[name] / span for name in names.values()}


def health_of(replica: Replica, probe: ProbeResult | None) -> str:
    """healthy, starting, unhealthy, or the state of a stopped container. A probe takes precedence over Docker."""
    if not replica.running:
        return replica.state
    if probe is None:
        return replica.health
    if probe.ok:
        return "healthy"
    settling = probe.asked == str(Running())
    return "starting" if settling or replica.health == "starting" else "unhealthy"


def _line(
    replica: Replica,
    membership: Membership | None,
    probe: ProbeResult | None,
    used: Usage | None,
    rates: dict[str, float],
    nodes: Mapping[str, str],
) -> ReplicaStatus:
    return ReplicaStatus(
        name=replica.name,
        release=replica.release,
        image=replica.image,
        health=health_of(replica, probe),
        in_balancer=membership is not None and replica.attached and membership.admits(replica.name),
        age=round((datetime.now(UTC) - replica.created).total_seconds(), 1),
        restarts=replica.restarts,
        cpu=round(used.cpu, 3) if used else None,
        memory=used.memory if used else None,
        memory_limit=replica.memory_limit,
        requests_per_second=round(rates[replica.name], 1) if replica.name in rates else None,
        probe=probe.asked if probe else "",
        by_connect=probe is not None and probe.by_connect,
        node=nodes.get(replica.node, replica.node),
    )
