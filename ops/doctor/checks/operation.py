"""What an operation that was broken off has left behind."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.limits import Limits
from ops.doctor.sources import OPERATION
from ops.doctor.words import span


def stuck(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The journal tells of an interrupted operation, or of one that waits unattended; or only its lock is left."""
    operation = present(facts.operation)
    if operation.broken_off:
        yield Finding(
            "deploy.stuck",
            Severity.FAIL,
            f"an operation was broken off{' while it was being put back' if operation.returning else ''}",
            operation.broken_off + f"\n{_lock(facts)}",
            "the replicas and the balancer are half way between two states",
            "videa deploy --resume\nor put it back: videa deploy --abort",
        )
    elif operation.waiting:
        yield Finding(
            "deploy.stuck",
            Severity.WARN,
            "an operation waits, and nobody attends it",
            operation.waiting,
            "it stays as it is until somebody takes it up: a canary is not judged meanwhile",
            "videa promote\nor put it back: videa abort\nor take it up: videa deploy --resume",
        )
    elif operation.holder and not operation.alive:
        yield Finding(
            "deploy.stuck",
            Severity.INFO,
            "the lock of an operation that is no more is still there",
            _lock(facts),
            "the next operation clears it away by itself",
            "videa lock release",
        )


def _lock(facts: Facts) -> str:
    operation = present(facts.operation)
    if not operation.holder:
        return "nobody holds the lock"
    age = span(max(0.0, facts.taken - operation.since))
    return f"the lock is of {operation.holder}, who is no more: `{operation.command}`, {age} ago"


CHECKS = (
    Check(
        "deploy.stuck",
        Group.APP,
        "journal of an unfinished operation with no live holder F, of one that waits W, only its lock I",
        "own",
        (OPERATION,),
        stuck,
    ),
)
