"""Plans that move replicas: no prefix loses a request, and the nodes end with as many replicas as each other."""

from __future__ import annotations

import pytest

from ops.rollout.move import excess, plan_move
from ops.steps import Remember, SetAvailability, Target
from tests.unit.ops.rollout.model import OLD, ModelStack, fleet, member

TARGET = Target(OLD, "app:old")
PAUSED = SetAvailability("n1", "node1", "pause", "active")
DRAINED = SetAvailability("n1", "node1", "drain", "pause")


@pytest.mark.parametrize("surge", [1, 2, 5])
def test_others_take_over_from_the_replicas_that_move(surge: int) -> None:
    before = fleet(*map(member, range(1, 5)))
    stack = ModelStack(before, OLD)
    plan = plan_move(before, 4, TARGET, surge, ["app-1", "app-3"], (PAUSED,), (DRAINED,))
    for step in plan.steps:
        stack.do(step)
        assert len(stack.serving) >= len(before.alive)
    assert (plan.steps[0], plan.steps[-1]) == (PAUSED, DRAINED)
    assert stack.removed == ["app-3", "app-1"]
    assert stack.routed == set(stack.release) == {"app-2", "app-4", "app-5", "app-6"}


def test_a_node_without_replicas_needs_no_other_step() -> None:
    assert plan_move(fleet(member(1)), 1, TARGET, 1, [], (PAUSED,), (DRAINED,)).steps == (PAUSED, Remember(1), DRAINED)
    assert plan_move(fleet(member(1)), 1, TARGET, 1, ["app-7"]).steps == ()


def test_a_move_is_continued_with_the_replicas_that_are_left() -> None:
    before = fleet(*map(member, range(1, 4)))
    steps = plan_move(before, 3, TARGET, 1, ["app-1", "app-2"]).steps
    for interrupted_after in range(len(steps)):
        stack = ModelStack(before, OLD)
        stack.run(steps[:interrupted_after])
        stack.started.clear()
        rest = plan_move(stack.now(), 3, TARGET, 1, ["app-1", "app-2"]).steps
        stack.run(rest)
        if rest:
            assert isinstance(rest[-1], Remember)
        assert {"app-1", "app-2"} & set(stack.release) == set()
        assert (len(stack.release), stack.routed) == (3, set(stack.release))


@pytest.mark.parametrize(
    ("nodes", "moved"),
    [
        ({"n1": ["a1", "a2", "a3", "a4"], "n2": []}, ["a4", "a3"]),
        ({"n1": ["a1", "a2", "a3"], "n2": ["a4", "a5"]}, []),
        ({"n1": ["a1", "a2", "a3"], "n2": ["a4", "a5"], "n3": ["a6"]}, ["a3"]),
        ({"n1": ["a1", "a2", "a3"], "n2": ["a4"], "n3": ["a5"]}, ["a3"]),
        ({"n1": ["a1"], "n2": ["a2"], "n3": []}, []),
        ({"n1": ["a1", "a2", "a3", "a4", "a5"]}, []),
        ({}, []),
    ],
)
def test_the_newest_of_the_fullest_nodes_move(nodes: dict[str, list[str]], moved: list[str]) -> None:
    assert excess(nodes) == moved
