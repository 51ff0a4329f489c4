"""The usage in the samples of the stats API, and how engines report "no limit"."""

from __future__ import annotations

from typing import Any

import pytest

from ops.engine.stats import limit_of, usage
from ops.models import Container, Usage

GIB = 1 << 30


def answer(cpu: int, system: int, memory_limit: int) -> dict[str, Any]:
    return {
        "cpu_stats": {"cpu_usage": {"total_usage": cpu}, "system_cpu_usage": system, "online_cpus": 4},
        "memory_stats": {"usage": 5000, "limit": memory_limit, "stats": {"inactive_file": 2000, "shmem": 500}},
        "pids_stats": {"current": 7},
        "networks": {"eth0": {"rx_bytes": 10, "tx_bytes": 20}, "eth1": {"rx_bytes": 1, "tx_bytes": 2}},
    }


@pytest.mark.parametrize("limit", [None, 64 << 20])
def test_the_limits_are_the_containers_whatever_the_engine_reports(limit: int | None) -> None:
    container = Container("abc", "app-1", "app", "running", "none", "app:1", 0, 0, False, memory_limit=limit)
    first, second = answer(0, 0, 24 * GIB), answer(100, 400, 24 * GIB)
    first["pids_stats"]["current"] = 61  # with those of a health check
    assert usage(container, first, second) == Usage(
        1.0, None, 3000, limit, 0.0, pids=7, rx_bytes=11, tx_bytes=22, shared=500
    )


@pytest.mark.parametrize(
    ("reported", "machine", "expected"),
    [
        (24 * GIB, 24 * GIB, None),
        (9223372036854771712, None, None),
        (9223372036854771712, 24 * GIB, None),
        (None, 24 * GIB, None),
        (0, 24 * GIB, None),
        (64 << 20, 24 * GIB, 64 << 20),
        (64 << 20, None, 64 << 20),
    ],
)
def test_no_limit_is_none_whatever_the_engine_reports(
    reported: int | None, machine: int | None, expected: int | None
) -> None:
    assert limit_of({"memory_stats": {"limit": reported}}, machine) == expected
