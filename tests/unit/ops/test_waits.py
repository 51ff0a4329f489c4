"""During the wait of a process: maintenance, an abort, the loss of the operation, a replica that watch ejects."""

from __future__ import annotations

from itertools import chain, repeat

import pytest

from ops import maintenance
from ops.errors import CONTINUE, Left, LockHeld, OperationFailed, ReleaseFailed
from ops.events import discard
from ops.operations import Operation
from ops.rollout import lock
from ops.rollout.entries import Header
from ops.rollout.journal import Journal
from ops.rollout.judgement import Verdict
from ops.rollout.lease import LEASE
from ops.rollout.lock import Lock
from ops.rollout.request import Request, Strategy
from ops.rollout.under_way import Phase, UnderWay
from ops.steps import Judge, Pause
from ops.traffic import Maintenance
from ops.watch import Judge as Watcher
from ops.watch import check_once
from tests.unit.ops.disturbances import left_over, state, unnumbered
from tests.unit.ops.fakes import FakeStack
from tests.unit.ops.waits import (
    FIRST,
    NEW,
    PASS,
    SECOND,
    STEPS,
    THIRD,
    UNSURE,
    EventClock,
    ask,
    begin,
    clock,
    done,
    end,
    present,
    stack,
    verdicts,
)


def test_a_canary_without_a_verdict_at_its_deadline_is_rolled_back(stack: FakeStack, verdicts: list[Verdict]) -> None:
    """As for one with too few requests: tests/unit/ops/rollout/test_judgement.py."""
    verdicts[:] = [UNSURE]
    before = state(stack)
    with pytest.raises(ReleaseFailed, match="too few"):
        begin(stack, "judge")
    assert state(stack) == before
    assert left_over(stack) == []


@pytest.mark.parametrize("name", STEPS)
def test_during_a_wait_maintenance_is_possible_and_no_other_operation_starts(
    stack: FakeStack, name: str, done: tuple[object, ...], clock: EventClock, verdicts: list[Verdict]
) -> None:
    closed = Maintenance(retry_after=60)
    seen: list[UnderWay | None] = []
    verdicts[:] = [PASS] if name == "pause" else [UNSURE]

    def change_meanwhile() -> None:
        operation = present(stack)
        if operation is None or operation.standing.step != STEPS[name] or seen:
            return
        seen.append(operation)
        assert Lock(stack.store, "shop").change_holder() is None
        permit = stack.gateway.permit  # type: ignore[attr-defined]  # another process has another gateway
        assert maintenance.switch(stack, closed, "videa maintenance on")
        stack.gateway.permit = permit  # type: ignore[attr-defined]
        with pytest.raises(LockHeld, match="videa deploy"):
            end(stack).scale(lambda present: 4)
        with pytest.raises(LockHeld, match="videa deploy"):
            end(stack).promote()
        verdicts[:] = [PASS]
        ask(stack, "promote")

    clock.events = repeat(change_meanwhile)
    begin(stack, name)
    assert [(operation.phase, operation.attended) for operation in seen if operation] == [(Phase.WAITING, True)]
    assert unnumbered(state(stack)) == done
    assert stack.gateway.maintenance == closed  # type: ignore[attr-defined]
    assert left_over(stack) == []


@pytest.mark.parametrize("name", STEPS)
def test_a_waiting_operation_is_aborted_from_another_process(
    stack: FakeStack, name: str, clock: EventClock, verdicts: list[Verdict]
) -> None:
    before = state(stack)
    verdicts[:] = [PASS] if name == "pause" else [UNSURE]
    clock.events = repeat(
        lambda: (
            ask(stack, "abort") if (operation := present(stack)) and operation.standing.step == STEPS[name] else None
        )
    )
    with pytest.raises(OperationFailed, match="aborted by"):
        begin(stack, name)
    assert state(stack) == before
    assert left_over(stack) == []


def hold_change_lock_elsewhere(stack: FakeStack, **labels: str) -> None:
    """Another process, on another machine, holds the change lock."""
    named = {f"videa.lock.{name}": value for name, value in {"machine": "elsewhere", "who": "ann", **labels}.items()}
    assert stack.store.create("videa.lock.shop", named, int(stack.world.now) + LEASE)


def test_at_the_end_of_the_wait_it_waits_for_a_brief_change(
    stack: FakeStack, done: tuple[object, ...], clock: EventClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "INTERVAL", 0.0)
    calls: list[str] = []

    def start_change() -> None:
        hold_change_lock_elsewhere(stack, brief="1", command="videa maintenance on")
        ask(stack, "promote")
        stack.world.disturb = count

    def count(call: str) -> None:
        calls.append(call)
        if len(calls) == 20:
            stack.world.disturb = lambda _: None
            stack.store.remove("videa.lock.shop")

    clock.events = chain([start_change], repeat(lambda: None))
    begin(stack, "keep")
    assert len(calls) == 20
    assert unnumbered(state(stack)) == done


def test_a_change_that_is_not_brief_stops_it_and_another_process_completes_it(
    stack: FakeStack, done: tuple[object, ...], clock: EventClock
) -> None:
    """For example an older videa, which does not know waits."""

    def start_change() -> None:
        hold_change_lock_elsewhere(stack, command="videa scale 9")
        ask(stack, "promote")

    clock.events = chain([start_change], repeat(lambda: None))
    with pytest.raises(LockHeld, match="videa scale 9") as caught:
        begin(stack, "keep")
    assert caught.value.aftermath is not None
    assert caught.value.aftermath.left is Left.STOPPED
    waiting = state(stack)
    assert stack.gateway.served == ("shop-app-3", "shop-app-4")  # type: ignore[attr-defined]
    stack.store.remove("videa.lock.shop")
    end(stack).promote()
    assert state(stack) != waiting
    assert unnumbered(state(stack)) == done


@pytest.mark.parametrize("name", STEPS)
def test_a_process_that_lost_the_operation_during_a_wait_changes_nothing(
    stack: FakeStack, name: str, clock: EventClock, verdicts: list[Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process was stopped (SIGSTOP) until its lease ended, and another one may have resumed it."""
    uptime, later = lock.uptime, [0.0]
    then: list[object] = []
    calls: list[str] = []
    monkeypatch.setattr(lock, "uptime", lambda: uptime() + later[0])
    verdicts[:] = [PASS] if name == "pause" else [UNSURE]

    def stop() -> None:
        operation = present(stack)
        if operation and operation.standing.step == STEPS[name]:
            later[0] = LEASE + 1.0
            then.append(state(stack))
            stack.world.disturb = calls.append

    clock.events = repeat(stop)
    with pytest.raises(LockHeld) as caught:
        begin(stack, name)
    assert caught.value.aftermath is not None
    assert caught.value.aftermath.left is Left.STOPPED
    assert [state(stack)] == then
    assert "create record" not in calls


def test_it_stops_if_an_older_videa_has_started_another_operation_during_the_wait(
    stack: FakeStack, clock: EventClock
) -> None:
    header = Header("videa scale 9, older", "ann@here", 1.0, 9, NEW, (FIRST,), (FIRST,), {})

    def replace_operation() -> None:
        journal = Journal(stack.store, "shop")
        journal.read()
        journal.begin(header)
        ask(stack, "promote")

    clock.events = chain([replace_operation], repeat(lambda: None))
    with pytest.raises(LockHeld, match="another operation has taken over") as caught:
        begin(stack, "keep")
    assert caught.value.aftermath is not None
    assert caught.value.aftermath.left is Left.TAKEN_OVER
    assert CONTINUE not in caught.value.hint
    assert set(stack.platform.names()) == {FIRST, SECOND, THIRD, "shop-app-4"}
    operation = Journal(stack.store, "shop").read()
    assert operation is not None
    assert operation.header == header


@pytest.mark.parametrize("name", STEPS)
def test_it_stops_if_an_older_videa_has_ended_it_during_the_wait(
    stack: FakeStack, name: str, clock: EventClock, verdicts: list[Verdict]
) -> None:
    then: list[object] = []
    verdicts[:] = [PASS] if name == "pause" else [UNSURE]

    def end_it() -> None:
        operation = present(stack)
        if operation and operation.standing.step == STEPS[name]:
            Journal(stack.store, "shop").discard()
            verdicts[:] = [PASS]
            then.append(state(stack))

    clock.events = repeat(end_it)
    with pytest.raises(LockHeld, match="another operation has taken over"):
        begin(stack, name)
    assert [state(stack)] == then
    assert left_over(stack) == []
    assert clock.now < 10, "it did not check the journal"


def test_a_prune_during_a_wait_has_no_effect(stack: FakeStack, done: tuple[object, ...], clock: EventClock) -> None:
    pruned: list[str] = []

    def prune() -> None:
        operation = present(stack)
        if not pruned and operation and operation.standing.step == Pause(5.0):
            pruned.extend(stack.store.records)
            for name in pruned:
                stack.store.remove(name)
        elif operation and operation.standing.step == Pause(5.0):
            ask(stack, "promote")

    clock.events = repeat(prune)
    begin(stack, "pause")
    assert "videa.journal.shop" in pruned
    assert unnumbered(state(stack)) == done
    assert left_over(stack) == []


@pytest.mark.parametrize("healthy_again", [True, False])
def test_watch_ejects_a_stable_replica_and_the_canary_keeps_its_share(
    stack: FakeStack, clock: EventClock, verdicts: list[Verdict], healthy_again: bool
) -> None:
    """The operation's next change returns the ejected replica to the balancer only if it is ready."""
    gateway, listed = stack.gateway, []
    request = Request(Strategy.CANARY, shares=(5.0, 50.0, 100.0), pause_at=(5.0,))

    def watch() -> None:
        operation = present(stack)
        if operation and operation.standing.step == Pause(5.0):
            before = gateway.membership().split
            stack.world.sick.update({SECOND, THIRD})  # THIRD is the canary, which watch does not eject
            check_once(stack, Watcher(failure_threshold=1, success_threshold=1), discard)
            assert gateway.membership().servers == (FIRST,)
            assert gateway.membership().split == before
            assert before is not None
            assert (before.servers, before.percent) == ((THIRD,), 5.0)
            stack.world.sick -= {SECOND, THIRD} if healthy_again else {THIRD}
            ask(stack, "promote")
        elif operation and operation.standing.step == Judge(50.0):
            listed.append(gateway.membership().servers)

    clock.events = repeat(watch)
    Operation(stack, discard, "videa deploy").deploy(NEW, request)
    assert set(listed) == {(FIRST, SECOND) if healthy_again else (FIRST,)}


__all__ = ["clock", "done", "stack", "verdicts"]
