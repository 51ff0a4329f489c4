"""All that ops expects of the Videa Mozi backend: paths, JSON, headers, environment names, Redis keys.

Pinned against the running server by tests/contract. Another service may have none of it: what x-videa declares comes
first, and what a service does not tell is skipped, never held against it.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

OVERALL = "/health"
"""Its health with that of its dependencies: ``Health``."""

METRICS = "/health/metrics?format=json"
"""Its own figures: ``Metrics``, and what ``ops.rollout.own_metrics`` judges a canary by."""

ME = "/api/v1/me"
"""Needs an access token, and counts against the limit that all instances share."""

LIMIT_LEFT = "ratelimit-remaining"
"""Response header: what is left of that limit."""

DATABASE = "DATABASE_URL"
REDIS = "REDIS_URL"
ACCESS_SECRET = "JWT_ACCESS_SECRET"  # noqa: S105 (a name)
REFRESH_SECRET = "JWT_REFRESH_SECRET"  # noqa: S105
RATE_LIMITS = "RATE_LIMITS"
"""Names in a replica's environment. A secret may be a list, "NEW,OLD": the first signs, all verify."""

TOKEN_ISSUER, TOKEN_AUDIENCE = "videa", "videa-api"
KEY_ID_SALT = "videa key id"
"""What an access token says, and what its key id is the HMAC of."""

POOL_PARAMETERS = ("connection_limit", "pool_timeout")
"""Parameters of DATABASE_URL that are the pool's own; libpq does not know them."""

POOL_LIMIT = 5
"""Connections of a replica whose DATABASE_URL does not say."""

FLEET = "videa:fleet"
"""Redis: sorted set of the instances; each one's ``Heartbeat`` is JSON under ``videa:fleet:INSTANCE``."""


class Dependency(Struct):
    """One entry of ``checks`` in Health."""

    status: str = ""
    reason: str | None = None


class Pool(Struct):
    """The pool of database connections. ``waiting``: requests that wait for one."""

    limit: int = 0
    size: int = 0
    idle: int = 0
    waiting: int = 0


class Health(Struct):
    """What OVERALL says. Without an ``instance`` it is another application's, whose words mean something else."""

    status: str = ""
    instance: str = ""
    checks: dict[str, Dependency] = field(default_factory=dict)
    pool: Pool | None = None
    limiter: str = ""


class LastMinute(Struct):
    """Of Metrics. ``server_error_rate``: 0..1."""

    requests: int = 0
    server_error_rate: float = 0.0


class Memory(Struct):
    """Of Metrics, bytes."""

    rss_bytes: int | None = None


class Metrics(Struct):
    """What METRICS says, as far as the doctor reads it."""

    last_minute: LastMinute | None = None
    memory: Memory | None = None


class MemorySamples(Struct):
    """Of a Heartbeat: (when, bytes) of the last minutes."""

    samples: list[tuple[float, float]] = field(default_factory=list)


class Limiter(Struct):
    """Of a Heartbeat: ``requests`` in ``seconds`` by policy."""

    limits: dict[str, dict[str, int]] | None = None


class Heartbeat(Struct):
    """What an instance tells its peers under FLEET, as far as the doctor reads it."""

    id: str
    secrets: dict[str, list[str]] = field(default_factory=dict)
    memory: MemorySamples = field(default_factory=MemorySamples)
    pool: Pool | None = None
    limiter: Limiter = field(default_factory=Limiter)
    clock_offset: float | None = None


def read_health(body: str) -> Health:
    """The answer at OVERALL; an empty one when it is not this backend's."""
    try:
        said = msgspec.json.decode(body, type=Health)
    except msgspec.DecodeError:
        return Health()
    return said if said.instance else Health()


def read_metrics(body: str) -> Metrics:
    """The answer at METRICS; an empty one when it is not this backend's."""
    try:
        return msgspec.json.decode(body, type=Metrics)
    except msgspec.DecodeError:
        return Metrics()
