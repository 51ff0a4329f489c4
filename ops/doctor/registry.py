"""All checks, in the order of docs/doctor.md."""

from __future__ import annotations

from ops.doctor.check import Check
from ops.doctor.checks import (
    answers,
    app,
    balancer,
    containers,
    host,
    operation,
    postgres,
    postgres_state,
    postgres_storage,
    postgres_wal,
    postgres_work,
    processes,
    redis,
    redis_access,
    redis_memory,
    redis_work,
    traffic,
    trends,
    volumes,
)

CHECKS: tuple[Check, ...] = (
    *postgres.CHECKS,
    *postgres_state.CHECKS,
    *postgres_work.CHECKS,
    *postgres_wal.CHECKS,
    *postgres_storage.CHECKS,
    *redis.CHECKS,
    *redis_access.CHECKS,
    *redis_work.CHECKS,
    *redis_memory.CHECKS,
    *containers.CHECKS,
    *processes.CHECKS,
    *host.CHECKS,
    *volumes.CHECKS,
    *answers.CHECKS,
    *balancer.CHECKS,
    *traffic.CHECKS,
    *app.CHECKS,
    *operation.CHECKS,
    *trends.CHECKS,
)
