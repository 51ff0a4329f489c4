"""A replica that answers much more slowly than the others of its service, as nginx sees it."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.facts_balancer import Waits
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.limits import Limits
from ops.doctor.sources import TRAFFIC
from ops.doctor.words import span

_PRECISE = 1.0
"""Seconds below which durations are shown in milliseconds."""


def slow_replica(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The median latency of a replica is much higher than that of the others, which share the same load.

    Replicas that started within the log's window are excluded: their caches may still be cold. During a deploy, the
    canary's judge does the comparison.
    """
    if facts.under_way:
        return
    for replicas in _by_service(facts, limits):
        for container, waits in replicas:
            others = statistics.median(each.median for other, each in replicas if other.name != container.name)
            if waits.median <= limits.lb_slow_factor * others or waits.median - others <= limits.lb_slow_gap:
                continue
            yield Finding(
                "lb.slow_replica",
                Severity.WARN,
                f"{container.name} answers much more slowly than the other replicas",
                f"half of its {waits.requests} requests in the last {span(present(facts.traffic).window)} took"
                f" {_seconds(waits.median)} or longer, those of the others {_seconds(others)}",
                "users who meet it wait, and it holds connections to the database for longer",
                f"docker stats --no-stream {container.name}\ndocker logs --tail 50 {container.name}\n"
                f"if nothing explains it: docker restart {container.name}",
                subject=container.name,
            )


def _by_service(facts: Facts, limits: Limits) -> Iterator[list[tuple[ContainerFacts, Waits]]]:
    """For each service with several replicas, the ones with enough requests to compare."""
    traffic = present(facts.traffic)
    found = defaultdict[str, list[tuple[ContainerFacts, Waits]]](list)
    for container in facts.containers or []:
        waits = next((traffic.waits[address] for address in container.addresses if address in traffic.waits), None)
        settled = container.running and facts.taken - container.started > traffic.window
        if waits and settled and waits.requests >= limits.lb_least:
            found[container.service].append((container, waits))
    return (replicas for replicas in found.values() if len(replicas) > 1)


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < _PRECISE else f"{value:.1f} s"


CHECKS = (
    Check(
        "lb.slow_replica",
        Group.BALANCER,
        "median > 3 x the others' and 100 ms more, of >= 20 requests W",
        "own",
        (TRAFFIC,),
        slow_replica,
    ),
)
