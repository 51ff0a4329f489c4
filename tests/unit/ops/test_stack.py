"""A stack with releases that declare different paths and ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from ops import stack as stack_module
from ops.balancer.render import parse, render
from ops.declared import Declaration
from ops.models import ProbeResult, Replica
from ops.project.settings import Health, Settings
from ops.stack import Stack
from ops.traffic import Upstream
from tests.unit.ops.fakes.store import FakeStore
from tests.unit.ops.rollout.model import NEW, OLD, member

BEFORE, FILE = Declaration(3001, "/old", "/old"), Declaration(3002, "/new", "/new")
SETTINGS = Settings(service="app", port=3002, health=Health(live="/new", ready="/new"))


@dataclass
class World:
    """Two old replicas that serve at 3001/old, a new one at 3002/new, and the recorded declarations."""

    monkeypatch: pytest.MonkeyPatch
    recorded: dict[str, Declaration] = field(default_factory=dict)
    listed: Upstream = field(default_factory=lambda: Upstream("app", 3001, ("app-1", "app-2")))
    replicas: tuple[Replica, ...] = (member(1).replica, member(2).replica, member(3, NEW).replica)
    broken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.monkeypatch.setattr(stack_module.declared, "read", lambda *_: dict(self.recorded))
        self.monkeypatch.setattr(
            stack_module.declared, "record", lambda *arguments: self.recorded.update([arguments[3:]])
        )
        self.monkeypatch.setattr(stack_module, "probe_all", self.probe_all)

    @property
    def stack(self) -> Stack:
        project: Any = SimpleNamespace(name="p", settings=SETTINGS, live_path=SETTINGS.health.live)
        platform: Any = SimpleNamespace(replicas=self.list_replicas)
        gateway: Any = SimpleNamespace(membership=lambda remembered=False: parse(render(self.listed, 1)))
        return Stack(project, platform, FakeStore(), lambda: gateway)

    def list_replicas(self) -> list[Replica]:
        return list(self.replicas)

    def probe_all(self, gateway: object, targets: Mapping[str, str], timeout: float) -> dict[str, ProbeResult]:
        return {name: self.answer(url) for name, url in targets.items()}

    def answer(self, url: str) -> ProbeResult:
        name, _, rest = url.removeprefix("http://").partition(":")
        port, _, path = rest.partition("/")
        release = next(replica.release for replica in self.replicas if replica.name == name)
        if port != {OLD: "3001", NEW: "3002"}[release]:
            return ProbeResult(False, 0, 0.0, "refused")
        status = 503 if name in self.broken else 200 if path == {OLD: "old", NEW: "new"}[release] else 404
        return ProbeResult(status == 200, status, 0.01, "" if status == 200 else f"status {status}")

    def ready(self) -> list[str]:
        return [replica.name for replica in self.stack.fleet().ready]


def test_each_replica_is_probed_as_its_release_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, {OLD: BEFORE, NEW: FILE})
    assert world.ready() == ["app-1", "app-2", "app-3"]
    world.broken = {"app-2", "app-3"}
    assert world.ready() == ["app-1"]


def test_without_records_serving_replicas_are_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    assert world.ready() == ["app-1", "app-2", "app-3"]
    world.broken = {"app-2"}
    assert world.ready() == ["app-1", "app-3"]


def test_serving_replicas_are_recorded_and_stay_ready_when_they_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.stack.declare(world.replicas[:2], serving=True)
    assert world.recorded == {OLD: Declaration(3001, "", "")}
    world.listed = Upstream("app", 3002, ("app-3",))
    assert world.ready() == ["app-1", "app-2", "app-3"]


def test_new_replicas_are_recorded_when_they_are_ready_as_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.stack.declare(world.replicas)
    assert world.recorded == {NEW: FILE}


def test_a_record_is_replaced_only_if_every_replica_is_ready_as_the_file_declares(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, {OLD: BEFORE, NEW: replace(FILE, ready="/live")})
    world.stack.declare(world.replicas)
    assert world.recorded == {OLD: BEFORE, NEW: FILE}


def test_the_balancer_has_the_port_of_each_release(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, {OLD: BEFORE, NEW: FILE})
    assert world.stack.upstream(["app-1", "app-3"]).ports == {"app-1": 3001, "app-2": 3001}
    world.recorded.clear()
    upstream = world.stack.upstream(["app-1", "app-3"])
    assert [upstream.address(name) for name in ("app-1", "app-3")] == ["app-1:3001", "app-3:3002"]


def test_with_one_port_for_all_the_replicas_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, {NEW: FILE}, Upstream("app", 3002, ("app-3",)))
    monkeypatch.setattr(world, "list_replicas", lambda: pytest.fail("listed"))
    assert not world.stack.upstream(["app-3"]).ports


def test_a_list_with_the_ports_of_the_releases_is_not_outdated(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, {OLD: BEFORE, NEW: FILE})
    upstream = world.stack.upstream(["app-1", "app-2"])
    assert not world.stack.outdated(parse(render(upstream, 5)))
