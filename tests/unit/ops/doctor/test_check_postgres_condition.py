"""Settings that endanger data or stop commits, damage, and statements that PostgreSQL refuses."""

from __future__ import annotations

from typing import Any

import pytest

from ops.doctor.facts_balancer import Traffic
from ops.doctor.facts_postgres import Collation, Damage, FileError, Sequence, Setting, Standby
from ops.doctor.facts_services import LogGroup
from ops.doctor.signs import sign_of
from tests.unit.ops.doctor.stack import (
    NOW,
    container,
    finding,
    postgres,
    replica,
    report_on,
    reported,
    session,
    with_replicas,
)


def setting(name: str, value: str, source: str = "configuration file") -> dict[str, Any]:
    return {"postgres": postgres(settings=[Setting(name, value, source)])}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("fsync", "off", [("pg.settings", "warn")]),
        ("autovacuum", "off", [("pg.settings", "warn")]),
        ("zero_damaged_pages", "on", [("pg.settings", "warn")]),
        ("fsync", "on", []),
        ("autovacuum", "on", []),
    ],
)
def test_values_that_endanger_data(name: str, value: str, expected: list[tuple[str, str]]) -> None:
    assert reported(**setting(name, value)) == expected


def test_a_managed_server_may_have_storage_that_writes_whole_blocks() -> None:
    found = [Setting("full_page_writes", "off", "configuration file"), Setting("autovacuum", "off", "default")]
    result = finding("pg.settings", postgres=postgres(settings=found, service="db.example", container=""))
    assert result.evidence == "autovacuum is off: default"


def test_a_dangerous_value_is_set_right_where_it_comes_from() -> None:
    assert "ALTER SYSTEM SET fsync = on" in finding("pg.settings", **setting("fsync", "off")).fix
    by_command = finding("pg.settings", **setting("fsync", "off", "command line")).fix
    assert by_command.startswith("remove fsync from the command of postgres")


@pytest.mark.parametrize(
    ("names", "standbys", "expected"),
    [
        ("gone", [], [("pg.sync", "fail")]),
        ("gone", [Standby("other", "streaming", 0.0)], [("pg.sync", "fail")]),
        ("here", [Standby("here", "streaming", 0.0, awaited=True)], []),
        ("", [], []),
    ],
)
def test_commits_that_wait_for_a_standby_that_is_not_there(
    names: str, standbys: list[Standby], expected: list[tuple[str, str]]
) -> None:
    setting = Setting("synchronous_standby_names", names, "configuration file")
    assert reported(postgres=postgres(settings=[setting], standbys=standbys)) == expected


def test_the_sessions_that_wait_for_a_standby_are_counted() -> None:
    waiting = [session(pid=pid, state="active", wait="IPC:SyncRep") for pid in (1, 2)]
    gone = Setting("synchronous_standby_names", "gone", "configuration file")
    result = finding("pg.sync", postgres=postgres(settings=[gone], sessions=waiting))
    assert "wait for it now: 2" in result.evidence


def test_damaged_blocks() -> None:
    assert finding("pg.damage", postgres=postgres(damage=Damage(2, 60.0))).severity == "fail"


def test_a_configuration_file_with_which_it_cannot_start_again() -> None:
    error = FileError("/data/postgresql.conf", 7, "", "syntax error")
    result = finding("pg.config", postgres=postgres(file_errors=[error]))
    assert result.evidence == "/data/postgresql.conf:7: syntax error"
    assert "sed -i '7s/^/#/' /data/postgresql.conf" in result.fix


def test_a_setting_with_which_it_does_not_start_is_the_cause_of_its_restarts() -> None:
    said = ['FATAL:  WAL streaming ("max_wal_senders" > 0) requires "wal_level" to be "replica" or "logical"']
    down = postgres(up=False, error="container restarting, exit code 1", log=said)
    looping = container("postgres", state="restarting", restarts=7)
    containers = [*(each for each in with_replicas(replica(1), replica(2)) if each.service != "postgres"), looping]
    report = report_on(postgres=down, containers=containers)
    assert [(each.id, each.cause) for each in report.findings if each.id.startswith(("pg.", "ctr."))] == [
        ("pg.config", ""),
        ("pg.down", "pg.config"),
        ("ctr.restart_loop", "pg.config"),
    ]
    assert 'sed -i "/^wal_level /d"' in report.findings[0].fix


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [("127.0.0.1", [("pg.listen", "fail")]), ("", [("pg.listen", "fail")]), ("*", []), ("127.0.0.1, 10.0.0.3", [])],
)
def test_a_server_that_only_its_own_container_reaches(addresses: str, expected: list[tuple[str, str]]) -> None:
    assert reported(**setting("listen_addresses", addresses)) == expected


def test_a_collation_of_another_version() -> None:
    changed = Collation("shop", database=True, recorded="2.36", actual="2.41")
    result = finding("pg.collation", postgres=postgres(collations=[changed]))
    assert result.severity == "warn"
    assert "ALTER DATABASE shop REFRESH COLLATION VERSION" in result.fix


@pytest.mark.parametrize(
    ("sequence", "severity", "fix"),
    [
        (Sequence("public.s", 95, 100), "warn", "ALTER SEQUENCE public.s AS bigint NO MAXVALUE"),
        (Sequence("public.s", 100, 100), "fail", "ALTER SEQUENCE public.s AS bigint NO MAXVALUE"),
        (Sequence("public.s", 95, 100, "public.t.id"), "warn", "ALTER TABLE public.t ALTER COLUMN id TYPE bigint"),
    ],
)
def test_a_sequence_that_ends(sequence: Sequence, severity: str, fix: str) -> None:
    result = finding("pg.sequence", postgres=postgres(sequences=[sequence]))
    assert result.severity == severity
    assert fix in result.fix


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("StatementFailed: permission denied for table titles", "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE"),
        ("Failed: permission denied for sequence titles_id_seq", "GRANT USAGE, SELECT ON SEQUENCE titles_id_seq"),
        ('StatementFailed: relation "titles" does not exist', "SELECT schemaname, tablename FROM pg_tables"),
        ("Failed: could not resize shared memory segment: No space left on device", "raise shm_size of postgres"),
    ],
)
def test_statements_that_fail_are_the_cause_of_failed_requests(text: str, fix: str) -> None:
    said = LogGroup(text, 9, NOW - 30, NOW - 1, sign_of(text))
    report = report_on(traffic=Traffic(60, 100, 50), logs={"app-backend-1": [said]})
    assert [(each.id, each.cause) for each in report.findings] == [
        ("pg.statements", ""),
        ("lb.5xx", "pg.statements"),
    ]
    assert fix in report.findings[0].fix


@pytest.mark.parametrize(
    ("count", "first", "last", "named"),
    [
        (90, 30, 1, True),  # it came three times a second, until just now
        (90, 60, 20, False),  # and then not for 20 s
        (3, 60, 20, True),  # every 13 s
        (1, 20, 20, True),
        (9, 500, 300, False),
    ],
)
def test_statements_that_failed_some_time_ago_are_over(count: int, first: float, last: float, named: bool) -> None:
    said = LogGroup("permission denied for table titles", count, NOW - first, NOW - last, "pg.statements")
    report = dict(reported(traffic=Traffic(60, 100, 50), logs={"app-backend-1": [said]}))
    assert ("pg.statements" in report) is named


def test_a_typing_error_in_the_log_of_postgresql_itself_is_nobodys_fault() -> None:
    assert sign_of('relation "titels" does not exist at character 15') == ""
