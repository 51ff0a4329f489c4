"""PostgreSQL runs, but does not do its work: named by what it says, and with a fix that mends it."""

from __future__ import annotations

from typing import Any

import pytest

from ops.doctor.collectors.last_errors import read
from ops.doctor.facts_postgres import PostgresFacts, Prepared
from ops.doctor.facts_replicas import InstanceFacts
from tests.unit.ops.doctor.stack import (
    container,
    finding,
    instance,
    postgres,
    replica,
    report_on,
    reported,
    session,
    with_replicas,
)

REFUSED = 'connection to server at "10.0.0.3", port 5432 failed: FATAL:  password authentication failed for user "app"'


def refused() -> list[InstanceFacts]:
    return [instance(1, ready=503, health=503, overall="fail", database="fail", database_error=REFUSED), instance(2)]


def given(url: str, own: str) -> dict[str, Any]:
    """The passwords in the replicas' URL and in the environment of PostgreSQL's container."""
    others = [each for each in with_replicas() if each.service != "postgres"]
    database = container("postgres", passwords={"APP_PASSWORD": own})
    return {"containers": [replica(1, passwords={"DATABASE_URL": url}), *others, database]}


def test_a_refused_login_of_an_instance() -> None:
    result = finding("pg.auth", instances=refused(), **given("a", "b"))
    assert (result.severity, result.evidence) == ("fail", REFUSED)
    assert "refuses the login of app-backend-1" in result.title
    assert "in DATABASE_URL of backend" in result.fix


def test_a_password_that_both_were_given_is_set_again() -> None:
    fix = finding("pg.auth", instances=refused(), **given("a", "a")).fix
    assert fix.startswith("docker compose exec postgres sh -c")
    assert "getenv password APP_PASSWORD" in fix
    assert 'ALTER ROLE \\"app\\" PASSWORD' in fix


def test_a_slow_database_is_not_a_refused_login() -> None:
    slow = instance(1, database="fail", database_error="no answer within 1 s")
    assert "pg.auth" not in dict(reported(instances=[slow, instance(2)]))


def test_a_refused_login_of_the_doctor_is_a_failure_and_not_a_server_that_is_down() -> None:
    error = 'psql: error: FATAL:  role "admin" does not exist'
    report = report_on(postgres=postgres(up=False, denied=True, error=error))
    assert [each.id for each in report.findings] == ["pg.auth"]
    assert {each.id: each.reason for each in report.skipped}["pg.xid"] == "PostgreSQL refuses the doctor's login"


@pytest.mark.parametrize(
    ("changes", "fix"),
    [
        ({"in_recovery": True}, "pg_promote()"),
        ({"read_only": ["configuration file"]}, "ALTER SYSTEM SET default_transaction_read_only = off"),
        ({"read_only": ["command line"]}, "remove default_transaction_read_only from the command"),
        ({"read_only": ["DATABASE app"]}, "ALTER DATABASE app RESET default_transaction_read_only"),
    ],
)
def test_a_server_that_refuses_writes(changes: dict[str, Any], fix: str) -> None:
    result = finding("pg.read_only", postgres=postgres(**changes))
    assert result.severity == "fail"
    assert fix in result.fix


@pytest.mark.parametrize(("address", "expected"), [("10.0.0.2", [("pg.read_only", "fail")]), ("10.9.9.9", [])])
def test_a_read_only_role_matters_if_a_replica_uses_it(address: str, expected: list[tuple[str, str]]) -> None:
    facts = postgres(read_only=["ROLE app"], sessions=[session(user="app", client=address)])
    replicas = with_replicas(replica(1, addresses=["10.0.0.2"]), replica(2))
    assert reported(postgres=facts, containers=replicas) == expected


@pytest.mark.parametrize(
    ("age", "expected"),
    [(None, []), (10.0, [("pg.crashed", "fail")]), (400.0, [("pg.crashed", "warn")]), (4000.0, [])],
)
def test_a_recovery_without_a_restart(age: float | None, expected: list[tuple[str, str]]) -> None:
    assert reported(postgres=postgres(recovered=age)) == expected


@pytest.mark.parametrize(
    ("age", "blocks", "expected"),
    [(50.0, [], None), (70.0, [], "warn"), (301.0, [], "fail"), (6.0, [7], "fail"), (4.0, [7], None)],
)
def test_a_prepared_transaction(age: float, blocks: list[int], expected: str | None) -> None:
    found = dict(reported(postgres=postgres(prepared=[Prepared("it's mine", "app", "shop", age, blocks)])))
    assert found.get("pg.prepared") == expected


def behind_a_prepared_transaction() -> PostgresFacts:
    waiting = {"state": "active", "query_age": 20.0}
    first, second = session(pid=7, blocked_by=[0], **waiting), session(pid=8, blocked_by=[7], **waiting)
    others = Prepared("other", "app", "shop", 9.0)
    return postgres(sessions=[first, second], prepared=[others, Prepared("it's mine", "app", "shop", 30.0, [7])])


def test_a_prepared_transaction_at_the_head_of_a_queue_is_shown_and_ended() -> None:
    blocked, cause = (
        finding(check_id, postgres=behind_a_prepared_transaction()) for check_id in ("pg.blocked", "pg.prepared")
    )
    assert blocked.cause == "pg.prepared"
    assert "root blocker: prepared transaction it's mine of app" in blocked.evidence
    assert "other" not in blocked.evidence
    for result in (blocked, cause):
        assert "ROLLBACK PREPARED" in result.fix
        assert "-d shop" in result.fix
        assert "lock_timeout" not in result.fix


def test_an_exhausted_pool_behind_a_prepared_transaction() -> None:
    full = [instance(1, pool_size=5, pool_idle=0, pool_waiting=9), instance(2)]
    result = finding("app.pool_exhausted", postgres=behind_a_prepared_transaction(), instances=full)
    assert result.cause == "pg.prepared"
    assert "they wait for prepared transaction it's mine" in result.evidence
    assert "ROLLBACK PREPARED" in result.fix
    assert "lock_timeout" not in result.fix


def test_a_worker_at_the_head_of_a_queue_is_cancelled() -> None:
    worker = session(pid=5, kind="autovacuum worker", state="active", query="autovacuum: VACUUM titles")
    waiting = session(pid=7, blocked_by=[5], state="active", query_age=20.0)
    result = finding("pg.blocked", postgres=postgres(sessions=[waiting, worker]))
    assert "root blocker: pid 5 (autovacuum worker), active" in result.evidence
    assert "pg_cancel_backend(5)" in result.fix


def test_a_blocker_whose_session_is_not_visible_is_shown_by_its_pid() -> None:
    waiting = session(pid=7, blocked_by=[99], state="active", query_age=20.0)
    assert "root blocker: pid 99" in finding("pg.blocked", postgres=postgres(sessions=[waiting])).evidence


LOG = """\
2026-11-26T17:00:01.1Z 2026-11-26 17:00:01.1 UTC [9] FATAL:  password authentication failed for user "app"
2026-11-26T17:00:02.1Z 2026-11-26 17:00:02.1 UTC [1] LOG:  starting PostgreSQL 17
2026-11-26T17:00:02.2Z 2026-11-26 17:00:02.2 UTC [1] FATAL:  could not write lock file "x": No space left on device
2026-11-26T17:00:09.2Z 2026-11-26 17:00:09.2 UTC [1] FATAL:  could not write lock file "x": No space left on device
2026-11-26T17:00:09.3Z 2026-11-26 17:00:09.3 UTC [7] FATAL:  the database system is starting up
"""


def test_the_errors_in_its_log_are_those_of_the_server_each_once() -> None:
    assert read(LOG) == ['FATAL:  could not write lock file "x": No space left on device']


def test_a_server_that_cannot_start_on_a_full_volume() -> None:
    down = postgres(up=False, error="container restarting, exit code 1", log=read(LOG))
    looping = container("postgres", state="restarting", restarts=9, exit_code=1)
    others = [each for each in with_replicas(replica(1), replica(2)) if each.service != "postgres"]
    report = report_on(postgres=down, containers=[*others, looping])
    causes = {each.id: each.cause for each in report.findings}
    assert causes["host.volume"] == ""
    assert causes["pg.down"] == causes["ctr.restart_loop"] == "host.volume"
    (result,) = [each for each in report.findings if each.id == "pg.down"]
    assert "cannot start: its volume is full" in result.title
    assert "No space left on device" in result.evidence


def test_a_server_that_is_starting_is_waited_for_and_not_restarted() -> None:
    result = finding("pg.down", postgres=postgres(up=False, error="FATAL:  the database system is starting up"))
    assert "is starting" in result.title
    assert "--wait" in result.fix
    assert "compose restart" not in result.fix


def test_another_container_is_not_unhealthy_because_of_a_database_that_is_down() -> None:
    sick = container("mailer", health="unhealthy")
    own = container("postgres", health="unhealthy")
    others = [each for each in with_replicas(replica(1), replica(2)) if each.service != "postgres"]
    report = report_on(postgres=postgres(up=False, error="no answer"), containers=[*others, own, sick])
    causes = {each.subject: each.cause for each in report.findings if each.id == "ctr.unhealthy"}
    assert causes == {"app-postgres-1": "pg.down", "app-mailer-1": ""}
