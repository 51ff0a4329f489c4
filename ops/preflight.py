"""What is refused before anything is started, because it cannot work. Pure: figures in, PlanRefused out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.errors import PlanRefused

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Capacity:
    """What there is to share, each None when it could not be learnt.

    ``memory``: bytes of the engine's host; ``reserved``: bytes that the other services reserve; ``reservation``: bytes
    that one replica reserves; ``pool``: connections that one replica opens at most; ``connections``: how many
    PostgreSQL gives to ordinary users (max_connections without the reserved ones).
    """

    memory: int | None
    reserved: int
    reservation: int
    pool: int | None
    connections: int | None


def check_shape(service: Mapping[str, Any], name: str, replicas: int) -> None:
    """Refuses more than one replica of a service that can only exist once. Raises PlanRefused."""
    if replicas < 2:
        return
    if service.get("container_name"):
        raise PlanRefused(
            f"services.{name} has a container_name, so there can be only one replica", "remove container_name from it"
        )
    fixed = [str(port["published"]) for port in service.get("ports") or [] if port.get("published")]
    if fixed:
        raise PlanRefused(
            f"services.{name} publishes the fixed host port {', '.join(fixed)}, so there can be only one replica",
            "remove its ports: only the balancer needs to be published",
        )


def check_memory(capacity: Capacity, replicas: int) -> None:
    """Refuses when the reservations of all replicas and the other services exceed the machine. Raises PlanRefused."""
    if capacity.memory is None or not capacity.reservation:
        return
    wanted = capacity.reserved + replicas * capacity.reservation
    if wanted > capacity.memory:
        fits = max(0, (capacity.memory - capacity.reserved) // capacity.reservation)
        raise PlanRefused(
            f"memory: {replicas} replicas x {capacity.reservation // MIB} MiB + {capacity.reserved // MIB} MiB of the "
            f"other services = {wanted // MIB} MiB reserved, but the machine has {capacity.memory // MIB} MiB",
            f"at most {fits} replicas fit; lower deploy.resources.reservations.memory, or use a larger machine",
        )


def check_pool(capacity: Capacity, replicas: int) -> None:
    """Refuses when all pools, filled, would exceed what PostgreSQL accepts. Raises PlanRefused."""
    if capacity.pool is None or capacity.connections is None:
        return
    wanted = replicas * capacity.pool
    if wanted > capacity.connections:
        raise PlanRefused(
            f"connections: {replicas} replicas x connection_limit {capacity.pool} = {wanted}, but PostgreSQL accepts "
            f"{capacity.connections} (max_connections without the reserved ones)",
            f"at most {capacity.connections // capacity.pool} replicas fit; set connection_limit="
            f"{max(1, capacity.connections // replicas)} in DATABASE_URL, or raise max_connections",
        )


def check(service: Mapping[str, Any], name: str, capacity: Capacity, replicas: int) -> None:
    """Every check for ``replicas`` running at once, surge included. Raises PlanRefused."""
    check_shape(service, name, replicas)
    check_memory(capacity, replicas)
    check_pool(capacity, replicas)


def reservation(service: Mapping[str, Any]) -> int:
    """Bytes that one replica of a service reserves."""
    resources = (service.get("deploy") or {}).get("resources") or {}
    return int((resources.get("reservations") or {}).get("memory", 0) or service.get("mem_reservation", 0) or 0)
