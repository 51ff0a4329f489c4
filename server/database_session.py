"""One connection to PostgreSQL while somebody uses it: statements, and errors that say what the caller can do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import aiopg
import psycopg2
import psycopg2.errors

from server.database_errors import Conflict, DatabaseUnavailable, StatementFailed, StatementTimeout

Row = tuple[Any, ...]


class Session:
    """One borrowed connection."""

    def __init__(self, connection: aiopg.Connection) -> None:
        self._connection = connection

    @property
    def closed(self) -> bool:
        """True if the connection is unusable."""
        return bool(self._connection.closed)

    def close(self) -> None:
        """Close a connection that was opened outside the pool."""
        self._connection.close()

    async def fetch_all(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of one statement. Raises DatabaseError."""
        try:
            async with self._connection.cursor() as cursor:
                await cursor.execute(sql, parameters or None)
                return await cursor.fetchall() if cursor.description else []
        except asyncio.CancelledError:
            # aiopg converts the server's "statement timeout" into a cancellation, although the task was not cancelled.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise StatementTimeout("the statement took too long") from None
        except TimeoutError:
            raise DatabaseUnavailable("PostgreSQL did not answer in time") from None
        except psycopg2.errors.UniqueViolation as error:
            raise Conflict(error.diag.constraint_name or "a unique constraint") from None
        except (psycopg2.errors.LockNotAvailable, psycopg2.errors.DeadlockDetected) as error:
            raise StatementTimeout(reason(error)) from None
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            self._connection.close()
            raise DatabaseUnavailable(reason(error)) from None
        except psycopg2.Error as error:
            raise StatementFailed(reason(error), error.pgcode or "") from error

    async def fetch_one(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """The first row of one statement, or None. Raises DatabaseError."""
        rows = await self.fetch_all(sql, parameters)
        return rows[0] if rows else None

    async def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one or more statements and ignore their rows. Raises DatabaseError."""
        await self.fetch_all(sql, parameters)


def reason(error: BaseException) -> str:
    """The first line of what the error says."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
