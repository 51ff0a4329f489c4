"""The limit of a connection pool in a DATABASE_URL."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from ops.contract import POOL_LIMIT

LARGEST_DIGITS = 9
"""Digits of a limit that are read: a longer number exceeds any PostgreSQL server's connections anyway."""


def pool_limit(url: str) -> int | None:
    """The maximum number of connections of a replica with this DATABASE_URL; None if it is not a PostgreSQL URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("postgres", "postgresql"):
        return None
    given = parse_qs(parts.query).get("connection_limit", [""])[0]
    digits = given.lstrip("0")[:LARGEST_DIGITS]
    return int(digits) if given.isascii() and given.isdecimal() and digits else POOL_LIMIT
