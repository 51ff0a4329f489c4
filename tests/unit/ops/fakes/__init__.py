"""The three ports in memory: complete operations take milliseconds, and tests can disturb them at every call."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import yaml
from msgspec.structs import replace

from ops.engine.compose import Compose
from ops.project.config import Project
from ops.project.settings import Canary, Health, Hooks, Settings
from ops.project.units import Seconds
from ops.stack import Stack
from tests.unit.ops.fakes.compose import MODEL, FakeCompose
from tests.unit.ops.fakes.gateway import FakeGateway
from tests.unit.ops.fakes.platform import FakePlatform
from tests.unit.ops.fakes.store import FakeStore
from tests.unit.ops.fakes.world import APP, NAME, World

SETTINGS = Settings(
    service=APP,
    health=Health("/live", "/ready", interval=Seconds(0.001), success_threshold=1, deadline=Seconds(0.05)),
    drain_timeout=Seconds(0.01),
)


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
    model = yaml.safe_load(MODEL)
    model["services"][APP] = {"image": "app:old", "deploy": {"replicas": replicas}, "labels": {}}
    settings = replace(SETTINGS, hooks=hooks or Hooks(), canary=canary or SETTINGS.canary)
    project = Project(NAME, directory, cast(Compose, FakeCompose(directory)), model, settings, {"health": {}}, {})
    platform = FakePlatform(world, project.env_file)
    gateway = FakeGateway(world, tuple(platform.add() for _ in range(replicas)))
    return FakeStack(project, platform, FakeStore(world), lambda: gateway, world)
