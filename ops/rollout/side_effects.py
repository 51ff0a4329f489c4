"""What the steps of a plan would do to anything but the replicas, asked before the first of them (invariant 0)."""

from __future__ import annotations

from ops.engine.effects import check_harmless
from ops.rollout.hooks import containers_of, follow_arguments
from ops.rollout.starting import check_start
from ops.stack import Stack
from ops.steps import Follow, Plan, Start


def check_steps(stack: Stack, plan: Plan, present: int) -> None:
    """Refuses a plan whose Compose commands would stop, recreate or disconnect what it does not name.

    ``present``: how many replicas there are, running or not. Raises PlanRefused, EngineError and its kinds.
    """
    start = next((step for step in plan.steps if isinstance(step, Start)), None)
    if start:
        check_start(stack, present, start.count, plan.target)
    for step in plan.steps:
        if isinstance(step, Follow):
            allowed = containers_of(stack, step.services)
            check_harmless(stack.project.compose, follow_arguments(stack, step), plan.target.overrides, allowed)
