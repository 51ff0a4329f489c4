"""Creates stacks and stores: the only module that chooses the implementations of the ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ops.engine.client import Engine
from ops.errors import EngineError
from ops.platform.compose.store import EngineStore

if TYPE_CHECKING:
    from ops.events import Emit
    from ops.images.everywhere import Connect as ConnectImages
    from ops.images.everywhere import Everywhere
    from ops.migration.run import Migration
    from ops.platform.image_ports import ImageStore
    from ops.platform.job_ports import Jobs
    from ops.platform.ports import Changes, Gateway, Platform, Store
    from ops.project.config import Project
    from ops.stack import Stack


def connect(environment: Mapping[str, str] | None = None) -> Engine:
    """A connection to the engine that the docker command uses in ``environment``. Raises EngineUnreachable."""
    return Engine(environment)


def image_store(engine: Engine) -> ImageStore:
    """The images of an engine, for copying."""
    from ops.engine.transfer import EngineImageStore

    return EngineImageStore(engine)


def everywhere(engine: Engine, connect: ConnectImages, emit: Emit, user: str = "", dry_run: bool = False) -> Everywhere:
    """The images of the engine and, over SSH as ``user``, of the other nodes of its swarm. Raises EngineError."""
    import msgspec

    from ops.images.everywhere import Everywhere, others
    from ops.swarm import api, edge_places, reading
    from ops.swarm.joining import joined

    here = joined(engine)
    if not here.manager:
        raise EngineError("this engine manages no swarm, so it knows no other nodes", "name one: --to ssh://USER@HOST")
    found = api.listed(engine, "nodes")
    nodes = [msgspec.structs.replace(reading.node(each), address=edge_places.host_of(each)) for each in found]
    store = open_store(engine, swarm=True)
    return Everywhere(image_store(engine), here.node, others(nodes, here.node, user), connect, store, emit, dry_run)


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


def open_migration(project: Project, to_swarm: bool, emit: Emit, command: str) -> Migration:
    """The move of a project between Compose and the swarm of its own host. ``command``: as typed by the user.

    Raises EngineUnreachable, and EngineError if the engine manages no swarm.
    """
    from dataclasses import replace

    from ops.migration.run import Migration
    from ops.project.settings import EngineKind
    from ops.swarm.bridge import Bridge
    from ops.swarm.manager import check_manager
    from ops.swarm.platform import SwarmPlatform
    from ops.swarm.store import SwarmStore

    engine = connect()
    check_manager(engine)
    compose = open_stack(project.on(EngineKind.COMPOSE), engine)
    numbers = [each.number for each in compose.containers() if each.service in project.services]
    above = max(numbers, default=0) if to_swarm else 0

    def on_swarm(chosen: Project) -> Stack:
        platform = SwarmPlatform(engine, chosen, above)
        return replace(open_stack(chosen, engine), platform=platform, store=SwarmStore(engine), open=on_swarm)

    swarm = on_swarm(project.on(EngineKind.SWARM))
    here, there = (compose, swarm) if to_swarm else (swarm, compose)
    return Migration(here, there, compose, Bridge(engine, swarm.project), emit, command)


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


def open_store(engine: Engine | None = None, project: Project | None = None, swarm: bool = False) -> Store:
    """The records of a project. Without one: of all projects on this engine or, with ``swarm``, in its swarm.

    Raises EngineUnreachable, EngineError.
    """
    connected = engine or Engine()
    if swarm:
        from ops.swarm.store import SwarmStore

        return SwarmStore(connected)
    return _ports(project, connected)[1] if project else EngineStore(connected)


def open_jobs(engine: Engine | None = None) -> Jobs:
    """The jobs of all projects; needs no project. Raises EngineUnreachable."""
    from ops.engine.jobs import EngineJobs

    return EngineJobs(engine or Engine())


def in_swarm(project: str, engine: Engine) -> bool:
    """Whether videa has recorded a project in the swarm of this engine; needs no Compose file. Raises EngineError."""
    from ops import documents
    from ops.swarm.joining import joined
    from ops.swarm.store import SwarmStore

    return joined(engine).manager and bool(documents.load(SwarmStore(engine), documents.Kind.OUTLINE, project))


def open_changes(project: str, engine: Engine | None = None, swarm: bool = False) -> Changes:
    """The events of a project's containers from now on; needs no Compose file. Raises EngineError.

    ``swarm``: the containers of its swarm tasks on this engine.
    """
    from ops.engine import changes
    from ops.swarm import labels

    connected = engine or Engine()
    return changes.Changes(connected, project, labels.PROJECT) if swarm else changes.Changes(connected, project)
