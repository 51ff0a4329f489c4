"""Connection pools as a DATABASE_URL bounds them: what every replica may open, before it does."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from ops.contract import POOL_LIMIT

LARGEST_DIGITS = 9
"""Digits of a limit that are read: whatever is larger is too many for any PostgreSQL."""


def pool_limit(url: str) -> int | None:
    """The connections that one replica with this DATABASE_URL opens at most; None when it is no PostgreSQL URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("postgres", "postgresql"):
        return None
    given = parse_qs(parts.query).get("connection_limit", [""])[0]
    digits = given.lstrip("0")[:LARGEST_DIGITS]
    return int(digits) if given.isascii() and given.isdecimal() and digits else POOL_LIMIT
