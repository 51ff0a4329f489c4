"""Creates stacks and stores: the only module that chooses the implementations of the ports."""

from __future__ import annotations

from ops.balancer import nginx
from ops.engine.client import Engine
from ops.platform.compose.platform import ComposePlatform
from ops.platform.compose.store import EngineStore
from ops.platform.ports import Store
from ops.project.config import Project
from ops.stack import Stack


def connect() -> Engine:
    """A connection to the engine that the docker command uses. Raises EngineUnreachable."""
    return Engine()


def open_stack(project: Project, engine: Engine | None = None) -> Stack:
    """The stack of a project. ``engine``: a connection to use instead of a new one. Raises EngineUnreachable."""
    connected = engine or Engine()
    platform = ComposePlatform(connected, project)
    return Stack(project, platform, EngineStore(connected), lambda: nginx.connect(platform, project.settings.balancer))


def open_store(engine: Engine | None = None) -> Store:
    """The records of all projects; needs no project. Raises EngineUnreachable."""
    return EngineStore(engine or Engine())
