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
"""Number of addresses that are remembered."""
FAILURES = 8
"""Number of kinds of failures that are remembered."""
PATHS = 8
"""Number of paths with refused requests that are remembered."""
LIMITED = 429
_ADDRESS = re.compile(r".+:\d+")
_VARIABLE = re.compile(r"(?<=/)(?:\d[^/]*|[0-9a-f-]{16,}|[^/]{40,})(?=/|$)")
"""A part of a path that differs from request to request: a number, an id, or something long."""


def traffic_facts(
    platform: Platform, nginx: ContainerFacts | None, health: Collection[str], containers: Iterable[ContainerFacts] = ()
) -> Traffic:
    """Reads the end of the log. ``health``: paths of health checks. Raises EngineError and Skip."""
    if nginx is None or not nginx.running:
        raise Skip("nginx is not running")
    lines = recent_requests(partial(platform.log_tail, nginx.name), WINDOW).requests
    # Under load, the lines that were read cover less than a minute.
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

    If "/" is a health path, only probes are excluded there: users request it too. ``started``: address -> start of the
    container that has it. What an earlier process or container has failed is over; empty if the addresses are unknown.
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
    """If another server failed a request before, it is unknown how much of the time each server took."""
    seconds = defaultdict[str, list[float]](list)
    for line in requests:
        if len(line.tried) == 1 and _ADDRESS.fullmatch(line.upstream):
            seconds[line.answered_by].append(line.waited)
    return {address: Waits(len(each), statistics.median(each)) for address, each in seconds.items()}


def _host(address: str) -> str:
    return address.rpartition(":")[0]


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
