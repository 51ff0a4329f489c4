"""Which requests each service gets, by host and path. Pure; `ops.balancer.site` renders it for nginx."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

_HOST = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_PATH = re.compile(r"(/[\w.~-]+)*", re.ASCII)


class Address(msgspec.Struct, frozen=True):
    """A request as clients send it. ``host``: without port, empty for any; ``path``: may have a query."""

    host: str = ""
    path: str = "/"


@dataclass(frozen=True, slots=True)
class Route:
    """Requests for ``host`` at ``path`` and below, matched by whole path segments.

    ``host``: in lower case, empty for every host, ``*.example`` for every host below ``example``; ``path``: empty for
    every path; ``strip``: the replica gets the path without this prefix. Raises ValueError.
    """

    host: str = ""
    path: str = ""
    strip: bool = False

    def __post_init__(self) -> None:
        if self.host and not _HOST.fullmatch(self.host):
            raise ValueError(f"{self.host!r} is not a host without a port")
        if not _PATH.fullmatch(self.path) or {".", ".."} & set(self.path.split("/")):
            raise ValueError(f"{self.path!r} is not a path")

    @property
    def key(self) -> tuple[str, str]:
        """Two services with the same key would get the same requests."""
        return self.host, self.path

    @property
    def everything(self) -> bool:
        """Whether it is the catch-all route, for requests that match no other route."""
        return self.key == ("", "")

    @property
    def precedence(self) -> tuple[bool, bool, int, int]:
        """Larger for the route that wins if several match: a host, no wildcard, the longer host, the longer path."""
        return bool(self.host), not self.host.startswith("*."), len(self.host), len(self.path)

    def matches(self, request: Address) -> bool:
        """Whether the request matches; a matching route of higher precedence still wins."""
        host = request.host.lower()
        below = self.host.startswith("*.") and host.endswith(self.host[1:]) and host != self.host[1:]
        return (not self.host or host == self.host or below) and self._has(request.path)

    def address(self, path: str) -> Address | None:
        """The request with which a client reaches ``path`` of a replica; None if no request does."""
        public = self.path + path if self.strip else path
        return Address(self.host.replace("*", "any"), public) if self._has(public) else None

    def _has(self, path: str) -> bool:
        return f"{path.partition('?')[0]}/".startswith(f"{self.path}/")

    def __str__(self) -> str:
        return f"{self.host}{self.path}" or "everything"


EVERYTHING = Route()


def service_of(request: Address, routes: Mapping[str, Route]) -> str:
    """The service that gets the request; empty if there is none. ``routes``: by service."""
    matching = [name for name, route in routes.items() if route.matches(request)]
    return max(matching, key=lambda name: routes[name].precedence, default="")


def entrance(service: str, path: str, routes: Mapping[str, Route]) -> Address:
    """The request with which a client reaches the service at ``path``; if none does, its route's own path."""
    route = routes[service]
    wanted = route.address(path)
    if wanted and service_of(wanted, routes) == service:
        return wanted
    return Address(route.host.replace("*", "any"), route.path or "/")
