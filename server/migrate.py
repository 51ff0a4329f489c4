"""Numbered SQL files, each applied once and in order, even if many instances start at the same time."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from server.database_errors import DatabaseError, DatabaseUnavailable, StatementFailed
from server.database_session import Session
from server.health import Health
from server.postgres import Database

log = logging.getLogger("videa.migrate")

# Any constant that nothing else in this database uses as an advisory lock.
_LOCK = 7_236_151_001
_FOLDER = Path(__file__).parent / "migrations"
_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
# Seconds between two tries.
_FIRST_RETRY = 0.1
_LONGEST_RETRY = 2.0
# These need an action by a person, so retrying every two seconds does not help.
_LONGEST_RETRY_REFUSED = 10.0
_NO_PRIVILEGE, _NO_SCHEMA, _READ_ONLY = "42501", "3F000", "25006"
_PRIVILEGES = """
SELECT quote_ident(current_user), quote_ident(name), has_schema_privilege(name, 'USAGE'),
       has_schema_privilege(name, 'CREATE')
FROM (SELECT coalesce(current_schema(), (SELECT nspname FROM pg_namespace WHERE nspname = 'public')) AS name) AS used
WHERE name IS NOT NULL
"""


class MigrationError(Exception):
    """A migration failed, is not permitted, or its file has changed after it was applied."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file `NNNN_name.sql`."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Identifies the content, to detect a file that has changed after it was applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()[:16]


def load_migrations(folder: Path = _FOLDER) -> list[Migration]:
    """The files of the folder in order. Raises MigrationError if two have the same number."""
    by_version: dict[int, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        number, _, name = path.stem.partition("_")
        migration = Migration(int(number), name, path.read_text(encoding="utf-8"))
        if migration.version in by_version:
            raise MigrationError(f"two migrations have the number {migration.version}")
        by_version[migration.version] = migration
    return list(by_version.values())


async def migrate(database: Database, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Apply the missing migrations and return the names of those that this call applied.

    Raises MigrationError, DatabaseError.
    """
    wanted = load_migrations() if migrations is None else migrations
    session = await database.connect(unlimited=True)
    try:
        return await _apply_missing(session, wanted)
    except StatementFailed as error:
        raise MigrationError(f"{error}{await _advice(session, error.code)}") from error
    finally:
        session.close()


async def migrate_until_done(
    database: Database, health: Health, attempt: Callable[[Database], Awaitable[object]] = migrate
) -> None:
    """Retry until it succeeds. Until then the instance is live, not ready; /health/ready and the log have the reason.

    PostgreSQL may start later, and a missing privilege may be granted later.
    """
    pause, reported = _FIRST_RETRY, ""
    while True:
        try:
            await attempt(database)
        except Exception as error:
            expected = isinstance(error, DatabaseError | MigrationError)
            reason = str(error) if expected else f"{type(error).__name__}: {error}"
            health.migration_error = f"migrations: {reason}"
            if reason != reported:
                log.warning("not migrated yet", extra={"error": reason}, exc_info=None if expected else error)
                reported = reason
            await asyncio.sleep(pause)
            longest = _LONGEST_RETRY if isinstance(error, DatabaseUnavailable) else _LONGEST_RETRY_REFUSED
            pause = min(pause * 1.5, longest)
        else:
            health.migrated, health.migration_error = True, None
            log.info("ready")
            return


async def _apply_missing(session: Session, wanted: Sequence[Migration]) -> list[str]:
    # If nothing is missing, no lock is taken: a start must not wait for another instance's long migration.
    if await _missing(session, wanted) == []:
        return []
    await session.run("SELECT pg_advisory_lock(%s)", (_LOCK,))
    await session.run(_TABLE)
    applied = []
    for migration in await _missing(session, wanted):
        await _apply(session, migration)
        applied.append(migration.name)
    await session.run("SELECT pg_advisory_unlock(%s)", (_LOCK,))
    return applied


async def _advice(session: Session, code: str) -> str:
    if code == _READ_ONLY:
        return "; DATABASE_URL must point to the primary server, which allows writes"
    if code not in (_NO_PRIVILEGE, _NO_SCHEMA):
        return ""
    try:
        row = await session.fetch_one(_PRIVILEGES)
    except (DatabaseError, StatementFailed):
        return ""
    if row is None:
        return "; the schema for the tables is missing: CREATE SCHEMA public"
    role, schema, usable, creatable = row
    if usable and creatable:
        return f"; the role {role} must own the tables of schema {schema}: change their owner, or use the owning role"
    missing = "CREATE" if usable else "USAGE, CREATE"
    return f"; run as the owner of the database: GRANT {missing} ON SCHEMA {schema} TO {role}"


async def _missing(session: Session, wanted: Sequence[Migration]) -> list[Migration]:
    exists = await session.fetch_one("SELECT to_regclass('schema_migrations') IS NOT NULL")
    if exists is None or not exists[0]:
        return list(wanted)
    done = {row[0]: row[1] for row in await session.fetch_all("SELECT version, checksum FROM schema_migrations")}
    for migration in wanted:
        if done.get(migration.version, migration.checksum) != migration.checksum:
            raise MigrationError(f"migration {migration.version} has changed after it was applied")
    return [migration for migration in wanted if migration.version not in done]


async def _apply(session: Session, migration: Migration) -> None:
    await session.run("BEGIN")
    try:
        await session.run(migration.sql)
        await session.run(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES (%s, %s, %s)",
            (migration.version, migration.name, migration.checksum),
        )
        await session.run("COMMIT")
    except StatementFailed as error:
        await session.run("ROLLBACK")
        raise StatementFailed(f"migration {migration.version}_{migration.name} failed: {error}", error.code) from None
    log.info("migration applied", extra={"version": migration.version, "migration": migration.name})
