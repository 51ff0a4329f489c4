"""Resolves the name of an engine: a URL or a Docker context. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ops.errors import UsageError

HOST, CONTEXT = "DOCKER_HOST", "DOCKER_CONTEXT"


def environment_of(host: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment that makes docker use the engine ``host``. Raises UsageError."""
    rest = {name: value for name, value in environment.items() if name not in (HOST, CONTEXT)}
    if "://" in host:
        return {**rest, HOST: host}
    if "@" in host or ":" in host or not host.strip():
        raise UsageError(
            f"{host!r} is neither a URL nor a Docker context", f"write ssh://{host or 'USER@HOST'} or tcp://HOST:PORT"
        )
    return {**rest, CONTEXT: host}


def environment_of_this_machine(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment that makes docker use the engine of this machine."""
    return environment_of("default", environment)
