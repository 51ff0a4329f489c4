"""The requests of the last minute, from nginx's log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from ops.balancer.access_log import Line
from ops.balancer.recent import TAIL, recent_requests
from ops.doctor.facts import ContainerFacts, Traffic
from ops.engine.client import Engine

WINDOW = 60.0
_OWN = ("/health", "/api/v1/whoami")
"""What doctor and videa ask themselves, which would thin out the errors of users."""


class NoTraffic(Exception):
    """There is no log to read."""


def traffic_facts(engine: Engine, nginx: ContainerFacts | None) -> Traffic:
    """Reads the end of the log. Raises EngineError, and NoTraffic."""
    if nginx is None or not nginx.running:
        raise NoTraffic("nginx does not run")
    lines = recent_requests(engine, nginx.name, WINDOW)
    # Under load the end of the log that is read holds less than a minute.
    window = time.time() - lines[0].time if len(lines) >= TAIL / 2 else WINDOW
    return summarise(lines, window)


def summarise(lines: Iterable[Line], window: float = WINDOW) -> Traffic:
    """The figures of the requests in ``lines``."""
    requests = [line for line in lines if not line.path.startswith(_OWN)]
    retried = Counter(address for line in requests for address in line.upstream.split(", ")[:-1])
    times = sorted(line.waited for line in requests)
    return Traffic(
        window,
        requests=len(requests),
        errors=sum(1 for line in requests if line.failed),
        p99=times[min(len(times) - 1, len(times) * 99 // 100)] if times else None,
        retried=dict(retried),
    )
