"""The most memory that all replicas together used at one moment, while something is done with them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.stack import PROJECT
from ops.engine.cgroups import read
from ops.engine.client import Engine
from ops.engine.replicas import list_replicas

LOOK = 1.0
"""Seconds between two looks: each costs the engine some ten calls, and the replicas overlap for longer."""


@dataclass
class Peak:
    """``bytes``: of all replicas together; ``replicas``: the most there were at once."""

    bytes: int = 0
    replicas: int = 0


@contextmanager
def peak_memory(engine: Engine, service: str = "backend") -> Iterator[Peak]:
    """Looks on from `with` to its end, at the kernel's own figures."""
    peak, ended = Peak(), threading.Event()

    def look() -> None:
        while not ended.wait(LOOK):
            found = [read(replica) for replica in list_replicas(engine, PROJECT, service) if replica.running]
            peak.bytes = max(peak.bytes, sum(each.memory for each in found if each))
            peak.replicas = max(peak.replicas, len(found))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()
