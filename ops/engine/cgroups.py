"""The resource usage of containers, from the kernel's cgroup files if the engine is on this machine.

The stats API answers each call only at its next tick, up to a second later; the files can be read at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ops.engine.client import Engine
from ops.engine.stats import sample
from ops.models import Usage, lasting
from ops.platform.ports import Measured

CGROUPS = Path("/sys/fs/cgroup")


class Reading(msgspec.Struct, frozen=True):
    """The counters of a container's cgroup at one moment. ``cpu_time``: seconds on all cores since the start.

    ``memory``: bytes. ``periods``: periods of the CPU scheduler since the start, 0 without a limit; ``throttled``: the
    periods in which the container was throttled. ``shared``: bytes of ``memory`` that processes share, such as
    PostgreSQL's buffers; ``pids``: processes and threads, ``refused``: forks that failed at the limit; None if the file
    is missing. ``oom_kills``: processes that the kernel has killed for memory.
    """

    cpu_time: float
    memory: int
    periods: int
    throttled: int
    shared: int = 0
    pids: int | None = None
    refused: int | None = None
    oom_kills: int | None = None


def quick_sample(engine: Engine, containers: Iterable[Measured], gap: float) -> dict[str, Usage]:
    """The usage of running containers over ``gap`` seconds, by name; from the stats API if there are no cgroup files.

    Raises EngineError.
    """
    running = [container for container in containers if container.running]
    first = {container.name: read(container) for container in running} if engine.local else {}
    if not first or not all(first.values()):
        return sample(engine, running)
    began = time.monotonic()
    time.sleep(gap)
    used = {}
    for container in running:
        before, after = first[container.name], read(container)
        if before and after:
            used[container.name] = usage(container, before, after, time.monotonic() - began)
    return used


def usage(container: Measured, before: Reading, after: Reading, seconds: float) -> Usage:
    """The usage between two readings that are ``seconds`` apart."""
    periods = after.periods - before.periods
    return Usage(
        cpu=max(0.0, after.cpu_time - before.cpu_time) / seconds,
        cpu_limit=container.cpu_limit,
        memory=after.memory,
        memory_limit=container.memory_limit,
        throttled=(after.throttled - before.throttled) / periods if periods > 0 else 0.0,
        oom_kills=after.oom_kills,
        pids=lasting(before.pids, after.pids),
        shared=after.shared,
        refused=None if after.refused is None else after.refused - (before.refused or 0),
    )


def read(container: Measured) -> Reading | None:
    """The counters of a container now; None if its process is not on this machine or has just ended."""
    try:
        groups = _groups(Path(f"/proc/{container.pid}/cgroup").read_text())
        if container.id not in groups.get("memory", groups.get("", "")):
            return None
        return _version_1(groups) if "memory" in groups else _version_2(groups[""])
    except (OSError, ValueError, KeyError):
        return None


def _groups(text: str) -> dict[str, str]:
    """Controller -> path; cgroup version 2 has the empty controller name."""
    groups = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        groups.update(dict.fromkeys(controllers.split(","), path.lstrip("/")))
    return groups


def _version_1(groups: dict[str, str]) -> Reading:
    memory = CGROUPS / "memory" / groups["memory"]
    scheduler = _fields(CGROUPS / "cpu" / groups["cpu"] / "cpu.stat")
    detail = _fields(memory / "memory.stat")
    pids, refused = _processes(CGROUPS / "pids" / groups["pids"]) if "pids" in groups else (None, None)
    return Reading(
        cpu_time=int((CGROUPS / "cpuacct" / groups["cpuacct"] / "cpuacct.usage").read_text()) / 1e9,
        memory=int((memory / "memory.usage_in_bytes").read_text()) - detail["total_inactive_file"],
        periods=scheduler.get("nr_periods", 0),
        throttled=scheduler.get("nr_throttled", 0),
        shared=detail.get("total_shmem", 0),
        pids=pids,
        refused=refused,
        oom_kills=_oom_kills(memory / "memory.oom_control"),
    )


def _version_2(path: str) -> Reading:
    group = CGROUPS / path
    scheduler, detail = _fields(group / "cpu.stat"), _fields(group / "memory.stat")
    pids, refused = _processes(group)
    return Reading(
        cpu_time=scheduler["usage_usec"] / 1e6,
        memory=int((group / "memory.current").read_text()) - detail["inactive_file"],
        periods=scheduler.get("nr_periods", 0),
        throttled=scheduler.get("nr_throttled", 0),
        shared=detail.get("shmem", 0),
        pids=pids,
        refused=refused,
        oom_kills=_oom_kills(group / "memory.events"),
    )


def _processes(group: Path) -> tuple[int | None, int | None]:
    """The number of processes and threads in the group, and the number of forks that its limit has refused."""
    try:
        return int((group / "pids.current").read_text()), _fields(group / "pids.events").get("max")
    except OSError:
        return None, None


def _fields(path: Path) -> dict[str, int]:
    """A file of "name number" lines."""
    return {name: int(value) for name, _, value in (line.partition(" ") for line in path.read_text().splitlines())}


def _oom_kills(path: Path) -> int | None:
    """The counter in this file; None if the kernel is too old for it."""
    try:
        return _fields(path).get("oom_kill")
    except (OSError, ValueError):
        return None
