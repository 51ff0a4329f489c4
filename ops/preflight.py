"""What is refused before anything is started, because it cannot work. Pure: figures in, PlanRefused out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ops.errors import PlanRefused

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Capacity:
    """What there is to share, each None when it could not be learnt.

    ``memory``: bytes of the engine's host; ``reserved``: bytes that the other services reserve; ``reservation``: bytes
    that one replica reserves; ``pool``: connections that one replica opens at most; ``connections``: how many
    PostgreSQL gives to ordinary users (max_connections without the reserved ones). Right now: ``free``: bytes that new
    processes of the host can have; ``usage``: bytes that the largest replica uses; ``open``: connections in use.
    """

    memory: int | None
    reserved: int
    reservation: int
    pool: int | None
    connections: int | None
    free: int | None = None
    usage: int = 0
    open: int | None = None

    @property
    def need(self) -> int:
        """Bytes that one more replica needs: what the file says, else what the others use; 0 when nothing is known."""
        return self.reservation or self.usage


def check_health(service: Mapping[str, Any], name: str, probed: bool) -> None:
    """Refuses a service of which nothing says when it is well. Raises PlanRefused.

    ``probed``: the Compose file says in x-videa where to ask, or the image has a health check of its own.
    """
    check = service.get("healthcheck") or {}
    declared = bool(check) and not check.get("disable") and list(check.get("test") or []) != ["NONE"]
    if not declared and not probed:
        raise PlanRefused(
            f"services.{name} has no health check, so a replica that does not serve would get requests all the same",
            "write x-videa.health: {live: /PATH, ready: /PATH}, or a healthcheck for the service",
        )


def check_volumes(service: Mapping[str, Any], name: str, shared: Collection[str], replicas: int) -> None:
    """Refuses more than one replica that write to the same volume or folder of the host. Raises PlanRefused.

    ``shared``: sources or targets of volumes of which their user says that this is well.
    """
    if replicas < 2:
        return
    for volume in service.get("volumes") or []:
        source, target = str(volume.get("source") or ""), str(volume.get("target"))
        alone = volume.get("type") in ("volume", "bind") and source and not volume.get("read_only")
        if alone and not {source, target} & set(shared):
            raise PlanRefused(
                f"services.{name} writes to {source} at {target}, and {replicas} replicas would do so at once",
                f"mount it read-only or give it up; if they may share it: x-videa.shared_volumes: [{target}]",
            )


def check_room(capacity: Capacity, alive: int, surge: int) -> None:
    """Refuses when the replicas that are to run beside the present ones do not fit into free memory.

    Raises PlanRefused.
    """
    if capacity.free is None or surge * capacity.need <= capacity.free:
        return
    why = "they reserve" if capacity.reservation else "one uses now"
    lone = "the only replica has no room for another beside it, and would have to stop first: " if alive == 1 else ""
    raise PlanRefused(
        f"memory: {lone}{surge} more x {capacity.need // MIB} MiB that {why} = {surge * capacity.need // MIB} MiB, but "
        f"{capacity.free // MIB} MiB are free",
        "free some, take smaller steps, or say what a replica really needs: deploy.resources.reservations.memory",
    )


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


def check(
    service: Mapping[str, Any],
    name: str,
    capacity: Capacity,
    alive: int,
    surge: int,
    shared: Collection[str] = (),
    probed: bool = True,
) -> None:
    """Every check for ``surge`` replicas beside the ``alive`` ones. Raises PlanRefused."""
    replicas = alive + surge
    check_health(service, name, probed)
    check_shape(service, name, replicas)
    check_volumes(service, name, shared, replicas)
    check_memory(capacity, replicas)
    check_room(capacity, alive, surge)
    check_pool(capacity, replicas)


def spare(capacity: Capacity, replicas: int, surge: int) -> int | None:
    """For how many replicas more there is room and a full pool, beside ``surge`` new ones; None when it is not known.

    ``replicas``: how many there are at most, the new ones among them.
    """
    rooms = []
    if capacity.free is not None and capacity.need:
        rooms.append(capacity.free // capacity.need - surge)
    if capacity.pool is not None and capacity.connections is not None:
        rooms.append(capacity.connections // capacity.pool - replicas)
    return max(0, min(rooms)) if rooms else None


def reservation(service: Mapping[str, Any]) -> int:
    """Bytes that one replica of a service reserves."""
    resources = (service.get("deploy") or {}).get("resources") or {}
    return int((resources.get("reservations") or {}).get("memory", 0) or service.get("mem_reservation", 0) or 0)
