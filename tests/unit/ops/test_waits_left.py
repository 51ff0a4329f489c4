"""A wait that is left, or whose process was killed, and what another process does with it."""

from __future__ import annotations

from itertools import chain, repeat

import pytest

from ops.errors import EngineUnreachable, LockHeld, PlanRefused, VideaError
from ops.events import Event, LeftWaiting, Promoted
from ops.rollout import history
from ops.rollout.journal import Journal
from ops.rollout.judgement import Verdict
from ops.rollout.lock import Lock
from ops.rollout.request import Request
from ops.rollout.under_way import Phase
from ops.steps import Judge, Target
from tests.unit.ops.disturbances import left_over, recorded, state, unnumbered
from tests.unit.ops.fakes import FakeStack
from tests.unit.ops.waits import STEPS, EventClock, ask, begin, clock, done, end, kill, leave, present, stack, verdicts


@pytest.mark.parametrize("name", ["judge", "keep"])
def test_detach_leaves_a_deploy_at_its_first_wait_with_its_locks_free(
    stack: FakeStack, name: str, verdicts: list[Verdict]
) -> None:
    emitted: list[Event] = []
    outcome = begin(stack, name, detach=True, emitted=emitted)
    assert outcome.waiting is not None
    assert outcome.waiting.step == STEPS[name]
    assert isinstance(emitted[-1], LeftWaiting)
    assert left_over(stack) == ["videa.journal.shop"]
    assert Lock(stack.store, "shop").status() is None
    operation = present(stack)
    assert operation is not None
    assert (operation.phase, operation.attended) == (Phase.WAITING, False)
    assert recorded(stack) == [history.LEFT]
    assert "new" not in [entry.release for entry in history.releases(history.read(stack))]


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("how", ["left", "killed"])
@pytest.mark.parametrize("then", ["promote", "abort", "resume"])
def test_an_unattended_operation_is_continued_by_another_process(
    stack: FakeStack, name: str, how: str, then: str, done: tuple[object, ...], clock: EventClock
) -> None:
    before = state(stack)
    if how == "left":
        leave(stack, name)
    else:
        kill(stack, name, clock)
    operation = present(stack)
    assert operation is not None
    assert (operation.standing.step, operation.phase, operation.attended) == (STEPS[name], Phase.WAITING, False)
    assert operation.standing.wait is not None
    if then == "promote":
        end(stack).promote()
    elif then == "abort":
        end(stack).abort()
    else:
        clock.events = chain([lambda: name == "pause" and ask(stack, "promote")], repeat(lambda: None))
        end(stack).resume()
    assert left_over(stack) == []
    if then == "abort":
        assert state(stack) == before
    else:
        assert unnumbered(state(stack)) == done


@pytest.mark.parametrize("name", STEPS)
def test_another_operation_is_refused_while_an_unattended_one_waits(
    stack: FakeStack, name: str, verdicts: list[Verdict]
) -> None:
    leave(stack, name)
    before, files = state(stack), Journal(stack.store, "shop").read()
    other = Target("other", "app:other", {"APP_IMAGE": "app:other", "APP_RELEASE": "other"})
    for attempt in (
        lambda: end(stack).check_nothing_waits(),
        lambda: end(stack).scale(lambda present: 3),
        lambda: end(stack).deploy(other, Request()),
    ):
        with pytest.raises(LockHeld, match=f"videa deploy, {name}") as caught:
            attempt()
        assert "videa promote" in caught.value.hint
        assert "videa abort" in caught.value.hint
    assert state(stack) == before
    assert Journal(stack.store, "shop").read() == files


def test_a_promotion_ends_one_wait_and_completes_the_deploy(stack: FakeStack, done: tuple[object, ...]) -> None:
    leave(stack, "pause")
    emitted: list[Event] = []
    outcome = end(stack, emitted).promote()
    assert [event.percent for event in emitted if isinstance(event, Promoted)] == [None]
    assert [verdict.percent for verdict in outcome.verdicts] == [100.0]
    assert unnumbered(state(stack)) == done


def test_a_promotion_with_detach_stops_at_the_next_wait(stack: FakeStack, verdicts: list[Verdict]) -> None:
    leave(stack, "judge")
    outcome = end(stack).promote(detach=True)
    assert outcome.waiting is not None
    assert outcome.waiting.step == Judge(100.0)
    assert stack.gateway.canary == ()  # type: ignore[attr-defined]


def test_only_a_waiting_operation_can_be_promoted(stack: FakeStack, verdicts: list[Verdict]) -> None:
    with pytest.raises(PlanRefused, match="no operation waits"):
        end(stack).promote()

    def lost(call: str) -> None:
        raise EngineUnreachable("refused", "")

    def lose(call: str) -> None:
        if call == "create":
            stack.world.disturb = lost

    stack.world.disturb = lose
    with pytest.raises(VideaError, match="refused"):
        begin(stack, "judge")
    stack.world.disturb = lambda _: None
    with pytest.raises(PlanRefused, match="does not wait"):
        end(stack).promote()
    end(stack).abort()


def test_the_same_deploy_again_continues_the_waiting_one(stack: FakeStack, done: tuple[object, ...]) -> None:
    leave(stack, "judge")
    begin(stack, "judge")
    assert unnumbered(state(stack)) == done


__all__ = ["clock", "done", "stack", "verdicts"]
