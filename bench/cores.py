"""Who uses the cores of this machine: CPU seconds of all processes, by kind, between two looks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import psutil

KINDS = {
    "relay.pl": "nginx's log",
    "nginx": "nginx",
    "python -m server": "replicas",
    "postgres": "PostgreSQL",
    "bench.": "client",
    "bin/videa": "videa",
    "docker-proxy": "docker-proxy",
    "dockerd": "engine",
    "containerd": "engine",
    "runc": "engine",
    "docker": "Compose",
    "redis": "Redis",
}
"""A part of the command line -> kind; the first one that it has counts."""


def cpu_seconds() -> dict[tuple[int, float], tuple[str, float]]:
    """(pid, start) of each process -> its kind and its CPU seconds so far."""
    found = {}
    for process in psutil.process_iter(["pid", "name", "cmdline", "cpu_times", "create_time"]):
        info = process.info
        times = info["cpu_times"]
        if times is not None:
            line = " ".join([info["name"] or "", *(info["cmdline"] or [])])
            kind = next((kind for part, kind in KINDS.items() if part in line), "others")
            found[info["pid"], info["create_time"]] = kind, times.user + times.system
    return found


def used(
    before: Mapping[tuple[int, float], tuple[str, float]], after: Mapping[tuple[int, float], tuple[str, float]]
) -> dict[str, float]:
    """CPU seconds by kind of the processes that live after the time, the largest first."""
    total: defaultdict[str, float] = defaultdict(float)
    for key, (kind, seconds) in after.items():
        total[kind] += seconds - before.get(key, ("", 0.0))[1]
    return {kind: round(total[kind], 1) for kind in sorted(total, key=lambda kind: -total[kind])}
