"""The limit of a connection pool in a DATABASE_URL."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from ops.contract import POOL_LIMIT


def pool_limit(url: str) -> int | None:
    """The maximum of connections of one replica with this DATABASE_URL; None if it is not a PostgreSQL URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("postgres", "postgresql"):
        return None
    given = parse_qs(parts.query).get("connection_limit", [""])[0]
    return int(given) if given.isdecimal() and int(given) > 0 else POOL_LIMIT
