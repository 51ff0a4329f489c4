"""Faults in PostgreSQL, made on the real server; doctor names them and no other."""

from __future__ import annotations

from collections.abc import Callable

from tests.engine.doctor.conftest import Patient, finding, found

CONNECT = """
import os, psycopg2, time
url = os.environ["DATABASE_URL"].split("?")[0]
held = [psycopg2.connect(url, application_name="fault") for _ in range(80)]
time.sleep(60)
"""


SET_PASSWORD = """psql -Xq -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" <<END
ALTER USER "$BACKEND_ROLE" PASSWORD '{}';
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_addr IS NOT NULL;
END
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


def test_what_grows_quietly_and_checkpoints_that_are_forced(patient: Patient) -> None:
    patient.sql("SELECT pg_stat_reset_shared('checkpointer')")
    patient.sql("CREATE TABLE fault (id int PRIMARY KEY) WITH (autovacuum_enabled = off)")
    patient.sql("INSERT INTO fault SELECT generate_series(1, 30000)")
    patient.sql("VACUUM fault")
    patient.sql("DELETE FROM fault WHERE id < 20000")
    patient.sql("CREATE UNIQUE INDEX fault_again ON fault (id)")
    patient.sql("CREATE SEQUENCE fault_number MAXVALUE 100; SELECT setval('fault_number', 95)")
    patient.sql("SELECT pg_create_physical_replication_slot('fault', true)")
    patient.sql("ALTER SYSTEM SET max_wal_size = '32MB'")
    patient.sql("SELECT pg_reload_conf()")
    write = "SELECT pg_logical_emit_message(false, 'fault', 'x'), pg_switch_wal()"
    forced = "SELECT num_requested FROM pg_stat_checkpointer"
    try:
        patient.stack.until(lambda: int(patient.sql(f"{write}; {forced}").splitlines()[-1]) > 10)
        report = patient.examine("pg.checkpoints", pg_vacuum_age=0.0)
    finally:
        patient.sql("DROP TABLE fault; DROP SEQUENCE fault_number; SELECT pg_drop_replication_slot('fault')")
        patient.sql("ALTER SYSTEM RESET max_wal_size")
        patient.sql("SELECT pg_reload_conf()")
        patient.sql("SELECT pg_stat_reset_shared('checkpointer')")
    of_tables = {"pg.dead_tuples", "pg.autovac_stale", "pg.bad_index", "pg.sequence", "pg.slot_inactive"}
    assert found(report) == {*of_tables, "pg.checkpoints"}
    assert all("fault" in finding.title + finding.evidence for finding in report.findings if finding.id in of_tables)


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


def test_a_password_that_the_database_does_not_know(patient: Patient, becomes: Callable[[str], None]) -> None:
    """As with a volume that an earlier `.env` made."""
    try:
        patient.exec("postgres", SET_PASSWORD.format("of-before"))
        becomes("unready")
        report = patient.examine()
    finally:
        patient.exec("postgres", SET_PASSWORD.format("$BACKEND_PASSWORD"))
    becomes("ready")
    assert found(report, "fail") == {"pg.auth"}
    assert "password authentication failed" in report.findings[0].evidence


def test_a_restart(patient: Patient, becomes: Callable[[str], None]) -> None:
    patient.sql("SELECT pg_stat_reset()")
    patient.stack.compose("restart", "postgres")
    becomes("ready")
    report = patient.examine("pg.restarted", pg_first_start=1.0, pg_reads_least=50)
    # It has nothing in its memory yet.
    assert found(report) == {"pg.restarted", "pg.cache_hit"}


def test_a_reader_of_a_slot_that_hangs_is_made_to_connect_again(patient: Patient) -> None:
    reader = (
        "pg_receivewal --no-password --username=videa --directory=/tmp --slot=late --synchronous --status-interval=1"
    )
    patient.exec("postgres", f"{reader} --create-slot --no-loop && exec {reader} >/dev/null 2>&1", detach=True)
    active = "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'late' AND active"
    patient.stack.until(lambda: patient.sql(active) == "1")
    every = (
        'for each in /proc/[0-9]*; do grep -q "^pg_receivewal" $each/cmdline 2>/dev/null'
        " && kill -{} ${{each#/proc/}}; done; true"
    )
    try:
        patient.exec("postgres", every.format("STOP"))
        patient.sql("SELECT pg_logical_emit_message(false, 'fault', repeat('x', 3000000))")
        late = finding(patient.examine(pg_slot_lag=1 << 20), "pg.slot_lag")
        patient.exec("postgres", f"(sleep 2; {every.format('CONT')}) >/dev/null 2>&1 &")
        patient.mend(late)
        patient.stack.until(lambda: patient.sql(active) == "1")
        patient.stack.until(lambda: "pg.slot_lag" not in found(patient.examine(pg_slot_lag=1 << 20)))
    finally:
        patient.exec("postgres", every.format("KILL"))
        patient.stack.until(lambda: patient.sql(active) == "0")
        patient.sql("SELECT pg_drop_replication_slot('late')")
