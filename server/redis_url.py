"""REDIS_URL: validated at the start, not at the first connection.

The server manages the connection itself, without redis-py's pool, retries and health checks, so their parameters are
refused instead of being ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from server.parsers import one_of, seconds, whole_number


def _yes_or_no(raw: str) -> bool:
    known = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
    if raw.lower() not in known:
        raise ValueError("must be true or false")
    return known[raw.lower()]


def _readable_file(raw: str) -> str:
    if not Path(raw).is_file():
        raise ValueError("names a file that does not exist")
    return raw


def _has_port_or_none(host: str) -> bool:
    try:
        parts = urlsplit(f"//{host}")
        return parts.hostname is not None and parts.port != 0
    except ValueError:
        return False


# The query parameters of REDIS_URL and their parsers; numbers of seconds are greater than zero.
_REDIS_QUERY: dict[str, Callable[[str], object]] = {
    "db": whole_number(0, 65_535),
    "username": str,
    "password": str,
    "client_name": str,
    "socket_timeout": seconds(0.01, 60),
    "socket_connect_timeout": seconds(0.01, 60),
    "socket_keepalive": _yes_or_no,
}
_REDIS_TLS_QUERY: dict[str, Callable[[str], object]] = {
    "ssl_ca_certs": _readable_file,
    "ssl_certfile": _readable_file,
    "ssl_keyfile": _readable_file,
    "ssl_password": str,
    "ssl_ca_path": str,
    "ssl_ca_data": str,
    "ssl_cert_reqs": one_of("none", "optional", "required"),
    "ssl_check_hostname": _yes_or_no,
    "ssl_ciphers": str,
}


def parse_redis_url(raw: str) -> str | None:
    """redis://, rediss://, or their cluster forms; empty for none."""
    if not raw:
        return None
    parts = urlsplit(raw)
    if parts.scheme not in ("redis", "rediss", "redis+cluster", "rediss+cluster"):
        raise ValueError("must start with redis://, rediss://, redis+cluster:// or rediss+cluster://")
    cluster = parts.scheme.endswith("+cluster")
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if not all(_has_port_or_none(host) for host in hosts):
        raise ValueError("must have a host, and optionally a port from 1 to 65535")
    if len(hosts) > 1 and not cluster:
        raise ValueError("has several hosts, which need redis+cluster:// or rediss+cluster://")
    path = parts.path.strip("/")
    if path and not path.isdecimal():
        raise ValueError("must end with the number of a database, such as redis://host:6379/0")
    query = redis_query(raw)
    if cluster and (query.get("db") or int(path or 0)):
        raise ValueError("must not select a database: a cluster has only number 0")
    return raw


def redis_query(url: str) -> dict[str, object]:
    """The parameters in REDIS_URL's query. Raises ValueError for an unusable parameter or value."""
    parts = urlsplit(url)
    known = _REDIS_QUERY | (_REDIS_TLS_QUERY if parts.scheme.startswith("rediss") else {})
    options: dict[str, object] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known:
            hint = "needs rediss://" if name in _REDIS_TLS_QUERY else f"cannot be used; possible: {', '.join(known)}"
            raise ValueError(f"has the parameter {name}, which {hint}")
        if name in options:
            raise ValueError(f"has the parameter {name} twice")
        try:
            options[name] = known[name](value)
        except ValueError as error:
            raise ValueError(f"has the parameter {name}, which {error}") from None
    return options
