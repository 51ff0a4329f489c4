"""What an interrupted operation has left behind."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.limits import Limits
from ops.doctor.sources import OPERATION
from ops.doctor.words import span


def stuck(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The journal contains an interrupted operation, or one that waits unattended; or only its lock is left."""
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
            "it stays in this state until it is taken up; its canary is not judged",
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
)
