"""Measures the available resources before a plan is checked."""

from __future__ import annotations

import re
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from ops.contract import DATABASE
from ops.doctor.collectors.postgres import postgres_facts
from ops.doctor.collectors.postgres_sql import SESSIONS
from ops.doctor.collectors.services import locate
from ops.doctor.skip import Skip
from ops.events import Emit
from ops.notices import PoolsUnchecked
from ops.pools import pool_limit
from ops.preflight import Capacity, reservation
from ops.stack import Stack

_AVAILABLE = re.compile(r"^MemAvailable: +(\d+) kB$", re.MULTILINE)


def measure(stack: Stack, replicas: Collection[str], emit: Emit) -> Capacity:
    """The engine's memory, the reservations and the database's connections. Emits an event for each unknown value.

    ``replicas``: names of the running replicas. Raises EngineError.
    """
    project = stack.project
    others = {name: spec for name, spec in project.model["services"].items() if name != project.settings.service}
    url = str((project.service.get("environment") or {}).get(DATABASE, ""))
    reserved_for_one = reservation(project.service)
    with ThreadPoolExecutor(4) as pool:
        machine = pool.submit(lambda: stack.platform.machine)
        database = pool.submit(_connections, stack, emit) if url else None
        free = pool.submit(_free, stack)
        # Skipped if the file sets a reservation: some engines answer only at their next sample, up to a second later.
        used = pool.submit(stack.platform.memory, () if reserved_for_one else replicas)
        connections, in_use = database.result() if database else (None, None)
        return Capacity(
            memory=machine.result().memory,
            reserved=sum(reservation(spec) * _count(spec) for spec in others.values()),
            reservation=reserved_for_one,
            pool=pool_limit(url),
            connections=connections,
            free=free.result(),
            usage=max((bytes_used for bytes_used, _ in used.result().values()), default=0),
            open=in_use,
        )


def _count(service: dict[str, object]) -> int:
    deploy = service.get("deploy")
    return int(deploy.get("replicas", 1)) if isinstance(deploy, dict) else 1


def _free(stack: Stack) -> int | None:
    """Bytes available to new processes without swapping. A container sees the same value as its host."""
    answer = stack.gateway.ask(["cat", "/proc/meminfo"])
    available = _AVAILABLE.search(answer.output)
    return int(available[1]) * 1024 if available else None


def _connections(stack: Stack, emit: Emit) -> tuple[int | None, int | None]:
    """PostgreSQL's maximum of connections for ordinary users, and the number in use."""
    try:
        name = locate(stack.project, DATABASE).service
        container = stack.platform.container(name)
        if container is None or container.state != "running":
            raise Skip(f"{name} is not running")
        facts = postgres_facts(stack.platform, name, container.id, SESSIONS)
    except Skip as reason:
        emit(PoolsUnchecked(str(reason)))
        return None, None
    if not facts.up:
        emit(PoolsUnchecked(facts.error))
        return None, None
    return facts.usable, facts.connections
