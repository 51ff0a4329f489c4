"""Whole deploys in Compose's words: stop-first, a pause after a failure, new replicas that are watched, delays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ops.errors import Left, PlanRefused, ReplicaNotReady
from ops.events import Event, StepStarted, discard
from ops.operations import Operation
from ops.rollout.pace import Pace
from ops.rollout.request import Request
from ops.steps import Delay, Target
from tests.unit.ops.disturbances import NEW, left_over, quiet, state, unnumbered
from tests.unit.ops.fakes import fake_shop, fake_stack
from tests.unit.ops.fakes.world import MAIL
from videa_cli.exit_codes import ExitCode, exit_code_of

NEW_MAIL = Target("new", "app:new", {"MAIL_IMAGE": "app:new", "MAIL_RELEASE": "new"})
STOP_FIRST = Request(surge=0, pace=Pace(stop_first=True))


def test_a_worker_is_stopped_before_its_successor_starts(tmp_path: Path) -> None:
    shop = fake_shop(tmp_path)
    worker, running = shop.of(MAIL), []
    shop.world.disturb = lambda call: running.append(
        sum(replica.running for replica in worker.platform.by_name.values())
    )
    Operation(shop, discard, "videa deploy").deploy_all({MAIL: (NEW_MAIL, STOP_FIRST)})
    assert (max(running), min(running)) == (2, 0)
    assert {replica.image for replica in worker.platform.by_name.values()} == {"app:new"}


def test_a_worker_that_fails_is_replaced_by_the_stopped_one(tmp_path: Path) -> None:
    shop = fake_shop(tmp_path)
    platform = shop.of(MAIL).platform
    before = dict(platform.by_name)

    def exits(call: str) -> None:
        if call == "created":
            for name in platform.names()[2:]:
                platform.by_name[name] = replace(platform.by_name[name], state="exited")

    start = platform.start
    platform.start = lambda name: None if name not in before else start(name)  # type: ignore[method-assign]
    shop.world.disturb = exits
    with pytest.raises(ReplicaNotReady) as failed:
        Operation(shop, discard, "videa deploy").deploy_all({MAIL: (NEW_MAIL, STOP_FIRST)})
    assert failed.value.aftermath and failed.value.aftermath.left is Left.ROLLED_BACK
    assert platform.by_name == before


def test_the_last_replica_with_requests_is_never_stopped_first(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    before = state(stack)
    with pytest.raises(PlanRefused, match="order: stop-first would leave app without a replica that serves"):
        Operation(stack, discard, "videa deploy").deploy(NEW, STOP_FIRST)
    Operation(stack, discard, "videa deploy").deploy(NEW, Request(pace=Pace(stop_first=True)))
    assert state(stack) != before
    assert len(stack.gateway.served) == 2


def test_after_a_failure_the_operator_decides(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    before, request = state(stack), Request(pace=Pace(pause=True, monitor=0.01))
    stack.world.sick.add("shop-app-3")
    with pytest.raises(ReplicaNotReady, match="because failure_action is pause") as failed:
        Operation(stack, discard, "videa deploy").deploy(NEW, request)
    assert exit_code_of(failed.value) is ExitCode.NOT_ROLLED_BACK
    assert "shop-app-3" in failed.value.hint and "videa deploy --abort" in failed.value.hint
    assert "shop-app-3" in stack.platform.by_name
    Operation(stack, discard, "videa abort").abort()
    assert state(stack) == before
    assert left_over(stack) == []


@pytest.mark.parametrize("pause", [False, True])
def test_a_replica_that_fails_while_it_is_watched_loses_its_traffic(tmp_path: Path, pause: bool) -> None:
    stack = fake_stack(tmp_path)
    before = state(stack)

    def falls_ill(call: str) -> None:
        if call == "apply":
            stack.world.sick.add("shop-app-3")

    stack.world.disturb = falls_ill
    with pytest.raises(ReplicaNotReady, match="was no longer ready"):
        Operation(stack, discard, "videa deploy").deploy(NEW, Request(pace=Pace(monitor=5.0, pause=pause)))
    assert set(stack.gateway.served) == {"shop-app-1", "shop-app-2"}
    assert ("shop-app-3" in stack.platform.by_name) == pause
    assert pause or state(stack) == before


def test_there_is_a_delay_between_two_batches_only(tmp_path: Path) -> None:
    stack, events = fake_stack(tmp_path), list[Event]()
    Operation(stack, events.append, "videa deploy").deploy(NEW, Request(pace=Pace(delay=0.01)))
    delays = [event for event in events if isinstance(event, StepStarted) and isinstance(event.step, Delay)]
    assert len(delays) == 1
    assert {replica.image for replica in stack.platform.by_name.values()} == {"app:new"}
    assert unnumbered(state(stack))


__all__ = ["quiet"]
