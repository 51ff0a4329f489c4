"""One-shot services, such as a migration: once before a release, and never for a rollback."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ops.errors import Left, OneShotFailed
from ops.events import Event, StepStarted, discard
from ops.operations import ROLLBACK, Operation
from ops.project.startup import one_shots_of
from ops.rollout.request import Request
from ops.steps import RunOnce, Start, Target
from tests.unit.ops.disturbances import NEW, Killed, left_over, quiet, state
from tests.unit.ops.fakes import FakeStack, fake_shop, fake_stack
from tests.unit.ops.fakes.world import APP, MAIL

COMPLETED = {"migrate": {"condition": "service_completed_successfully"}}
NEW_MAIL = Target("new", "app:new", {"MAIL_IMAGE": "app:new"})
NOW = Target("old", "app:old")


def waiting(stack: FakeStack, *names: str) -> FakeStack:
    """The stack with services that wait for the one-shot ``migrate``, which has run before."""
    model: Any = stack.project.model
    model["services"]["migrate"] = {"image": "app:old"}
    for name in names:
        model["services"][name]["depends_on"] = COMPLETED
    ran = stack.platform.add(state="exited")
    container = dataclasses.replace(stack.platform.by_name.pop(ran), service="migrate")
    containers = stack.platform.containers
    stack.platform.containers = lambda: [*containers(), container]  # type: ignore[method-assign]
    return stack


def deploy(stack: FakeStack, target: Target = NEW, emit: Any = discard, **options: Any) -> object:
    return Operation(stack, emit, "videa deploy").deploy_all({APP: (target, Request())}, **options)


def test_a_service_waits_for_those_that_must_complete_and_for_theirs() -> None:
    services: dict[str, Any] = {
        "web": {"depends_on": {"db": {"condition": "service_healthy"}, **COMPLETED}},
        "db": {"depends_on": COMPLETED},
        "migrate": {"depends_on": {"seed": {"condition": "service_completed_successfully"}, "absent": None}},
        "seed": {},
        "listed": {"depends_on": ["migrate"]},
    }
    assert one_shots_of(services, "web") == ["seed", "migrate"]
    assert one_shots_of(services, "listed") == []


def test_it_runs_once_before_the_first_replica_of_all_services_starts(tmp_path: Path) -> None:
    shop, events = waiting(fake_shop(tmp_path), APP, MAIL), list[Event]()
    Operation(shop, events.append, "videa deploy").deploy_all({APP: (NEW, Request()), MAIL: (NEW_MAIL, Request())})
    assert shop.platform.completed == [("migrate", {**NEW.overrides, **NEW_MAIL.overrides})]
    steps = [event.step for event in events if isinstance(event, StepStarted)]
    assert [type(step) for step in steps if isinstance(step, RunOnce | Start)][:2] == [RunOnce, Start]


def test_its_failure_ends_the_deploy_before_anything_is_switched(tmp_path: Path) -> None:
    stack = waiting(fake_stack(tmp_path), APP)
    before, calls = state(stack), list[str]()
    stack.platform.exit_code = 3
    stack.platform.last_words = lambda container: "first\nno such column"  # type: ignore[method-assign]
    stack.world.disturb = calls.append
    with pytest.raises(OneShotFailed, match="migrate failed with exit code 3: no such column") as failed:
        deploy(stack)
    assert failed.value.shows_detail
    assert failed.value.detail == "first\nno such column"
    assert failed.value.aftermath
    assert failed.value.aftermath.left is Left.ROLLED_BACK
    assert not {"create", "apply", "stop"} & set(calls)
    assert state(stack) == before
    assert left_over(stack) == []


def test_it_runs_alone_if_only_it_has_changed_and_not_at_all_without_a_change(tmp_path: Path) -> None:
    stack = waiting(fake_stack(tmp_path), APP)
    deploy(stack, NOW)
    assert stack.platform.completed == []
    model: Any = stack.project.model
    model["services"]["migrate"]["image"] = "app:newer"
    replicas = stack.platform.names()
    deploy(stack, NOW)
    assert [name for name, _ in stack.platform.completed] == ["migrate"]
    assert stack.platform.names() == replicas


def test_a_dry_run_shows_it_and_a_rollback_does_not_run_it(tmp_path: Path) -> None:
    stack = waiting(fake_stack(tmp_path), APP)
    outcome: Any = deploy(stack, dry_run=True)
    assert isinstance(outcome.plan.steps[0], RunOnce)
    deploy(stack, action=ROLLBACK)
    assert stack.platform.completed == []


@pytest.mark.parametrize("then", ["resume", "same command"])
@pytest.mark.parametrize(("killed_at", "times"), [("complete migrate", 1), ("create", 1)])
def test_after_a_kill_only_an_incomplete_one_runs_again(tmp_path: Path, then: str, killed_at: str, times: int) -> None:
    stack = waiting(fake_stack(tmp_path), APP)

    def kill(call: str) -> None:
        if call == killed_at:
            raise Killed

    stack.world.disturb = kill
    with pytest.raises(Killed):
        deploy(stack)
    stack.world.disturb = lambda call: None
    Operation(stack, discard, "videa deploy --resume").resume() if then == "resume" else deploy(stack)
    assert len(stack.platform.completed) == times
    assert {replica.image for replica in stack.platform.by_name.values()} == {"app:new"}


__all__ = ["quiet"]
