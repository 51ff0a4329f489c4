"""ops and server meet here only. What ops reads is held against real `python -m server` processes."""

from __future__ import annotations

from tests.server.conftest import (
    database_url,
    empty_redis,
    environment,
    postgres_gate,
    redis_gate,
    shared_database_url,
    start_process,
)

__all__ = [
    "database_url",
    "empty_redis",
    "environment",
    "postgres_gate",
    "redis_gate",
    "shared_database_url",
    "start_process",
]
