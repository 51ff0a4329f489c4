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
from ops.models import Replica

CGROUPS = Path("/sys/fs/cgroup")
UNLIMITED = 1 << 60
"""Version 1 writes "no limit" as a huge number."""


@dataclass(frozen=True, slots=True)
class Load:
    """``cpu``: cores in use over the gap between two readings; ``memory`` and ``memory_limit``: bytes."""

    cpu: float
    memory: int
    memory_limit: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a container's control group. ``cpu_time``: seconds of all cores since its start."""

    cpu_time: float
    memory: int
    memory_limit: int | None


def quick_sample(engine: Engine, replicas: Iterable[Replica], gap: float) -> dict[str, Load]:
    """The load of running replicas over ``gap`` seconds, by name; by the stats API where they are not at hand.

    Raises EngineError.
    """
    running = [replica for replica in replicas if replica.running]
    first = {replica.name: read(replica) for replica in running} if engine.local else {}
    if not running or not all(first.values()):
        found = sample(engine, [replica.name for replica in running])
        return {name: Load(usage.cpu, usage.memory, usage.memory_limit) for name, usage in found.items()}
    began = time.monotonic()
    time.sleep(gap)
    loads = {}
    for replica in running:
        before, after = first[replica.name], read(replica)
        if before and after:
            cpu = (after.cpu_time - before.cpu_time) / (time.monotonic() - began)
            loads[replica.name] = Load(max(0.0, cpu), after.memory, after.memory_limit)
    return loads


def read(replica: Replica) -> Reading | None:
    """A container's use now, or None where its process is not one of this machine, or it has just ended."""
    try:
        groups = _groups(Path(f"/proc/{replica.pid}/cgroup").read_text())
        if replica.id not in groups.get("memory", groups.get("", "")):
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
    limit = int((memory / "memory.limit_in_bytes").read_text())
    return Reading(
        cpu_time=int((CGROUPS / "cpuacct" / groups["cpuacct"] / "cpuacct.usage").read_text()) / 1e9,
        memory=int((memory / "memory.usage_in_bytes").read_text())
        - _field(memory / "memory.stat", "total_inactive_file"),
        memory_limit=limit if limit < UNLIMITED else None,
    )


def _version_2(path: str) -> Reading:
    group = CGROUPS / path
    limit = (group / "memory.max").read_text().strip()
    return Reading(
        cpu_time=_field(group / "cpu.stat", "usage_usec") / 1e6,
        memory=int((group / "memory.current").read_text()) - _field(group / "memory.stat", "inactive_file"),
        memory_limit=None if limit == "max" else int(limit),
    )


def _field(path: Path, name: str) -> int:
    for line in path.read_text().splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    raise KeyError(name)
