"""The peak memory of all replicas together during an operation."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.temporary_stack import PROJECT
from ops.engine.cgroups import read
from ops.engine.client import Engine
from ops.engine.replicas import list_replicas

LOOK = 1.0
"""Seconds between two samples: each needs about ten calls of the engine, and the replicas overlap for longer."""


@dataclass
class Peak:
    """``bytes``: of all replicas together; ``replicas``: the largest number at the same time."""

    bytes: int = 0
    replicas: int = 0


@contextmanager
def peak_memory(engine: Engine, service: str = "backend") -> Iterator[Peak]:
    """Samples the kernel's figures during the `with` block."""
    peak, ended = Peak(), threading.Event()

    def look() -> None:
        while not ended.wait(LOOK):
            usages = [read(replica) for replica in list_replicas(engine, PROJECT, service) if replica.running]
            peak.bytes = max(peak.bytes, sum(usage.memory for usage in usages if usage))
            peak.replicas = max(peak.replicas, len(usages))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()
