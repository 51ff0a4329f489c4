"""Plans of a rolling deploy: every replica is replaced, and no prefix loses a request."""

from __future__ import annotations

import pytest

from ops.fleet import Fleet
from ops.rollout.pace import Pace
from ops.rollout.rolling import plan_rolling
from ops.steps import AwaitReady, Delay, Drain, Observe, Remember, Remove, Route, Start, Stop, Target
from tests.unit.ops.rollout.model import NEW, ModelStack, fleet, member

TARGET = Target(NEW, "app:new")

FLEETS = {
    "three": fleet(member(1), member(2), member(3)),
    "first contact": fleet(member(1), member(2), member(3), managed=False),
    "interrupted half way": fleet(member(2), member(3), member(4, NEW)),
    "interrupted before traffic": fleet(member(1), member(2), member(3), member(4, NEW, ready=False, listed=False)),
    "interrupted at the end": fleet(member(3), member(4, NEW), member(5, NEW), member(6, NEW)),
    "one exited": fleet(member(1), member(2, state="exited"), member(3)),
    "too few": fleet(member(1)),
}


@pytest.mark.parametrize("before", FLEETS.values(), ids=FLEETS.keys())
@pytest.mark.parametrize("surge", [1, 2, 5])
def test_every_replica_is_of_the_new_release_and_capacity_never_falls(before: Fleet, surge: int) -> None:
    stack = ModelStack(before)
    floor = min(len(stack.serving), 3)
    limit = max(len(stack.release), 3) + surge
    for step in plan_rolling(before, 3, TARGET, surge).steps:
        stack.do(step)
        assert len(stack.serving) >= floor
        assert len(stack.release) <= limit
    assert set(stack.release.values()) == {NEW}
    assert len(stack.release) == 3
    assert stack.routed == set(stack.release)


@pytest.mark.parametrize("before", FLEETS.values(), ids=FLEETS.keys())
def test_after_an_interrupt_at_any_step_the_same_command_completes_the_deploy(before: Fleet) -> None:
    steps = plan_rolling(before, 3, TARGET).steps
    for interrupted_after in range(len(steps)):
        stack = ModelStack(before)
        stack.run(steps[:interrupted_after])
        stack.started.clear()
        stack.run(plan_rolling(stack.now(), 3, TARGET).steps)
        assert set(stack.release.values()) == {NEW}
        assert len(stack.release) == 3


def test_a_release_that_already_runs_needs_no_step() -> None:
    assert plan_rolling(fleet(member(1, NEW), member(2, NEW)), 2, TARGET).steps == ()


def test_force_replaces_replicas_of_the_same_release() -> None:
    before = fleet(member(1, NEW), member(2, NEW))
    stack = ModelStack(before)
    stack.run(plan_rolling(before, 2, TARGET, replace={"app-1", "app-2"}).steps)
    assert set(stack.release) == {"app-3", "app-4"}


def test_a_plan_has_the_requested_surge() -> None:
    assert plan_rolling(FLEETS["three"], 3, TARGET, surge=2).surge == 2


@pytest.mark.parametrize("before", FLEETS.values(), ids=FLEETS.keys())
@pytest.mark.parametrize("surge", [1, 2])
def test_stop_first_never_runs_more_replicas_than_before_and_a_batch_less_serves(before: Fleet, surge: int) -> None:
    stack = ModelStack(before)
    floor = min(len(stack.serving), 3) - surge
    most = max(len(before.alive), 3)
    for step in plan_rolling(before, 3, TARGET, surge, pace=Pace(stop_first=True)).steps:
        stack.do(step)
        assert len(stack.serving) >= floor
        assert len(stack.release) - len(stack.stopped) <= most
    assert set(stack.release.values()) == {NEW}
    assert len(stack.release) == 3


def test_after_an_interrupt_of_stop_first_the_same_command_completes_it() -> None:
    before, pace = FLEETS["three"], Pace(stop_first=True)
    steps = plan_rolling(before, 3, TARGET, pace=pace).steps
    for interrupted_after in range(len(steps)):
        stack = ModelStack(before)
        stack.run(steps[:interrupted_after])
        stack.started.clear()
        stack.run(plan_rolling(stack.now(), 3, TARGET, pace=pace).steps)
        assert set(stack.release.values()) == {NEW}
        assert len(stack.release) == 3


def test_a_deploy_waits_between_its_batches_and_watches_each_before_the_old_ones_go() -> None:
    plan = plan_rolling(FLEETS["three"], 3, TARGET, surge=2, pace=Pace(delay=5, monitor=9))
    kinds = [type(step) for step in plan.steps]
    assert kinds == [
        *(Start, AwaitReady, Route, Observe, Drain, Remove),
        Delay,
        *(Start, AwaitReady, Route, Observe, Drain, Remove),
        Remember,
    ]


def test_stop_first_needs_no_room_and_keeps_the_stopped_replica_until_its_successor_serves() -> None:
    plan = plan_rolling(fleet(member(1)), 1, TARGET, pace=Pace(monitor=1, stop_first=True))
    assert [type(step) for step in plan.steps] == [
        *(Route, Drain, Stop, Start, AwaitReady, Route, Observe, Remove),
        Remember,
    ]
    assert plan.surge == 0


def test_without_a_batch_size_all_are_replaced_at_once() -> None:
    assert plan_rolling(FLEETS["three"], 3, TARGET, surge=0).surge == 3
