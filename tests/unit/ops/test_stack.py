"""A stack with releases that declare different paths and ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace as changed

from ops import probing
from ops import stack as stack_module
from ops.balancer.probe import Target
from ops.balancer.render import parse, render
from ops.declared import Declaration, unknown
from ops.models import ProbeResult, Replica
from ops.platform.ports import Choice
from ops.probes import TcpConnect
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
    settings: Settings = SETTINGS
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.monkeypatch.setattr(stack_module.declared, "read", lambda *_: dict(self.recorded))
        self.monkeypatch.setattr(
            stack_module.declared, "record", lambda *arguments: self.recorded.update([arguments[3:]])
        )
        self.monkeypatch.setattr(probing, "probe_all", self.probe_all)

    @property
    def stack(self) -> Stack:
        project: Any = SimpleNamespace(name="p", settings=self.settings, served=(self.settings.service,))
        platform: Any = SimpleNamespace(replicas=self.list_replicas)
        gateway: Any = SimpleNamespace(membership=lambda remembered=False: parse(render(self.listed, 1)))
        return Stack(project, platform, FakeStore(), lambda: gateway, lambda _: self.stack)

    def list_replicas(self, chosen: Choice) -> list[Replica]:
        return [replica for replica in self.replicas if chosen(replica.name)]

    def probe_all(
        self, gateway: object, targets: Mapping[str, Target], timeout: float, passes: int
    ) -> dict[str, ProbeResult]:
        self.asked += [str(target.probe) for target in targets.values()]
        return {name: self.answer(target) for name, target in targets.items()}

    def answer(self, target: Target) -> ProbeResult:
        release = next(replica.release for replica in self.replicas if replica.name == target.host)
        if target.probe.port != {OLD: 3001, NEW: 3002}[release]:
            return ProbeResult(False, 0, 0.0, "refused")
        if isinstance(target.probe, TcpConnect):
            return ProbeResult(True, 0, 0.01, "")
        right = target.probe.path == {OLD: "/old", NEW: "/new"}[release]
        status = 503 if target.host in self.broken else 200 if right else 404
        return ProbeResult(target.probe.admits(status), status, 0.01, f"status {status}")

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
    assert world.recorded == {OLD: unknown(3001, FILE)}
    world.listed = Upstream("app", 3002, ("app-3",))
    assert world.ready() == ["app-1", "app-2", "app-3"]


def test_new_replicas_are_recorded_when_they_are_ready_as_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.stack.declare(world.replicas)
    assert world.recorded == {NEW: FILE}


def test_a_record_is_replaced_only_if_every_replica_is_ready_as_the_file_declares(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, {OLD: BEFORE, NEW: changed(FILE, ready="/live")})
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


def test_without_a_path_the_state_of_the_containers_own_check_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica of an old release keeps the port that the balancer has, whatever the new file says."""
    world = World(monkeypatch, settings=Settings(service="app", port=3002))
    checked = ("healthy", "unhealthy", "starting")
    world.replicas = tuple(
        replace(replica, health=health, health_output="no  such\ncommand", first_check=40.0)
        for replica, health in zip(world.replicas, checked, strict=True)
    )
    ready, live = world.stack.probe(world.replicas), world.stack.probe(world.replicas, live=True)
    assert [result.ok for result in ready.values()] == [True, False, False]
    assert [result.ok for result in live.values()] == [True, False, True]
    assert ready["app-2"].reason == "unhealthy no such command"
    assert [result.delay for result in ready.values()] == [0, 0, 40]
    world.stack.declare(world.replicas[:1], serving=True)
    assert world.recorded[OLD].port == 3001
    assert not world.asked


def test_without_a_path_and_a_check_a_connection_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, settings=Settings(service="app", port=3002))
    assert world.ready() == ["app-1", "app-2", "app-3"]
    assert set(world.asked) == {"TCP connect to port 3001", "TCP connect to port 3002"}
    assert world.stack.readiness_body(world.replicas[0]) == ""
