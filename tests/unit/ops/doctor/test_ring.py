"""The ring of snapshots: its size, damaged lines, and when it is used for rates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from ops.doctor.facts import Facts
from ops.doctor.limits import Limits
from ops.doctor.report import examine, selection
from ops.doctor.ring import MOST, MOST_BYTES, Ring, Snapshot, snapshot, with_history
from ops.project.private import private_file
from tests.unit.ops.doctor.stack import NOW, healthy, postgres, redis, replica, with_replicas
from tests.unit.ops.fakes import fake_stack
from tests.unit.ops.fakes.store import FakeStore


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


@dataclass
class Machine:
    """A machine with a clock that is ``ahead`` of the engine's, and a folder of the project."""

    store: FakeStore
    folder: Path
    ahead: float = 0.0

    @property
    def ring(self) -> Ring:
        project = fake_stack(self.folder).project
        return Ring(self.store, project, lambda: self.store.world.now + self.ahead)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(FakeStore(), tmp_path)


def document(store: FakeStore) -> bytes:
    (document,) = store.documents.values()
    return document.content


def test_it_is_bounded_and_survives_a_damaged_line(machine: Machine) -> None:
    assert list(machine.ring.read()) == []
    many = b"\n".join(msgspec.json.encode(Snapshot(float(n))) for n in range(MOST + 10))
    machine.store.save("videa.doctor.shop", many + b'\n{"\xff": 1}\n{"taken": 1', 0)
    machine.ring.append(Snapshot(9999.0))
    snapshots = list(machine.ring.read())
    assert len(document(machine.store).splitlines()) == MOST
    assert snapshots[-1].taken == 9999.0


def test_it_is_bounded_in_bytes(machine: Machine) -> None:
    big = Snapshot(1.0, memory={f"{n:064}": n for n in range(2000)})
    for number in range(10):
        machine.ring.append(replace(big, taken=float(number)))
    assert len(document(machine.store)) <= MOST_BYTES
    assert [item.taken for item in machine.ring.read()] == [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]


def test_what_another_machine_saw_has_the_times_of_ones_own_clock(tmp_path: Path) -> None:
    store = FakeStore()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = Machine(store, tmp_path / "a", ahead=100), Machine(store, tmp_path / "b", ahead=-3600)
    saw = Snapshot(5000.0, postgres_start=4000.0, known={"pg.down": 4500.0})
    one.ring.append(saw)
    assert list(one.ring.read()) == [saw]
    assert list(other.ring.read()) == [Snapshot(1300.0, postgres_start=300.0, known={"pg.down": 800.0})]


def test_the_seconds_of_the_engines_clock_are_no_difference(machine: Machine) -> None:
    machine.ahead = 0.9
    machine.ring.append(Snapshot(5000.25))
    machine.ahead = 0.1
    assert list(machine.ring.read()) == [Snapshot(5000.25)]


def test_the_file_of_an_older_videa_is_taken_over(machine: Machine) -> None:
    path = private_file(machine.folder, "doctor-shop.jsonl")
    path.parent.mkdir()
    path.write_bytes(b'{"taken":1}\n{"taken":2}\n')
    assert [item.taken for item in machine.ring.read()] == [1.0, 2.0]
    machine.ring.append(Snapshot(3.0))
    machine.ring.append(Snapshot(4.0))
    assert [item.taken for item in machine.ring.read()] == [1.0, 2.0, 3.0, 4.0]
    assert path.read_bytes() == b'{"taken":1}\n{"taken":2}\n'


def test_the_times_at_which_more_processes_were_killed_for_memory() -> None:
    runs = [(0, None), (60, 1), (120, 1), (180, 3)]
    stored = [
        snapshot(examine(healthy(taken=NOW + age, containers=with_replicas(replica(1, oom_kills=kills))), Limits()))
        for age, kills in runs
    ]
    history = with_history(healthy(), stored).history
    assert history
    assert history.oom == {replica(1).id: [(NOW + 60, 1), (NOW + 180, 3)]}
