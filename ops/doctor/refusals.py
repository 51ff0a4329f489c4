"""What PostgreSQL and Redis say if they run, but do not serve: they refuse a credential, or are still starting."""

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
    """Whether PostgreSQL refuses a login, in contrast to being down or busy."""
    return "FATAL" in error and any(words in error for words in _BY_POSTGRES)


def refused_by_redis(error: str) -> bool:
    """Whether Redis refuses a password or a user, with its own words or those of its clients."""
    return any(words in error for words in _BY_REDIS)


def starting(error: str) -> bool:
    """Whether the server will serve by itself: it replays its log or loads its data."""
    return any(words in error for words in _STARTING)
