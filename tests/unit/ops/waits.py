"""Deploys that wait, on the fakes: their clock, their verdicts, and how they are left or killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

import pytest

from ops.errors import EngineUnreachable
from ops.events import Event, Kind, discard
from ops.operations import Operation
from ops.outcome import Outcome
from ops.project.settings import Canary
from ops.project.units import Seconds
from ops.rollout import monitor
from ops.rollout.journal import Journal
from ops.rollout.judgement import Verdict
from ops.rollout.monitor import Monitor
from ops.rollout.request import Request, Strategy
from ops.rollout.under_way import UnderWay, under_way
from ops.steps import Judge, Keep, Pause, Target, Waiting
from tests.unit.ops.disturbances import Killed, quieten, state, unnumbered
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.fakes.clock import FakeClock

NEW = Target("new", "app:new", {"APP_IMAGE": "app:new", "APP_RELEASE": "new"})
FIRST, SECOND, THIRD = (f"shop-app-{number}" for number in (1, 2, 3))
CANARY = Canary(steps=(5, 100), interval=Seconds(2), deadline=Seconds(60))
PASS, UNSURE = Verdict(Kind.PASS, "as good as stable", "-"), Verdict(Kind.INCONCLUSIVE, "too few", "-")
REQUESTS = {
    "judge": Request(Strategy.CANARY, shares=(5.0, 100.0)),
    "pause": Request(Strategy.CANARY, shares=(5.0, 100.0), pause_at=(5.0,)),
    "keep": Request(Strategy.BLUE_GREEN, keep=60.0),
}
"""Deploys by the name of their first wait; a pause is the second wait, after the judging."""

STEPS: dict[str, Waiting] = {"judge": Judge(5.0), "pause": Pause(5.0), "keep": Keep(60.0)}


@dataclass
class EventClock(FakeClock):
    """The clock of a waiting process: each sleep runs the next of ``events``."""

    events: Iterator[Callable[[], object]] = field(default_factory=lambda: repeat(lambda: None))

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        next(self.events)()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> EventClock:
    """No traffic proof, no measuring, and waits that last as long as their events."""
    quieten(monkeypatch, tmp_path_factory.mktemp("locks"), patience=0.0)
    clock = EventClock()
    monkeypatch.setattr(monitor, "time", clock)
    return clock


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    return fake_stack(tmp_path, canary=CANARY)


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> list[Verdict]:
    """The verdict of each check; the last one is used for all further ones."""
    script = [PASS]

    def check(self: Monitor, *_: object) -> Verdict:
        return script.pop(0) if len(script) > 1 else script[0]

    monkeypatch.setattr(Monitor, "_check", check)
    return script


def begin(stack: FakeStack, name: str, detach: bool = False, emitted: list[Event] | None = None) -> Outcome:
    emit = discard if emitted is None else emitted.append
    return Operation(stack, emit, f"videa deploy, {name}").deploy(NEW, REQUESTS[name], detach=detach)


def end(stack: FakeStack, emitted: list[Event] | None = None) -> Operation:
    return Operation(stack, discard if emitted is None else emitted.append, "videa, another")


def ask(stack: FakeStack, verb: str) -> None:
    Journal(stack.store, stack.project.name).commands.send(verb)


def present(stack: FakeStack) -> UnderWay | None:
    return under_way(stack.store, stack.project.name)


def leave(stack: FakeStack, name: str) -> None:
    """Starts a deploy that stops at the wait with this name."""
    outcome = begin(stack, name, detach=True)
    if name == "pause":
        assert outcome.waiting is not None
        assert outcome.waiting.step == Judge(5.0)  # without a process there is no judging
        outcome = end(stack).promote(detach=True)
    assert outcome.waiting is not None
    assert outcome.waiting.step == STEPS[name]


def kill(stack: FakeStack, name: str, clock: EventClock) -> None:
    """Kills a deploy in the wait with this name: for the engine, such a process sends no more requests."""

    def gone(call: str) -> None:
        raise EngineUnreachable("refused", "")

    def kill_at_wait() -> None:
        operation = present(stack)
        if operation and operation.standing.step == STEPS[name]:
            stack.world.disturb = gone
            raise Killed

    clock.events = repeat(kill_at_wait)
    with pytest.raises((Killed, EngineUnreachable)):
        begin(stack, name)
    stack.world.disturb = lambda _: None
    clock.events = repeat(lambda: None)


@pytest.fixture
def done(tmp_path_factory: pytest.TempPathFactory, verdicts: list[Verdict], clock: EventClock) -> tuple[object, ...]:
    """The state after an undisturbed deploy."""
    stack = fake_stack(tmp_path_factory.mktemp("undisturbed"), canary=CANARY)
    begin(stack, "judge")
    clock.now = 0.0
    return unnumbered(state(stack))
