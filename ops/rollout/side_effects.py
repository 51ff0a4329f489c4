"""What the steps of a plan would do to anything but the replicas, asked before the first of them (invariant 0)."""

from __future__ import annotations

from ops.engine.compose import start_arguments
from ops.engine.effects import check_harmless
from ops.rollout.hooks import containers_of, follow_arguments
from ops.rollout.steps import Follow, Plan, Start
from ops.stack import Stack


def check_steps(stack: Stack, plan: Plan, present: int) -> None:
    """Refuses a plan whose Compose commands would stop, recreate or disconnect what it does not name.

    ``present``: how many replicas there are, running or not. Raises PlanRefused, EngineError and its kinds.
    """
    compose, overrides = stack.project.compose, plan.target.overrides
    start = next((step for step in plan.steps if isinstance(step, Start)), None)
    if start:
        service = stack.project.settings.service
        check_harmless(compose, start_arguments(compose, service, present + start.count), overrides)
    for step in plan.steps:
        if isinstance(step, Follow):
            allowed = containers_of(stack, step.services)
            check_harmless(compose, follow_arguments(stack, step), overrides, allowed)
