"""The duty over the store: nothing is lost by a restart, whatever the receiver does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from msgspec.structs import replace as with_fields

from ops.ejected import Ejected
from ops.errors import EngineError, PlanRefused
from ops.events import Event
from ops.notices import DriftRepaired, NotificationDelayed, ReplicaEjected, ReplicaReturned
from ops.notify.duty import BUSY, IDLE, Notifications
from ops.notify.message import DOCUMENT, Message
from ops.project.settings import Receiver
from ops.rollout import history
from ops.rollout.history import DONE, Entry
from tests.unit.ops.fakes import FakeStack, fake_stack


def entry(number: int, result: str = DONE) -> Entry:
    return Entry(1000.0 + number, "me@here", f"videa deploy {number}", "rolling", result, "v2", "a:2", "i", 2, 3.0)


@dataclass
class Target:
    """What a receiver got; ``error``: it refuses everything. ``before``: called before each delivery."""

    error: str = ""
    got: list[Message] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def send(self, receiver: Receiver, message: Message, project: str) -> tuple[str, bool]:
        self.before()
        if self.error:
            return self.error, False
        self.got.append(message)
        return "", False

    @property
    def kinds(self) -> list[str]:
        return [message.kind for message in self.got]


@dataclass
class Agent:
    """An agent that can be killed: a new one knows only what is stored."""

    stack: FakeStack
    target: Target
    now: float = 2000.0
    watches: bool = True
    told: list[Event] = field(default_factory=list)

    def start(self) -> Notifications:
        return Notifications(lambda: (self.stack,), lambda: self.watches, clock=lambda: self.now, send=self.target.send)

    def rounds(self, duty: Notifications, count: int = 1, seconds: float = 5.0) -> None:
        for _ in range(count):
            duty.run(self.told.append)
            self.now += seconds


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    plain = fake_stack(tmp_path)
    settings = with_fields(plain.project.settings, notify={"team": Receiver(apprise="URL")})
    stack = replace(plain, project=replace(plain.project, settings=settings))
    return Agent(stack, Target())


def test_what_was_before_the_first_look_is_not_told(agent: Agent) -> None:
    history.append(agent.stack, entry(0))
    duty = agent.start()
    agent.rounds(duty)
    history.append(agent.stack, entry(1))
    history.append(agent.stack, entry(2, "it was refused"))
    agent.rounds(duty)
    assert agent.target.kinds == ["deploy.passed", "deploy.aborted"]
    agent.rounds(duty, 3)
    assert len(agent.target.got) == 2


def test_ten_survive_a_receiver_that_is_down_and_agents_that_are_killed(agent: Agent) -> None:
    agent.rounds(agent.start())
    agent.target.error = "no connection"
    for number in range(10):
        history.append(agent.stack, entry(number))
        agent.rounds(agent.start())
    assert DOCUMENT.read(agent.stack.store, "shop").targets["team"].tries > 1
    agent.target.error = ""
    agent.rounds(agent.start(), 10, 300.0)
    assert [message.text.split("`")[1] for message in agent.target.got] == [f"videa deploy {n}" for n in range(10)]
    assert DOCUMENT.read(agent.stack.store, "shop").queue == ()
    assert agent.told == [NotificationDelayed("team", "no connection")] * len(agent.told)


def test_killed_between_the_delivery_and_its_record_it_sends_again_with_the_same_id(agent: Agent) -> None:
    agent.rounds(agent.start())
    history.append(agent.stack, entry(1))
    duty = agent.start()

    def killed(receiver: Receiver, message: Message, project: str) -> tuple[str, bool]:
        agent.target.got.append(message)
        raise KeyboardInterrupt

    duty.send = killed
    with pytest.raises(KeyboardInterrupt):
        duty.run(agent.told.append)
    agent.rounds(agent.start())
    assert len(agent.target.got) == 2
    assert len({message.id for message in agent.target.got}) == 1


def test_a_replica_is_told_out_and_back_once(agent: Agent) -> None:
    duty, ejected = agent.start(), Ejected(agent.stack.store, "shop")
    agent.rounds(duty)
    ejected.write({"shop-app-1": "c1"})
    agent.rounds(duty)
    assert agent.target.got == [], "the event with the reason is on its way"
    duty.hear(ReplicaEjected("shop-app-1", "HTTP 500"))
    agent.rounds(duty, 3)
    assert [message.text for message in agent.target.got] == ["shop-app-1: HTTP 500"]
    duty.hear(ReplicaReturned("shop-app-1"))
    agent.rounds(duty)
    ejected.write({})
    agent.rounds(duty, 3)
    assert agent.target.kinds == ["replica.out", "replica.back"]


def test_what_happened_to_a_replica_without_this_process_is_told_from_the_store(agent: Agent) -> None:
    agent.rounds(agent.start())
    Ejected(agent.stack.store, "shop").write({"shop-app-1": "c1"})
    agent.rounds(agent.start(), 3)
    Ejected(agent.stack.store, "shop").write({})
    agent.rounds(agent.start(), 3)
    assert agent.target.kinds == ["replica.out", "replica.back"]


def test_an_ejection_that_a_killed_agent_did_not_tell_is_told_with_the_return(agent: Agent) -> None:
    agent.rounds(agent.start())
    Ejected(agent.stack.store, "shop").write({"shop-app-1": "c1"})
    duty = agent.start()
    Ejected(agent.stack.store, "shop").write({})
    duty.hear(ReplicaReturned("shop-app-1"))
    agent.rounds(duty, 3)
    assert agent.target.kinds == ["replica.out", "replica.back"]


def test_events_stay_until_the_engine_answers_again(agent: Agent) -> None:
    duty = agent.start()
    agent.rounds(duty)
    duty.hear(DriftRepaired(("a", "b")))
    store, save = agent.stack.store, agent.stack.store.save

    def refused(name: str, content: bytes, after: int) -> bool:
        raise EngineError("Docker does not answer", "")

    store.save = refused  # type: ignore[method-assign]
    with pytest.raises(EngineError):
        duty.run(agent.told.append)
    store.save = save  # type: ignore[method-assign]
    agent.rounds(duty)
    assert [message.text for message in agent.target.got] == ["a; b"]


def test_an_event_starts_a_round_at_once(agent: Agent) -> None:
    woken: list[bool] = []
    duty = agent.start()
    duty.wake = lambda: woken.append(True)
    duty.hear(NotificationDelayed("team", "no connection"))
    assert not woken, "it would notify of itself"
    duty.hear(ReplicaReturned("shop-app-1"))
    assert woken


def test_it_sleeps_until_the_next_try(agent: Agent) -> None:
    duty = agent.start()
    agent.rounds(duty)
    assert duty.every == IDLE
    agent.target.error = "no connection"
    history.append(agent.stack, entry(1))
    duty.run(agent.told.append)
    assert duty.every < BUSY


def test_without_a_target_or_beside_another_agent_it_does_nothing(agent: Agent) -> None:
    agent.watches = False
    agent.rounds(agent.start())
    assert DOCUMENT.read(agent.stack.store, "shop").since == 0

    def off() -> tuple[FakeStack]:
        raise PlanRefused("x-videa.agent is off", "")

    Notifications(off, lambda: True).run(agent.told.append)
    assert agent.told == []
