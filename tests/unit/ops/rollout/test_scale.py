"""Plans of scale: they reach the requested number, and no prefix loses a request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops.fleet import Fleet, names, victims
from ops.rollout.scale import plan_scale
from ops.steps import AwaitReady, Remember, Route, Start, Target
from tests.unit.ops.rollout.model import NEW, OLD, ModelStack, fleet, member

TARGET = Target(OLD, "app:old")

FLEETS = {
    "two": fleet(member(1), member(2)),
    "five": fleet(*(member(number) for number in range(1, 6))),
    "none": fleet(),
    "first contact": fleet(member(1), member(2), managed=False),
    "one exited": fleet(member(1), member(2, state="exited"), member(3)),
    "one unready": fleet(member(1), member(2, ready=False), member(3)),
    "interrupted while starting": fleet(member(1), member(2), member(3, ready=False, listed=False)),
    "interrupted while draining": fleet(member(1), member(2), member(3, listed=False), member(4, listed=False)),
    "two releases": fleet(member(1, NEW), member(2, OLD), member(3, OLD)),
}


@pytest.mark.parametrize("before", FLEETS.values(), ids=FLEETS.keys())
@pytest.mark.parametrize("wanted", [1, 2, 3, 5, 8])
def test_a_plan_reaches_the_requested_number_and_keeps_serving(before: Fleet, wanted: int) -> None:
    stack = ModelStack(before, OLD)
    floor = min(len(stack.serving), wanted)
    for step in plan_scale(before, wanted, TARGET).steps:
        stack.do(step)
        assert len(stack.serving) >= floor
    assert len(stack.release) == wanted
    assert stack.routed == set(stack.release)
    assert stack.remembered == wanted


@pytest.mark.parametrize("before", FLEETS.values(), ids=FLEETS.keys())
@pytest.mark.parametrize("wanted", [1, 3, 6])
def test_after_an_interrupt_at_any_step_the_same_command_reaches_the_requested_number(
    before: Fleet, wanted: int
) -> None:
    steps = plan_scale(before, wanted, TARGET).steps
    for interrupted_after in range(len(steps)):
        stack = ModelStack(before, OLD)
        stack.run(steps[:interrupted_after])
        stack.started.clear()
        stack.run(plan_scale(stack.now(), wanted, TARGET).steps)
        assert len(stack.release) == wanted
        assert stack.routed == set(stack.release)


def test_scaling_to_the_present_number_starts_nothing() -> None:
    assert not any(isinstance(step, Start) for step in plan_scale(FLEETS["two"], 2, TARGET).steps)


def test_a_listed_name_without_a_replica_is_removed_from_the_list() -> None:
    before = replace(FLEETS["two"], stale=True)
    assert Route(("app-1", "app-2")) in plan_scale(before, 2, TARGET).steps


def test_unhealthy_replicas_are_removed_first_then_old_releases_then_the_newest() -> None:
    members = [member(1, NEW), member(2, OLD), member(3, NEW, ready=False), member(4, NEW)]
    assert names(victims(members, 4, NEW)) == ("app-3", "app-2", "app-4", "app-1")


def test_the_plan_neither_waits_for_nor_serves_an_unhealthy_ejected_replica() -> None:
    now = fleet(member(1), member(2, ready=False, listed=False), member(3))
    steps_to_four = plan_scale(now, 4, TARGET, ejected={"app-2"}).steps
    assert AwaitReady(()) in steps_to_four
    assert Route(("app-1", "app-3"), started=True) in steps_to_four
    steps_to_three = plan_scale(now, 3, TARGET, ejected={"app-2"}).steps
    assert steps_to_three == (Remember(3),)


def test_an_ejected_replica_that_is_ready_again_is_served() -> None:
    now = fleet(member(1), member(2, listed=False))
    assert Route(("app-1", "app-2")) in plan_scale(now, 2, TARGET, ejected={"app-2"}).steps


def test_the_plan_waits_for_ejected_replicas_if_no_other_is_left() -> None:
    now = fleet(member(1, ready=False, listed=False))
    assert AwaitReady(("app-1",)) in plan_scale(now, 1, TARGET, ejected={"app-1"}).steps
