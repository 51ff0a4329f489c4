"""The number of processes and threads of a container, compared with its limit."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.limits import Limits
from ops.doctor.sources import STATS
from ops.doctor.words import share


def pids(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A container is at or near its pids limit."""
    for container in present(facts.containers):
        used, limit = container.pids, container.pids_limit
        if not container.running or used is None or not limit:
            continue
        refused = container.forks_refused or 0
        if not refused and used / limit <= limits.pids_warn:
            continue
        full = bool(refused) or used >= limit
        yield Finding(
            "ctr.pids",
            Severity.FAIL if full else Severity.WARN,
            f"{container.name} has reached its limit of processes"
            if full
            else f"{container.name} has {share(used / limit)} of the processes that its limit allows",
            f"{used} processes and threads of {limit}" + (f", {refused} forks refused just now" if refused else ""),
            "it cannot start another process: not for a connection, not for a health check, not for a command",
            _cure(container, limit, used),
            subject=container.name,
        )


def _cure(container: ContainerFacts, limit: int, used: int) -> str:
    return "\n".join(
        [
            f"docker update --pids-limit {2 * max(limit, used)} {container.name}",
            f"and the same in deploy.resources.limits.pids of {container.service}",
            f"find what runs there: docker top {container.name}",
        ]
    )


CHECKS = (Check("ctr.pids", Group.CONTAINERS, "> 90% W, reached F", "own", (STATS,), pids),)
