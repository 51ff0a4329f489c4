"""Numbered SQL files, each applied once, in order, however many instances start at the same moment."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from server.database_errors import StatementFailed
from server.postgres import Database, Session

log = logging.getLogger("videa.migrate")

# Any constant will do as long as nothing else in this database takes the same advisory lock.
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


class MigrationError(Exception):
    """A migration failed, or a file was changed after it had been applied."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file `NNNN_name.sql`."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Tells a changed file from the one that was applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()[:16]


def load_migrations(folder: Path = _FOLDER) -> list[Migration]:
    """The files of the folder in order. Raises MigrationError when two share a number."""
    found: dict[int, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        number, _, name = path.stem.partition("_")
        migration = Migration(int(number), name, path.read_text(encoding="utf-8"))
        if migration.version in found:
            raise MigrationError(f"two migrations have the number {migration.version}")
        found[migration.version] = migration
    return list(found.values())


async def migrate(database: Database, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Apply what is missing and return the names of what this call applied.

    Raises MigrationError, DatabaseError.
    """
    wanted = load_migrations() if migrations is None else migrations
    session = await database.connect(unlimited=True)
    try:
        # Without anything to do no lock is taken: a start must not wait for another instance's long migration
        # that it does not depend on.
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
    finally:
        session.close()


async def _missing(session: Session, wanted: Sequence[Migration]) -> list[Migration]:
    exists = await session.fetch_one("SELECT to_regclass('schema_migrations') IS NOT NULL")
    if exists is None or not exists[0]:
        return list(wanted)
    done = {row[0]: row[1] for row in await session.fetch_all("SELECT version, checksum FROM schema_migrations")}
    for migration in wanted:
        if done.get(migration.version, migration.checksum) != migration.checksum:
            raise MigrationError(f"migration {migration.version} was changed after it had been applied")
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
        raise MigrationError(f"migration {migration.version}_{migration.name} failed: {error}") from None
    log.info("migration applied", extra={"version": migration.version, "migration": migration.name})
