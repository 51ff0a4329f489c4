"""The ring of snapshots: its size, damaged lines, and when it is used for rates."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from ops.doctor.facts import Facts
from ops.doctor.limits import Limits
from ops.doctor.report import examine, selection
from ops.doctor.ring import MOST, Ring, Snapshot, snapshot, with_history
from tests.unit.ops.doctor.stack import NOW, healthy, postgres, redis


def deadlocked(age: float = 60, restarted: bool = False) -> Facts:
    """Facts whose deadlocks were 0 ``age`` seconds ago and are 30 now."""
    server = postgres(counters={"deadlocks": 30.0}, earlier={"deadlocks": 30.0}, gap=1.0)
    start = NOW - server.uptime - (5000 if restarted else 0)
    return with_history(
        healthy(postgres=server), [Snapshot(NOW - age, postgres={"deadlocks": 0.0}, postgres_start=start)]
    )


@pytest.mark.parametrize(
    ("facts", "expected"),
    [(deadlocked(), 30), (deadlocked(age=5), 0), (deadlocked(age=2000), 0), (deadlocked(restarted=True), 0)],
)
def test_rates_over_the_time_since_the_last_run_of_the_same_server(facts: Facts, expected: float) -> None:
    assert facts.postgres
    assert facts.postgres.delta("deadlocks") == expected
    assert ("pg.deadlocks" in {finding.id for finding in examine(facts, Limits()).findings}) == bool(expected)


def test_counters_of_a_redis_that_restarted_are_not_compared() -> None:
    old = Snapshot(NOW - 60, redis={"app-redis-1": {"run_id": "a", "evicted_keys": "0"}})
    for run_id, expected in (("a", 9.0), ("b", 0.0)):
        facts = with_history(healthy(redis=redis(run_id=run_id, evicted_keys="9")), [old])
        assert facts.redis
        assert facts.redis.nodes[0].delta("evicted_keys") == expected


def test_a_finding_is_known_since_the_first_of_consecutive_runs() -> None:
    failing = healthy(redis=redis(used_memory="95000000"))
    first = snapshot(examine(failing, Limits()))
    later = with_history(replace(failing, taken=NOW + 60), [first])
    report = examine(later, Limits())
    assert report.since(report.findings[0]) == NOW
    fixed = examine(with_history(replace(healthy(), taken=NOW + 120), [first]), Limits())
    assert fixed.gone == ["redis.maxmem"]
    assert snapshot(fixed).known == {}


def test_a_finding_whose_check_did_not_run_stays_known() -> None:
    """For example with --only between two complete runs, or if Redis hangs during one."""
    failing = healthy(redis=redis(used_memory="95000000"))
    later = with_history(replace(failing, taken=NOW + 60), [snapshot(examine(failing, Limits()))])
    between = examine(later, Limits(), selection(only=("pg",)))
    assert between.gone == []
    assert snapshot(between).known == {"redis.maxmem": NOW}


def test_the_file_is_bounded_and_survives_a_damaged_line(tmp_path: Path) -> None:
    ring = Ring(tmp_path, "app")
    assert ring.read() == []
    ring.append([Snapshot(float(n)) for n in range(MOST + 10)], Snapshot(9999.0))
    with ring.path.open("ab") as file:
        file.write(b'{"taken": 1')
    snapshots = ring.read()
    assert len(snapshots) == MOST
    assert snapshots[-1].taken == 9999.0
