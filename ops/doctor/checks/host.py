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
    """The disk under Docker's data is nearly full."""
    host = present(facts.host)
    if host.disk_free < limits.disk_free:
        yield Finding(
            "host.disk",
            Severity.FAIL,
            f"{share(host.disk_free)} of the disk under {host.disk_path} is left",
            f"{size(host.disk_free_bytes)} free",
            "PostgreSQL stops at a full disk, and no container can be started or log",
            "docker system df\ndocker image prune\ndocker builder prune",
        )


def inodes(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The file system under Docker's data can hold few more files."""
    host = present(facts.host)
    if host.inodes_free is not None and host.inodes_free < limits.inodes_free:
        yield Finding(
            "host.inodes",
            Severity.FAIL,
            f"{share(host.inodes_free)} of the inodes under {host.disk_path} are left",
            f"{share(1 - host.inodes_free)} used",
            "no file can be created though there is space",
            "docker system prune; look for a folder with very many small files",
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
            "the kernel will choose a process to kill",
            "videa stats shows who uses it; videa scale -1, or set memory limits",
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
            "start it (make up does), or check DOCKER_HOST and `docker context ls`",
        )
        return
    version = tuple(int(part) for part in re.findall(r"\d+", facts.engine.version)[:2])
    if version and version < limits.engine_minimum:
        yield Finding(
            "host.docker",
            Severity.FAIL,
            f"the Docker Engine is too old: {facts.engine.version}",
            f"version {facts.engine.version}, {least} is the oldest that works",
            "starting and inspecting replicas needs calls that it does not have",
            f"install Docker Engine {least} or newer",
        )


def clock(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The replicas' clocks disagree. HTTP tells whole seconds, so there one second of the spread proves nothing."""
    names = {one.id[:12]: one.name for one in facts.replicas}
    clocks = {
        names.get(beat.id, beat.id): beat.clock_offset for beat in facts.fleet or [] if beat.clock_offset is not None
    }
    unsure = 0
    if len(clocks) < len(present(facts.instances)):
        clocks = {one.name: one.clock for one in present(facts.instances) if one.clock is not None}
        unsure = 1
    if not clocks:
        return
    spread = max(clocks.values()) - min(clocks.values()) - unsure
    if spread > limits.clock_warn:
        yield Finding(
            "host.clock",
            Severity.FAIL if spread > limits.clock_fail else Severity.WARN,
            f"the replicas' clocks differ by {spread:.0f} s or more",
            "\n".join(f"{name}: {offset:+.1f} s" for name, offset in sorted(clocks.items())),
            "tokens are not yet or no longer valid, depending on the instance",
            "run a time service (chrony) on every machine",
        )


CHECKS = (
    Check("host.disk", Group.CONTAINERS, "< 10% free F", "own", (HOST,), disk),
    Check("host.inodes", Group.CONTAINERS, "< 10% free F", "own", (HOST,), inodes),
    Check("host.mem", Group.CONTAINERS, "< 10% available W", "own", (HOST,), memory),
    Check("host.docker", Group.CONTAINERS, "unreachable or older than 20.10 F", "own", (), engine),
    Check("host.clock", Group.CONTAINERS, "> 1 s W, > 5 s F", "own", (INSTANCES,), clock),
)
