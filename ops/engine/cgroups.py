"""What containers use, from the kernel's own files when the engine is on this machine.

The stats API answers at its next tick, up to a second later each time; these files answer at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ops.engine.client import Engine
from ops.engine.stats import sample
from ops.models import Usage
from ops.platform.ports import Measured

CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a container's control group. ``cpu_time``: seconds of all cores since its start.

    ``periods``: of the CPU's scheduler since then, 0 without a limit; ``throttled``: those in which it was held back.
    """

    cpu_time: float
    memory: int
    periods: int
    throttled: int


def quick_sample(engine: Engine, containers: Iterable[Measured], gap: float) -> dict[str, Usage]:
    """The use of running containers over ``gap`` seconds, by name; by the stats API where they are not at hand.

    Raises EngineError.
    """
    running = [container for container in containers if container.running]
    first = {container.name: read(container) for container in running} if engine.local else {}
    if not running or not all(first.values()):
        return sample(engine, running)
    began = time.monotonic()
    time.sleep(gap)
    found = {}
    for container in running:
        before, after = first[container.name], read(container)
        if before and after:
            found[container.name] = usage(container, before, after, time.monotonic() - began)
    return found


def usage(container: Measured, before: Reading, after: Reading, seconds: float) -> Usage:
    """The use between two readings so many seconds apart."""
    periods = after.periods - before.periods
    return Usage(
        cpu=max(0.0, after.cpu_time - before.cpu_time) / seconds,
        cpu_limit=container.cpu_limit,
        memory=after.memory,
        memory_limit=container.memory_limit,
        throttled=(after.throttled - before.throttled) / periods if periods > 0 else 0.0,
    )


def read(container: Measured) -> Reading | None:
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
    return Reading(
        cpu_time=int((CGROUPS / "cpuacct" / groups["cpuacct"] / "cpuacct.usage").read_text()) / 1e9,
        memory=int((memory / "memory.usage_in_bytes").read_text())
        - _fields(memory / "memory.stat")["total_inactive_file"],
        periods=scheduler.get("nr_periods", 0),
        throttled=scheduler.get("nr_throttled", 0),
    )


def _version_2(path: str) -> Reading:
    group = CGROUPS / path
    scheduler = _fields(group / "cpu.stat")
    return Reading(
        cpu_time=scheduler["usage_usec"] / 1e6,
        memory=int((group / "memory.current").read_text()) - _fields(group / "memory.stat")["inactive_file"],
        periods=scheduler.get("nr_periods", 0),
        throttled=scheduler.get("nr_throttled", 0),
    )


def _fields(path: Path) -> dict[str, int]:
    """A file of "name number" lines."""
    return {name: int(value) for name, _, value in (line.partition(" ") for line in path.read_text().splitlines())}
