"""Operations disturbed at every call: message, history and final state agree, and the lock is free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from ops.errors import Left, PlanRefused, VideaError
from ops.events import Event, OperationEnded, Retrying, RollingBack, discard
from ops.notices import NotServing
from ops.operations import Operation
from ops.rollout import history, lease, restore
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from tests.unit.ops.disturbances import (
    OPERATIONS,
    blue_green,
    deploy,
    disturbed,
    left_over,
    lost_answer,
    quiet,
    recorded,
    scale_up,
    state,
    unnumbered,
    wanted,
)
from tests.unit.ops.fakes import FakeStack, fake_stack


@pytest.mark.parametrize("name", OPERATIONS)
def test_one_lost_call_at_most_rolls_the_operation_back(tmp_path: Path, name: str) -> None:
    done, calls = wanted(tmp_path / "undisturbed", name)
    for place in range(1, calls + 1):
        stack, disturbance, before, raised = disturbed(tmp_path / str(place), name, lost_answer, (place,))
        where = disturbance.at(place)
        if raised is None:
            assert state(stack) == done, where
        else:
            assert isinstance(raised, VideaError), (where, raised)
            assert raised.aftermath is None or raised.aftermath.as_before, (where, raised.message)
            assert state(stack) == before, where
        assert Journal(stack.store, stack.project.name).read() is None, where
        assert Lock(stack.store, stack.project.name).active_holder() is None, where


@pytest.mark.parametrize("name", OPERATIONS)
def test_if_the_engine_stays_away_the_journal_and_a_hint_remain(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "PATIENCE", 0.0)
    monkeypatch.setattr(lease, "PATIENCE", 0.0)
    done, calls = wanted(tmp_path / "undisturbed", name)
    seen = set()
    for place in range(1, calls + 1):
        all_later = range(place, 10_000)
        stack, disturbance, before, raised = disturbed(tmp_path / str(place), name, lost_answer, all_later)
        where = disturbance.at(place)
        journal = Journal(stack.store, stack.project.name).read()
        if raised is None:
            assert state(stack) == done, where
            continue
        assert isinstance(raised, VideaError), (where, raised)
        seen.add(raised.aftermath.left if raised.aftermath else None)
        if raised.aftermath is None or raised.aftermath.as_before:
            assert state(stack) == before, (where, raised.message)
            continue
        if raised.aftermath.left is Left.UNCHECKED:
            assert state(stack) == done, where
            assert "could not be checked: refused" in raised.message
            continue
        assert raised.aftermath.left in (Left.HALF_WAY, Left.STOPPED)  # STOPPED: during a wait, without a change
        assert journal is not None, where
        assert raised.aftermath.left.value in raised.message
        assert "rolled back" not in raised.hint
        assert "--abort" in raised.hint
        assert "--resume" in raised.hint
        ending = Operation(stack, discard, "videa deploy --resume")
        outcome = ending.resume() if journal.returning else ending.abort()
        assert outcome.rolled_back, where
        assert state(stack) == before, where
        assert left_over(stack) == [], where
    assert {Left.HALF_WAY, Left.UNCHECKED} <= seen


@pytest.mark.parametrize("name", OPERATIONS)
def test_after_an_interrupt_at_any_call_another_process_completes_it(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the engine, a process that can no longer reach it is the same as a killed one."""
    monkeypatch.setattr(restore, "PATIENCE", 0.0)
    monkeypatch.setattr(lease, "PATIENCE", 0.0)
    done, calls = wanted(tmp_path / "undisturbed", name)
    ended = 0
    for place in range(1, calls + 1):
        all_later = range(place, 10_000)
        stack, disturbance, before, _ = disturbed(tmp_path / str(place), name, lost_answer, all_later)
        where = disturbance.at(place)
        if Journal(stack.store, stack.project.name).read() is None:
            assert state(stack) in (before, done), where
            continue
        Operation(stack, discard, "videa deploy --resume").resume()
        assert unnumbered(state(stack)) == unnumbered(done), where
        assert left_over(stack) == [], where
        ended += 1
    assert ended


def test_retries_during_the_rollback_are_reported(tmp_path: Path) -> None:
    events: list[Event] = []
    stack = fake_stack(tmp_path)
    stack.world.sick.add("shop-app-3")
    failing = ["remove", "replicas"]

    def disturb(call: str) -> None:
        if RollingBack() in events and call in failing:
            failing.remove(call)
            lost_answer()

    before = state(stack)
    stack.world.disturb = disturb
    with pytest.raises(VideaError, match="not ready") as caught:
        Operation(stack, events.append, "videa scale 3").scale(lambda present: 3)
    assert failing == []
    assert any(isinstance(event, Retrying) for event in events)
    assert caught.value.hint.startswith("everything was rolled back; ")
    assert state(stack) == before


@pytest.mark.parametrize("fault", ["sick", "exited"])
def test_a_new_replica_that_fails_after_later_ones_have_started_stops_the_deploy(tmp_path: Path, fault: str) -> None:
    """It fails while the fifth new one starts: all are asked again before the last old ones leave."""
    stack = fake_stack(tmp_path, 6)
    before = state(stack)

    def disturb(call: str) -> None:
        if call == "start" and len(stack.platform.by_name) >= 7 and "shop-app-11" in stack.platform.by_name:
            if fault == "sick":
                stack.world.sick.add("shop-app-7")
            elif "shop-app-7" in stack.platform.by_name:
                replica = stack.platform.by_name["shop-app-7"]
                stack.platform.by_name["shop-app-7"] = replace(replica, state="exited")

    stack.world.disturb = disturb
    with pytest.raises(VideaError, match=r"shop-app-7 (was not ready|exited)") as caught:
        deploy(Operation(stack, discard, "videa deploy"))
    assert caught.value.hint.startswith("everything was rolled back; ")
    assert unnumbered(state(stack)) == unnumbered(before)


def test_the_last_event_and_the_history_agree(tmp_path: Path) -> None:
    events: list[Event] = []
    stack = fake_stack(tmp_path)
    Operation(stack, events.append, "videa scale 4").scale(lambda present: 4)
    stack.world.sick.add("shop-app-5")
    with pytest.raises(VideaError, match="not ready"):
        Operation(stack, events.append, "videa scale 5").scale(lambda present: 5)
    ended = [event for event in events if isinstance(event, OperationEnded)]
    assert [(event.command, event.result == history.DONE, event.left) for event in ended] == [
        ("videa scale 4", True, ""),
        ("videa scale 5", False, "rolled_back"),
    ]
    assert [msgspec.structs.replace(event, left="", seconds=round(event.seconds, 3)) for event in ended] == [
        entry.ended for entry in history.read(stack)
    ]


def test_after_an_incomplete_rollback_the_history_names_the_serving_release(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    stack.platform.add("app:new")
    Operation(stack, discard, "videa scale 2").scale(lambda present: 2)
    entry = history.read(stack)[-1]
    assert (entry.release, entry.image) == ("old", "app:old")
    assert stack.gateway.served == ("shop-app-1", "shop-app-2")


@dataclass
class ComposeUp:
    """What `docker compose up -d` may do in the middle of an operation: ``act``, once, at the first call ``at``."""

    stack: FakeStack
    at: str
    act: Callable[[FakeStack], object]

    def __call__(self, call: str) -> None:
        if call == self.at:
            self.stack.world.disturb = lambda _: None
            self.act(self.stack)


@pytest.mark.parametrize(
    ("at", "act", "message"),
    [
        ("wait_drained", lambda stack: stack.platform.remove("shop-app-3"), "1 replica instead of 2; shop-app-3 is in"),
        ("wait_drained", lambda stack: stack.platform.add(), "3 replicas instead of 2; shop-app-5 is of another"),
        ("stop", lambda stack: stack.platform.stop("shop-app-3"), "1 replica instead of 2; shop-app-3 is exited"),
        ("stop", lambda stack: stack.world.sick.add("shop-app-4"), "shop-app-4 is not ready"),
    ],
    ids=["removed", "added", "stopped", "sick"],
)
def test_a_deploy_does_not_claim_what_something_else_has_changed(
    tmp_path: Path, at: str, act: Callable[[FakeStack], object], message: str
) -> None:
    stack = fake_stack(tmp_path)
    stack.world.disturb = ComposeUp(stack, at, act)
    with pytest.raises(VideaError, match=message) as caught:
        blue_green(Operation(stack, discard, "videa deploy"))
    assert caught.value.message.startswith("all steps are done, but the result is not as planned: ")
    assert caught.value.hint == "run the same command again; `videa status` shows the stack"
    assert recorded(stack) == [caught.value.message]
    assert left_over(stack) == []


def test_the_old_replicas_are_not_removed_if_all_that_the_balancer_lists_are_gone(tmp_path: Path) -> None:
    def remove_new(stack: FakeStack) -> None:
        for name in ("shop-app-3", "shop-app-4"):
            stack.platform.remove(name)

    stack = fake_stack(tmp_path)
    before = state(stack)
    stack.world.disturb = ComposeUp(stack, "wait_drained", remove_new)
    with pytest.raises(VideaError, match=r"\(shop-app-3, shop-app-4\) are no longer running") as caught:
        blue_green(Operation(stack, discard, "videa deploy"))
    assert caught.value.hint.startswith("everything was rolled back; ")
    assert state(stack) == before


def test_an_old_replica_that_was_started_again_after_its_stop_is_not_removed(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    stack.world.disturb = ComposeUp(stack, "remove", lambda stack: stack.platform.start("shop-app-1"))
    with pytest.raises(VideaError, match="3 replicas instead of 2; shop-app-1 is of another release"):
        blue_green(Operation(stack, discard, "videa deploy"))
    assert stack.platform.by_name["shop-app-1"].running


def test_a_scale_does_not_claim_a_number_that_is_not_there(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    stack.world.disturb = ComposeUp(stack, "apply", lambda stack: stack.platform.remove("shop-app-2"))
    with pytest.raises(VideaError, match="3 replicas instead of 4; shop-app-2 is in the balancer but not") as caught:
        scale_up(Operation(stack, discard, "videa scale 4"))
    assert caught.value.hint.startswith("scale again: videa scale 4; ")
    scale_up(Operation(stack, discard, "videa scale 4"))
    assert len(stack.gateway.served) == 4  # type: ignore[attr-defined]


def test_a_scale_claims_nothing_of_a_replica_that_was_sick_before(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    stack.world.sick.add("shop-app-2")
    scale_up(Operation(stack, discard, "videa scale 4"))
    assert recorded(stack) == [history.DONE]


def test_a_replica_that_answers_again_at_the_next_look_is_no_difference(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    looks: list[str] = []

    def busy(call: str) -> None:
        if call == "probe" and "stop" in stack_calls:
            looks.append(call)
            stack.world.sick = {"shop-app-3"} if len(looks) == 1 else set()
        stack_calls.append(call)

    stack_calls: list[str] = []
    stack.world.disturb = busy
    blue_green(Operation(stack, discard, "videa deploy"))
    assert len(looks) == 2
    assert recorded(stack) == [history.DONE]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda stack: stack.platform.remove("shop-app-2"), "shop-app-2 is no longer running"),
        (lambda stack: setattr(stack.gateway, "served", ("shop-app-1",)), "shop-app-2 is not in the balancer"),
    ],
    ids=["removed", "not listed"],
)
def test_a_rollback_does_not_claim_what_something_else_has_changed(
    tmp_path: Path, act: Callable[[FakeStack], object], message: str
) -> None:
    stack = fake_stack(tmp_path)
    stack.world.sick.add("shop-app-3")
    stack.world.disturb = ComposeUp(stack, "remove", act)
    with pytest.raises(VideaError, match="it was rolled back, but the stack is not as before") as caught:
        deploy(Operation(stack, discard, "videa deploy"))
    assert message in caught.value.message
    assert "videa scale 2" in caught.value.hint
    assert left_over(stack) == []


def test_a_removed_replica_that_did_not_serve_before_is_named(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    sick = stack.platform.add()
    stack.world.sick.update((sick, "shop-app-5"))  # the second new replica does not become ready
    before = state(stack)
    with pytest.raises(VideaError, match="not ready") as caught:
        deploy(Operation(stack, discard, "videa deploy"))
    assert caught.value.hint.startswith(f"everything was rolled back, without {sick}, which did not serve; ")
    assert set(stack.platform.names()) == {"shop-app-1", "shop-app-2"}
    assert state(stack)[1:] == before[1:]


def test_no_replica_is_started_while_one_is_paused(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    stack.platform.by_name["shop-app-2"] = replace(stack.platform.by_name["shop-app-2"], state="paused")
    before = state(stack)
    for act in (scale_up, deploy):
        with pytest.raises(PlanRefused, match="shop-app-2 is paused") as refused:
            act(Operation(stack, discard, "videa"))
        assert "docker unpause shop-app-2" in refused.value.hint
    assert state(stack) == before


__all__ = ["quiet"]


def test_a_scale_names_the_replicas_that_it_left_as_they_were_and_that_do_not_serve(tmp_path: Path) -> None:
    stack, told = fake_stack(tmp_path), list[Event]()
    stack.world.sick.add("shop-app-2")
    outcome = Operation(stack, told.append, "videa scale 2").scale(lambda _: 2)
    assert [each.replica for each in outcome.idle] == ["shop-app-2"]
    assert [each for each in told if isinstance(each, NotServing)] == list(outcome.idle)
    stack.world.sick.clear()
    assert Operation(stack, discard, "videa scale 3").scale(lambda _: 3).idle == ()
