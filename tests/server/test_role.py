"""The backend's own role: made and given what is there by compose/postgres/role.sql, and then nothing more."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import psycopg2.errors
import pytest

from server.migrate import load_migrations, migrate
from server.postgres import Database
from server.settings import parse_database_url
from tests.conftest import docker
from tests.server.support import StartInstance, eventually

ROLE_SQL = (Path(__file__).parents[2] / "compose" / "postgres" / "role.sql").read_text()


def run(url: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def as_role(fresh_database_url: str) -> Callable[[], str]:
    """Runs the script through psql, as the superuser of the test's database, and gives the role's own address."""
    (container,) = docker("ps", "--quiet", "--filter", f"publish={urlsplit(fresh_database_url).port}").split()
    database = urlsplit(fresh_database_url).path.strip("/")

    def make() -> str:
        role = ("--env", "BACKEND_ROLE=videa_app", "--env", "BACKEND_PASSWORD=p'a\\ss")
        command = ("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "--single-transaction", "-U", "videa", "-d", database)
        done = subprocess.run(
            ["docker", "exec", "-i", *role, container, *command],
            input=ROLE_SQL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        address = urlsplit(fresh_database_url)
        return f"postgresql://videa_app:p%27a%5Css@{address.hostname}:{address.port}/{database}"

    return make


async def test_on_a_new_volume_it_makes_all_tables_itself(
    as_role: Callable[[], str], start_instance: StartInstance
) -> None:
    url = as_role()
    client = await start_instance(wait=False, DATABASE_URL=url)

    async def ready() -> bool:
        async with client.get("/health/ready") as response:
            return response.status == 200

    await eventually(ready)
    async with client.get("/api/v1/titles") as response:
        assert response.status == 200
    owners = run(url, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert owners == [("videa_app",)]


async def test_on_an_existing_volume_it_takes_over_what_the_superuser_made(
    as_role: Callable[[], str], fresh_database_url: str
) -> None:
    migrations = load_migrations()
    old = Database(parse_database_url(fresh_database_url), "old")
    await migrate(old, migrations[:-1])
    await old.close()
    run(fresh_database_url, "CREATE TABLE mine (n serial PRIMARY KEY); CREATE VIEW seen AS SELECT n FROM mine")
    url = as_role()
    new = Database(parse_database_url(as_role()), "new")  # a second time changes nothing
    assert await migrate(new, migrations) == [migrations[-1].name]
    await new.close()
    assert run(url, "INSERT INTO mine DEFAULT VALUES RETURNING n") == [(1,)]
    others = """
        SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relowner <> 'videa_app'::regrole
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
    """
    assert run(url, others) == []


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "COPY (SELECT 1) TO '/tmp/x'",
        "SELECT pg_read_file('/etc/passwd')",
        "CREATE ROLE other",
        "CREATE DATABASE other",
        "ALTER ROLE videa PASSWORD 'x'",
        "ALTER SYSTEM SET fsync = off",
        "SELECT pg_reload_conf()",
        "CREATE SCHEMA other",
    ],
)
def test_it_may_nothing_else(as_role: Callable[[], str], statement: str) -> None:
    with closing(psycopg2.connect(as_role())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(statement)


def test_the_stack_gives_the_backend_this_role_and_no_other(compose_services: dict[str, Any]) -> None:
    url = compose_services["backend"]["environment"]["DATABASE_URL"]
    postgres = compose_services["postgres"]["environment"]
    assert re.match(r"postgresql://videa_app:[^@]+@postgres:5432/videa\?", url)
    assert urlsplit(url).password == postgres["BACKEND_PASSWORD"] != postgres["POSTGRES_PASSWORD"]
    assert "POSTGRES_PASSWORD" not in compose_services["backend"]["environment"]
