"""Plans of a blue-green deploy: one switch, never fewer replicas than before, and every prefix can be continued."""

from __future__ import annotations

import pytest

from ops.fleet import Fleet
from ops.rollout.blue_green import plan_blue_green
from ops.steps import Check, Keep, Remove, Route, Split, Target
from tests.unit.ops.rollout.model import NEW, ModelStack, fleet, member

TARGET = Target(NEW, "app:new")
CHECK = Check(("make smoke",), ("/health",))

FLEETS = {
    "three": fleet(member(1), member(2), member(3)),
    "first contact": fleet(member(1), member(2), managed=False),
    "interrupted before the switch": fleet(member(1), member(2), member(4, NEW, listed=False)),
    "interrupted while checked": fleet(member(1), member(2), member(4, NEW), member(5, NEW), split=True),
    "interrupted after the switch": fleet(member(1, listed=False), member(2, listed=False), member(4, NEW)),
    "an unready one left over": fleet(member(1), member(2), member(4, NEW, ready=False, listed=False)),
    "one exited": fleet(member(1), member(2, state="exited")),
    "too many new ones": fleet(member(1), *(member(number, NEW, listed=False) for number in range(4, 9))),
}


@pytest.mark.parametrize("before", FLEETS.values(), ids=FLEETS.keys())
@pytest.mark.parametrize("check", [None, CHECK])
def test_every_replica_is_of_the_new_release_and_capacity_never_falls(before: Fleet, check: Check | None) -> None:
    stack = ModelStack(before)
    floor = min(len(stack.serving), 3)
    for step in plan_blue_green(before, 3, TARGET, keep=600, check=check).steps:
        stack.do(step)
        assert len(stack.serving) >= floor
    assert set(stack.release.values()) == {NEW}
    assert stack.routed == set(stack.release)
    assert stack.remembered == len(stack.release) == 3
    assert not stack.canary


@pytest.mark.parametrize("before", FLEETS.values(), ids=FLEETS.keys())
def test_after_an_interrupt_at_any_step_the_same_command_completes_the_deploy(before: Fleet) -> None:
    steps = plan_blue_green(before, 3, TARGET, keep=600, check=CHECK).steps
    for interrupted_after in range(len(steps)):
        stack = ModelStack(before)
        stack.run(steps[:interrupted_after])
        stack.started.clear()
        stack.run(plan_blue_green(stack.now(), 3, TARGET, keep=600, check=CHECK).steps)
        assert set(stack.release.values()) == {NEW}
        assert len(stack.release) == 3


def test_all_traffic_moves_in_one_change_and_then_the_old_set_is_kept() -> None:
    steps = plan_blue_green(FLEETS["three"], 3, TARGET, keep=600, check=CHECK).steps
    assert sum(isinstance(step, Route) for step in steps) == 1
    kinds = [type(step) for step in steps]
    assert kinds.index(Split) < kinds.index(Check) < kinds.index(Route) < kinds.index(Keep) < kinds.index(Remove)


def test_the_private_path_gets_no_other_traffic() -> None:
    steps = plan_blue_green(FLEETS["three"], 3, TARGET, check=CHECK).steps
    assert [step.percent for step in steps if isinstance(step, Split)] == [0]


def test_the_surge_is_the_full_set() -> None:
    assert plan_blue_green(FLEETS["three"], 3, TARGET).surge == 3


def test_a_release_that_already_runs_needs_no_step() -> None:
    assert plan_blue_green(fleet(member(1, NEW), member(2, NEW)), 2, TARGET).steps == ()
