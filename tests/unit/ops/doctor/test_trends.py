"""Slopes, and growing memory."""

from __future__ import annotations

import random

import pytest

from ops.doctor.facts import History
from ops.doctor.facts_replicas import Beat
from ops.doctor.slope import Sample, steady, theil_sen
from tests.unit.ops.doctor.stack import MIB, NOW, container, finding, redis, replica, reported, with_replicas

BEGIN = NOW - 1000


def line(per_second: float, count: int = 100, noise: float = 0.0, start: float = 60 * MIB) -> list[Sample]:
    dice = random.Random(7)
    return [(BEGIN + 10 * n, start + per_second * 10 * n + dice.uniform(-noise, noise)) for n in range(count)]


def leaking(samples: list[Sample]) -> dict[str, object]:
    growing = replica(1, started=BEGIN - 100)
    return {"containers": with_replicas(growing, replica(2)), "history": History(memory={growing.id: samples})}


def test_outliers_do_not_change_the_slope() -> None:
    samples = line(1000.0)
    samples[10] = (samples[10][0], 10_000 * MIB)
    samples[50] = (samples[50][0], 0.0)
    assert theil_sen(samples) == pytest.approx(1000.0, rel=0.05)


def test_noise_is_not_growth() -> None:
    assert not steady(line(0.0, noise=5 * MIB))


def test_a_warm_up_that_levels_off_is_not_growth() -> None:
    rising = [(float(n), float(n)) for n in range(50)]
    assert not steady([*rising, *((float(n), 50.0) for n in range(50, 100))])


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (line(20_000.0), [("app.leak", "warn")]),
        (line(20_000.0, noise=2 * MIB), [("app.leak", "warn")]),
        (line(20_000.0, count=19), []),
        (line(500.0), []),
        (line(0.0, noise=9 * MIB), []),
    ],
)
def test_a_leak_that_fills_the_limit_within_a_day(samples: list[Sample], expected: list[tuple[str, str]]) -> None:
    assert reported(**leaking(samples)) == expected


def test_the_finding_has_the_time_that_is_left() -> None:
    # 60 MiB + 20 kB/s for 990 s = 79 MiB of 256 MiB: 177 MiB are left.
    assert "full in 2.6 h" in finding("app.leak", **leaking(line(20_000.0))).title


def test_a_level_that_its_configuration_bounds_is_no_leak() -> None:
    cache = container("redis", started=BEGIN - 100)
    others = [each for each in with_replicas(replica(1), replica(2)) if each.service != "redis"]
    grows: dict[str, object] = {"containers": [*others, cache], "history": History(memory={cache.id: line(20_000.0)})}
    assert reported(**grows, redis=redis(maxmemory="134217728")) == []
    assert reported(**grows, redis=redis(maxmemory="0")) == [("app.leak", "warn")]


def test_shared_memory_takes_its_part_of_the_limit() -> None:
    growing = replica(1, started=BEGIN - 100, shared=88 * MIB)
    facts: dict[str, object] = {"containers": with_replicas(growing, replica(2))}
    assert "full in 78 min" in finding("app.leak", **facts, history=History(memory={growing.id: line(20_000.0)})).title


def test_heartbeats_take_precedence_over_stored_snapshots() -> None:
    growing = replica(1, started=BEGIN - 100)
    beat = Beat(growing.id[:12], memory_samples=line(20_000.0))
    assert reported(containers=with_replicas(growing, replica(2)), fleet=[beat]) == [("app.leak", "warn")]
