"""The data of `videa top`: traffic, usage and connections of every replica, and the data services."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from ops.balancer.access_log import Line
from ops.balancer.recent import recent_requests
from ops.doctor import sources
from ops.doctor.collect import collect
from ops.doctor.facts import Facts
from ops.doctor.facts_replicas import InstanceFacts
from ops.errors import VideaError
from ops.models import Replica
from ops.stack import Stack
from ops.views.status import Status, read_status

WINDOW = 10.0
"""Seconds of nginx's log over which rates and percentiles are computed."""


class Traffic(Struct, frozen=True):
    """``rate``: requests per second; ``p95``: seconds, None without requests; ``errors``: share of 5xx and aborts."""

    rate: float = 0.0
    p95: float | None = None
    errors: float = 0.0


class TopRow(Struct, frozen=True):
    """One replica. ``cpu``: cores; memory in bytes; ``pool_used`` of ``pool_limit`` connections; None if unknown."""

    name: str
    release: str
    health: str
    in_balancer: bool
    traffic: Traffic
    cpu: float | None = None
    cpu_limit: float | None = None
    memory: int | None = None
    memory_limit: int | None = None
    pool_used: int | None = None
    pool_limit: int | None = None
    limiter: str = ""


class Top(Struct, frozen=True):
    """One sample. ``database``: connections (used, usable); ``redis``: bytes (used, limit or 0) and clients.

    ``log_dropped``: recent lines that are missing in nginx's log, so that the rates are too low.
    """

    taken: float
    service: str
    balancer: str
    total: Traffic
    rows: list[TopRow]
    database: tuple[int, int] | None = None
    redis: tuple[int, int, int] | None = None
    unreachable: list[str] = []
    log_dropped: int = 0


def read_top(stack: Stack) -> Top:
    """Queries all sources at the same time; takes one to two seconds. Raises EngineError."""
    wanted = (sources.POSTGRES, sources.REDIS, sources.INSTANCES)
    with ThreadPoolExecutor(3) as pool:
        status = pool.submit(read_status, stack)
        facts = pool.submit(collect, stack.project, lambda: stack, only=wanted)
        lines = pool.submit(recent_lines, stack)
        return view_top(status.result(), facts.result(), lines.result(), stack.replicas(), time.time())


def view_top(status: Status, facts: Facts, lines: list[Line], replicas: Iterable[Replica], now: float) -> Top:
    """Combines the answers into one sample."""
    names = {address: replica.name for replica in replicas for address in replica.networks.values() if address}
    by_replica: dict[str, list[Line]] = {}
    for line in lines:
        by_replica.setdefault(names.get(line.answered_by, ""), []).append(line)
    instances = {instance.name: instance for instance in facts.instances or []}
    quotas = {container.name: container.cpu_limit for container in facts.containers or []}
    nodes = [node for node in facts.redis.nodes if node.up] if facts.redis else []
    return Top(
        taken=now,
        service=status.service,
        balancer=status.balancer,
        total=traffic_of(lines, now),
        rows=[
            TopRow(
                name=replica.name,
                release=replica.release,
                health=replica.health,
                in_balancer=replica.in_balancer,
                traffic=traffic_of(by_replica.get(replica.name, []), now),
                cpu=replica.cpu,
                cpu_limit=quotas.get(replica.name),
                memory=replica.memory,
                memory_limit=replica.memory_limit,
                pool_used=_used(instances.get(replica.name)),
                pool_limit=instances[replica.name].pool_limit if replica.name in instances else None,
                limiter=instances[replica.name].limiter if replica.name in instances else "",
            )
            for replica in status.replicas
        ],
        database=(len(facts.postgres.clients), facts.postgres.usable) if facts.postgres and facts.postgres.up else None,
        redis=(
            int(sum(node.number("used_memory") for node in nodes)),
            int(sum(node.number("maxmemory") for node in nodes)),
            int(sum(node.number("connected_clients") for node in nodes)),
        )
        if nodes
        else None,
        unreachable=[f"{skip.id}: {skip.reason}" for skip in facts.skipped],
        log_dropped=status.log_dropped,
    )


def traffic_of(lines: list[Line], now: float) -> Traffic:
    """The rate in the part of the window that the lines cover, with the 95th percentile and the errors."""
    if not lines:
        return Traffic()
    span = max(1.0, min(WINDOW, now - min(line.time for line in lines)))
    times = sorted(line.waited for line in lines)
    errors = sum(1 for line in lines if line.failed) / len(lines)
    return Traffic(len(lines) / span, times[min(len(times) - 1, len(times) * 95 // 100)], errors)


def _used(instance: InstanceFacts | None) -> int | None:
    return instance.pool_size - instance.pool_idle if instance and instance.pool_limit else None


def recent_lines(stack: Stack) -> list[Line]:
    """The requests of the last WINDOW seconds in nginx's log; none if it cannot be read."""
    try:
        return recent_requests(stack.gateway.log_tail, WINDOW).requests
    except VideaError:
        return []
