"""The requests of the last minute, from nginx's log."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Collection, Iterable
from functools import partial

from ops.balancer.access_log import Line
from ops.balancer.recent import OWN_IDS, TAIL, recent_requests
from ops.doctor.facts import ContainerFacts
from ops.doctor.facts_balancer import Failure, Traffic
from ops.doctor.skip import Skip
from ops.platform.ports import Platform

WINDOW = 60.0
PROXIES = 5
"""Number of addresses that are remembered."""
FAILURES = 8
"""Number of kinds of failures that are remembered."""
LIMITED = 429
_ADDRESS = re.compile(r".+:\d+")
_VARIABLE = re.compile(r"(?<=/)(?:\d[^/]*|[0-9a-f-]{16,}|[^/]{40,})(?=/|$)")
"""A part of a path that differs from request to request: a number, an id, or something long."""


def traffic_facts(platform: Platform, nginx: ContainerFacts | None, health: Collection[str]) -> Traffic:
    """Reads the end of the log. ``health``: paths of health checks. Raises EngineError and Skip."""
    if nginx is None or not nginx.running:
        raise Skip("nginx is not running")
    lines = recent_requests(partial(platform.log_tail, nginx.name), WINDOW).requests
    # Under load, the lines that were read cover less than a minute.
    window = time.time() - lines[0].time if len(lines) >= TAIL / 2 else WINDOW
    return summarise(lines, window, health)


def summarise(lines: Iterable[Line], window: float = WINDOW, health: Collection[str] = ()) -> Traffic:
    """The figures of the requests in ``lines``, without videa's probes and health checks, which would dilute errors.

    If "/" is a health path, only probes are excluded there: users request it too.
    """
    checks = {path.partition("?")[0] for path in health}
    requests = [line for line in lines if line.path not in checks or _of_a_user(line)]
    retried = Counter(address for line in requests for address in line.tried[:-1] if _ADDRESS.fullmatch(address))
    limited = [line for line in requests if line.status == LIMITED]
    times = sorted(line.waited for line in requests)
    return Traffic(
        window,
        requests=len(requests),
        errors=sum(1 for line in requests if line.failed),
        p99=times[min(len(times) - 1, len(times) * 99 // 100)] if times else None,
        retried=dict(retried),
        proxied=dict(Counter(line.remote for line in requests if line.untrusted).most_common(PROXIES)),
        failures=_failures(line for line in requests if line.failed),
        limited=len(limited),
        limited_here=sum(1 for line in limited if not line.upstream),
        clients=len({line.remote for line in requests}),
    )


def _failures(lines: Iterable[Line]) -> list[Failure]:
    """The most frequent kinds of failed requests, by status, path and who answered."""
    kinds = Counter((line.status, _VARIABLE.sub("*", line.path), *_answered(line)) for line in lines)
    return [Failure(*kind, count) for kind, count in kinds.most_common(FAILURES)]


def _answered(line: Line) -> tuple[str, bool]:
    """The replica that nginx tried last, "" for none, and whether it has answered."""
    replicas = [address for address in line.tried if _ADDRESS.fullmatch(address)]
    first = line.upstream_first.split(" ")[-1]
    return replicas[-1] if replicas else "", bool(replicas) and first not in ("", "-")


def _of_a_user(line: Line) -> bool:
    """Whether a request for a health path may be of a user. The id alone does not decide: anyone can choose it."""
    return line.path == "/" and not line.request_id.startswith(OWN_IDS)
