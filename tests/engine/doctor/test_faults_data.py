"""Faults in PostgreSQL and Redis, made on the real servers; doctor names them and no other failure."""

from __future__ import annotations

from collections.abc import Callable

from tests.engine.doctor.conftest import Patient, found

CONNECT = """
import os, psycopg2, time
url = os.environ["DATABASE_URL"].split("?")[0]
held = [psycopg2.connect(url, application_name="fault") for _ in range(80)]
time.sleep(60)
"""


def test_connections_nearly_all_taken(patient: Patient) -> None:
    patient.exec("backend", f"python -c '{CONNECT}'", detach=True)
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fault'"
    patient.stack.until(lambda: patient.sql(count) == "80")
    report = patient.examine()
    patient.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fault'")
    assert found(report) == {"pg.conn_high"}
    assert "fault: 80" in report.findings[0].evidence


def test_a_queue_for_a_lock_and_who_is_at_its_head(patient: Patient) -> None:
    with patient.session("BEGIN; LOCK TABLE titles;", "state = 'idle in transaction'"):
        holder = patient.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'fault'")
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'waiter' AND wait_event_type = 'Lock'"
        patient.exec(
            "postgres",
            'PGAPPNAME=waiter psql -Xq -U "$POSTGRES_USER" -c "SELECT count(*) FROM titles"',
            detach=True,
        )
        patient.stack.until(lambda: patient.sql(waiting) == "1")
        report = patient.examine(pg_blocked_warn=0.01, pg_blocked_fail=0.02)
    assert found(report, "fail") == {"pg.blocked"}
    assert f"root blocker: pid {holder}" in report.findings[0].evidence


def test_what_grows_quietly(patient: Patient) -> None:
    patient.sql("CREATE TABLE fault (id int PRIMARY KEY) WITH (autovacuum_enabled = off)")
    patient.sql("INSERT INTO fault SELECT generate_series(1, 30000); DELETE FROM fault WHERE id < 20000")
    patient.sql("CREATE UNIQUE INDEX fault_again ON fault (id)")
    patient.sql("CREATE SEQUENCE fault_number MAXVALUE 100; SELECT setval('fault_number', 95)")
    patient.sql("SELECT pg_create_physical_replication_slot('fault', true)")
    try:
        report = patient.examine()
    finally:
        patient.sql("DROP TABLE fault; DROP SEQUENCE fault_number; SELECT pg_drop_replication_slot('fault')")
    assert found(report) == {"pg.dead_tuples", "pg.bad_index", "pg.sequence", "pg.slot_inactive"}
    assert all("fault" in finding.title + finding.evidence for finding in report.findings)
    assert found(patient.examine()) == set()


def test_slow_statements(patient: Patient) -> None:
    patient.sql("SELECT pg_stat_statements_reset()")
    try:
        loop = 'for n in $(seq 101); do echo "SELECT pg_sleep(0.021);"; done | psql -Xq -U "$POSTGRES_USER" >/dev/null'
        patient.exec("postgres", loop)
        report = patient.examine("pg.slow_stmt", "pg.outlier", pg_outlier_least=1.0)
    finally:
        patient.sql("SELECT pg_stat_statements_reset()")
    assert found(report) == {"pg.slow_stmt", "pg.outlier"}
    assert "SELECT pg_sleep($1)" in report.findings[0].evidence


def test_rates_since_the_last_look(patient: Patient) -> None:
    patient.remember()
    patient.exec("postgres", 'for n in $(seq 40); do echo "SELECT 1/0;"; done | psql -Xq -U "$POSTGRES_USER" || true')
    patient.sql("SELECT 1")
    assert found(patient.examine(pg_rollbacks=0.02)) == {"pg.rollbacks"}


def test_checkpoints_that_are_forced(patient: Patient) -> None:
    patient.sql("SELECT pg_stat_reset_shared('checkpointer')")
    for _ in range(10):
        patient.sql("CHECKPOINT")
    report = patient.examine("pg.checkpoints")
    patient.sql("SELECT pg_stat_reset_shared('checkpointer')")
    assert found(report) == {"pg.checkpoints"}


def test_a_restart(patient: Patient, becomes: Callable[[str], None]) -> None:
    patient.stack.compose("restart", "postgres")
    becomes("ready")
    report = patient.examine("pg.restarted", pg_first_start=1.0)
    assert found(report, "fail") == {"pg.restarted"}


def test_redis_that_evicts(patient: Patient) -> None:
    used = int(patient.redis("info memory | grep ^used_memory: | tr -dc 0-9"))
    patient.redis(f"config set maxmemory {used + 3_000_000}")
    fill = "for i=1,4000 do redis.call('setex', KEYS[1]..i, 30, string.rep('x', 1000)) end"
    try:
        patient.remember()
        patient.redis(f'eval "{fill}" 1 fault')
        report = patient.examine()
    finally:
        patient.redis("config set maxmemory 128mb")
        patient.redis("eval \"for i=1,4000 do redis.call('del', KEYS[1]..i) end\" 1 fault")
    assert found(report) == {"redis.maxmem"}
    assert ("redis.evicting", "fail") in {(finding.id, finding.severity) for finding in report.findings}


def test_redis_with_many_clients_and_one_that_waits(patient: Patient) -> None:
    patient.exec("redis", "for n in $(seq 14); do (sleep 40 | redis-cli) & done; wait", detach=True)
    patient.exec("redis", "redis-cli blpop fault 40", detach=True)
    clients = "info clients | grep ^connected_clients: | tr -dc 0-9"
    patient.stack.until(lambda: int(patient.redis(clients)) >= 17)
    try:
        patient.redis(f"config set maxclients {int(patient.redis(clients)) + 1}")
        report = patient.examine()
    finally:
        patient.redis("config set maxclients 10000")
        patient.redis("client kill type normal skipme yes")
    assert found(report) == {"redis.clients", "redis.blocked"}


def test_redis_with_slow_commands(patient: Patient) -> None:
    patient.remember()
    patient.redis("config set slowlog-log-slower-than 0")
    try:
        for _ in range(3):
            patient.redis("ping")
        assert found(patient.examine("redis.slowlog")) == {"redis.slowlog"}
    finally:
        patient.redis("config set slowlog-log-slower-than 10000")
        patient.redis("slowlog reset")


def test_redis_without_a_master(patient: Patient) -> None:
    patient.redis("replicaof 127.0.0.1 1")
    try:
        report = patient.examine()
    finally:
        patient.redis("replicaof no one")
    assert found(report, "fail") == {"redis.masters"}
