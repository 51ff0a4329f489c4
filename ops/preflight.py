"""Checks that refuse an operation before it starts, because it cannot work. Pure: figures in, PlanRefused out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ops.errors import PlanRefused
from ops.models import Replica

MIB = 1 << 20

_OF_THE_HOST = re.compile(
    r"/dev(/.*)?|/sys(/.*)?|/proc(/.*)?|/etc/(localtime|timezone)|/(var/)?run/.*\.sock|/tmp/\.X11-unix"
)


@dataclass(frozen=True, slots=True)
class Capacity:
    """The available resources; None if unknown.

    ``memory``: bytes of the engine's host; ``reserved``: bytes that the other services reserve; ``reservation``: bytes
    that one replica reserves; ``pool``: maximum connections of one replica; ``connections``: PostgreSQL's maximum for
    ordinary users (max_connections minus the reserved ones). At present, ``free``: bytes available to new processes on
    the host; ``usage``: bytes that the largest replica uses; ``open``: connections in use.
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
        """Bytes that one more replica needs: its reservation, otherwise the largest replica's usage; 0 if unknown."""
        return self.reservation or self.usage


def has_check(service: Mapping[str, Any]) -> bool | None:
    """Whether the containers of a service have a health check; None if their image decides."""
    check = service.get("healthcheck") or {}
    if check.get("disable") or list(check.get("test") or []) == ["NONE"]:
        return False
    return True if check.get("test") else None


def check_paused(replicas: Iterable[Replica]) -> None:
    """Refuses to start replicas next to a paused one, which Compose would stop. Raises PlanRefused."""
    paused = [replica.name for replica in replicas if replica.state == "paused"]
    if paused:
        names = " ".join(paused)
        raise PlanRefused(
            f"{names} {'are' if len(paused) > 1 else 'is'} paused and answers nothing",
            f"resume it: docker unpause {names}; or remove it: docker rm --force {names}",
        )


def writes(volume: Mapping[str, Any]) -> bool:
    """Whether a container writes to a volume or host folder that other containers may share.

    Sockets, devices and the host's time zone do not count, even if they are not mounted read-only.
    """
    source = str(volume.get("source") or "")
    if volume.get("type") not in ("volume", "bind") or not source or volume.get("read_only"):
        return False
    return volume["type"] == "volume" or not _OF_THE_HOST.fullmatch(source)


def check_volumes(service: Mapping[str, Any], name: str, shared: Collection[str], replicas: int) -> None:
    """Refuses several replicas that write to the same volume or host folder. Raises PlanRefused.

    ``shared``: sources or targets of volumes for which the user allows this.
    """
    if replicas < 2:
        return
    for volume in service.get("volumes") or []:
        source, target = str(volume.get("source") or ""), str(volume.get("target"))
        if writes(volume) and not {source, target} & set(shared):
            raise PlanRefused(
                f"services.{name} writes to {source} at {target}, and {replicas} replicas would write at the same time",
                f"mount it read-only or remove it; if replicas may share it, set x-videa.shared_volumes: [{target}]",
            )


def check_room(capacity: Capacity, alive: int, surge: int) -> None:
    """Refuses if the free memory is not enough for the additional replicas. Raises PlanRefused."""
    if capacity.free is None or surge * capacity.need <= capacity.free:
        return
    source = "reserved each" if capacity.reservation else "used by one now"
    only = "there is no room for a second replica next to the only one: " if alive == 1 else ""
    raise PlanRefused(
        f"memory: {only}{surge} more x {capacity.need // MIB} MiB ({source}) = {surge * capacity.need // MIB} MiB, but "
        f"{capacity.free // MIB} MiB are free",
        "free memory, use smaller steps, or set the memory that a replica really needs: "
        "deploy.resources.reservations.memory",
    )


def check_shape(service: Mapping[str, Any], name: str, replicas: int) -> None:
    """Refuses several replicas of a service that can have only one. Raises PlanRefused."""
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
            "remove its ports: only the balancer must be published",
        )


def check_memory(capacity: Capacity, replicas: int) -> None:
    """Refuses if the reservations of all replicas and other services exceed the memory. Raises PlanRefused."""
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
    """Refuses if all pools together, when full, exceed PostgreSQL's connections. Raises PlanRefused."""
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
) -> None:
    """All checks for ``surge`` replicas in addition to the ``alive`` ones. Raises PlanRefused."""
    replicas = alive + surge
    check_shape(service, name, replicas)
    check_volumes(service, name, shared, replicas)
    check_memory(capacity, replicas)
    check_room(capacity, alive, surge)
    check_pool(capacity, replicas)


def spare(capacity: Capacity, replicas: int, surge: int) -> int | None:
    """The number of further replicas that the memory and connections allow; None if unknown.

    ``replicas``: the peak number of replicas, including the ``surge`` new ones.
    """
    limits = []
    if capacity.free is not None and capacity.need:
        limits.append(capacity.free // capacity.need - surge)
    if capacity.pool is not None and capacity.connections is not None:
        limits.append(capacity.connections // capacity.pool - replicas)
    return max(0, min(limits)) if limits else None


def reservation(service: Mapping[str, Any]) -> int:
    """Bytes that one replica of a service reserves."""
    resources = (service.get("deploy") or {}).get("resources") or {}
    return int((resources.get("reservations") or {}).get("memory", 0) or service.get("mem_reservation", 0) or 0)
