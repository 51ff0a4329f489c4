"""Checks, before the first step, whether a plan would change anything apart from the replicas (invariant 0)."""

from __future__ import annotations

from ops.platform.ports import Platform
from ops.steps import Follow, Plan, Start


def check_steps(platform: Platform, plan: Plan, present: int) -> None:
    """Refuses a plan whose steps would stop, recreate or disconnect other containers.

    ``present``: number of replicas, running or not. Raises PlanRefused, EngineError and its subclasses.
    """
    start = next((step for step in plan.steps if isinstance(step, Start)), None)
    if start:
        platform.check_create(present + start.count, plan.target, next=plan.steps[0] is start)
    for step in plan.steps:
        if isinstance(step, Follow):
            platform.check_follow(step.services, plan.target)
