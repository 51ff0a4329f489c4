"""What the connection pool of a replica is bounded to, by its DATABASE_URL."""

from __future__ import annotations

import pytest

from ops.contract import POOL_LIMIT
from ops.pools import pool_limit


@pytest.mark.parametrize(
    ("given", "limit"),
    [
        ("5", 5),
        ("005", 5),
        ("0", POOL_LIMIT),
        ("", POOL_LIMIT),
        ("-1", POOL_LIMIT),
        ("\uff19", POOL_LIMIT),
        ("1234567890x", POOL_LIMIT),
        ("9" * 5000, 999_999_999),
    ],
    ids=lambda value: str(value)[:12],
)
def test_any_limit_can_be_read(given: str, limit: int) -> None:
    assert pool_limit(f"postgresql://app@db/app?connection_limit={given}") == limit


@pytest.mark.parametrize("url", ["", "mysql://db", "postgres://[::1", "words"])
def test_what_is_no_url_of_postgresql_has_none(url: str) -> None:
    assert pool_limit(url) is None
