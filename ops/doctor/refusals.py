"""Messages of PostgreSQL and Redis if they are running but do not serve: rejected credentials, or still starting."""

from __future__ import annotations

NO_LOGIN = "is not permitted to log in"
CLOSED = "is not currently accepting connections"
_BY_POSTGRES = ("authentication failed", "pg_hba.conf", "does not exist", NO_LOGIN, CLOSED)
_BY_REDIS = (
    *("WRONGPASS", "NOAUTH", "NOPERM", "invalid username-password pair", "Authentication required"),
    *("without any password configured", "has no permissions to"),
)
_STARTING = (
    *("the database system is starting up", "the database system is in recovery mode"),
    *("not yet accepting connections", "Redis is loading the dataset"),
)


def refused_by_postgres(error: str) -> bool:
    """Whether PostgreSQL rejects a login, as opposed to being down or busy."""
    return "FATAL" in error and any(words in error for words in _BY_POSTGRES)


def refused_by_redis(error: str) -> bool:
    """Whether Redis rejects a password or a user, in the message of Redis or of its client libraries."""
    return any(words in error for words in _BY_REDIS)


def starting(error: str) -> bool:
    """Whether the server will serve without intervention: it is replaying its log or loading its data."""
    return any(words in error for words in _STARTING)
