"""The engine and the machine it runs on."""

from __future__ import annotations

import os
from pathlib import Path

from ops.doctor.facts_engine import EngineFacts, HostFacts
from ops.doctor.skip import Skip
from ops.platform.ports import Platform

MEMORY = Path("/proc/meminfo")
"""psutil reads the same file, but loading psutil takes longer than the rest of this source."""


def engine_facts(platform: Platform) -> EngineFacts:
    """Version, location and size of the engine. Raises EngineError."""
    machine = platform.machine
    return EngineFacts(
        version=machine.version,
        api_version=machine.api_version,
        local=platform.local,
        root=machine.root,
        memory=machine.memory or 0,
        cpus=machine.cpus,
    )


def host_facts(engine: EngineFacts) -> HostFacts:
    """The disk with the engine's data, and the machine's memory. Raises Skip."""
    if not engine.local:
        raise Skip("the engine is on another machine")
    root = Path(engine.root)
    if not root.exists():
        raise Skip(f"the engine's data ({engine.root}) is not on this machine's file system")
    disk, memory = os.statvfs(root), _memory()
    used, free = disk.f_blocks - disk.f_bfree, disk.f_bavail
    return HostFacts(
        disk_path=engine.root,
        disk_free=free / (used + free),
        disk_free_bytes=free * disk.f_frsize,
        inodes_free=disk.f_favail / disk.f_files if disk.f_files else None,
        memory_free=memory["MemAvailable"] / memory["MemTotal"],
        memory_free_bytes=memory["MemAvailable"],
    )


def _memory() -> dict[str, int]:
    """The kernel's figures for the machine's memory, in bytes. Raises Skip."""
    try:
        lines = MEMORY.read_text().splitlines()
    except OSError:
        raise Skip(f"the memory of this machine is not in {MEMORY}") from None
    fields = (line.partition(":")[::2] for line in lines)
    return {name: int(value.split()[0]) * 1024 for name, value in fields}
