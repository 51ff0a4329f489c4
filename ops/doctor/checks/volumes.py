"""The file systems with the data of PostgreSQL and Redis: full or nearly full. Also logs that fill the disk."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.facts_engine import HostFacts, Volume
from ops.doctor.facts_postgres import PostgresFacts
from ops.doctor.facts_redis import RedisNode
from ops.doctor.filling import seconds_left
from ops.doctor.limits import Limits
from ops.doctor.sources import CONTAINERS, POSTGRES
from ops.doctor.words import share, size, span

NO_SPACE = "No space left on device"
_SAME = 0.01
"""Maximum difference in the share of free space for a volume to count as part of the disk of ``host.disk``."""


def volume(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A volume with data is nearly full, or will be within a day."""
    postgres = present(facts.postgres)
    servers: list[PostgresFacts | RedisNode] = [postgres, *(facts.redis.nodes if facts.redis else [])]
    measured = [(server, server.volume) for server in servers if server.volume]
    on_disk = [server for server, space in measured if _is_the_disk(space, facts.host)]
    for server, space in measured:
        if server not in on_disk[1:]:  # the volumes on one disk fill up together
            yield from _filling(facts, limits, server.service, server.container, space)
    full = [line for line in postgres.log if NO_SPACE in line]
    if full:
        yield Finding(
            "host.volume",
            Severity.FAIL,
            f"the volume of {postgres.service} is full",
            "\n".join(full),
            "PostgreSQL cannot write its log: it stops, and cannot start",
            f"{_room(postgres.service)}\ndocker compose up -d {postgres.service}",
            subject=postgres.container,
        )


def _filling(facts: Facts, limits: Limits, service: str, container: str, space: Volume) -> Iterator[Finding]:
    free = space.free / space.size if space.size else 1.0
    left = seconds_left(facts, limits, f"volume {container}", space.free)
    soon = left is not None and left < limits.fill_warn
    nearly = free < limits.volume_free and not _is_the_disk(space, facts.host)
    if not nearly and not soon:
        return
    when = f", and full in {span(left)}" if soon and left is not None else ""
    yield Finding(
        "host.volume",
        Severity.FAIL if nearly or (left is not None and left < limits.fill_fail) else Severity.WARN,
        f"{share(free)} of the volume of {service} is free{when}",
        f"{size(space.free)} of {size(space.size)} free",
        "on a full volume its server stops, and cannot start again",
        _room(service),
        subject=container,
    )


def _is_the_disk(space: Volume, host: HostFacts | None) -> bool:
    """Whether ``host.disk`` already checks this free space. It calculates the share of free space in the same way."""
    return host is not None and abs(space.free / space.size - host.disk_free) < _SAME


def _room(service: str) -> str:
    return (
        f"you decide: remove unneeded files from its file system, or make it larger\n"
        f"what is where: docker system df -v\n"
        f"never delete files in the volume of {service} by hand"
    )


def logs(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A container log that Docker does not rotate is large or fills the disk."""
    free = facts.host.disk_free_bytes if facts.host else float("inf")
    for container in present(facts.containers):
        if container.log_size is None:
            continue
        left = seconds_left(facts, limits, f"log {container.name}", free)
        soon = left is not None and left < limits.fill_warn
        if container.log_size <= limits.log_size and not soon:
            continue
        when = f", and fills the disk in {span(left)}" if soon and left is not None else ""
        yield Finding(
            "host.logs",
            Severity.FAIL if soon and left is not None and left < limits.fill_fail else Severity.WARN,
            f"the log of {container.name} is never rotated{when}",
            f"{size(container.log_size)}, logging driver json-file without max-size",
            "it grows until the disk with Docker's data is full",
            f"""truncate -s 0 "$(docker inspect -f '{{{{.LogPath}}}}' {container.name})" (as root)\n"""
            f"set logging.options max-size and max-file of {container.service} in the Compose file",
            subject=container.name,
        )


CHECKS = (
    Check(
        "host.volume",
        Group.CONTAINERS,
        "< 10% free F, full in < 24 h W, < 4 h F",
        "own",
        (POSTGRES,),
        volume,
    ),
    Check(
        "host.logs",
        Group.CONTAINERS,
        "not rotated and > 1 GiB W, disk full in < 24 h W, < 4 h F",
        "own",
        (CONTAINERS,),
        logs,
    ),
)
