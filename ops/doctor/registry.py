"""All checks, in the order of docs/doctor.md."""

from __future__ import annotations

from ops.doctor.check import Check
from ops.doctor.checks import (
    app,
    balancer,
    containers,
    host,
    operation,
    postgres,
    postgres_storage,
    postgres_work,
    redis,
    redis_work,
    traffic,
    trends,
)

CHECKS: tuple[Check, ...] = (
    *postgres.CHECKS,
    *postgres_work.CHECKS,
    *postgres_storage.CHECKS,
    *redis.CHECKS,
    *redis_work.CHECKS,
    *containers.CHECKS,
    *host.CHECKS,
    *balancer.CHECKS,
    *traffic.CHECKS,
    *app.CHECKS,
    *operation.CHECKS,
    *trends.CHECKS,
)
