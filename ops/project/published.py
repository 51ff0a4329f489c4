"""Where a Compose service is published on the engine's host. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LOOPBACK = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104
"""An address that means all of them -> the one at which this machine reaches it."""
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
ELSEWHERE = 443
"""Where a balancer speaks TLS, so that plain HTTP is asked for at its other port if it has one."""


@dataclass(frozen=True, slots=True)
class Published:
    """``ports``: those of the engine's host that the engine may choose from, one unless it is a range."""

    address: str
    ports: range
    target: int


def published(ports: Iterable[Mapping[str, Any]] | None) -> Published | None:
    """How a service is published, by the ``ports`` of the merged model; None where no TCP port of the host is named."""
    found = [port for each in ports or () if each.get("protocol", "tcp") == "tcp" and (port := _read(each))]
    return min(found, key=lambda port: port.target == ELSEWHERE, default=None)


def http_url(host: str, port: int) -> str:
    """The address of a web server: an IPv6 address gets its brackets, the usual port is left out."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}" + ("" if port == 80 else f":{port}")


def _read(port: Mapping[str, Any]) -> Published | None:
    match = _PORTS.fullmatch(str(port.get("published") or ""))
    if match is None:
        return None
    address = str(port.get("host_ip") or "").strip("[]")
    ports = range(int(match[1]), int(match[2] or match[1]) + 1)
    return Published(LOOPBACK.get(address, address), ports, int(port["target"])) if ports else None
