"""Resources that nginx may run out of: connections, open files, and space for temporary files."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.limits import Limits
from ops.doctor.sources import BALANCER_UP
from ops.doctor.words import share, size

CONNECTIONS, SPACE = "lb.connections", "lb.tmpfs"
RECENT = 60.0
"""Seconds for which an error in nginx's log shows the current state."""


def connections(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """An nginx worker has used nearly all its connections or open files."""
    balancer = present(facts.balancer)
    refused = sum(
        group.count
        for group in facts.logs.get(balancer.container, [])
        if group.sign == CONNECTIONS and facts.taken - group.last < RECENT
    )
    used, most = balancer.connections or 0, balancer.most_connections
    full = used / most if most else 0.0
    if not refused and full <= limits.lb_connections_warn:
        return
    evidence = [f"the busiest worker: {used} of {most} connections and open files"] if most else []
    if refused:
        evidence.append(f"nginx's log says so, {refused} times")
    failing = refused or full >= limits.lb_connections_fail
    yield Finding(
        CONNECTIONS,
        Severity.FAIL if failing else Severity.WARN,
        "nginx has no connection left" if failing else f"nginx uses {share(full)} of its connections",
        "\n".join(evidence),
        "new clients get no answer until others close their connections",
        f"more memory gives nginx more connections: raise deploy.resources.limits.memory of {facts.balancer_service},"
        f" and its ulimits.nofile if there is one, then videa up --recreate {facts.balancer_service}\n"
        f"to close all connections now: docker compose restart --timeout 1 {facts.balancer_service}",
        subject=balancer.container,
    )


def space(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The file system for nginx's temporary files is nearly full."""
    balancer = present(facts.balancer)
    if balancer.full is None or balancer.full <= limits.lb_full_warn:
        return
    yield Finding(
        SPACE,
        Severity.FAIL if balancer.full >= limits.lb_full_fail else Severity.WARN,
        f"{share(balancer.full)} of nginx's /tmp is in use",
        f"{size(balancer.full * balancer.space)} of {size(balancer.space)}",
        "when it is full, requests with a body fail, and no new configuration becomes active",
        f"see what takes it: docker compose exec {facts.balancer_service} find /tmp -type f -size +100k -ls\n"
        f"to empty it: docker compose restart {facts.balancer_service}",
        subject=balancer.container,
    )


CHECKS = (
    Check(CONNECTIONS, Group.BALANCER, "> 80% W, none left F", "own", (BALANCER_UP,), connections),
    Check(SPACE, Group.BALANCER, "> 80% W, full F", "own", (BALANCER_UP,), space),
)
