"""Rollback: after a failure of any step, the old replicas serve again and no new one is left."""

from __future__ import annotations

from typing import Any

import pytest

from ops.rollout.blue_green import plan_blue_green
from ops.rollout.canary import plan_canary
from ops.rollout.pace import Pace
from ops.rollout.rolling import plan_rolling
from ops.rollout.scale import plan_scale
from ops.rollout.undo import Recreate, plan_undo, stable_gone, stopped
from ops.steps import AwaitReady, Check, Drain, Plan, Remove, Route, Target
from tests.unit.ops.rollout.model import NEW, OLD, ModelStack, fleet, member

BEFORE = fleet(member(1), member(2), member(3))
PLANS = {
    "scale up": plan_scale(BEFORE, 5, Target(OLD, "app:old")),
    "scale down": plan_scale(BEFORE, 1, Target(OLD, "app:old")),
    "deploy": plan_rolling(BEFORE, 3, Target(NEW, "app:new")),
    "deploy two at a time": plan_rolling(BEFORE, 3, Target(NEW, "app:new"), surge=2),
    "blue-green": plan_blue_green(BEFORE, 3, Target(NEW, "app:new"), keep=60, check=Check((), ("/",))),
    "canary": plan_canary(BEFORE, 3, Target(NEW, "app:new"), (5, 50, 100), pause_at=(50,)),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_after_any_step_everything_can_be_rolled_back(plan: Plan) -> None:
    for failed_after in range(len(plan.steps)):
        stack = ModelStack(BEFORE, plan.target.release)
        stack.run(plan.steps[:failed_after])
        serving = len(stack.serving)
        for step in plan_undo({"app-1", "app-2", "app-3"}, list(stack.removed), list(stack.started), stack.now()):
            stack.do(step)
            assert len(stack.serving) >= min(serving, 1)
        assert stack.routed == {"app-1", "app-2", "app-3"}
        assert set(stack.release) == {"app-1", "app-2", "app-3"}
        assert not stack.canary


def test_traffic_leaves_the_canary_before_any_container_changes() -> None:
    now = fleet(member(1), member(2), member(4, NEW), split=True)
    steps = list(plan_undo({"app-1", "app-2"}, [], ["app-4"], now))
    assert steps == [Route(("app-1", "app-2")), Drain(), Remove(("app-4",))]


def test_traffic_returns_to_ready_replicas_only() -> None:
    now = fleet(member(1), member(2, ready=False), member(4, NEW), split=True)
    assert next(plan_undo({"app-1", "app-2"}, [], ["app-4"], now)) == Route(("app-1",))


def test_traffic_returns_to_serving_replicas_that_are_not_ready_by_the_new_file() -> None:
    now = fleet(member(1, ready=False), member(2, ready=False), member(4, NEW), split=True)
    assert not stable_gone({"app-1", "app-2"}, [], now)
    steps = list(plan_undo({"app-1", "app-2"}, [], ["app-4"], now))
    assert steps == [Route(("app-1", "app-2")), Drain(), Remove(("app-4",))]


@pytest.mark.parametrize(
    "dead",
    [
        {"state": "exited"},
        {"state": "restarting"},
        {"state": "paused"},
        {"ready": False, "listed": False},
    ],
    ids=["exited", "restarting", "paused", "neither listed nor ready"],
)
def test_traffic_never_returns_to_dead_replicas(dead: dict[str, Any]) -> None:
    now = fleet(member(1, **dead), member(4, NEW), split=True)
    assert stable_gone({"app-1"}, [], now)
    steps = list(plan_undo({"app-1"}, [], ["app-4"], now))
    assert not any(isinstance(step, Route) and "app-1" in step.names for step in steps)
    assert not any(isinstance(step, Remove) and "app-4" in step.names for step in steps)


def test_stable_is_gone_if_no_served_replica_can_serve_again() -> None:
    now = fleet(member(4, NEW))
    assert stable_gone({"app-1"}, [], now)
    assert not stable_gone({"app-1"}, ["app-1"], now)
    assert not stable_gone({"app-4"}, [], now)


def test_an_interrupted_rollback_can_be_repeated() -> None:
    for plan in PLANS.values():
        stack = ModelStack(BEFORE, plan.target.release)
        stack.run(plan.steps[:-1])
        steps = list(plan_undo({"app-1", "app-2", "app-3"}, list(stack.removed), list(stack.started), stack.now()))
        for interrupted_after in range(len(steps)):
            stack = ModelStack(BEFORE, plan.target.release)
            stack.run(plan.steps[:-1])
            snapshots = list(stack.removed)
            stack.run(steps[:interrupted_after])
            stack.run(plan_undo({"app-1", "app-2", "app-3"}, snapshots, list(stack.started), stack.now()))
            assert stack.routed == set(stack.release) == {"app-1", "app-2", "app-3"}


def test_a_new_replica_that_is_not_ready_gets_no_traffic_during_the_rollback() -> None:
    plan = plan_rolling(BEFORE, 3, Target(NEW, "app:new"))
    second_wait = [number for number, step in enumerate(plan.steps) if isinstance(step, AwaitReady)][1]
    stack = ModelStack(BEFORE)
    stack.run(plan.steps[:second_wait])
    unready = stack.started[-1]
    for step in plan_undo({"app-1", "app-2", "app-3"}, list(stack.removed), list(stack.started), stack.now()):
        stack.do(step)
        assert unready not in stack.routed


def test_the_last_healthy_copy_is_not_removed_when_the_old_ones_are_gone() -> None:
    now = fleet(member(4, NEW))
    stack = ModelStack(now)
    stack.run(plan_undo({"app-1"}, [], ["app-4"], now))
    assert stack.serving == {"app-4"}


def test_stopped_replicas_are_started_by_the_rollback() -> None:
    now = fleet(member(1, state="exited"), member(2, state="exited"), member(4, NEW, ready=False, listed=False))
    assert stable_gone({"app-1", "app-2"}, [], now)
    back = stopped({"app-1", "app-2"}, now)
    assert not stable_gone({"app-1", "app-2"}, back, now)
    steps = list(plan_undo({"app-1", "app-2"}, back, ["app-4"], now))
    assert steps == [Recreate(back), Route(back), Drain(), Remove(("app-4",))]


def test_stop_first_is_kept_on_the_way_back() -> None:
    plan = plan_rolling(BEFORE, 3, Target(NEW, "app:new"), pace=Pace(stop_first=True))
    for failed_after in range(len(plan.steps)):
        stack = ModelStack(BEFORE)
        stack.run(plan.steps[:failed_after])
        before = set(stack.serving)
        for step in plan_undo(
            {"app-1", "app-2", "app-3"}, list(stack.removed), list(stack.started), stack.now(), stop_first=True
        ):
            stack.do(step)
            assert len(stack.release) - len(stack.stopped) <= 3 or not {"app-1", "app-2", "app-3"} & before
            assert stack.serving
        assert set(stack.release) == stack.routed == {"app-1", "app-2", "app-3"}
        assert not stack.stopped


def test_a_worker_is_not_started_next_to_its_successor() -> None:
    now = fleet(member(1, state="exited"), member(4, NEW, ready=False))
    steps = list(plan_undo({"app-1"}, ["app-1"], ["app-4"], now, stop_first=True, worker=True))
    assert [step for step in steps if not isinstance(step, Route | Drain)] == [Remove(("app-4",)), Recreate(("app-1",))]
