"""The range of replicas within which the autoscaler may choose. Pure.

The limits of the machine are those that `videa scale` enforces (ops/preflight.py), expressed as numbers, and the
machine's cores: beyond them, replicas only take CPU time from each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ops.preflight import MIB, Capacity

CONNECTIONS, MEMORY, CORES = "connections", "memory", "cores"


@dataclass(frozen=True, slots=True)
class Bound:
    """A maximum of ``most`` replicas. ``why``: the figures; ``change``: what would allow more."""

    name: str
    most: int
    why: str
    change: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """``least``, ``most``: from x-videa; ``machine``: limits of the machine and the database, empty if unknown."""

    least: int
    most: int
    machine: tuple[Bound, ...] = ()

    @property
    def tightest(self) -> Bound | None:
        """The limit that is reached first."""
        return min(self.machine, key=lambda bound: bound.most, default=None)


def machine_bounds(capacity: Capacity, service: Mapping[str, Any], cpus: int, now: int) -> tuple[Bound, ...]:
    """``service``: its Compose definition; ``cpus``: cores of the machine; ``now``: the current number of replicas."""
    return tuple(_bounds(capacity, service, cpus, now))


def with_last(bounds: tuple[Bound, ...], last: tuple[Bound, ...]) -> tuple[Bound, ...]:
    """Adds the ``last`` known limit of connections if it is unknown now: PostgreSQL cannot be queried when full."""
    known = {bound.name for bound in bounds}
    return (*bounds, *(bound for bound in last if bound.name == CONNECTIONS and CONNECTIONS not in known))


def _bounds(capacity: Capacity, service: Mapping[str, Any], cpus: int, now: int) -> Iterator[Bound]:
    if capacity.pool and capacity.connections is not None:
        yield Bound(
            CONNECTIONS,
            capacity.connections // capacity.pool,
            f"PostgreSQL accepts {capacity.connections} connections, {capacity.pool} for each replica",
            "raise max_connections, or lower connection_limit in DATABASE_URL",
        )
    if capacity.reservation and capacity.memory is not None:
        yield Bound(
            MEMORY,
            max(0, (capacity.memory - capacity.reserved) // capacity.reservation),
            f"the machine has {capacity.memory // MIB} MiB, {capacity.reserved // MIB} MiB are reserved by others, and "
            f"{capacity.reservation // MIB} MiB by each replica",
            "lower deploy.resources.reservations.memory, or use a larger machine",
        )
    if capacity.need and capacity.free is not None:
        yield Bound(
            MEMORY,
            now + max(0, capacity.free // capacity.need),
            f"{capacity.free // MIB} MiB are free, and each replica needs {capacity.need // MIB} MiB",
            "free memory, or use a larger machine",
        )
    need, source = cores_of(service)
    yield Bound(
        CORES,
        int(cpus / need + 1e-9),
        f"the machine has {cpus} cores, and each replica {source} {need:g}",
        "set deploy.resources.reservations.cpus to what a replica really needs, or use a larger machine",
    )


def cores_of(service: Mapping[str, Any]) -> tuple[float, str]:
    """Cores of one replica, and the source of that number: its reservation, otherwise its limit, otherwise one core."""
    resources = (service.get("deploy") or {}).get("resources") or {}
    reserved = float((resources.get("reservations") or {}).get("cpus") or 0)
    limit = float((resources.get("limits") or {}).get("cpus") or service.get("cpus") or 0)
    if reserved > 0:
        return reserved, "reserves"
    return (limit, "may use") if limit > 0 else (1.0, "may use")
