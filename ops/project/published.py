"""The published port of a Compose service on the engine's host. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

LOOPBACK = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104
"""Wildcard address -> the address with which this machine connects."""
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
TLS = 443
"""The target port for TLS. For plain HTTP, another port of the balancer is preferred."""


@dataclass(frozen=True, slots=True)
class Published:
    """``ports``: ports of the host among which the engine may choose; one unless the file has a range.

    ``address``: as seen from the engine's machine; ``bound``: as written in the file, "" for all addresses.
    """

    address: str
    ports: range
    target: int
    bound: str = field(default="", compare=False)


def published(ports: Iterable[Mapping[str, Any]] | None) -> Published | None:
    """The published port in ``ports`` of the merged model; None if no TCP port of the host is published."""
    return min(_tcp(ports), key=lambda port: port.target == TLS, default=None)


def seen_from_here(bound: str, engine: str | None) -> str | None:
    """The address with which this machine reaches a port that is bound to ``bound`` on the engine's machine.

    ``engine``: the address of that machine, None if it is this one. Returns None if only that machine itself can reach
    the port: on this machine, another program may answer at the same port.
    """
    if engine is None:
        return LOOPBACK.get(bound, bound)
    if bound in LOOPBACK:
        return engine
    return None if _is_loopback(bound) else bound


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def target_of(ports: Iterable[Mapping[str, Any]] | None, port: int) -> int | None:
    """The container's TCP port behind ``port`` of the host; None if ``port`` is not published."""
    return next((candidate.target for candidate in _tcp(ports) if port in candidate.ports), None)


def http_url(host: str, port: int) -> str:
    """The URL of a web server, with brackets around an IPv6 address and without port 80."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}" + ("" if port == 80 else f":{port}")


def _tcp(ports: Iterable[Mapping[str, Any]] | None) -> list[Published]:
    """The TCP ports in ``ports`` of the merged model that the host publishes."""
    return [port for entry in ports or () if entry.get("protocol", "tcp") == "tcp" and (port := _read(entry))]


def _read(port: Mapping[str, Any]) -> Published | None:
    match = _PORTS.fullmatch(str(port.get("published") or ""))
    if match is None:
        return None
    address = str(port.get("host_ip") or "").strip("[]")
    ports = range(int(match[1]), int(match[2] or match[1]) + 1)
    return Published(LOOPBACK.get(address, address), ports, int(port["target"]), address) if ports else None
