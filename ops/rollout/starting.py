"""Starts additional replicas, even while drained ones are still stopping."""

from __future__ import annotations

from ops.errors import EngineError, LockHeld
from ops.interrupts import allowed, held
from ops.models import Replica
from ops.platform.ports import Named, Permit
from ops.rollout.stopping import Stopping
from ops.stack import Stack
from ops.steps import Target


def start_replicas(
    stack: Stack, count: int, target: Target, stopping: Stopping, started: list[str], permit: Permit
) -> None:
    """Starts ``count`` more replicas of ``target``, and adds their names to ``started``, even if it fails.

    ``permit``: called immediately before each command that creates or starts replicas. If the lock was lost, the
    replicas that this call has created and not started are removed; all others are left to the present holder of the
    lock. Raises LockHeld, PlanRefused if anything else would change, EngineError and its subclasses.
    """
    if stack.platform.creates_alone:
        stopping.wait()
    new: list[Replica] = []
    # An interrupt between acquire and release of the pause would block the stopping replicas forever.
    with held(), stopping.paused(), allowed():
        before = set(stack.platform.names())
        created: set[str] = set()
        try:
            created = stack.platform.create(len(before) + count, target, permit)
        finally:
            # After a failure, only a list of all containers shows which ones it has created.
            new += stack.replicas(Named(created) if len(created) == count else lambda name: name not in before)
            started += [replica.name for replica in new]
    unstarted = [replica for replica in new if replica.name in created]
    try:
        if len(unstarted) < count:
            permit()
            raise EngineError(
                f"Compose created {len(unstarted)} of {count} replicas, because another process changed their number",
                "run the command again when nothing else, such as `docker compose up`, changes the service",
            )
        while unstarted:
            permit()
            stack.platform.start(unstarted.pop(0).name)
    except LockHeld:
        for replica in unstarted:
            stack.platform.discard(replica.id)
        raise
