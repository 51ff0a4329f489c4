"""The loop of the agent: every duty again and again, whatever one of them does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ops.agent import duties
from ops.agent.duties import Agent
from ops.errors import EngineError
from ops.events import Emit, Event
from ops.notices import DutyFailed
from tests.unit.ops.fakes.changes import FakeChanges


@dataclass
class Counting:
    """A duty that counts its rounds. ``act``: called in each."""

    name: str = "count"
    every: float = 0.001
    on_change: bool = False
    act: Callable[[int], None] = lambda number: None
    rounds: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    enough: int = 3

    def run(self, emit: Emit) -> None:
        self.rounds += 1
        try:
            self.act(self.rounds)
        finally:
            if self.rounds >= self.enough:
                self.reached.set()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BURST", "REST", "RECONNECT"):
        monkeypatch.setattr(duties, name, 0.001)


def attend(*attended: Counting, changes: FakeChanges | None = None) -> tuple[Agent, threading.Thread, list[Event]]:
    told: list[Event] = []
    present = changes or FakeChanges()
    agent = Agent(attended, lambda: present, told.append)
    thread = threading.Thread(target=agent.run)
    thread.start()
    return agent, thread, told


def end(agent: Agent, thread: threading.Thread) -> None:
    agent.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_a_duty_runs_again_and_again_until_the_agent_stops() -> None:
    duty = Counting()
    agent, thread, told = attend(duty)
    assert duty.reached.wait(10)
    end(agent, thread)
    assert told == []


@pytest.mark.parametrize(
    ("error", "reason"), [(EngineError("no engine", "start it"), "no engine; start it"), (ValueError("odd"), "bug in")]
)
def test_a_duty_that_fails_is_reported_once_and_tried_again(error: Exception, reason: str) -> None:
    def fail(number: int) -> None:
        if number < 3:
            raise error

    duty = Counting(act=fail, enough=4)
    agent, thread, told = attend(duty)
    assert duty.reached.wait(10)
    end(agent, thread)
    (failed,) = told
    assert isinstance(failed, DutyFailed)
    assert failed.duty == "count"
    assert failed.reason.startswith(reason)


def test_a_duty_that_hangs_holds_up_no_other() -> None:
    release, other = threading.Event(), Counting("other")
    hanging = Counting("hangs", act=lambda number: bool(release.wait(10)) and None)
    agent, thread, _ = attend(hanging, other)
    assert other.reached.wait(10)
    assert hanging.rounds == 1
    release.set()
    end(agent, thread)


def test_a_change_of_a_container_starts_a_round_at_once() -> None:
    changes, duty = FakeChanges(), Counting(every=3600.0, on_change=True, enough=1)
    agent, thread, _ = attend(duty, changes=changes)
    for _ in range(3):
        assert duty.reached.wait(10)
        duty.enough = duty.rounds + 1
        duty.reached.clear()
        changes.happen("pause shop-app-1")
    end(agent, thread)


def test_the_agent_works_on_while_the_engine_reports_no_changes() -> None:
    def unreachable() -> FakeChanges:
        raise EngineError("no engine", "")

    duty = Counting()
    agent = Agent((duty,), unreachable, lambda event: None)
    thread = threading.Thread(target=agent.run)
    thread.start()
    assert duty.reached.wait(10)
    end(agent, thread)


def test_each_round_is_a_sign_of_life() -> None:
    beats: list[int] = []
    duty = Counting()
    agent = Agent((duty,), FakeChanges, lambda event: None, lambda: beats.append(1))
    thread = threading.Thread(target=agent.run)
    thread.start()
    assert duty.reached.wait(10)
    end(agent, thread)
    assert len(beats) >= duty.rounds - 1
