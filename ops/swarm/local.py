"""The containers on this manager's node: only they can be entered, inspected and measured through its engine."""

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

SHORT_ID = 12
"""Characters of a container's id that Docker shows."""


@dataclass(frozen=True)
class _OnThisNode:
    """A ``Measured`` that the engine knows: ``name`` is its own name of the container."""

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
        """The running task of a service, on whichever node. Raises EngineError if there is none."""
        tasks = self.services.tasks_of(container)
        # On a node that the manager calls down, the old task runs on, and its successor waits.
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
        """The engine's id of the running container of a service. Raises EngineError if it runs elsewhere or not."""
        task = self.task_of(container)
        if task.get("NodeID") != self.node:
            place, host = self._name_of(str(task.get("NodeID"))), self._host_of(str(task.get("NodeID")))
            local = str((task["Status"].get("ContainerStatus") or {}).get("ContainerID") or "")[:SHORT_ID]
            raise EngineError(
                f"{container} runs on {place}, and commands reach only the containers of this manager's node",
                f"over SSH: docker --host ssh://{host} exec -it {local} COMMAND; or choose a replica of this node: see"
                " `videa status`",
            )
        return str(task["Status"]["ContainerStatus"]["ContainerID"])

    def twin(self, model: Container) -> str:
        """The engine's id of a running container on this node with the service and release of ``model``.

        Raises EngineError if there is none.
        """
        ids = self.ids()
        same = [
            each
            for each in self.services.containers()
            if (each.service, each.release) == (model.service, model.release) and each.id in ids
        ]
        if not same:
            raise EngineError(
                f"no container of {model.service} with release {model.release} runs on this manager's node, and one "
                "like it starts only here",
                f"it runs on {self._name_of(model.node)}; see `videa node ls`, and move one here: videa rebalance",
            )
        return ids[same[0].id]

    def _name_of(self, node: str) -> str:
        found = api.found(self.engine, "nodes", node)
        return reading.node(found).name if found else node

    def _host_of(self, node: str) -> str:
        """The address at which the managers know a node, for a URL."""
        found = api.found(self.engine, "nodes", node)
        address = edge_places.host_of(found) if found else ""
        return f"[{address}]" if ":" in address else address or node

    def ids(self) -> dict[str, str]:
        """Id of a service -> the engine's id of its running container, of those on this node. Raises EngineError."""
        return self._ids(self.services.tasks())

    def _ids(self, tasks: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        return {
            str(task["ServiceID"]): str(task["Status"]["ContainerStatus"]["ContainerID"])
            for task in tasks
            if task.get("NodeID") == self.node
            and reading.state_of(task) in (reading.RUNNING, reading.STARTING)
            and (task["Status"].get("ContainerStatus") or {}).get("ContainerID")
        }

    def details(self) -> list[tuple[Container, Mapping[str, Any]]]:
        """Every container of the project with the engine's details; of those elsewhere, what their spec tells.

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
