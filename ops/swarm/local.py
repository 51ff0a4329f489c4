"""Where containers run; on this manager's node, its engine can run commands in them, inspect and measure them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ops.engine import stats
from ops.engine.client import Engine, engine_errors
from ops.errors import EngineError
from ops.models import Container, Usage
from ops.platform.ports import Measured
from ops.swarm import api, edge_places, reading
from ops.swarm.services import Services


@dataclass(frozen=True)
class Place:
    """Where a container runs. ``id``: the engine's; ``node``: the node's name; ``host``: the node's URL, "" here."""

    id: str
    node: str
    host: str = ""


@dataclass(frozen=True)
class _OnThisNode:
    """A ``Measured`` that the engine knows: ``name`` is the engine's name of the container."""

    id: str
    name: str
    cpu_limit: float | None
    memory_limit: int | None
    pid: int = 0
    running: bool = True


@dataclass(frozen=True)
class Local:
    """The containers of a project on the node of ``engine``."""

    engine: Engine
    services: Services

    @cached_property
    def node(self) -> str:
        """The id of this node. Raises EngineError."""
        with engine_errors("describe itself"):
            return str((self.engine.api.info().get("Swarm") or {}).get("NodeID") or "")

    def task_of(self, container: str) -> Mapping[str, Any]:
        """The running task of a service, on any node. Raises EngineError if there is none."""
        tasks = self.services.tasks_of(container)
        # On a node that the manager reports as down, the old task keeps running, and its successor waits.
        runs = (each for each in tasks if reading.state_of(each) in (reading.RUNNING, reading.STARTING))
        task = next(runs, None) or reading.current(tasks)
        state = reading.state_of(task) if task else ""
        if task is None or state not in (reading.RUNNING, reading.STARTING):
            restarts = task is not None and state not in reading.ENDED
            raise EngineError(
                f"{container} {'is restarting' if restarts else 'is not running'}",
                f"see `docker service ps --no-trunc {container}`",
            )
        return task

    def id_of(self, container: str) -> str:
        """The engine's id of the running container of a service. Raises EngineError if it does not run on this node."""
        place = self.place_of(container)
        if place.host:
            raise EngineError(
                f"{container} runs on {place.node}, and this reaches only the containers of this manager's node",
                f"run it there: videa exec --replica {container} -- COMMAND, which goes over SSH",
            )
        return place.id

    def place_of(self, container: str) -> Place:
        """Where the running container of a service is. Raises EngineError if it does not run."""
        task = self.task_of(container)
        if not (own := _container_of(task)):
            raise EngineError(f"{container} is restarting", f"see `docker service ps --no-trunc {container}`")
        return self._place(str(task.get("NodeID")), own)

    def twin(self, model: Container) -> Place:
        """A running container with the service and release of ``model``, on this node if there is one.

        Raises EngineError if there is none.
        """
        tasks = reading.by_id(self.services.tasks())
        found = []
        for each in self.services.containers():
            task = reading.current(tasks.get(each.id, ()))
            if (each.service, each.release) == (model.service, model.release) and task and _container_of(task):
                found.append((task.get("NodeID") != self.node, each.number, task))
        if not found:
            raise EngineError(
                f"no container of {model.service} with release {model.release} is running",
                f"see `docker service ps --no-trunc {model.name}`",
            )
        task = min(found, key=lambda each: each[:2])[2]
        return self._place(str(task["NodeID"]), _container_of(task))

    def _place(self, node: str, container: str) -> Place:
        here = node == self.node
        return Place(container, self._name_of(node), "" if here else f"ssh://{self._host_of(node)}")

    def _name_of(self, node: str) -> str:
        found = api.found(self.engine, "nodes", node)
        return reading.node(found).name if found else node

    def _host_of(self, node: str) -> str:
        """The address of a node as known to the managers, for a URL."""
        found = api.found(self.engine, "nodes", node)
        address = edge_places.host_of(found) if found else ""
        return f"[{address}]" if ":" in address else address or node

    def ids(self) -> dict[str, str]:
        """Service id -> the engine's id of its running container, for containers on this node. Raises EngineError."""
        return self._ids(self.services.tasks())

    def _ids(self, tasks: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        return {
            str(task["ServiceID"]): str(task["Status"]["ContainerStatus"]["ContainerID"])
            for task in tasks
            if task.get("NodeID") == self.node and _container_of(task)
        }

    def details(self) -> list[tuple[Container, Mapping[str, Any]]]:
        """Every container of the project with the engine's details; on other nodes, only what their spec contains.

        Raises EngineError.
        """
        listed = self.services.tasks()
        ids, tasks, found = self._ids(listed), reading.by_id(listed), []
        for service in self.services.all():
            container = reading.container(service, tasks.get(str(service["ID"]), []))
            details: Mapping[str, Any] = {}
            with engine_errors(f"inspect {container.name}", missing_ok=True):
                details = self.engine.api.inspect_container(ids[container.id]) if container.id in ids else {}
            found.append((container, details or reading.details(service, container)))
        return found

    def usage(self, containers: Iterable[Measured]) -> dict[str, Usage]:
        """The usage of the containers on this node, by name of the service; takes about a second."""
        ids = self.ids()
        here = {ids[each.id]: each for each in containers if each.id in ids}
        measured = [_OnThisNode(local, local, each.cpu_limit, each.memory_limit) for local, each in here.items()]
        return {here[local].name: usage for local, usage in stats.sample(self.engine, measured).items()}

    def memory(self, containers: Iterable[str]) -> dict[str, tuple[int, int | None]]:
        """Memory usage and limit, bytes, of the containers on this node, by name of the service."""
        ids, wanted = self.ids(), set(containers)
        here = {
            ids[each.id]: each.name for each in self.services.containers() if each.name in wanted and each.id in ids
        }
        return {here[local]: sizes for local, sizes in stats.memory(self.engine, here).items()}


def _container_of(task: Mapping[str, Any]) -> str:
    """The engine's id of the container of a task that runs; "" if it does not."""
    runs = reading.state_of(task) in (reading.RUNNING, reading.STARTING)
    return str((task["Status"].get("ContainerStatus") or {}).get("ContainerID") or "") if runs else ""
