"""What fills volumes: WAL and what keeps it, and the time that is left."""

from __future__ import annotations

from typing import Any

import pytest

from ops.doctor.facts import History
from ops.doctor.facts_engine import HostFacts, Volume
from ops.doctor.facts_postgres import Archiver, Slot, Wal
from ops.doctor.facts_redis import RedisFacts
from ops.doctor.ring import levels, snapshot, with_history
from tests.unit.ops.doctor.stack import (
    MIB,
    NOW,
    container,
    finding,
    healthy,
    postgres,
    redis,
    replica,
    report_on,
    reported,
    with_replicas,
)

GIB = 1 << 30
HOUR = 3600.0


def growing(level: str, an_hour: float, hours: float = 2, start: float = 5 * GIB) -> History:
    """A level that every earlier run, five minutes apart, found higher."""
    times = [NOW - hours * HOUR + 300 * number for number in range(int(hours * 12))]
    return History(levels={level: [(time, start + an_hour * (time - times[0]) / HOUR) for time in times]})


@pytest.mark.parametrize(("size", "expected"), [(2000 * MIB, []), (2100 * MIB, [("pg.wal", "warn")])])
def test_more_wal_than_twice_its_bound(size: float, expected: list[tuple[str, str]]) -> None:
    assert reported(postgres=postgres(wal=Wal(size, 1024 * MIB))) == expected


def test_wal_that_the_setting_keeps_is_no_finding() -> None:
    assert reported(postgres=postgres(wal=Wal(5 * GIB, GIB, keep=4 * GIB))) == []


@pytest.mark.parametrize(
    ("free", "expected"),
    [(3 * GIB, [("pg.wal", "fail")]), (12 * GIB, [("pg.wal", "warn")]), (30 * GIB, [])],
)
def test_wal_that_grows_until_its_volume_is_full(free: float, expected: list[tuple[str, str]]) -> None:
    facts = postgres(volume=Volume(100 * GIB, free))
    found = reported(postgres=facts, history=growing("wal", GIB), host=HostFacts("/", free / 100 / GIB, 0, 1, 1, 1))
    assert [each for each in found if each[0] == "pg.wal"] == expected


def test_the_hours_that_are_left_are_in_the_title() -> None:
    result = finding("pg.wal", postgres=postgres(volume=Volume(100 * GIB, 12 * GIB)), history=growing("wal", GIB))
    assert "its volume is full in 12.0 h" in result.title


@pytest.mark.parametrize(
    ("hours", "an_hour"), [(0.5, 50 * GIB), (2, 10 * MIB), (2, -GIB)], ids=["too-short", "too-little", "shrinks"]
)
def test_a_moment_of_growth_is_no_trend(hours: float, an_hour: float) -> None:
    assert reported(history=growing("volume app-postgres-1", an_hour, hours)) == []


def archiver(**changes: Any) -> Archiver:
    values = {"on": True, "command": "cp", "archived": 5, "failed": 2, "archived_age": 10.0, "failed_age": 90.0}
    return Archiver(**{**values, "failed_wal": "0001", **changes})


@pytest.mark.parametrize(
    ("changes", "waiting", "expected"),
    [
        ({}, 1, []),
        ({"failed_age": 5.0}, 3, [("pg.archive", "fail")]),
        ({"archived_age": None}, 3, [("pg.archive", "fail")]),
        ({"on": False, "failed_age": 5.0}, 3, []),
        ({"command": "", "failed_age": None}, 3, [("pg.archive", "fail")]),
    ],
    ids=["mended", "fails", "never-worked", "off", "no-command"],
)
def test_an_archive_that_fails(changes: dict[str, Any], waiting: int, expected: list[tuple[str, str]]) -> None:
    facts = postgres(archiver=archiver(**changes), wal=Wal(GIB, GIB, waiting=waiting))
    assert reported(postgres=facts) == expected


@pytest.mark.parametrize(
    ("slot", "history", "expected"),
    [
        (Slot("s", active=True, retained=900 * MIB), History(), []),
        (Slot("s", active=True, retained=1100 * MIB), History(), [("pg.slot_lag", "warn")]),
        (Slot("s", active=True, retained=900 * MIB), growing("slot s", 300 * MIB), [("pg.slot_lag", "warn")]),
        (Slot("s", active=True, retained=900 * MIB), growing("slot s", 20 * GIB), [("pg.slot_lag", "fail")]),
        (Slot("s", active=False, retained=1100 * MIB), History(), [("pg.slot_inactive", "fail")]),
    ],
)
def test_a_slot_whose_reader_is_behind(slot: Slot, history: History, expected: list[tuple[str, str]]) -> None:
    assert reported(postgres=postgres(slots=[slot]), history=history) == expected


def test_an_archive_that_fails_explains_wal_and_a_full_volume() -> None:
    facts = postgres(
        archiver=archiver(failed_age=5.0), wal=Wal(9 * GIB, GIB, waiting=500), volume=Volume(10 * GIB, GIB / 2)
    )
    chain = [(each.id, each.cause) for each in report_on(postgres=facts).findings]
    assert chain == [("pg.archive", ""), ("pg.wal", "pg.archive"), ("host.volume", "pg.wal")]


def test_a_volume_on_the_machines_disk_is_judged_by_the_check_for_that_disk() -> None:
    small = HostFacts("/var/lib/docker", 0.05, 5 * GIB, 0.9, 0.6, 5 * GIB)
    on_disk = Volume(100 * GIB, 5 * GIB)
    assert reported(postgres=postgres(volume=on_disk), host=small) == [("host.disk", "fail")]
    assert reported(postgres=postgres(volume=on_disk)) == [("host.volume", "fail")]


def test_a_disk_with_several_volumes_that_fills_up_is_one_finding() -> None:
    (node,) = redis().nodes
    disk = Volume(100 * GIB, 50 * GIB)
    grows = growing("volume app-postgres-1", 30 * GIB).levels | growing("volume app-redis-1", 30 * GIB).levels
    found = reported(
        postgres=postgres(volume=disk),
        redis=RedisFacts([type(node)(node.service, node.container, True, info=node.info, volume=disk)]),
        history=History(levels=grows),
    )
    assert found == [("host.volume", "fail")]


def test_the_volume_of_redis() -> None:
    (node,) = redis().nodes
    full = RedisFacts([type(node)(node.service, node.container, True, info=node.info, volume=Volume(GIB, GIB / 20))])
    assert finding("host.volume", redis=full).subject == "app-redis-1"


@pytest.mark.parametrize(
    ("log", "history", "expected"),
    [
        (None, History(), []),
        (900 * MIB, History(), []),
        (1100 * MIB, History(), [("host.logs", "warn")]),
        (900 * MIB, growing("log app-mailer-1", 20 * GIB), [("host.logs", "fail")]),
    ],
)
def test_a_log_that_is_never_rotated(log: int | None, history: History, expected: list[tuple[str, str]]) -> None:
    containers = [*with_replicas(replica(1), replica(2)), container("mailer", log_size=log)]
    services = [*healthy().services, "mailer"]
    assert reported(containers=containers, services=services, history=history) == expected


def test_levels_are_stored_and_come_back_as_history() -> None:
    facts = healthy(postgres=postgres(slots=[Slot("s", True, 7.0)], wal=Wal(GIB, GIB), volume=Volume(9.0, 2.0)))
    assert levels(facts) == {"wal": GIB, "slot s": 7.0, "volume app-postgres-1": 7.0}
    stored = snapshot(report_on(postgres=facts.postgres))
    assert with_history(facts, [stored]).history.levels["slot s"] == [(NOW, 7.0)]  # type: ignore[union-attr]


def test_shared_memory_is_not_stored_for_the_trend() -> None:
    buffers = [container("postgres", memory=90 * MIB, shared=70 * MIB)]
    assert list(snapshot(report_on(containers=buffers)).memory.values()) == [20 * MIB]
