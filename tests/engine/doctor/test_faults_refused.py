"""PostgreSQL and Redis run, but refuse, are cut off or hold what nobody ends: doctor names it, and its fix mends it."""

from __future__ import annotations

from collections.abc import Callable

from tests.engine.doctor.conftest import Patient, finding, found

ROTATE = """
redis-cli acl setuser videa resetpass '>new'
redis-cli client kill user videa
redis-cli acl setuser default resetpass '>new'
redis-cli client kill type normal skipme yes
"""
"""Redis asks for other passwords than the replicas and its own container have."""

CUT_POSTGRES = """DO \\$\\$ BEGIN
  LOOP
    PERFORM pg_stat_clear_snapshot(), pg_sleep(0.01);
    EXIT WHEN (SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
      WHERE application_name = 'videa-doctor' AND state = 'idle' AND query LIKE '%earlier%') > 0;
  END LOOP;
END \\$\\$"""
"""Ends the doctor's session in the pause between its two samples."""

CUT_REDIS = """
until id=$(redis-cli client list | sed -n 's/^id=\\([0-9]*\\) .* cmd=echo .*/\\1/p' | head -n 1) && [ -n "$id" ]; do
  sleep 0.02
done
redis-cli client kill id "$id"
"""


def shared(patient: Patient) -> bool:
    """Whether every replica counts limits in Redis."""
    ask = "for n in {}; do curl -s -m 2 http://$n:3001/health; done".format(" ".join(patient.stack.replicas()))
    return patient.exec("nginx", ask).count('"limiter":"shared"') == len(patient.stack.replicas())


def is_up(patient: Patient) -> bool:
    return "accepting" in patient.exec("postgres", "pg_isready -h 127.0.0.1 || true")


def test_redis_after_a_rotation_that_the_replicas_do_not_know(patient: Patient) -> None:
    patient.exec("redis", ROTATE)
    try:
        patient.stack.until(lambda: not shared(patient))
        report = patient.examine()
        assert found(report, "fail") == {"redis.auth"}
        assert finding(report, "app.ratelimit_local").cause == "redis.auth"
        patient.mend(finding(report, "redis.auth"))
    except BaseException:
        patient.stack.compose("restart", "redis")
        raise
    patient.stack.until(lambda: shared(patient))
    assert found(patient.examine()) == set()


def test_a_role_with_another_password_than_its_container_was_given(
    patient: Patient, becomes: Callable[[str], None]
) -> None:
    patient.sql("ALTER ROLE videa_app PASSWORD 'new'")
    patient.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'videa_app'")
    becomes("unready")
    report = patient.examine()
    assert found(report, "fail") == {"pg.auth"}
    assert "password authentication failed" in finding(report, "pg.auth").evidence
    patient.mend(finding(report, "pg.auth"))
    becomes("ready")


def test_a_database_that_was_made_read_only(patient: Patient) -> None:
    patient.sql("ALTER SYSTEM SET default_transaction_read_only = on")
    patient.sql("SELECT pg_reload_conf()")
    patient.stack.until(lambda: patient.sql("SHOW default_transaction_read_only") == "on")
    report = patient.examine()
    assert found(report) == {"pg.read_only"}
    patient.mend(finding(report, "pg.read_only"))
    patient.stack.until(lambda: patient.sql("SHOW default_transaction_read_only") == "off")
    assert found(patient.examine()) == set()


def test_answers_that_break_off_are_failures(patient: Patient) -> None:
    # No statement of the command line may hold what the loop looks for.
    patient.exec("postgres", f'psql -Xq -U "$POSTGRES_USER" -c "{CUT_POSTGRES}"', detach=True)
    patient.exec("redis", CUT_REDIS, detach=True)
    done = patient.stack.videa("doctor", "--only", "doctor.broken_off")
    assert done.returncode == 2, done.stdout
    assert "the answer of postgres broke off" in done.stdout
    assert "terminating connection due to administrator command" in done.stdout
    assert "the answer of redis broke off" in done.stdout
    assert patient.stack.videa("doctor", "--only", "doctor.broken_off").returncode == 0


def test_too_few_processes_allowed(patient: Patient) -> None:
    name = f"{patient.stack.project}-postgres-1"
    before = patient.state(name, ".HostConfig.PidsLimit")
    now = int(patient.stack.docker("stats", "--no-stream", "--format", "{{.PIDs}}", name))
    patient.stack.docker("update", "--pids-limit", str(now + 1), name)
    try:
        report = patient.examine()
        assert found(report, "fail") == {"ctr.pids"}
        patient.mend(finding(report, "ctr.pids"))
        assert not {"pg.down", "ctr.pids"} & {each.id for each in patient.examine().findings}
    finally:
        patient.stack.docker("update", "--pids-limit", before, name)


def test_a_crash_a_prepared_transaction_an_archive_that_fails_and_a_standby(
    patient: Patient, becomes: Callable[[str], None]
) -> None:
    """One test, for each of them needs a restart of PostgreSQL, which ends the one before."""
    old_enough = "SELECT now() - pg_postmaster_start_time() > interval '11 s'"
    patient.stack.until(lambda: patient.sql(old_enough) == "t")
    writer = patient.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")
    patient.exec("postgres", f"kill -9 {writer}")
    patient.stack.until(lambda: is_up(patient))
    becomes("ready")
    report = patient.examine()
    assert found(report, "fail") == {"pg.crashed"}
    assert f"(PID {writer}) was terminated by signal 9" in patient.mend(finding(report, "pg.crashed"), line=1)

    for setting in ("max_prepared_transactions = 3", "archive_mode = on", "archive_command = '/bin/false'"):
        patient.sql(f"ALTER SYSTEM SET {setting}")
    try:
        patient.stack.compose("restart", "--timeout", "10", "postgres")
        becomes("ready")
        patient.sql("BEGIN; LOCK TABLE titles; PREPARE TRANSACTION 'it''s left'; SELECT pg_switch_wal()")
        patient.exec("postgres", 'PGAPPNAME=waiter psql -Xq -U "$POSTGRES_USER" -c "SELECT count(*) FROM titles"', True)
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'waiter' AND wait_event_type = 'Lock'"
        patient.stack.until(lambda: patient.sql(waiting) == "1")
        patient.stack.until(lambda: patient.sql("SELECT failed_count > 0 FROM pg_stat_archiver") == "t")
        report = patient.examine(pg_blocked_warn=0.01)
        assert found(report, "fail") == {"pg.prepared", "pg.archive"}
        blocked = finding(report, "pg.blocked")
        assert blocked.cause == "pg.prepared"
        assert "root blocker: prepared transaction it's left" in blocked.evidence
        patient.mend(blocked)
        patient.stack.until(lambda: patient.sql("SELECT count(*) FROM pg_prepared_xacts") == "0")
        patient.mend(finding(report, "pg.archive"), line=-1)
        patient.stack.until(
            lambda: patient.sql("SELECT last_archived_time > last_failed_time FROM pg_stat_archiver") == "t"
        )
        assert found(patient.examine()) == set()

        patient.exec("postgres", 'touch "$PGDATA/standby.signal"')
        patient.stack.compose("restart", "--timeout", "10", "--no-deps", "postgres")
        patient.stack.until(lambda: is_up(patient))
        report = patient.examine()
        assert finding(report, "pg.read_only").cause == ""
        patient.mend(finding(report, "pg.read_only"), line=-1)
        becomes("ready")
        assert patient.sql("SELECT pg_is_in_recovery()") == "f"
    finally:
        patient.exec("postgres", 'rm -f "$PGDATA/standby.signal"')
        for setting in ("max_prepared_transactions", "archive_mode", "archive_command", "archive_library"):
            patient.sql(f"ALTER SYSTEM RESET {setting}")
        patient.stack.compose("restart", "--timeout", "10", "postgres")
        becomes("ready")
