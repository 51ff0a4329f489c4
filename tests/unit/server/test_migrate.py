from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server import migrate as module
from server.cache import RedisLink
from server.database_errors import Conflict, DatabaseError, DatabaseUnavailable, StatementFailed
from server.health import Health
from server.migrate import MigrationError, migrate_until_done
from server.postgres import Database
from server.settings import DatabaseSettings


@pytest.fixture
def database() -> Database:
    return Database(DatabaseSettings(url="postgresql://127.0.0.1:1/none"), "test")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_FIRST_RETRY", "_LONGEST_RETRY", "_LONGEST_RETRY_REFUSED"):
        monkeypatch.setattr(module, name, 0.001)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DatabaseUnavailable("refused"), "migrations: refused"),
        (MigrationError("1 was changed"), "migrations: 1 was changed"),
        (Conflict("titles_pkey"), "migrations: conflicts with titles_pkey"),
        (StatementFailed("permission denied"), "migrations: StatementFailed: permission denied"),
        (FileNotFoundError("0001_a.sql"), "migrations: FileNotFoundError: 0001_a.sql"),
        (ValueError("no number"), "migrations: ValueError: no number"),
    ],
)
async def test_every_failure_is_shown_logged_once_and_tried_again(
    database: Database, error: Exception, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    health = Health(database, RedisLink(None, client_name="test"))
    shown: list[str | None] = []

    async def attempt(_: Database) -> list[str]:
        shown.append(health.migration_error)
        if len(shown) < 4:
            raise error
        return []

    async with asyncio.timeout(10):
        await migrate_until_done(database, health, attempt)
    assert shown == [None, reason, reason, reason]
    assert (health.migrated, health.migration_error) == (True, None)
    told: list[Any] = [getattr(record, "error", None) for record in caplog.records if record.levelname == "WARNING"]
    assert told == [reason.removeprefix("migrations: ")]
    assert isinstance(error, DatabaseError | MigrationError) or caplog.records[0].exc_info
