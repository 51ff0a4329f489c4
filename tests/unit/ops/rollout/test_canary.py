"""Plans of a canary: its replicas grow with its share, and stable stays complete until the last verdict."""

from __future__ import annotations

import pytest

from ops.fleet import Fleet
from ops.rollout.canary import plan_canary
from ops.rollout.request import Request, Strategy, plan_deploy
from ops.steps import Judge, Pause, Remove, Route, Split, Start, Target
from tests.unit.ops.rollout.model import NEW, OLD, ModelStack, fleet, member

TARGET = Target(NEW, "app:new")
SHARES = (5.0, 25.0, 50.0, 100.0)

FLEETS = {
    "four": fleet(*(member(number) for number in range(1, 5))),
    "one": fleet(member(1)),
    "first contact": fleet(member(1), member(2), managed=False),
    "interrupted at a share": fleet(member(1), member(2), member(4, NEW), split=True),
    "interrupted before traffic": fleet(member(1), member(2), member(4, NEW, ready=False, listed=False)),
    "interrupted at the end": fleet(member(1, listed=False), member(2, listed=False), member(4, NEW), member(5, NEW)),
    "nothing ready": fleet(member(1, ready=False)),
    "one exited": fleet(member(1), member(2, state="exited")),
}


@pytest.mark.parametrize("before", FLEETS.values(), ids=FLEETS.keys())
def test_every_replica_is_of_the_new_release_and_capacity_never_falls(before: Fleet) -> None:
    stack = ModelStack(before)
    floor = min(len(stack.serving), 4)
    for step in plan_canary(before, 4, TARGET, SHARES).steps:
        stack.do(step)
        assert len(stack.serving) >= floor
    assert set(stack.release.values()) == {NEW}
    assert stack.routed == set(stack.release)
    assert len(stack.release) == 4
    assert not stack.canary


@pytest.mark.parametrize("before", FLEETS.values(), ids=FLEETS.keys())
def test_after_an_interrupt_at_any_step_it_continues_at_its_share(before: Fleet) -> None:
    request = Request(Strategy.CANARY, shares=SHARES)
    steps = plan_deploy(request, before, 4, TARGET).steps
    for interrupted_after in range(len(steps)):
        stack = ModelStack(before)
        stack.run(steps[:interrupted_after])
        stack.started.clear()
        shares = [step.percent for step in steps[:interrupted_after] if isinstance(step, Split | Judge)]
        reached = shares[-1] if shares else 0
        plan = plan_deploy(request, stack.now(), 4, TARGET, before=(), reached=reached)
        assert all(step.percent >= reached for step in plan.steps if isinstance(step, Split | Judge))
        stack.run(plan.steps)
        assert set(stack.release.values()) == {NEW}
        assert len(stack.release) == 4


def test_no_old_replica_is_removed_before_the_last_verdict() -> None:
    steps = plan_canary(FLEETS["four"], 4, TARGET, SHARES).steps
    assert max(place for place, step in enumerate(steps) if isinstance(step, Judge)) < min(
        place for place, step in enumerate(steps) if isinstance(step, Remove)
    )


def test_every_share_is_judged_and_has_the_replicas_it_needs() -> None:
    steps = plan_canary(FLEETS["four"], 4, TARGET, SHARES).steps
    assert [step.percent for step in steps if isinstance(step, Judge)] == list(SHARES)
    assert [step.count for step in steps if isinstance(step, Start)] == [1, 1, 1, 1]
    assert sum(isinstance(step, Route) for step in steps) == 1


def test_it_pauses_at_the_requested_share() -> None:
    steps = plan_canary(FLEETS["four"], 4, TARGET, SHARES, pause_at=(25.0,)).steps
    place = steps.index(Pause(25.0))
    assert steps[place - 1] == Judge(25.0)


def test_serving_replicas_are_stable_even_if_not_ready_by_the_new_file() -> None:
    before = fleet(*(member(number, ready=False) for number in range(1, 5)))
    steps = plan_canary(before, 4, TARGET, SHARES).steps
    serving = ("app-1", "app-2", "app-3", "app-4")
    assert [(step.names, step.percent) for step in steps if isinstance(step, Split)] == [
        (serving, share) for share in SHARES[:-1]
    ]
    assert [step.percent for step in steps if isinstance(step, Judge)] == list(SHARES)


@pytest.mark.parametrize(
    "gone",
    [
        fleet(),
        fleet(member(1, state="exited")),
        fleet(member(1, state="restarting")),
        fleet(member(1, ready=False, listed=False)),
        fleet(member(4, NEW)),
    ],
    ids=["none", "ended", "restarting", "not listed and not ready", "only the canary"],
)
def test_without_stable_it_is_judged_by_its_own_bounds(gone: Fleet) -> None:
    steps = plan_canary(gone, 2, TARGET, SHARES).steps
    assert [step.percent for step in steps if isinstance(step, Judge)] == [100.0]
    assert not any(isinstance(step, Split) for step in steps)
    verdict = next(place for place, step in enumerate(steps) if isinstance(step, Judge))
    assert not any(isinstance(step, Remove) and "app-1" in step.names and gone.alive for step in steps[:verdict])


def test_force_replaces_replicas_of_the_same_release() -> None:
    before = fleet(member(1, OLD), member(2, OLD))
    stack = ModelStack(before, OLD)
    stack.run(plan_deploy(Request(Strategy.CANARY, force=True, shares=SHARES), before, 2, Target(OLD, "app:old")).steps)
    assert set(stack.release) == {"app-3", "app-4"}
