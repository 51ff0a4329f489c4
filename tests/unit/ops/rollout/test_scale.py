"""Plans of scale: they end as asked, and no prefix of them loses a request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops.fleet import Fleet, names, victims
from ops.rollout.scale import plan_scale
from ops.steps import AwaitReady, Remember, Route, Start, Target
from tests.unit.ops.rollout.model import NEW, OLD, PaperStack, fleet, member

TARGET = Target(OLD, "app:old")

FLEETS = {
    "two": fleet(member(1), member(2)),
    "five": fleet(*(member(number) for number in range(1, 6))),
    "none": fleet(),
    "first contact": fleet(member(1), member(2), managed=False),
    "one ended": fleet(member(1), member(2, state="exited"), member(3)),
    "one unready": fleet(member(1), member(2, ready=False), member(3)),
    "broken off while starting": fleet(member(1), member(2), member(3, ready=False, listed=False)),
    "broken off while draining": fleet(member(1), member(2), member(3, listed=False), member(4, listed=False)),
    "two releases": fleet(member(1, NEW), member(2, OLD), member(3, OLD)),
}


@pytest.mark.parametrize("before", FLEETS.values(), ids=FLEETS.keys())
@pytest.mark.parametrize("wanted", [1, 2, 3, 5, 8])
def test_a_plan_ends_with_what_was_asked_and_keeps_serving_throughout(before: Fleet, wanted: int) -> None:
    stack = PaperStack(before, OLD)
    floor = min(len(stack.serving), wanted)
    for step in plan_scale(before, wanted, TARGET).steps:
        stack.do(step)
        assert len(stack.serving) >= floor
    assert len(stack.release) == wanted
    assert stack.routed == set(stack.release)
    assert stack.remembered == wanted


@pytest.mark.parametrize("before", FLEETS.values(), ids=FLEETS.keys())
@pytest.mark.parametrize("wanted", [1, 3, 6])
def test_broken_off_after_any_step_the_same_command_ends_as_asked(before: Fleet, wanted: int) -> None:
    steps = plan_scale(before, wanted, TARGET).steps
    for broken_off_after in range(len(steps)):
        stack = PaperStack(before, OLD)
        stack.run(steps[:broken_off_after])
        stack.started.clear()
        stack.run(plan_scale(stack.now(), wanted, TARGET).steps)
        assert len(stack.release) == wanted
        assert stack.routed == set(stack.release)


def test_scaling_to_what_runs_starts_nothing() -> None:
    assert not any(isinstance(step, Start) for step in plan_scale(FLEETS["two"], 2, TARGET).steps)


def test_a_listed_name_that_is_gone_leaves_the_list() -> None:
    before = replace(FLEETS["two"], stale=True)
    assert Route(("app-1", "app-2")) in plan_scale(before, 2, TARGET).steps


def test_the_unhealthy_go_first_then_old_releases_then_the_newest() -> None:
    members = [member(1, NEW), member(2, OLD), member(3, NEW, ready=False), member(4, NEW)]
    assert names(victims(members, 4, NEW)) == ("app-3", "app-2", "app-4", "app-1")


def test_what_was_taken_out_and_is_still_sick_is_neither_waited_for_nor_served() -> None:
    now = fleet(member(1), member(2, ready=False, listed=False), member(3))
    grown = plan_scale(now, 4, TARGET, ejected={"app-2"}).steps
    assert AwaitReady(()) in grown
    assert Route(("app-1", "app-3"), started=True) in grown
    same = plan_scale(now, 3, TARGET, ejected={"app-2"}).steps
    assert same == (Remember(3),)


def test_what_was_taken_out_and_is_ready_again_is_served() -> None:
    now = fleet(member(1), member(2, listed=False))
    assert Route(("app-1", "app-2")) in plan_scale(now, 2, TARGET, ejected={"app-2"}).steps


def test_when_only_what_was_taken_out_is_left_it_is_waited_for() -> None:
    now = fleet(member(1, ready=False, listed=False))
    assert AwaitReady(("app-1",)) in plan_scale(now, 1, TARGET, ejected={"app-1"}).steps
