"""The resource usage of containers: the difference of two quick samples, taken of all containers in parallel.

A ``stats?stream=false`` call waits until it has two samples (1-2 s); ``one-shot`` answers at once, so any number of
containers takes only one ``gap``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ops.engine.client import Engine, engine_errors
from ops.models import Usage, lasting
from ops.platform.ports import Measured

WORKERS = 16
UNLIMITED = 1 << 60
"""Cgroup version 1 reports a huge number for "no limit"."""


def sample(engine: Engine, containers: Iterable[Measured], gap: float = 1.0) -> dict[str, Usage]:
    """CPU, memory and network of running containers over ``gap`` seconds, by name.

    Containers that end in the meantime are omitted. Raises EngineError.
    """
    by_name = {container.name: container for container in containers}
    names = list(by_name)
    if not names:
        return {}
    with ThreadPoolExecutor(min(WORKERS, len(names))) as pool:
        began = time.monotonic()
        first = dict(zip(names, pool.map(lambda name: _one_shot(engine, name), names), strict=True))
        # Some engines answer only at their next tick, once a second: the calls then already include the wait.
        time.sleep(max(0.0, gap - (time.monotonic() - began)))
        second = dict(zip(names, pool.map(lambda name: _one_shot(engine, name), names), strict=True))
    return {name: usage(by_name[name], first[name], second[name]) for name in names if first[name] and second[name]}


def memory(engine: Engine, containers: Iterable[str]) -> dict[str, tuple[int, int | None]]:
    """Current memory usage and limit, bytes, of running containers, by name; None for no limit. Raises EngineError.

    Queried in parallel: engines that answer only at their next tick, up to a second later, then take one tick in total.
    """
    names = list(containers)
    if not names:
        return {}
    with ThreadPoolExecutor(min(WORKERS, len(names))) as pool:
        samples = dict(zip(names, pool.map(lambda name: _one_shot(engine, name), names), strict=True))
    machine = engine.machine.memory
    return {name: (_memory(stats), limit_of(stats, machine)) for name, stats in samples.items() if stats}


def usage(container: Measured, first: Mapping[str, Any], second: Mapping[str, Any]) -> Usage:
    """The usage between two samples of the stats API.

    CPU is calculated as in ``docker stats``: delta total / delta system x online CPUs, in cores instead of percent.
    """
    before, after = first["cpu_stats"], second["cpu_stats"]
    busy = after["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
    system = after.get("system_cpu_usage", 0) - before.get("system_cpu_usage", 0)
    throttling = after.get("throttling_data") or {}
    periods = throttling.get("periods", 0) - (before.get("throttling_data") or {}).get("periods", 0)
    throttled = throttling.get("throttled_periods", 0) - (before.get("throttling_data") or {}).get(
        "throttled_periods", 0
    )
    networks = (second.get("networks") or {}).values()
    return Usage(
        cpu=busy / system * after.get("online_cpus", 1) if system > 0 else 0.0,
        cpu_limit=container.cpu_limit,
        memory=_memory(second),
        memory_limit=container.memory_limit,
        throttled=throttled / periods if periods > 0 else 0.0,
        pids=lasting(_processes(first), _processes(second)),
        rx_bytes=sum(network["rx_bytes"] for network in networks),
        tx_bytes=sum(network["tx_bytes"] for network in networks),
        shared=_shared(second),
    )


def _processes(stats: Mapping[str, Any]) -> int:
    return int((stats.get("pids_stats") or {}).get("current", 0))


def _memory(stats: Mapping[str, Any]) -> int:
    """Bytes without the reclaimable page cache, which has different names in cgroup versions 1 and 2."""
    memory_stats = stats["memory_stats"]
    detail = memory_stats.get("stats") or {}
    used = int(memory_stats.get("usage", 0)) - int(detail.get("total_inactive_file", detail.get("inactive_file", 0)))
    return max(0, used)


def _shared(stats: Mapping[str, Any]) -> int:
    """Bytes that processes share, by its names in cgroup versions 1 and 2."""
    detail = stats["memory_stats"].get("stats") or {}
    return int(detail.get("total_shmem", detail.get("shmem", 0)))


def limit_of(stats: Mapping[str, Any], machine: int | None) -> int | None:
    """The memory limit in a sample, bytes; None without one. ``machine``: the engine's value for "no limit"."""
    limit = (stats.get("memory_stats") or {}).get("limit")
    return int(limit) if limit and limit < min(machine or UNLIMITED, UNLIMITED) else None


def _one_shot(engine: Engine, container: str) -> Mapping[str, Any]:
    with engine_errors(f"measure {container}", missing_ok=True):
        answer = engine.api.stats(container)
        return answer if (answer.get("memory_stats") or {}).get("usage") else {}
    return {}
