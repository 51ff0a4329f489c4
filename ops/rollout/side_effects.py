"""What the steps of a plan would do to anything but the replicas, asked before the first of them (invariant 0)."""

from __future__ import annotations

from ops.platform.ports import Platform
from ops.steps import Follow, Plan, Start


def check_steps(platform: Platform, plan: Plan, present: int) -> None:
    """Refuses a plan whose steps would stop, recreate or disconnect what it does not name.

    ``present``: how many replicas there are, running or not. Raises PlanRefused, EngineError and its kinds.
    """
    start = next((step for step in plan.steps if isinstance(step, Start)), None)
    if start:
        platform.check_create(present + start.count, plan.target)
    for step in plan.steps:
        if isinstance(step, Follow):
            platform.check_follow(step.services, plan.target)
