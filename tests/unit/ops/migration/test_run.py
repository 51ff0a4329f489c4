"""A move between engines in memory: whatever serves runs at every moment, and it ends well after every interruption."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ops.errors import ReplicaNotReady, VideaError
from ops.events import discard
from ops.migration.run import Migration
from ops.models import Container
from ops.rollout import history
from tests.unit.ops.disturbances import Disturbance, Killed, die, lost_answer, quiet
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.fakes.platform import FakePlatform

__all__ = ["quiet"]


@dataclass
class Numbered(FakePlatform):
    """New replicas have numbers above 2, as those of a swarm have while a project moves."""

    def add(self, image: str = "app:old", state: str = "running", number: int = 0, release: str = "") -> str:
        return super().add(image, state, number or max(2, *self.numbers()) + 1, release)

    def numbers(self) -> list[int]:
        return [0, *(each.number for each in self.by_name.values())]


@dataclass
class OneNetwork:
    """``Bridge`` of engines that reach each other anyway. ``left``: who was listed when a container left it."""

    compose: FakeStack | None = None
    left: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def check(self) -> None:
        pass

    def join(self, containers: Iterable[Container]) -> None:
        pass

    def leave(self, containers: Iterable[Container]) -> None:
        for container in containers:
            if self.compose:
                self.left.setdefault(container.name, self.compose.gateway.membership().servers)


def two(folder: Path) -> tuple[FakeStack, FakeStack]:
    """Compose with two replicas, and an empty swarm."""
    for name in ("compose", "swarm"):
        (folder / name).mkdir(parents=True)
    compose, swarm = fake_stack(folder / "compose", 2), fake_stack(folder / "swarm", 0)
    return compose, replace(swarm, platform=Numbered(swarm.world, swarm.project.env_file))


def move(compose: FakeStack, swarm: FakeStack) -> Migration:
    return Migration(compose, swarm, compose, OneNetwork(), discard, "videa swarm migrate")


def running(*stacks: FakeStack) -> set[str]:
    return {each.name for stack in stacks for each in stack.platform.by_name.values() if each.state == "running"}


def disturb(disturbance: Disturbance, compose: FakeStack, swarm: FakeStack) -> None:
    """Disturbs the calls of both; what nginx lists runs at each of them."""

    def call(name: str) -> None:
        assert set(compose.gateway.served) <= running(compose, swarm)
        disturbance(name)

    compose.world.disturb = swarm.world.disturb = call


def undisturbed(compose: FakeStack, swarm: FakeStack) -> None:
    compose.world.disturb = swarm.world.disturb = lambda name: None


def test_new_replicas_take_over_and_the_history_moves_too(tmp_path: Path) -> None:
    compose, swarm = two(tmp_path)
    move(compose, swarm).run()
    assert (running(compose), running(swarm)) == (set(), {"shop-app-3", "shop-app-4"})
    assert compose.gateway.membership().servers == ("shop-app-3", "shop-app-4")
    assert [(each.action, each.release, each.replicas) for each in history.read(swarm)] == [("migrate", "old", 2)]
    assert swarm.store.find("videa.migration.shop") is None


def test_replicas_that_are_not_ready_leave_it_where_it_was(tmp_path: Path) -> None:
    compose, swarm = two(tmp_path)
    swarm.world.sick.add("shop-app-4")
    compose.world.sick.add("shop-app-4")
    with pytest.raises(ReplicaNotReady) as caught:
        move(compose, swarm).run()
    assert caught.value.aftermath
    assert caught.value.aftermath.as_before
    assert (running(compose), swarm.platform.by_name) == ({"shop-app-1", "shop-app-2"}, {})
    assert compose.gateway.membership().servers == ("shop-app-1", "shop-app-2")


def test_a_replica_that_leaves_the_common_network_gets_no_requests_meanwhile(tmp_path: Path) -> None:
    compose, swarm = two(tmp_path)
    swarm.world.sick.add("shop-app-4")
    compose.world.sick.add("shop-app-4")
    network = OneNetwork(compose)
    with pytest.raises(ReplicaNotReady):
        replace(move(compose, swarm), bridge=network).run()
    assert network.left["shop-app-1"] == ("shop-app-2",)
    assert network.left["shop-app-2"] == ("shop-app-1",)
    assert compose.gateway.membership().servers == ("shop-app-1", "shop-app-2")


@pytest.mark.parametrize("act", ["killed", "lost answer"])
def test_after_an_interruption_at_any_call_it_ends_when_it_is_started_again(tmp_path: Path, act: str) -> None:
    counted = Disturbance(lambda: None, ())
    stacks = two(tmp_path / "counted")
    disturb(counted, *stacks)
    move(*stacks).run()
    undisturbed(*stacks)
    for place in range(1, len(counted.calls) + 1):
        compose, swarm = two(tmp_path / str(place))
        places = range(place, 10_000) if act == "killed" else (place,)
        disturbance = Disturbance(die if act == "killed" else lost_answer, places)
        disturb(disturbance, compose, swarm)
        with suppress(Killed, VideaError):
            move(compose, swarm).run()
        undisturbed(compose, swarm)
        if running(compose):
            move(compose, swarm).run()
        assert running(compose) == set(), disturbance.at(place)
        assert set(compose.gateway.membership().servers) == running(swarm), disturbance.at(place)
        assert len(running(swarm)) == 2, disturbance.at(place)
