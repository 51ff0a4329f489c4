"""What an interrupted operation has left behind, and limits that stop the autoscaler."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.limits import Limits
from ops.doctor.sources import OPERATION
from ops.doctor.words import span


def stuck(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The journal contains an interrupted operation or one that waits without a process, or only its lock is left."""
    operation = present(facts.operation)
    if operation.broken_off:
        yield Finding(
            "deploy.stuck",
            Severity.FAIL,
            f"an operation was interrupted{' during its rollback' if operation.returning else ''}",
            operation.broken_off + f"\n{_lock(facts)}",
            "the replicas and the balancer are between two states",
            "complete it: videa deploy --resume\nor roll it back: videa deploy --abort",
        )
    elif operation.waiting:
        yield Finding(
            "deploy.stuck",
            Severity.WARN,
            "an operation waits unattended",
            operation.waiting,
            "it stays in this state until it is resumed; its canary is not judged",
            "videa promote\nor roll it back: videa abort\nor take it up: videa deploy --resume",
        )
    elif operation.holder and not operation.alive:
        yield Finding(
            "deploy.stuck",
            Severity.INFO,
            "the lock of an interrupted operation still exists",
            _lock(facts),
            "it is harmless: the next operation removes it",
            "videa lock release",
        )


LIMITS = {
    "connections": "raise max_connections of PostgreSQL, or lower connection_limit in DATABASE_URL",
    "memory": "free memory, lower deploy.resources.reservations.memory, or use a larger machine",
    "cores": "set deploy.resources.reservations.cpus to what a replica really needs, or use a larger machine",
}
"""Limit of the machine -> what allows more replicas."""

RECENT = 120.0
"""Seconds for which a round of the autoscaler is current: it writes its state at least every 15 s."""


def scale_limited(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The load needs more replicas than the machine or the database allows, so the autoscaler does not scale up."""
    for each in present(facts.operation).held_back:
        if facts.taken - each.looked > RECENT:
            continue
        yield Finding(
            "deploy.scale_limited",
            Severity.WARN,
            f"{each.service} needs more replicas than its limit of {each.limit} allows",
            each.reason,
            "each replica gets more requests than its target in x-videa.autoscale",
            f"you decide: {LIMITS.get(each.limit, 'raise the limit')}\n"
            "how the number was chosen: videa autoscale explain",
        )


def _lock(facts: Facts) -> str:
    operation = present(facts.operation)
    if not operation.holder:
        return "the lock is free"
    age = span(max(0.0, facts.taken - operation.since))
    return f"the process that held the lock has exited: `{operation.command}` of {operation.holder}, {age} ago"


CHECKS = (
    Check(
        "deploy.stuck",
        Group.APP,
        "journal of an interrupted operation F, of one that waits unattended W, only its lock I",
        "own",
        (OPERATION,),
        stuck,
    ),
    Check(
        "deploy.scale_limited",
        Group.APP,
        "the autoscaler is stopped by connections, memory or cores W",
        "own",
        (OPERATION,),
        scale_limited,
    ),
)
