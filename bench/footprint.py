"""The resource usage of a server's process."""

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
    """The current footprint of the process."""
    process = psutil.Process(pid)
    databases = [
        connection
        for connection in process.net_connections()
        if connection.raddr and connection.raddr.port == postgres_port
    ]
    return Footprint(round(process.memory_info().rss / 1e6, 1), process.num_fds(), len(databases))


def cpu_seconds(pid: int) -> float:
    """CPU seconds of all threads of a process so far, user and system."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
