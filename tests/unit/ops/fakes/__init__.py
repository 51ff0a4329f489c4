"""The three ports in memory: complete operations take milliseconds, and tests can disturb them at every call."""

from __future__ import annotations

import dataclasses
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import yaml
from msgspec.structs import replace

from ops.balancer.worker import NoRequests
from ops.engine.compose import Compose
from ops.project.config import Project
from ops.project.managed import Managed
from ops.project.settings import Canary, Health, Hooks, Settings
from ops.project.units import Seconds
from ops.stack import Stack
from tests.unit.ops.fakes.compose import MODEL, WITH_WORKER, FakeCompose
from tests.unit.ops.fakes.gateway import FakeGateway
from tests.unit.ops.fakes.platform import FakePlatform
from tests.unit.ops.fakes.store import FakeStore
from tests.unit.ops.fakes.world import APP, MAIL, NAME, World

SETTINGS = Settings(
    service=APP,
    health=Health("/live", "/ready", interval=Seconds(0.001), success_threshold=1, deadline=Seconds(0.05)),
    drain_timeout=Seconds(0.01),
)

PARSED = yaml.safe_load(MODEL)


@dataclass(frozen=True)
class FakeStack(Stack):
    """A stack with ports in memory. ``world``: their common state, with which tests disturb them."""

    platform: FakePlatform
    store: FakeStore
    world: World = field(default_factory=World)


def fake_stack(
    directory: Path, replicas: int = 2, hooks: Hooks | None = None, canary: Canary | None = None
) -> FakeStack:
    """A stack in ``directory`` with this number of serving replicas."""
    world = World()
    (directory / ".env").write_text(f"APP_REPLICAS={replicas}\n")
    model = deepcopy(PARSED)
    model["services"][APP] = {"image": "app:old", "deploy": {"replicas": replicas}, "labels": {}}
    settings = replace(SETTINGS, hooks=hooks or Hooks(), canary=canary or SETTINGS.canary)
    project = Project(NAME, directory, cast(Compose, FakeCompose(directory)), model, settings, {"health": {}}, {})
    platform = FakePlatform(world, project.env_file)
    gateway = FakeGateway(world, tuple(platform.add() for _ in range(replicas)))
    return FakeStack(project, platform, FakeStore(world), lambda: gateway, _only_one, world)


def fake_shop(directory: Path) -> FakeStack:
    """A stack of two services with two replicas each: ``app``, which gets requests, and the worker ``mail``."""
    first = fake_stack(directory)
    (directory / ".env").write_text("APP_REPLICAS=2\nMAIL_REPLICAS=2\n")
    mail = replace(SETTINGS, service=MAIL, worker=True, health=Health(success_threshold=1, deadline=Seconds(0.05)))
    model = {**first.project.model, "services": {**first.project.model["services"]}}
    model["services"][MAIL] = {"image": "app:old", "deploy": {"replicas": 2}, "labels": {}}
    project = dataclasses.replace(
        first.project,
        model=model,
        compose=cast(Compose, FakeCompose(directory, WITH_WORKER)),
        managed={APP: Managed(first.project.settings, {}), MAIL: Managed(mail, {})},
        default=APP,
    )
    platform = FakePlatform(first.world, project.env_file, MAIL)
    for _ in range(2):
        platform.add()
    worker = FakeStack(
        project.of(MAIL), platform, first.store, lambda: NoRequests(platform), lambda _: shop, first.world
    )
    shop = FakeStack(project, first.platform, first.store, first.connect, lambda _: worker, first.world)
    return shop


def _only_one(project: Project) -> Stack:
    raise NotImplementedError(f"there is only one service, not {project.settings.service}")
