from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

from server.database_errors import DatabaseError
from server.migrate import Migration, MigrationError, load_migrations, migrate
from server.postgres import Database
from server.settings import parse_database_url
from tests.server.support import StartInstance, eventually

PROJECT = Path(__file__).parents[2]
COUNTING = [
    Migration(1, "numbers", "CREATE TABLE numbers (n integer)"),
    Migration(2, "one", "INSERT INTO numbers VALUES (1); SELECT pg_sleep(0.1)"),
]


def query(url: str, sql: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())
    finally:
        connection.close()


def execute(url: str, sql: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(sql)


async def test_five_instances_at_once_apply_each_migration_once(fresh_database_url: str) -> None:
    databases = [Database(parse_database_url(fresh_database_url), f"five-{number}") for number in range(5)]
    applied = await asyncio.gather(*(migrate(database, COUNTING) for database in databases))
    assert sorted(name for names in applied for name in names) == ["numbers", "one"]
    assert query(fresh_database_url, "SELECT n FROM numbers") == [(1,)]


async def test_a_migration_that_fails_leaves_nothing_behind(fresh_database_url: str) -> None:
    database = Database(parse_database_url(fresh_database_url), "fails")
    broken = [Migration(1, "broken", "CREATE TABLE half (n integer); SELECT 1 / 0")]
    with pytest.raises(MigrationError, match="broken"):
        await migrate(database, broken)
    assert query(fresh_database_url, "SELECT to_regclass('half')") == [(None,)]


async def test_a_migration_changed_after_the_fact_is_refused(fresh_database_url: str) -> None:
    database = Database(parse_database_url(fresh_database_url), "changed")
    await migrate(database, COUNTING)
    with pytest.raises(MigrationError, match="changed"):
        await migrate(database, [Migration(1, "numbers", "CREATE TABLE other (n integer)")])


@pytest.mark.parametrize(("superuser", "created"), [(True, 1), (False, 0)])
async def test_statistics_of_statements_are_no_condition(
    fresh_database_url: str, superuser: bool, created: int
) -> None:
    url = urlsplit(fresh_database_url)
    role = f"plain{os.getpid()}"
    if not superuser:
        execute(fresh_database_url, f"CREATE ROLE {role} LOGIN PASSWORD 'test'; GRANT ALL ON SCHEMA public TO {role}")
        url = url._replace(netloc=f"{role}:test@{url.netloc.rpartition('@')[2]}")
    try:
        database = Database(parse_database_url(url.geturl()), "statistics")
        (only,) = [each for each in load_migrations() if each.name == "statement_statistics"]
        assert await migrate(database, [only]) == ["statement_statistics"]
    finally:
        if not superuser:
            execute(fresh_database_url, f"DROP OWNED BY {role}; DROP ROLE {role}")
    extensions = "SELECT count(*) FROM pg_extension WHERE extname = 'pg_stat_statements'"
    assert query(fresh_database_url, extensions) == [(created,)]


@pytest.fixture
def plain_url(fresh_database_url: str) -> Iterator[str]:
    """The address of the database for a role that owns nothing in it."""
    url, role = urlsplit(fresh_database_url), f"app{os.getpid()}"
    execute(fresh_database_url, f"CREATE ROLE {role} LOGIN PASSWORD 'test'")
    yield url._replace(netloc=f"{role}:test@{url.netloc.rpartition('@')[2]}").geturl()
    execute(fresh_database_url, f"DROP OWNED BY {role}; DROP ROLE {role}")


async def test_without_the_right_to_create_tables_the_reason_is_told_until_it_is_granted(
    fresh_database_url: str, plain_url: str, start_instance: StartInstance, caplog: pytest.LogCaptureFixture
) -> None:
    client = await start_instance(wait=False, DATABASE_URL=plain_url)
    grant = f"GRANT CREATE ON SCHEMA public TO {urlsplit(plain_url).username}"

    async def reason() -> str:
        async with client.get("/health/ready") as response:
            return str((await response.json()).get("reason", ""))

    async def told() -> bool:
        return grant in await reason()

    async def ready() -> bool:
        return not await reason()

    await eventually(told)
    assert len([record for record in caplog.records if grant in getattr(record, "error", "")]) == 1
    execute(fresh_database_url, grant)
    await eventually(ready, within=30)


@pytest.mark.parametrize(
    ("prepare", "advice"),
    [
        ("REVOKE USAGE ON SCHEMA public FROM PUBLIC", "GRANT USAGE, CREATE ON SCHEMA public TO {role}"),
        ("DROP SCHEMA public", "CREATE SCHEMA public"),
        (
            "CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text, checksum text);"
            "GRANT CREATE ON SCHEMA public TO {role}",
            "the role {role} must own the tables of schema public",
        ),
        ("ALTER ROLE {role} SET default_transaction_read_only = on", "must point to the primary"),
        ("ALTER ROLE {role} SET search_path = nowhere", "{role}"),
        ("CREATE TYPE schema_migrations AS (n integer)", ""),
        ("CREATE VIEW schema_migrations AS SELECT 'x' AS checksum; GRANT SELECT ON schema_migrations TO {role}", ""),
    ],
)
async def test_whatever_postgres_refuses_is_told_with_what_to_do(
    fresh_database_url: str, plain_url: str, prepare: str, advice: str
) -> None:
    role = str(urlsplit(plain_url).username)
    execute(fresh_database_url, prepare.format(role=role))
    database = Database(parse_database_url(plain_url), "refused")
    with pytest.raises((MigrationError, DatabaseError)) as raised:
        await migrate(database, COUNTING)
    assert advice.format(role=role) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_numbers_are_unique(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("SELECT 1")
    (tmp_path / "0001_b.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError):
        load_migrations(tmp_path)


async def test_seeding_twice_adds_nothing(environment: dict[str, str], database_url: str) -> None:
    async def seed(count: int) -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", "seed", "--titles", str(count)),
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"]} | environment,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        return output.decode()

    assert "added: 700" in await seed(700)
    assert "added: 0" in await seed(700)
    assert "added: 50" in await seed(750)
    assert query(database_url, "SELECT count(*) FROM titles") == [(750,)]
