"""What a server's process takes of the machine."""

from __future__ import annotations

from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Footprint:
    """Resident memory in MB, open files, connections to PostgreSQL."""

    rss_mb: float
    open_files: int
    database_connections: int


def footprint(pid: int, postgres_port: int) -> Footprint:
    """Of the process right now."""
    process = psutil.Process(pid)
    databases = [each for each in process.net_connections() if each.raddr and each.raddr.port == postgres_port]
    return Footprint(round(process.memory_info().rss / 1e6, 1), process.num_fds(), len(databases))


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used so far, all its threads, in user and kernel."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
