"""What containers use: two quick samples of all of them in parallel, and the difference.

One ``stats?stream=false`` call waits for two samples of its own (1-2 s); ``one-shot`` answers at once, so the whole
fleet costs one gap however many containers there are.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from requests.exceptions import JSONDecodeError

from ops.engine.client import Engine, engine_errors
from ops.models import Usage
from ops.platform.ports import Measured

WORKERS = 16
UNLIMITED = 1 << 60
"""Cgroups version 1 write "no limit" as a huge number."""


def sample(engine: Engine, containers: Iterable[Measured], gap: float = 1.0) -> dict[str, Usage]:
    """CPU, memory and network of running containers over ``gap`` seconds, by name.

    Containers that went away meanwhile are left out. Raises EngineError.
    """
    asked = {container.name: container for container in containers}
    names = list(asked)
    if not names:
        return {}
    with ThreadPoolExecutor(min(WORKERS, len(names))) as pool:
        began = time.monotonic()
        first = dict(zip(names, pool.map(lambda name: _one_shot(engine, name), names), strict=True))
        # An engine that samples once a second anyway answers at its next tick: then the wait is in the calls already.
        time.sleep(max(0.0, gap - (time.monotonic() - began)))
        second = dict(zip(names, pool.map(lambda name: _one_shot(engine, name), names), strict=True))
    return {name: usage(asked[name], first[name], second[name]) for name in names if first[name] and second[name]}


def memory(engine: Engine, containers: Iterable[str]) -> dict[str, tuple[int, int | None]]:
    """Memory in use right now and its limit, bytes, of running containers; no limit is None. Raises EngineError.

    All at once: engines that answer at their next tick, up to a second away, cost one tick and not one for each.
    """
    names = list(containers)
    if not names:
        return {}
    with ThreadPoolExecutor(min(WORKERS, len(names))) as pool:
        found = dict(zip(names, pool.map(lambda name: _one_shot(engine, name), names), strict=True))
    most = engine.machine.memory
    return {name: (_memory(stats), limit_of(stats, most)) for name, stats in found.items() if stats}


def usage(container: Measured, first: Mapping[str, Any], second: Mapping[str, Any]) -> Usage:
    """The use between two samples of the stats API.

    CPU as ``docker stats`` counts it: delta total / delta system x online CPUs, here in cores instead of percent.
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
        pids=int((second.get("pids_stats") or {}).get("current", 0)),
        rx_bytes=sum(network["rx_bytes"] for network in networks),
        tx_bytes=sum(network["tx_bytes"] for network in networks),
    )


def _memory(stats: Mapping[str, Any]) -> int:
    """Without the page cache that can be dropped: its name differs between cgroups v1 and v2."""
    found = stats["memory_stats"]
    detail = found.get("stats") or {}
    used = int(found.get("usage", 0)) - int(detail.get("total_inactive_file", detail.get("inactive_file", 0)))
    return max(0, used)


def limit_of(stats: Mapping[str, Any], machine: int | None) -> int | None:
    """The limit of memory in an answer of the stats API, bytes. ``machine``: what the engine gives for "none"."""
    limit = (stats.get("memory_stats") or {}).get("limit")
    return int(limit) if limit and limit < min(machine or UNLIMITED, UNLIMITED) else None


def _one_shot(engine: Engine, container: str) -> Mapping[str, Any]:
    with engine_errors(f"measure {container}", missing_ok=True):
        try:
            answer: Mapping[str, Any] = engine.sdk.api.stats(container, stream=False, one_shot=True)
        except JSONDecodeError:
            return {}  # The engine answers 200 and nothing for a container that ends meanwhile.
        return answer if (answer.get("memory_stats") or {}).get("usage") else {}
    return {}
