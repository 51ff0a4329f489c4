"""How a replica is probed: by HTTP, gRPC health check, container health check, TCP, or only its process."""

from __future__ import annotations

import re
from typing import TypeAlias

import msgspec

_STATUSES = re.compile(r"([1-5]\d\d)(?:-([1-5]\d\d))?", re.ASCII)


class Statuses(str):
    """One HTTP status or a range of them, as x-videa writes it: "204" or "200-399"."""

    __slots__ = ()

    def admits(self, status: int) -> bool:
        first, _, last = self.partition("-")
        return int(first) <= status <= int(last or first)


GOOD = (Statuses("200-299"),)
ANY_ANSWER = (Statuses("100-499"),)
"""For a replica whose readiness path is unknown: such an answer shows only that it serves."""


class Http(msgspec.Struct, frozen=True):
    """A GET request; good if the response status is in ``expect``. Redirects are not followed."""

    port: int
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    expect: tuple[Statuses, ...] = GOOD

    def admits(self, status: int) -> bool:
        """Whether an answer with this status is good."""
        return any(statuses.admits(status) for statuses in self.expect)

    def __str__(self) -> str:
        return self.path


class GrpcHealth(msgspec.Struct, frozen=True):
    """The standard gRPC health check; good if the replica is SERVING or does not report its health."""

    port: int

    def __str__(self) -> str:
        return f"gRPC health check at port {self.port}"


class TcpConnect(msgspec.Struct, frozen=True):
    """A TCP connection; good if the replica accepts it."""

    port: int

    def __str__(self) -> str:
        return f"TCP connect to port {self.port}"


class ContainerCheck(msgspec.Struct, frozen=True):
    """The state of the container's own health check, which the engine runs."""

    def __str__(self) -> str:
        return "health check of the container"


class Running(msgspec.Struct, frozen=True):
    """Whether the container has been running for a while: all that can be known of a worker without a health check."""

    def __str__(self) -> str:
        return "process of the container"


Probe: TypeAlias = Http | GrpcHealth | TcpConnect | ContainerCheck | Running


def read_statuses(value: object) -> Statuses:
    """Reads 204, "204" or "200-399". Raises ValueError."""
    text = str(value)
    match = _STATUSES.fullmatch(text)
    if match is None or isinstance(value, bool) or int(match[2] or match[1]) < int(match[1]):
        raise ValueError(f"{value!r} is not a status or a range; write it as 200 or 200-399")
    return Statuses(text)
