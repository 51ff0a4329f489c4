"""All checks, in the order of docs/doctor.md."""

from __future__ import annotations

from ops.doctor.check import Check
from ops.doctor.checks import (
    app,
    balancer,
    containers,
    drift,
    ended,
    host,
    network,
    operation,
    postgres,
    postgres_storage,
    postgres_work,
    redis,
    redis_work,
    replicas,
    room,
    traffic,
    trends,
)

CHECKS: tuple[Check, ...] = (
    *postgres.CHECKS,
    *postgres_work.CHECKS,
    *postgres_storage.CHECKS,
    *redis.CHECKS,
    *redis_work.CHECKS,
    *replicas.CHECKS,
    *ended.CHECKS,
    *containers.CHECKS,
    *network.CHECKS,
    *host.CHECKS,
    *balancer.CHECKS,
    *room.CHECKS,
    *traffic.CHECKS,
    *app.CHECKS,
    *operation.CHECKS,
    *drift.CHECKS,
    *trends.CHECKS,
)
