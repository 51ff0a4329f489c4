"""The requests of the last minute, from nginx's log."""

from __future__ import annotations

import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from types import MappingProxyType

from ops.balancer.access_log import Line
from ops.balancer.recent import OWN_IDS, TAIL, recent_requests
from ops.doctor.facts_balancer import Failure, Traffic, Waits
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.skip import Skip
from ops.platform.ports import Platform

WINDOW = 60.0
PROXIES = 5
"""Maximum number of reported addresses."""
FAILURES = 8
"""Maximum number of reported kinds of failures."""
PATHS = 8
"""Maximum number of reported paths with rejected requests."""
LIMITED = 429
_ADDRESS = re.compile(r".+:\d+")
_VARIABLE = re.compile(r"(?<=/)(?:\d[^/]*|[0-9a-f-]{16,}|[^/]{40,})(?=/|$)")
"""A path segment that differs from request to request: a number, an id, or a long text."""


def traffic_facts(
    platform: Platform, nginx: ContainerFacts | None, health: Collection[str], containers: Iterable[ContainerFacts] = ()
) -> Traffic:
    """Reads the end of the log. ``health``: paths of health checks. Raises EngineError and Skip."""
    if nginx is None or not nginx.running:
        raise Skip("nginx is not running")
    lines = recent_requests(partial(platform.log_tail, nginx.name), WINDOW).requests
    # Under load, the lines read cover less than a minute.
    window = time.time() - lines[0].time if len(lines) >= TAIL / 2 else WINDOW
    started = {address: each.started for each in containers for address in each.addresses}
    return summarise(lines, window, health, started)


def summarise(
    lines: Iterable[Line],
    window: float = WINDOW,
    health: Collection[str] = (),
    started: Mapping[str, float] = MappingProxyType({}),
) -> Traffic:
    """The figures of the requests in ``lines``, without videa's probes and health checks, which would dilute errors.

    If "/" is a health path, only probes are excluded there, because users request it, too. ``started``: address ->
    start time of its container, to ignore failures of an earlier process or container; empty if the addresses are
    unknown.
    """
    checks = {path.partition("?")[0] for path in health}
    requests = [line for line in lines if line.path not in checks or _of_a_user(line)]
    retried = Counter(
        address
        for line in requests
        for address in line.tried[:-1]
        if _ADDRESS.fullmatch(address) and (not started or line.time > started.get(_host(address), line.time))
    )
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
        limited_paths=dict(
            Counter(_VARIABLE.sub("*", line.path) for line in limited if line.upstream).most_common(PATHS)
        ),
        clients=len({line.remote for line in requests}),
        waits=_waits(requests),
    )


def _waits(requests: Iterable[Line]) -> dict[str, Waits]:
    """The waits by address. Retried requests are left out: it is unknown how much of their time each server took."""
    seconds = defaultdict[str, list[float]](list)
    for line in requests:
        if len(line.tried) == 1 and _ADDRESS.fullmatch(line.upstream):
            seconds[line.answered_by].append(line.waited)
    return {address: Waits(len(each), statistics.median(each)) for address, each in seconds.items()}


def _host(address: str) -> str:
    return address.rpartition(":")[0]


def _failures(lines: Iterable[Line]) -> list[Failure]:
    """The most frequent kinds of failed requests, by status, path and what answered."""
    kinds = Counter((line.status, _VARIABLE.sub("*", line.path), *_answered(line)) for line in lines)
    return [Failure(*kind, count) for kind, count in kinds.most_common(FAILURES)]


def _answered(line: Line) -> tuple[str, bool]:
    """The replica that nginx tried last ("" if none), and whether it answered."""
    replicas = [address for address in line.tried if _ADDRESS.fullmatch(address)]
    first = line.upstream_first.split(" ")[-1]
    return replicas[-1] if replicas else "", bool(replicas) and first not in ("", "-")


def _of_a_user(line: Line) -> bool:
    """Whether a request for a health path may come from a user. The id alone is not proof: any client may set it."""
    return line.path == "/" and not line.request_id.startswith(OWN_IDS)
