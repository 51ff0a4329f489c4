"""Finds out over HTTP which paths a running service answers."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace

from ops.balancer.outside import UNANSWERED, connect
from ops.project.published import http_url

LIKELY = ("/health/ready", "/health", "/healthz", "/readyz", "/ready", "/up", "/ping", "/")
"""Common health check paths of web frameworks, the most meaningful first."""

READY, LIVE = "/health/ready", "/health/live"
"""The paths of a pair of readiness and liveness checks."""

REFUSED = frozenset({400, 403, 421})
"""Statuses with which frameworks reject an unknown Host header: Django 400, Rails and Vite 403, others 421."""
SIGN_IN = frozenset({401, 403})
REDIRECTED = frozenset({301, 307, 308})
BY_HTTPS = {"X-Forwarded-Proto": "https"}
"""Frameworks that force HTTPS (Rails force_ssl, Django SECURE_PROXY_SSL_HEADER) accept requests with this header."""

TIMEOUT = 2.0
"""Seconds to wait for one answer."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The status of each path that was requested on a port. ``catch_all``: paths that cannot exist also succeed.

    ``headers``: the headers without which the service rejects requests.
    """

    statuses: Mapping[str, int]
    catch_all: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def success(self) -> bool:
        """Whether any path was answered with success."""
        return any(map(_well, self.statuses.values()))

    def well(self, paths: Iterable[str]) -> str | None:
        """The first of ``paths`` that is answered with success; None if no success is meaningful."""
        known = (path for path in paths if path == "/" or not self.catch_all)
        return next((path for path in known if _well(self.statuses.get(path, 0))), None)

    def sign_in(self, path: str) -> str:
        """The statuses to expect from ``path`` if it redirects to a login page or needs credentials; otherwise ""."""
        status = self.statuses.get(path, 0)
        if status in SIGN_IN:
            return f"200-399, {status}"
        return "200-399" if 300 <= status <= 399 else ""


def ask(
    address: str, port: int, paths: Iterable[str] = LIKELY, name: str = "", hosts: Iterable[str] = ()
) -> Answers | None:
    """The answers at ``address`` and ``port``; None if it does not answer HTTP there.

    ``name``: of a replica, as in the Host header of later probes. If it is rejected, ``hosts`` are tried; if all paths
    redirect to HTTPS, the header with which a proxy says that the client used HTTPS is tried.
    """
    wanted = tuple(paths)
    own = {"Host": f"{name}:{port}"} if name else {}
    first: Answers | None = None
    for host in ({}, *({"Host": host} for host in dict.fromkeys((*hosts, "localhost")))):
        said = host
        answers = _answers(address, port, wanted, {**own, **said})
        if answers is None:
            break
        first = first or answers
        if not answers.success and not REDIRECTED.isdisjoint(answers.statuses.values()):
            said = {**host, **BY_HTTPS}
            answers = _answers(address, port, wanted, {**own, **said}) or answers
        if answers.success:
            return replace(answers, headers=said)
        if not name or REFUSED.isdisjoint(answers.statuses.values()):
            break
    return first


def _answers(address: str, port: int, paths: Iterable[str], headers: Mapping[str, str]) -> Answers | None:
    unknown = f"/{secrets.token_hex(8)}"
    wanted = tuple(dict.fromkeys((unknown, *paths)))
    with ThreadPoolExecutor(len(wanted)) as pool:
        statuses = dict(zip(wanted, pool.map(lambda path: _status(address, port, path, headers), wanted), strict=True))
    if not any(statuses.values()):
        return None
    return Answers(statuses, _well(statuses.pop(unknown)))


def _well(status: int) -> bool:
    return 200 <= status <= 299


def _status(address: str, port: int, path: str, headers: Mapping[str, str]) -> int:
    """0 without an answer."""
    try:
        with closing(connect(http_url(address, port), TIMEOUT)) as connection:
            connection.request("GET", path, headers={"User-Agent": "videa-init", **headers})
            return connection.getresponse().status
    except UNANSWERED:
        return 0
