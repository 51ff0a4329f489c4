"""Everything that ops expects of the Videa Mozi backend: paths, JSON, headers, environment names, Redis keys.

tests/contract checks it against the running server. Other services may provide none of it: x-videa takes precedence,
and a value that a service does not report is skipped and never counts as a fault.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

OVERALL = "/health"
"""The backend's health, including its dependencies: ``Health``."""

METRICS = "/health/metrics?format=json"
"""The backend's metrics: ``Metrics``, and the ones that ``ops.rollout.own_metrics`` uses to judge a canary."""

ME = "/api/v1/me"
"""Needs an access token, and counts towards the limit that all instances share."""

LATE = "no answer within"
"""The start of the reason that it gives for a dependency that accepts connections and does not answer in time."""

LIMIT_LEFT = "ratelimit-remaining"
"""Response header: the requests left within that limit."""

DATABASE = "DATABASE_URL"
REDIS = "REDIS_URL"
ACCESS_SECRET = "JWT_ACCESS_SECRET"  # noqa: S105 (a name)
REFRESH_SECRET = "JWT_REFRESH_SECRET"  # noqa: S105
RATE_LIMITS = "RATE_LIMITS"
"""Names in a replica's environment. A secret may be a list, "NEW,OLD": the first key signs, all keys verify."""

LIMITED_PATHS = {
    "/api/v1/auth/login": "login",
    "/dashboard/login": "login",
    "/api/v1/auth/register": "register",
    "/api/v1/auth/refresh": "refresh",
    "/api/v1/auth/logout": "refresh",
}
"""Paths with their own entry in RATE_LIMITS. All others count against LIMITED_CLIENTS: by user, or by address."""

LIMITED_CLIENTS = ("user", "address")

TOKEN_ISSUER, TOKEN_AUDIENCE = "videa", "videa-api"
KEY_ID_SALT = "videa key id"
"""The issuer and audience of an access token, and the message whose HMAC is its key id."""

POOL_PARAMETERS = ("connection_limit", "pool_timeout")
"""Parameters of DATABASE_URL that configure the pool; libpq rejects them."""

POOL_LIMIT = 5
"""Connections of a replica whose DATABASE_URL has no limit."""

FLEET = "videa:fleet"
"""Redis: sorted set of the instances. An instance stores its ``Heartbeat`` as JSON in ``videa:fleet:INSTANCE``."""


class Dependency(Struct):
    """One entry of ``checks`` in Health."""

    status: str = ""
    reason: str | None = None


class Pool(Struct):
    """The pool of database connections. ``waiting``: requests waiting for a connection."""

    limit: int = 0
    size: int = 0
    idle: int = 0
    waiting: int = 0


class Health(Struct):
    """The answer at OVERALL. Without ``instance``, it is from another application and has another meaning."""

    status: str = ""
    instance: str = ""
    checks: dict[str, Dependency] = field(default_factory=dict)
    pool: Pool | None = None
    limiter: str = ""


class LastMinute(Struct):
    """Part of Metrics. ``server_error_rate``: 0..1."""

    requests: int = 0
    server_error_rate: float = 0.0


class Memory(Struct):
    """Part of Metrics, in bytes."""

    rss_bytes: int | None = None


class Metrics(Struct):
    """The part of the answer at METRICS that the doctor reads."""

    last_minute: LastMinute | None = None
    memory: Memory | None = None


class MemorySamples(Struct):
    """Part of a Heartbeat: (time, bytes) samples of the last minutes."""

    samples: list[tuple[float, float]] = field(default_factory=list)


class Limiter(Struct):
    """Part of a Heartbeat: the policy allows ``requests`` per ``seconds``."""

    limits: dict[str, dict[str, int]] | None = None


class Heartbeat(Struct):
    """The part of an instance's heartbeat under FLEET that the doctor reads."""

    id: str
    secrets: dict[str, list[str]] = field(default_factory=dict)
    memory: MemorySamples = field(default_factory=MemorySamples)
    pool: Pool | None = None
    limiter: Limiter = field(default_factory=Limiter)
    clock_offset: float | None = None


# Built at import: msgspec crashes if two threads use a type for the first time simultaneously.
_HEALTH, _METRICS = msgspec.json.Decoder(Health), msgspec.json.Decoder(Metrics)


def read_health(body: str) -> Health:
    """Parses the answer at OVERALL; empty if it is not from this backend."""
    try:
        health = _HEALTH.decode(body)
    except msgspec.DecodeError:
        return Health()
    return health if health.instance else Health()


def read_metrics(body: str) -> Metrics:
    """Parses the answer at METRICS; empty if it is not from this backend."""
    try:
        return _METRICS.decode(body)
    except msgspec.DecodeError:
        return Metrics()
