"""The place of the project's commands in a deploy."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import OperationFailed, PlanRefused
from ops.project.settings import Hooks
from ops.rollout.hooks import command_line, run_hook, with_hooks
from ops.rollout.request import Request, Strategy, plan_deploy
from ops.steps import Drain, Follow, Hook, Plan, Remember, Route, Split, Start, Target
from tests.unit.ops.fakes import fake_stack
from tests.unit.ops.rollout.model import NEW, ModelStack, fleet, member

ALL = Hooks(pre_deploy="a", pre_traffic="b", post_traffic="c", post_deploy="d")
BEFORE = fleet(member(1), member(2), managed=False)


DEPLOYS = (Strategy.ROLLING, Strategy.BLUE_GREEN, Strategy.CANARY)
"""A move is of the release that runs already, and has no hooks."""


def plan(strategy: Strategy, hooks: Hooks = ALL) -> Plan:
    request = Request(strategy, paths=("/",), shares=(10, 100))
    return with_hooks(plan_deploy(request, BEFORE, 2, Target(NEW, "app:new")), hooks, ("worker",))


@pytest.mark.parametrize("strategy", DEPLOYS)
def test_each_hook_runs_once_at_its_place(strategy: Strategy) -> None:
    steps = plan(strategy).steps
    hooks = [step.name for step in steps if isinstance(step, Hook)]
    assert hooks == ["pre_deploy", "pre_traffic", "post_traffic", "post_deploy"]
    assert isinstance(steps[0], Hook)
    assert isinstance(steps[-1], Hook)
    first_start = next(place for place, step in enumerate(steps) if isinstance(step, Start))
    traffic = next(place for place, step in enumerate(steps) if isinstance(step, Route | Split) and place > first_start)
    assert steps[traffic - 1] == Hook("pre_traffic", "b")
    switch = max(place for place, step in enumerate(steps) if isinstance(step, Route))
    assert steps[switch + 1] == Hook("post_traffic", "c")
    assert any(isinstance(step, Drain) for step in steps[switch:])


@pytest.mark.parametrize("strategy", DEPLOYS)
def test_other_services_follow_before_the_release_is_recorded(strategy: Strategy) -> None:
    steps = plan(strategy).steps
    place = steps.index(Follow(("worker",)))
    assert isinstance(steps[place + 1], Remember)


@pytest.mark.parametrize("strategy", DEPLOYS)
def test_a_plan_with_hooks_still_deploys_the_release(strategy: Strategy) -> None:
    stack = ModelStack(BEFORE)
    stack.run(plan(strategy).steps)
    assert set(stack.release.values()) == {NEW}


def test_a_plan_without_steps_runs_no_hook() -> None:
    done = Plan((), Target(NEW, "app:new"), "all run it")
    assert with_hooks(done, ALL, ("worker",)) == done


def test_without_hooks_a_plan_is_unchanged() -> None:
    bare = plan_deploy(Request(), BEFORE, 2, Target(NEW, "app:new"))
    assert with_hooks(bare, Hooks()) == bare


def test_a_hook_that_would_end_what_serves_fails_with_what_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that one after the deploy is only reported: what serves is the new release by then."""
    stack = fake_stack(tmp_path)

    def refuse(*_: object) -> None:
        raise PlanRefused("the network shop_default differs from the Compose file", "nothing was changed")

    monkeypatch.setattr(type(stack.platform), "task", refuse)
    with pytest.raises(OperationFailed, match="the hook post_deploy did not run: the network shop_default") as error:
        run_hook(stack, Hook("post_deploy", "true"), Target(NEW, "app:new"))
    assert "at a quiet time" in error.value.hint


def test_a_string_runs_in_a_shell_and_a_list_without_one() -> None:
    shell, plain = Hook("pre_deploy", "true && exit 3"), Hook("pre_deploy", ("echo", "a b", "&&"))
    assert command_line(shell) == ("sh", "-c", "true && exit 3")
    assert command_line(plain) == ("echo", "a b", "&&")
