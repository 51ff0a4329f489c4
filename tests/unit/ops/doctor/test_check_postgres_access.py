"""Logins that PostgreSQL refuses: each fix mends its own cause."""

from __future__ import annotations

from typing import Any

import pytest

from ops.doctor.facts_postgres import Database, Role
from tests.unit.ops.doctor.stack import (
    container,
    finding,
    instance,
    postgres,
    replica,
    reported,
    session,
    with_replicas,
)

WRONG = 'FATAL:  password authentication failed for user "app"'


def refusing(error: str, **postgres_changes: Any) -> dict[str, Any]:
    """The first of two replicas is refused with this error."""
    refused = instance(1, ready=503, database="fail", database_error=error)
    return {"instances": [refused, instance(2)], "postgres": postgres(**postgres_changes)}


def connected(**role: Any) -> dict[str, Any]:
    """Two replicas with pools of 5, whose role is as given."""
    values = {"name": "app", "login": True, "limit": -1, "expired": False, **role}
    return {
        "containers": with_replicas(replica(1, addresses=["10.0.0.2"]), replica(2, addresses=["10.0.0.9"])),
        "postgres": postgres(roles=[Role(**values)]),
    }


def test_a_single_replica_with_another_password_is_created_again() -> None:
    replicas = [replica(1, passwords={"DATABASE_URL": "old"}), replica(2, passwords={"DATABASE_URL": "own"})]
    others = [each for each in with_replicas(*replicas) if each.service != "postgres"]
    server = container("postgres", passwords={"APP_PASSWORD": "own"})
    fix = finding("pg.auth", **refusing(WRONG), containers=[*others, server]).fix
    assert fix == "app-backend-1 was given another password than the others: videa deploy --force"


@pytest.mark.parametrize(
    ("error", "changes", "fix"),
    [
        ('FATAL:  role "app" is not permitted to log in', {}, 'ALTER ROLE \\"app\\" LOGIN'),
        (WRONG, {"roles": [Role("app", True, -1, expired=True)]}, "VALID UNTIL 'infinity'"),
        (
            'FATAL:  database "shop" is not currently accepting connections',
            {},
            'ALTER DATABASE \\"shop\\" ALLOW_CONNECTIONS true',
        ),
        ('FATAL:  database "shop" does not exist', {}, "SELECT datname FROM pg_database"),
        ("FATAL:  pg_hba.conf rejects connection for host", {}, "pg_hba_file_rules"),
    ],
)
def test_what_is_refused_decides_the_fix(error: str, changes: dict[str, Any], fix: str) -> None:
    result = finding("pg.auth", **refusing(error, **changes))
    assert result.evidence == error
    assert fix.replace("'", "'\"'\"'") in result.fix


def test_a_closed_database_refuses_the_doctor_too_and_is_not_called_down() -> None:
    error = 'psql: error: FATAL:  database "shop" is not currently accepting connections'
    result = finding("pg.auth", postgres=postgres(up=False, denied=True, error=error))
    assert "ALLOW_CONNECTIONS true" in result.fix


@pytest.mark.parametrize("role", [{"login": False}, {"expired": True}])
def test_a_role_that_may_not_log_in_again_is_named_while_its_sessions_go_on(role: dict[str, Any]) -> None:
    assert reported(**connected(**role)) == [("pg.auth", "fail")]


@pytest.mark.parametrize(("limit", "expected"), [(9, [("pg.session_limit", "fail")]), (10, []), (-1, [])])
def test_a_role_with_fewer_sessions_than_the_pools_may_open(limit: int, expected: list[tuple[str, str]]) -> None:
    assert reported(**connected(limit=limit)) == expected


def test_roles_that_no_replica_uses_do_not_matter() -> None:
    assert reported(**connected(name="reports", login=False, limit=1)) == []


def test_a_database_with_a_limit_of_its_own() -> None:
    result = finding("pg.session_limit", postgres=postgres(database=Database("shop", 3)))
    assert 'ALTER DATABASE \\"shop\\" CONNECTION LIMIT -1' in result.fix


def test_a_session_of_a_replica_names_its_role() -> None:
    used = connected(login=False)
    stranger = postgres(roles=used["postgres"].roles, sessions=[session(client="10.7.7.7")])
    assert reported(containers=used["containers"], postgres=stranger) == []
