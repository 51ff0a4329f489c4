"""The health checks: what leaves at once, what needs several rounds, and how soon the next round is."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace as with_fields

from ops.agent.health import HealthChecks
from ops.agent.watcher import Watcher
from ops.ejected import Ejected
from ops.errors import BalancerError, LockHeld
from ops.events import Event
from ops.notices import DriftRepaired, ReplicaEjected, ReplicaReturned, RoundSkipped
from ops.project.settings import Health
from ops.project.units import Seconds
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.fakes.gateway import FakeGateway

FIRST, SECOND, THIRD = (f"shop-app-{number}" for number in (1, 2, 3))
INTERVAL = 10.0


@dataclass
class Watched:
    """The duty on a fake stack, with a clock that moves only by ``later``."""

    stack: FakeStack
    told: list[Event]
    now: float = 1000.0

    def __post_init__(self) -> None:
        watcher = Watcher(self.stack.store, "shop", "videa agent")
        served = (self.stack,)
        self.duty = HealthChecks(lambda: served, watcher, "videa agent", clock=lambda: self.now)

    def round(self, later: float = INTERVAL) -> list[Event]:
        """One round after ``later`` seconds, and what it has told."""
        self.now += later
        self.told.clear()
        self.duty.run(self.told.append)
        return list(self.told)

    @property
    def served(self) -> tuple[str, ...]:
        return cast(FakeGateway, self.stack.gateway).served


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stack = fake_stack(tmp_path, replicas=3)
    health = Health("/live", "/ready", check_interval=Seconds(INTERVAL))
    settings = with_fields(stack.project.settings, health=health)
    return Watched(replace(stack, project=replace(stack.project, settings=settings)), [])


def test_a_replica_that_does_not_answer_leaves_within_three_intervals(watched: Watched) -> None:
    watched.round()
    watched.stack.world.sick.add(SECOND)  # right after a round
    begun, told = watched.now, []
    while not told:
        told = watched.round(watched.duty.every)
    assert [type(event) for event in told] == [ReplicaEjected]
    assert watched.served == (FIRST, THIRD)
    assert watched.now - begun <= 3 * INTERVAL - 3 * watched.stack.project.settings.health.timeout


def test_it_looks_more_often_only_while_a_replica_is_neither_good_nor_bad(watched: Watched) -> None:
    watched.round()
    assert watched.duty.every == INTERVAL
    watched.stack.world.sick.add(SECOND)
    watched.round()
    assert watched.duty.every == INTERVAL / 2
    watched.round()
    watched.round()
    assert watched.duty.every == INTERVAL
    watched.stack.world.sick.clear()
    watched.round()
    assert watched.duty.every == INTERVAL / 2
    assert watched.round() == [ReplicaReturned(SECOND)]
    assert watched.duty.every == INTERVAL


def test_rounds_in_quick_succession_do_not_make_a_slow_second_a_failure(watched: Watched) -> None:
    watched.stack.world.sick.add(SECOND)
    assert watched.round() == []
    for _ in range(5):  # another container starts again and again
        assert watched.round(later=0.7) == []
    assert watched.served == (FIRST, SECOND, THIRD)


@pytest.mark.parametrize("state", ["paused", "exited", "restarting"])
def test_a_replica_that_cannot_answer_leaves_at_once(watched: Watched, state: str) -> None:
    watched.round()
    by_name = watched.stack.platform.by_name
    by_name[SECOND] = replace(by_name[SECOND], state=state)
    (event,) = watched.round(later=0.7)
    assert isinstance(event, ReplicaEjected)
    assert watched.served == (FIRST, THIRD)
    by_name[SECOND] = replace(by_name[SECOND], state="running")
    assert watched.round() == []
    assert watched.round() == [ReplicaReturned(SECOND)]
    assert watched.served == (FIRST, SECOND, THIRD)


def test_a_replica_that_left_the_network_of_the_balancer_leaves_at_once(watched: Watched) -> None:
    by_name = watched.stack.platform.by_name
    balancer = replace(by_name[FIRST], name="shop-nginx-1", service="nginx", networks={"app": "10.0.0.9"})
    watched.stack.platform.container = lambda service: balancer  # type: ignore[method-assign]
    for name, replica in by_name.items():
        by_name[name] = replace(replica, networks={"app": "10.0.0.1", "data": "10.1.0.1"})
    watched.round()
    by_name[THIRD] = replace(by_name[THIRD], networks={"data": "10.1.0.1"})
    (event,) = watched.round(later=0.7)
    assert event == ReplicaEjected(THIRD, "it is on no network of the balancer")
    assert watched.served == (FIRST, SECOND)


def test_a_replica_that_was_removed_leaves_at_once_and_an_added_one_is_probed_first(watched: Watched) -> None:
    watched.round()
    watched.stack.platform.remove(SECOND)
    watched.stack.platform.add()
    assert watched.round(later=0.7) == [DriftRepaired((f"{SECOND} was listed, and does not exist",))]
    assert watched.served == (FIRST, THIRD)
    watched.round()
    watched.round()
    assert watched.served == (FIRST, THIRD, "shop-app-4")


def test_the_last_ones_stay_even_if_none_can_answer(watched: Watched) -> None:
    by_name = watched.stack.platform.by_name
    for name in by_name:
        by_name[name] = replace(by_name[name], state="paused")
    assert watched.round() == []
    assert watched.round(later=0.7) == []
    assert watched.served == (FIRST, SECOND, THIRD)


def test_a_restarted_agent_has_forgotten_nothing(watched: Watched) -> None:
    by_name = watched.stack.platform.by_name
    by_name[SECOND] = replace(by_name[SECOND], state="paused")
    watched.round()
    by_name[SECOND] = replace(by_name[SECOND], state="running")
    again = Watched(watched.stack, [])
    assert again.round() == []
    assert again.round() == [ReplicaReturned(SECOND)]
    assert Ejected(watched.stack.store, "shop").read() == {}


def test_it_does_nothing_beside_another_process_that_watches(watched: Watched) -> None:
    Watcher(watched.stack.store, "shop", "videa watch").claim(INTERVAL)
    by_name = watched.stack.platform.by_name
    by_name[SECOND] = replace(by_name[SECOND], state="paused")
    with pytest.raises(LockHeld, match="`videa watch`"):
        watched.round()
    assert watched.served == (FIRST, SECOND, THIRD)


def test_a_round_that_fails_is_told_once_and_the_next_one_repairs(watched: Watched) -> None:
    watched.round()
    gateway = cast(FakeGateway, watched.stack.gateway)
    look = gateway.membership

    def down(remembered: bool = False) -> None:
        raise BalancerError("nginx does not run", "")

    gateway.membership = down  # type: ignore[assignment,method-assign]
    assert watched.round() == [RoundSkipped("nginx does not run")]
    assert watched.round() == []
    gateway.membership = look  # type: ignore[method-assign]
    gateway.served = (FIRST, SECOND)
    watched.round()
    assert [type(event) for event in watched.round()] == [DriftRepaired]
    assert watched.served == (FIRST, SECOND, THIRD)
