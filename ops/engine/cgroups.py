"""What containers use, from the kernel's own files when the engine is on this machine.

The stats API answers at its next tick, up to a second later each time; these files answer at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ops.engine.client import Engine
from ops.engine.stats import sample

CGROUPS = Path("/sys/fs/cgroup")
UNLIMITED = 1 << 60
"""Version 1 writes "no limit" as a huge number."""


class Contained(Protocol):
    """What is asked of a container to find its control group. ``pid``: its main process on the engine's host."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def pid(self) -> int: ...
    @property
    def running(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Load:
    """``cpu``: cores in use over the gap between two readings; ``memory`` and ``memory_limit``: bytes.

    ``throttled``: share of the CFS periods in which it was held back.
    """

    cpu: float
    memory: int
    memory_limit: int | None
    throttled: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a container's control group. ``cpu_time``: seconds of all cores since its start.

    ``periods``: of the CPU's scheduler since then, 0 without a limit; ``throttled``: those in which it was held back.
    """

    cpu_time: float
    memory: int
    memory_limit: int | None
    periods: int
    throttled: int


def quick_sample(engine: Engine, containers: Iterable[Contained], gap: float) -> dict[str, Load]:
    """The load of running containers over ``gap`` seconds, by name; by the stats API where they are not at hand.

    Raises EngineError.
    """
    running = [container for container in containers if container.running]
    first = {container.name: read(container) for container in running} if engine.local else {}
    if not running or not all(first.values()):
        found = sample(engine, [container.name for container in running])
        return {name: Load(used.cpu, used.memory, used.memory_limit, used.throttled) for name, used in found.items()}
    began = time.monotonic()
    time.sleep(gap)
    loads = {}
    for container in running:
        before, after = first[container.name], read(container)
        if before and after:
            loads[container.name] = load(before, after, time.monotonic() - began)
    return loads


def load(before: Reading, after: Reading, seconds: float) -> Load:
    """The use between two readings so many seconds apart."""
    periods = after.periods - before.periods
    return Load(
        cpu=max(0.0, after.cpu_time - before.cpu_time) / seconds,
        memory=after.memory,
        memory_limit=after.memory_limit,
        throttled=(after.throttled - before.throttled) / periods if periods > 0 else 0.0,
    )


def read(container: Contained) -> Reading | None:
    """A container's use now, or None where its process is not one of this machine, or it has just ended."""
    try:
        groups = _groups(Path(f"/proc/{container.pid}/cgroup").read_text())
        if container.id not in groups.get("memory", groups.get("", "")):
            return None
        return _version_1(groups) if "memory" in groups else _version_2(groups[""])
    except (OSError, ValueError, KeyError):
        return None


def _groups(text: str) -> dict[str, str]:
    """Controller -> path; the controller of version 2 is the empty name."""
    groups = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        groups.update(dict.fromkeys(controllers.split(","), path.lstrip("/")))
    return groups


def _version_1(groups: dict[str, str]) -> Reading:
    memory = CGROUPS / "memory" / groups["memory"]
    scheduler = _fields(CGROUPS / "cpu" / groups["cpu"] / "cpu.stat")
    limit = int((memory / "memory.limit_in_bytes").read_text())
    return Reading(
        cpu_time=int((CGROUPS / "cpuacct" / groups["cpuacct"] / "cpuacct.usage").read_text()) / 1e9,
        memory=int((memory / "memory.usage_in_bytes").read_text())
        - _fields(memory / "memory.stat")["total_inactive_file"],
        memory_limit=limit if limit < UNLIMITED else None,
        periods=scheduler.get("nr_periods", 0),
        throttled=scheduler.get("nr_throttled", 0),
    )


def _version_2(path: str) -> Reading:
    group = CGROUPS / path
    scheduler = _fields(group / "cpu.stat")
    limit = (group / "memory.max").read_text().strip()
    return Reading(
        cpu_time=scheduler["usage_usec"] / 1e6,
        memory=int((group / "memory.current").read_text()) - _fields(group / "memory.stat")["inactive_file"],
        memory_limit=None if limit == "max" else int(limit),
        periods=scheduler.get("nr_periods", 0),
        throttled=scheduler.get("nr_throttled", 0),
    )


def _fields(path: Path) -> dict[str, int]:
    """A file of "name number" lines."""
    return {name: int(value) for name, _, value in (line.partition(" ") for line in path.read_text().splitlines())}
