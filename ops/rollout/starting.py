"""Starts additional replicas, also while drained ones are still stopping."""

from __future__ import annotations

from ops.interrupts import allowed, held
from ops.rollout.stopping import Stopping
from ops.stack import Stack
from ops.steps import Target


def start_replicas(stack: Stack, count: int, target: Target, stopping: Stopping, started: list[str]) -> None:
    """Starts ``count`` more replicas of ``target``, and adds their names to ``started``, also if it fails.

    Raises LockHeld, PlanRefused if anything else would change, EngineError and its subclasses.
    """
    if stack.platform.creates_alone:
        stopping.wait()
    new: list[str] = []
    # An interrupt between acquire and release of the pause would block the stopping replicas forever.
    with held(), stopping.paused(), allowed():
        before = {replica.name for replica in stack.replicas()}
        try:
            stack.platform.create(len(before) + count, target, stopping.permit)
        finally:
            new += [replica.name for replica in stack.replicas() if replica.name not in before]
            started += new
    for name in new:
        stopping.permit()
        stack.platform.start(name)
