"""Environment -> frozen settings, validated once at the start; all errors are reported together."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from server import parsers
from server.parsers import Limit, Network
from server.redis_url import parse_redis_url

_T = TypeVar("_T")

DEFAULT_PORT = 3001

# The rate limits. Change single rows with RATE_LIMITS=user=5000/60,...; RATE_LIMITS=off removes all.
DEFAULT_LIMITS = {
    "user": Limit(requests=1200, seconds=60),  # a signed-in user, from any address
    "address": Limit(requests=600, seconds=60),  # all others, by address
    "login": Limit(requests=10, seconds=60),  # attempts per address, and per account
    "register": Limit(requests=5, seconds=60),  # new accounts per address
    "refresh": Limit(requests=60, seconds=60),  # token refreshes per address
}

# The URL parameters of libpq that make sense for a server. libpq would report any other, such as a typo, only at the
# first connection.
_LIBPQ_QUERY = frozenset(
    {
        "application_name",
        "channel_binding",
        "connect_timeout",
        "gssencmode",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "options",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslnegotiation",
        "sslrootcert",
        "target_session_attrs",
        "tcp_user_timeout",
    }
)


class SettingsError(Exception):
    """The environment is invalid; `problems` has one sentence per error, never the value of a secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """How to reach PostgreSQL, and the limits of one instance.

    pool_timeout: seconds to wait for a free connection before 503; statement_timeout, connect_timeout: seconds.
    """

    url: str = field(repr=False)
    connection_limit: int = 5
    pool_timeout: float = 5.0
    statement_timeout: float = 5.0
    connect_timeout: float = 3.0


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings that the server reads from its environment. drain_timeout: seconds.

    access_secrets, refresh_secrets: the first one signs, all verify, so that a secret can be replaced without
    logging users out. limits: None if they are off.
    """

    database: DatabaseSettings
    replica: DatabaseSettings | None
    redis_url: str | None = field(repr=False)
    host: str
    port: int
    environment: str
    instance_id: str
    release: str
    access_secrets: tuple[str, ...] = field(repr=False)
    refresh_secrets: tuple[str, ...] = field(repr=False)
    ephemeral_secrets: bool
    frontend_origins: frozenset[str]
    trusted_proxies: tuple[Network, ...]
    limits: dict[str, Limit] | None
    guest_writes: bool
    drain_timeout: float
    log_level: str
    access_log: str

    @property
    def production(self) -> bool:
        """True if weak secrets and insecure settings are refused."""
        return self.environment == "production"


def parse_database_url(url: str) -> DatabaseSettings:
    """Separate the pool's limits (Prisma's names) from libpq's parameters.

    Raises ValueError with a message that does not contain the URL, because it has a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("must start with postgresql://")
    if not parts.path.strip("/"):
        raise ValueError("must name a database: postgresql://user:password@host:5432/NAME")
    ours: dict[str, str] = {}
    passed_on = []
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key in ("connection_limit", "pool_timeout"):
            ours[key] = value
        elif key in _LIBPQ_QUERY:
            passed_on.append((key, value))
        else:
            allowed = ", ".join(sorted({"connection_limit", "pool_timeout", *_LIBPQ_QUERY}))
            raise ValueError(f"has the unknown query parameter {key!r}; allowed: {allowed}")
    try:
        limit = parsers.whole_number(1, 1000)(ours.get("connection_limit", "5"))
        timeout = parsers.seconds(0.05, 300)(ours.get("pool_timeout", "5"))
    except ValueError as error:
        raise ValueError(f"connection_limit, pool_timeout: {error}") from None
    clean = urlunsplit(parts._replace(scheme="postgresql", query=urlencode(passed_on)))
    return DatabaseSettings(url=clean, connection_limit=limit, pool_timeout=timeout)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check the environment (by default the process's own).

    Raises SettingsError with all errors.
    """
    env = os.environ if environ is None else environ
    problems: list[str] = []

    def read(name: str, default: str, parse: Callable[[str], _T], fallback: _T) -> _T:
        raw = env.get(name, "").strip() or default
        try:
            return parse(raw)
        except ValueError as error:
            problems.append(f"{name} {error}")
            return fallback

    port = read("PORT", str(DEFAULT_PORT), parsers.whole_number(1, 65535), DEFAULT_PORT)
    environment = read(
        _environment_name(env), "development", parsers.one_of("production", "development", "test"), "test"
    )
    nothing: tuple[str, ...] = ()
    strict = environment == "production"
    access = read("JWT_ACCESS_SECRET", "", parsers.secrets(strict=strict), nothing)
    refresh = read("JWT_REFRESH_SECRET", "", parsers.secrets(strict=strict), nothing)
    if set(access) & set(refresh):
        problems.append("JWT_REFRESH_SECRET must differ from JWT_ACCESS_SECRET")
    settings = Settings(
        database=read("DATABASE_URL", "", parsers.required(parse_database_url), DatabaseSettings(url="")),
        replica=read("DATABASE_REPLICA_URL", "", lambda raw: parse_database_url(raw) if raw else None, None),
        redis_url=read("REDIS_URL", "", parse_redis_url, None),
        host=env.get("HOST", "").strip() or "0.0.0.0",  # noqa: S104 -- a container must be reachable
        port=port,
        environment=environment,
        instance_id=read("INSTANCE_ID", _default_instance_id(port), parsers.instance_id, "invalid"),
        release=env.get("RELEASE", "").strip() or "unreleased",
        # In development, the server also works without configured secrets, until it restarts.
        access_secrets=access or (secrets.token_hex(32),),
        refresh_secrets=refresh or (secrets.token_hex(32),),
        ephemeral_secrets=not access or not refresh,
        frontend_origins=read("FRONTEND_URL", "", parsers.origins, frozenset()),
        trusted_proxies=read("TRUSTED_PROXIES", "", parsers.networks, ()),
        limits=read("RATE_LIMITS", "on", parsers.limits(DEFAULT_LIMITS), None),
        guest_writes=read("GUEST_WRITES", "off", parsers.switch, False),
        drain_timeout=read("DRAIN_TIMEOUT", "25", parsers.seconds(0, 3600), 25.0),
        log_level=read("LOG_LEVEL", "info", parsers.one_of("debug", "info", "warning", "error"), "info"),
        access_log=read("REQUEST_LOG", "on", parsers.one_of("on", "notable", "off"), "on"),
    )
    if problems:
        raise SettingsError(problems)
    return settings


def _environment_name(env: Mapping[str, str]) -> str:
    return "NODE_ENV" if not env.get("APP_ENV", "").strip() and env.get("NODE_ENV", "").strip() else "APP_ENV"


def _default_instance_id(port: int) -> str:
    # A container's host name is unique; instances that run by hand on one machine have different ports.
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()).lstrip("._-")[:56] or "instance"
    return host if port == DEFAULT_PORT else f"{host}-{port}"
