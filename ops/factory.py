"""Creates stacks and stores: the only module that chooses the implementations of the ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ops.engine.client import Engine
from ops.platform.compose.store import EngineStore

if TYPE_CHECKING:
    from ops.platform.image_ports import ImageStore
    from ops.platform.job_ports import Jobs
    from ops.platform.ports import Changes, Gateway, Platform, Store
    from ops.project.config import Project
    from ops.stack import Stack


def connect(environment: Mapping[str, str] | None = None) -> Engine:
    """A connection to the engine that the docker command uses in ``environment``. Raises EngineUnreachable."""
    return Engine(environment)


def image_store(engine: Engine) -> ImageStore:
    """The images of an engine, to copy them."""
    from ops.engine.transfer import EngineImageStore

    return EngineImageStore(engine)


def open_stack(project: Project, engine: Engine | None = None) -> Stack:
    """The stack of a project. ``engine``: a connection to use instead of a new one. Raises EngineUnreachable."""
    from ops.stack import Stack

    connected = engine or Engine()
    platform, store = _ports(project, connected)
    return Stack(
        project=project,
        platform=platform,
        store=store,
        connect=lambda: _gateway(platform, project),
        open=lambda other: open_stack(other, connected),
    )


def _ports(project: Project, engine: Engine) -> tuple[Platform, Store]:
    """Raises EngineError if the project is for a swarm and the engine manages none."""
    from ops.project.settings import EngineKind

    if project.settings.engine is EngineKind.SWARM:
        from ops.swarm.manager import check_manager
        from ops.swarm.platform import SwarmPlatform
        from ops.swarm.store import SwarmStore

        check_manager(engine)
        return SwarmPlatform(engine, project), SwarmStore(engine)
    from ops.platform.compose.platform import ComposePlatform

    return ComposePlatform(engine, project), EngineStore(engine)


def _gateway(platform: Platform, project: Project) -> Gateway:
    """Raises BalancerError, EngineError."""
    from ops.balancer import nginx
    from ops.balancer.worker import NoRequests
    from ops.project.settings import EngineKind

    if project.settings.worker:
        return NoRequests(platform)
    if project.settings.engine is EngineKind.SWARM:
        from ops.swarm.edges import connect as connect_edges

        if edges := connect_edges(platform, project.settings.service):
            return edges
    return nginx.connect(platform, project.settings.balancer, project.settings.service)


def open_store(engine: Engine | None = None, project: Project | None = None) -> Store:
    """The records of a project; without one, of all projects on this engine. Raises EngineUnreachable, EngineError."""
    connected = engine or Engine()
    return _ports(project, connected)[1] if project else EngineStore(connected)


def open_jobs(engine: Engine | None = None) -> Jobs:
    """The jobs of all projects; needs no project. Raises EngineUnreachable."""
    from ops.engine.jobs import EngineJobs

    return EngineJobs(engine or Engine())


def open_changes(project: str, engine: Engine | None = None) -> Changes:
    """What happens to the containers of a project from now on; needs no Compose file. Raises EngineError."""
    from ops.engine import changes

    return changes.Changes(engine or Engine(), project)
