"""Asks a running service over HTTP which paths it answers."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from ops.balancer.outside import UNANSWERED, connect
from ops.project.published import http_url

LIKELY = ("/health/ready", "/health", "/healthz", "/readyz", "/ready", "/up", "/ping", "/")
"""Where web frameworks have their health checks, the most telling first."""

READY, LIVE = "/health/ready", "/health/live"
"""Paths of two checks that belong together."""

TIMEOUT = 2.0
"""Seconds for one answer."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The status of each path that was asked on a port. ``catch_all``: it answers paths that cannot exist, too."""

    statuses: Mapping[str, int]
    catch_all: bool = False

    def well(self, paths: Iterable[str]) -> str | None:
        """The first of ``paths`` that is answered with success; None without one that means something."""
        known = (path for path in paths if path == "/" or not self.catch_all)
        return next((path for path in known if 200 <= self.statuses.get(path, 0) <= 299), None)


def ask(host: str, port: int, paths: Iterable[str] = LIKELY) -> Answers | None:
    """The answers of ``host`` at ``port``; None if it does not answer HTTP there."""
    unknown = f"/{secrets.token_hex(8)}"
    wanted = tuple(dict.fromkeys((unknown, *paths)))
    with ThreadPoolExecutor(len(wanted)) as pool:
        statuses = dict(zip(wanted, pool.map(lambda path: _status(host, port, path), wanted), strict=True))
    if not any(statuses.values()):
        return None
    return Answers(statuses, 200 <= statuses.pop(unknown) <= 299)


def _status(host: str, port: int, path: str) -> int:
    """0 without an answer."""
    try:
        with closing(connect(http_url(host, port), TIMEOUT)) as connection:
            connection.request("GET", path, headers={"User-Agent": "videa-init"})
            return connection.getresponse().status
    except UNANSWERED:
        return 0
