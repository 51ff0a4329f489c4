"""Errors of PostgreSQL, grouped by what the caller can do.

DatabaseError
|- DatabaseUnavailable   not reachable, or lost while the statement ran
|- PoolTimeout           no connection became free in time
|- StatementTimeout      too slow, or waited too long for a lock
`- Conflict              a unique constraint refused the row
StatementFailed          a bug in the server
"""

from __future__ import annotations


class DatabaseError(Exception):
    """Base of these errors. `retry_after`: seconds after which a retry makes sense."""

    retry_after = 1


class DatabaseUnavailable(DatabaseError):
    """PostgreSQL cannot be reached, or the connection was lost while the statement ran."""


class PoolTimeout(DatabaseError):
    """No connection became free within pool_timeout."""


class StatementTimeout(DatabaseError):
    """The statement ran or waited for a lock longer than allowed."""


class StatementFailed(Exception):
    """PostgreSQL refused the statement: a bug in the server, not a temporary state. `code`: its SQLSTATE."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Conflict(DatabaseError):
    """A unique constraint refused the row; `constraint` is its name."""

    def __init__(self, constraint: str) -> None:
        super().__init__(f"conflicts with {constraint}")
        self.constraint = constraint
