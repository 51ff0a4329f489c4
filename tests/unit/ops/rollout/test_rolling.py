"""Plans of a rolling deploy: every replica is replaced, and no prefix loses a request."""

from __future__ import annotations

import pytest

from ops.fleet import Fleet
from ops.rollout.rolling import plan_rolling
from ops.steps import Target
from tests.unit.ops.rollout.model import NEW, PaperStack, fleet, member

TARGET = Target(NEW, "app:new")

FLEETS = {
    "three": fleet(member(1), member(2), member(3)),
    "first contact": fleet(member(1), member(2), member(3), managed=False),
    "broken off half way": fleet(member(2), member(3), member(4, NEW)),
    "broken off before traffic": fleet(member(1), member(2), member(3), member(4, NEW, ready=False, listed=False)),
    "broken off at the end": fleet(member(3), member(4, NEW), member(5, NEW), member(6, NEW)),
    "one ended": fleet(member(1), member(2, state="exited"), member(3)),
    "too few": fleet(member(1)),
}


@pytest.mark.parametrize("before", FLEETS.values(), ids=FLEETS.keys())
@pytest.mark.parametrize("surge", [1, 2, 5])
def test_every_replica_is_of_the_new_release_and_capacity_never_falls(before: Fleet, surge: int) -> None:
    stack = PaperStack(before)
    floor = min(len(stack.serving), 3)
    most = max(len(stack.release), 3) + surge
    for step in plan_rolling(before, 3, TARGET, surge).steps:
        stack.do(step)
        assert len(stack.serving) >= floor
        assert len(stack.release) <= most
    assert set(stack.release.values()) == {NEW}
    assert len(stack.release) == 3
    assert stack.routed == set(stack.release)


@pytest.mark.parametrize("before", FLEETS.values(), ids=FLEETS.keys())
def test_broken_off_after_any_step_the_same_command_ends_the_deploy(before: Fleet) -> None:
    steps = plan_rolling(before, 3, TARGET).steps
    for broken_off_after in range(len(steps)):
        stack = PaperStack(before)
        stack.run(steps[:broken_off_after])
        stack.started.clear()
        stack.run(plan_rolling(stack.now(), 3, TARGET).steps)
        assert set(stack.release.values()) == {NEW}
        assert len(stack.release) == 3


def test_a_release_that_runs_everywhere_needs_no_step() -> None:
    assert plan_rolling(fleet(member(1, NEW), member(2, NEW)), 2, TARGET).steps == ()


def test_force_replaces_replicas_of_the_same_release() -> None:
    before = fleet(member(1, NEW), member(2, NEW))
    stack = PaperStack(before)
    stack.run(plan_rolling(before, 2, TARGET, replace={"app-1", "app-2"}).steps)
    assert set(stack.release) == {"app-3", "app-4"}


def test_the_surge_of_a_plan_is_what_it_says() -> None:
    assert plan_rolling(FLEETS["three"], 3, TARGET, surge=2).surge == 2
