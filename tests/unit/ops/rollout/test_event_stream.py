"""The events of past operations and of the present one, as another process sees them."""

# ruff: noqa: F401, F811 -- fixtures

from __future__ import annotations

from itertools import repeat

from ops.events import (
    Event,
    Kind,
    LeftWaiting,
    OperationEnded,
    Resuming,
    StepEnded,
    StepStarted,
    UnderWay,
    VerdictGiven,
)
from ops.rollout.event_stream import EventStream
from ops.rollout.judgement import Verdict
from ops.steps import Judge
from tests.unit.ops.fakes import FakeStack
from tests.unit.ops.waits import PASS, UNSURE, EventClock, begin, clock, end, leave, stack, verdicts


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]


def looked(stream: EventStream) -> list[Event]:
    return [event for _, event in stream.look()]


def test_past_operations_have_their_ends_and_nothing_is_said_twice(stack: FakeStack, verdicts: list[Verdict]) -> None:
    begin(stack, "judge")
    stream = EventStream(stack)
    ended = [event for event in looked(stream) if isinstance(event, OperationEnded)]
    assert [(event.action, event.result) for event in ended] == [("canary", "done")]
    assert looked(stream) == []


def test_only_events_since_a_time_are_shown(stack: FakeStack, verdicts: list[Verdict]) -> None:
    begin(stack, "judge")
    moments = [moment for moment, _ in EventStream(stack).look()]
    assert EventStream(stack, moments[-1] + 1).look() == []
    assert len(EventStream(stack, moments[-1]).look()) == 1


def test_an_operation_is_seen_while_it_happens(stack: FakeStack, verdicts: list[Verdict], clock: EventClock) -> None:
    stream, seen = EventStream(stack), list[Event]()

    def look() -> None:
        seen.extend(looked(stream))

    clock.events = repeat(look)
    verdicts[:] = [UNSURE, PASS]
    begin(stack, "judge")
    look()
    assert kinds(seen[:2]) == [UnderWay, StepStarted]
    assert StepStarted(Judge(5.0)) in seen
    assert [event.kind for event in seen if isinstance(event, VerdictGiven)][:1] == [Kind.PASS]
    started = [event.step for event in seen if isinstance(event, StepStarted)]
    assert started == [event.step for event in seen if isinstance(event, StepEnded)]
    assert isinstance(seen[-1], OperationEnded)


def test_an_operation_that_no_process_runs_waits_and_is_resumed(
    stack: FakeStack, verdicts: list[Verdict], clock: EventClock
) -> None:
    leave(stack, "judge")
    stream = EventStream(stack)
    assert isinstance(looked(stream)[-1], LeftWaiting)
    assert looked(stream) == []
    seen: list[Event] = []
    clock.events = repeat(lambda: seen.extend(looked(stream)))
    end(stack).promote()
    seen += looked(stream)
    assert isinstance(seen[0], Resuming)
    assert isinstance(seen[-1], OperationEnded)
