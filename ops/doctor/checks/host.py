"""The machine and its Docker Engine."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.limits import Limits
from ops.doctor.sources import HOST, INSTANCES
from ops.doctor.words import share, size


def disk(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The disk with Docker's data is nearly full."""
    host = present(facts.host)
    if host.disk_free < limits.disk_free:
        yield Finding(
            "host.disk",
            Severity.FAIL,
            f"{share(host.disk_free)} of the disk with {host.disk_path} is free",
            f"{size(host.disk_free_bytes)} free",
            "on a full disk PostgreSQL stops, and no container can start or log",
            "docker system df\ndocker image prune\ndocker builder prune",
        )


def inodes(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The file system with Docker's data can hold few more files."""
    host = present(facts.host)
    if host.inodes_free is not None and host.inodes_free < limits.inodes_free:
        yield Finding(
            "host.inodes",
            Severity.FAIL,
            f"{share(host.inodes_free)} of the inodes of {host.disk_path} are free",
            f"{share(1 - host.inodes_free)} used",
            "no file can be created, although there is free space",
            "docker system prune; find folders with very many small files",
        )


def memory(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The machine has little memory left."""
    host = present(facts.host)
    if host.memory_free < limits.host_memory_free:
        yield Finding(
            "host.mem",
            Severity.WARN,
            f"{share(host.memory_free)} of the machine's memory is available",
            f"{size(host.memory_free_bytes)} available",
            "the kernel may kill any process",
            "see what uses it: videa stats; run fewer replicas, or set memory limits",
        )


def engine(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The Docker Engine cannot be reached or is too old."""
    least = ".".join(str(part) for part in limits.engine_minimum)
    if facts.engine is None:
        yield Finding(
            "host.docker",
            Severity.FAIL,
            "the Docker Engine does not answer",
            facts.why_skipped("engine"),
            "nothing can be scaled, deployed or restarted",
            "start it (for example with make up), or check DOCKER_HOST and `docker context ls`",
        )
        return
    version = tuple(int(part) for part in re.findall(r"\d+", facts.engine.version)[:2])
    if version and version < limits.engine_minimum:
        yield Finding(
            "host.docker",
            Severity.FAIL,
            f"the Docker Engine is too old: {facts.engine.version}",
            f"version {facts.engine.version}, required {least}",
            "videa needs API calls that it does not have",
            f"install Docker Engine {least} or newer",
        )


def clock(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The replicas' clocks differ. HTTP dates have full seconds, so a spread of one second is not significant."""
    names = {replica.id[:12]: replica.name for replica in facts.replicas}
    clocks = {
        names.get(beat.id, beat.id): beat.clock_offset for beat in facts.fleet or [] if beat.clock_offset is not None
    }
    resolution = 0
    if len(clocks) < len(present(facts.instances)):
        clocks = {instance.name: instance.clock for instance in present(facts.instances) if instance.clock is not None}
        resolution = 1
    if not clocks:
        return
    spread = max(clocks.values()) - min(clocks.values()) - resolution
    if spread > limits.clock_warn:
        yield Finding(
            "host.clock",
            Severity.FAIL if spread > limits.clock_fail else Severity.WARN,
            f"the replicas' clocks differ by {spread:.0f} s or more",
            "\n".join(f"{name}: {offset:+.1f} s" for name, offset in sorted(clocks.items())),
            "depending on the instance, tokens are not yet valid or no longer valid",
            "run a time service (chrony) on every machine",
        )


CHECKS = (
    Check("host.disk", Group.CONTAINERS, "< 10% free F", "own", (HOST,), disk),
    Check("host.inodes", Group.CONTAINERS, "< 10% free F", "own", (HOST,), inodes),
    Check("host.mem", Group.CONTAINERS, "< 10% available W", "own", (HOST,), memory),
    Check("host.docker", Group.CONTAINERS, "unreachable or older than 20.10 F", "own", (), engine),
    Check("host.clock", Group.CONTAINERS, "> 1 s W, > 5 s F", "own", (INSTANCES,), clock),
)
