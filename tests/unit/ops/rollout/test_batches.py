"""Replicas start in batches, so that serving replicas keep half of the cores."""

from __future__ import annotations

import pytest

from ops.rollout.batches import parallelism
from ops.rollout.blue_green import plan_blue_green
from ops.rollout.canary import plan_canary
from ops.steps import AwaitReady, Plan, Route, Start, Target
from tests.unit.ops.rollout.model import NEW, fleet, member

TARGET = Target(NEW, "app:new")
FIVE = fleet(*(member(number) for number in range(1, 6)))
PLANS = {
    "blue-green": plan_blue_green(FIVE, 5, TARGET, parallelism=2),
    "canary": plan_canary(FIVE, 5, TARGET, (100.0,), parallelism=2),
}


@pytest.mark.parametrize(("cpus", "limit"), [(1, 1), (2, 1), (3, 1), (4, 2), (16, 8)])
def test_serving_replicas_keep_half_of_the_cores(cpus: int, limit: int) -> None:
    assert parallelism(cpus) == limit


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_each_batch_is_ready_before_the_next_one_and_before_traffic(plan: Plan) -> None:
    beginning = plan.steps[: next(place for place, step in enumerate(plan.steps) if isinstance(step, Route))]
    assert beginning == (Start(2), AwaitReady(), Start(2), AwaitReady(), Start(1), AwaitReady())
