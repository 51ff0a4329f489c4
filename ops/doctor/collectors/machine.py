"""The engine and the machine it runs on."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from ops.doctor.facts import EngineFacts, HostFacts
from ops.doctor.skip import Skip
from ops.platform.ports import Platform


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
    disk, files, memory = psutil.disk_usage(engine.root), os.statvfs(root), psutil.virtual_memory()
    return HostFacts(
        disk_path=engine.root,
        disk_free=disk.free / (disk.used + disk.free),
        disk_free_bytes=disk.free,
        inodes_free=files.f_favail / files.f_files if files.f_files else None,
        memory_free=memory.available / memory.total,
        memory_free_bytes=memory.available,
    )
