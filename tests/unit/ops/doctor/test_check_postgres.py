"""The PostgreSQL checks on facts."""

from __future__ import annotations

from typing import Any

import pytest

from ops.doctor.facts_postgres import BadIndex, Sequence, Session, Slot, Standby, Statement, Table
from tests.unit.ops.doctor.stack import (
    NOW,
    container,
    finding,
    healthy,
    postgres,
    replica,
    report_on,
    reported,
    session,
    with_replicas,
)


def test_a_server_that_is_down_is_one_failure_and_its_other_checks_are_skipped() -> None:
    report = report_on(postgres=postgres(up=False, error="connection refused"))
    assert [finding.id for finding in report.findings if finding.severity == "fail"] == ["pg.down"]
    skipped = {skip.id: skip.reason for skip in report.skipped}
    assert skipped["pg.idle_in_tx"] == "PostgreSQL does not answer"
    assert "pg.idle_in_tx" not in report.checked


@pytest.mark.parametrize(
    ("clients", "expected"),
    [(77, []), (78, [("pg.conn_high", "warn")]), (97, [("pg.conn_high", "fail")])],
)
def test_connections_are_compared_with_the_maximum_for_clients(clients: int, expected: list[tuple[str, str]]) -> None:
    assert reported(postgres=postgres(sessions=[session()] * clients)) == expected


@pytest.mark.parametrize(
    ("hidden", "sessions", "skipped", "expected"),
    [
        ({}, [], [], []),
        ({"hidden": 1}, [], ["pg.idle_in_tx", "pg.long_query", "pg.blocked"], []),
        (
            {"hidden": 1},
            [session(state="idle in transaction", state_age=90.0)],
            ["pg.long_query", "pg.blocked"],
            ["pg.idle_in_tx"],
        ),
        ({"hidden_sequences": 2}, [], ["pg.sequence"], []),
        ({"standbys": None}, [], ["pg.replica_lag"], []),
    ],
    ids=["everything", "sessions", "own-session", "sequences", "standbys"],
)
def test_what_postgresql_hides_from_the_role_is_skipped_unless_a_check_finds_something(
    hidden: dict[str, Any], sessions: list[Session], skipped: list[str], expected: list[str]
) -> None:
    report = report_on(postgres=postgres(role="app", sessions=sessions, **hidden))
    reasons = {skip.id: skip.reason for skip in report.skipped if skip.id.startswith("pg.")}
    assert sorted(reasons) == sorted(skipped)
    assert all("GRANT " in reason and reason.endswith(" TO app") for reason in reasons.values())
    assert [finding.id for finding in report.findings] == expected


def test_hidden_sessions_count_as_connections() -> None:
    result = finding("pg.conn_high", postgres=postgres(sessions=[session()] * 7, hidden=90))
    assert "other roles: 90" in result.evidence


def test_background_workers_do_not_count_as_connections() -> None:
    assert reported(postgres=postgres(sessions=[session(kind="walwriter")] * 99)) == []


def test_a_server_without_a_connection_for_doctor_is_full_not_down() -> None:
    assert reported(postgres=postgres(up=False, full=True, error="sorry, too many clients already")) == [
        ("pg.conn_high", "fail")
    ]


def test_pools_that_exceed_the_server_show_the_sum_and_the_value_to_set() -> None:
    replicas = with_replicas(*(replica(number, pool_limit=20) for number in range(1, 6)))
    result = finding("pg.pool_overcommit", containers=replicas)
    assert result.severity == "fail"
    assert "5 replicas x 20 = 100 > 97 = max_connections 100 - 3 reserved" in result.evidence
    assert "connection_limit=19" in result.fix
    assert "max_connections=103" in result.fix


def test_stopped_replicas_hold_no_pool() -> None:
    stopped = replica(2, pool_limit=90, state="exited")
    assert ("pg.pool_overcommit", "fail") not in reported(containers=with_replicas(replica(1, pool_limit=90), stopped))


@pytest.mark.parametrize(
    ("age", "expected"), [(59, []), (61, [("pg.idle_in_tx", "warn")]), (301, [("pg.idle_in_tx", "fail")])]
)
def test_transactions_left_open(age: float, expected: list[tuple[str, str]]) -> None:
    assert reported(postgres=postgres(sessions=[session(state="idle in transaction", state_age=age)])) == expected


def test_the_oldest_open_transaction_is_the_one_to_end() -> None:
    sessions = [session(pid=pid, state="idle in transaction", state_age=age) for pid, age in ((1, 70.0), (2, 90.0))]
    assert "pg_terminate_backend(2)" in finding("pg.idle_in_tx", postgres=postgres(sessions=sessions)).fix


def test_only_clients_have_long_statements() -> None:
    assert reported(postgres=postgres(sessions=[session(state="active", query_age=61.0)])) == [
        ("pg.long_query", "warn")
    ]
    worker = session(state="active", query_age=9000.0, kind="parallel worker")
    assert reported(postgres=postgres(sessions=[worker])) == []


def waiter(pid: int, blocker: int, age: float) -> Session:
    return session(pid=pid, state="active", wait="Lock:transactionid", query_age=age, blocked_by=[blocker])


@pytest.mark.parametrize(("age", "expected"), [(4, []), (6, [("pg.blocked", "warn")]), (31, [("pg.blocked", "fail")])])
def test_sessions_that_wait_for_a_lock(age: float, expected: list[tuple[str, str]]) -> None:
    assert reported(postgres=postgres(sessions=[session(pid=1), waiter(2, 1, age)])) == expected


def test_the_head_of_a_lock_queue_is_named() -> None:
    queue = [session(pid=1, state="idle in transaction"), waiter(2, 1, 40), waiter(3, 2, 35)]
    result = finding("pg.blocked", postgres=postgres(sessions=queue))
    assert result.evidence.startswith("root blocker: pid 1")
    assert "pg_terminate_backend(1)" in result.fix
    assert "pg_terminate_backend(2)" not in result.fix


@pytest.mark.parametrize(("held", "expected"), [(9, []), (11, [("pg.blocked", "warn")])])
def test_clients_that_give_up_early_wait_for_a_lock_that_is_held_for_long(
    held: float, expected: list[tuple[str, str]]
) -> None:
    queue = [session(pid=1, state="active", xact_age=held), waiter(2, 1, 0.5), waiter(3, 1, 0.2)]
    assert reported(postgres=postgres(sessions=queue)) == expected
    idle = [session(pid=1, state="active", xact_age=50), session(pid=2)]
    assert reported(postgres=postgres(sessions=idle)) == []


def test_a_cycle_of_waiting_sessions_is_reported() -> None:
    assert finding("pg.blocked", postgres=postgres(sessions=[waiter(1, 2, 40), waiter(2, 1, 40)]))


def counted(**changes: float) -> dict[str, Any]:
    """Counters that were all zero a minute ago."""
    return {"counters": changes, "earlier": dict.fromkeys(changes, 0.0), "gap": 60.0}


def wal(times: float) -> dict[str, Any]:
    """WAL that was written, as a multiple of what leads to a checkpoint before its time."""
    return {"wal_written": times * 500e6, "wal_between": 500e6}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"locks": 1300, "lock_slots": 6400}, [("pg.locktable", "fail")]),
        (counted(deadlocks=6), [("pg.deadlocks", "warn")]),
        (counted(deadlocks=5), []),
        (counted(commits=80, rollbacks=20), [("pg.rollbacks", "warn")]),
        (counted(commits=8, rollbacks=2), []),
        (counted(hits=800_000, reads=20_000), [("pg.cache_hit", "info")]),
        (counted(hits=800, reads=200), []),
        (counted(checkpoints_timed=4, checkpoints_requested=8), [("pg.checkpoints", "warn")]),
        ({**counted(checkpoints_timed=4, checkpoints_requested=8), **wal(8.5)}, [("pg.checkpoints", "warn")]),
        ({**counted(checkpoints_timed=4, checkpoints_requested=8), **wal(5.9)}, []),
        ({"statements": [Statement(100, 20.0, 2000.0, "SELECT ?", 0.2)]}, [("pg.slow_stmt", "warn")]),
        ({"statements": [Statement(99, 20.0, 1980.0, "SELECT ?", 0.2)]}, []),
        ({"statements": [Statement(90_000, 1.0, 90_000.0, "SELECT ?", 0.4)]}, [("pg.outlier", "info")]),
        ({"tables": [Table("public.titles", 80_000, 20_000)]}, [("pg.dead_tuples", "warn")]),
        ({"tables": [Table("public.titles", 990_000, 20_000)]}, []),
        ({"tables": [Table("public.titles", 90_000, 2_000, 11 * 86400.0)]}, [("pg.autovac_stale", "warn")]),
        ({"xids_left": 9_999_999}, [("pg.xid", "fail")]),
        ({"sequences": [Sequence("public.titles_id_seq", 91, 100)]}, [("pg.sequence", "warn")]),
        ({"sequences": [Sequence("public.titles_id_seq", 90, 100)]}, []),
        ({"bad_indexes": [BadIndex("i2", "titles", "duplicate", "i1")]}, [("pg.bad_index", "warn")]),
        ({"slots": [Slot("standby", active=False, retained=1e9)]}, [("pg.slot_inactive", "fail")]),
        ({"slots": [Slot("standby", active=True)]}, []),
        ({"standbys": [Standby("replica", "streaming", 6.0)]}, [("pg.replica_lag", "warn")]),
        ({"uptime": 30.0}, [("pg.restarted", "fail")]),
    ],
)
def test_one_problem_in_the_server(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert reported(postgres=postgres(**changes)) == expected


def test_the_first_start_is_not_a_restart() -> None:
    others = [container for container in healthy().containers or [] if container.service != "postgres"]
    young = [*others, container("postgres", created=NOW - 40)]
    assert reported(postgres=postgres(uptime=35.0), containers=young) == []


@pytest.mark.parametrize(
    ("section", "skipped"),
    [("statements", {"pg.slow_stmt", "pg.outlier"}), ("tables", {"pg.dead_tuples", "pg.autovac_stale"})],
)
def test_a_section_without_an_answer_is_skipped(section: str, skipped: set[str]) -> None:
    assert {skip.id for skip in report_on(postgres=postgres(**{section: None})).skipped} == skipped
