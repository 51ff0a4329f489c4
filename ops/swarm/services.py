"""Creates, starts, stops and removes the services of a project in a swarm."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.engine.client import Engine
from ops.engine.request import request
from ops.errors import EngineError
from ops.models import Container
from ops.platform.ports import Choice, Named, any_name
from ops.swarm import api, brief, labels, reading
from ops.swarm.api import Found

KIND = "services"
FEW = 200
"""Services that are asked for by their ids or names, which fit into an address."""
POLL = 0.1
"""Seconds between two looks at a task."""
DEFAULT_GRACE = 10.0
"""Docker's default time between the stop signal and the kill, seconds."""
STOP_SLACK = 15.0
"""Seconds for the manager and the node, besides the grace period: the signal comes up to 3 s after the change."""
GONE = 30.0
"""Seconds until a network is free after its last task has ended."""


@dataclass(frozen=True)
class Services:
    """The services of a project, and their tasks. ``engine``: a manager's."""

    engine: Engine
    project: str

    def all(self) -> list[Found]:
        return api.listed(self.engine, KIND, label=f"{labels.PROJECT}={self.project}")

    def tasks(self) -> list[Found]:
        """Every task in the swarm: those of a removed service, too."""
        return api.listed(self.engine, "tasks")

    def containers(self) -> list[Container]:
        """The services except one-off ones as containers, ordered by name. Raises EngineError."""
        return [container for container in reading.read(self.all(), self.tasks()) if not container.oneoff]

    def replicas(self, service: str, chosen: Choice) -> list[Container]:
        """The ``chosen`` ones of a service, ordered by number. Raises EngineError."""
        ids = [str(each["ID"]) for each in self._briefly(service, chosen)]
        if len(ids) > FEW:
            found = [each for each in self.containers() if each.id in ids]
        elif ids:
            found = reading.read(api.listed(self.engine, KIND, id=ids), api.listed(self.engine, "tasks", service=ids))
        else:
            found = []
        return sorted(found, key=lambda replica: replica.number)

    def names(self, service: str) -> list[str]:
        """See ``Platform.names``. Raises EngineError."""
        return [str(each["Spec"]["Name"]) for each in sorted(self._briefly(service, any_name), key=reading.number_of)]

    def states(self, service: str, chosen: Choice) -> dict[str, str]:
        """See ``Platform.states``. Raises EngineError."""
        services = self._briefly(service, chosen)
        ids = [str(each["ID"]) for each in services]
        if not ids:
            return {}
        few = {"service": ids} if len(ids) <= FEW else {}
        return reading.states(services, api.listed(self.engine, "tasks", brief.TASKS, **few))

    def _briefly(self, service: str, chosen: Choice) -> list[Found]:
        """The services of the ``chosen`` replicas, in part."""
        # A manager sends those whose names begin so, too.
        few = {"name": sorted(chosen.names)} if isinstance(chosen, Named) and len(chosen.names) <= FEW else {}
        if few == {"name": []}:  # no filter, for the manager
            return []
        return [each for each in reading.replicas_among(self.briefly(**few), service) if chosen(each["Spec"]["Name"])]

    def briefly(self, **filters: Sequence[str]) -> list[Found]:
        """The services, in part: see ``ops.swarm.brief``. Raises EngineError."""
        return api.listed(self.engine, KIND, brief.SERVICES, label=f"{labels.PROJECT}={self.project}", **filters)

    def tasks_of(self, service: str) -> list[Found]:
        """The tasks of a service, by id or name, the newest first; empty if there is none. Raises EngineError."""
        present = api.found(self.engine, KIND, service)
        if present is None:
            return []
        tasks = api.listed(self.engine, "tasks", service=str(present["ID"]))
        return reading.by_id(tasks).get(str(present["ID"]), [])

    def create(self, spec: api.Spec) -> None:
        """Raises EngineError, also if the name is in use."""
        if api.create(self.engine, KIND, spec) is None:
            raise EngineError(
                f"there is already a service {spec['Name']} in the swarm", f"see `docker service ps {spec['Name']}`"
            )

    def start(self, service: str) -> None:
        """Gives the service its task, after one that still ends, which would answer by its name. Raises EngineError."""
        present = api.found(self.engine, KIND, service)
        if present and not reading.replicas_of(present["Spec"]):
            self._await_ended(present)
        if not api.update(self.engine, KIND, service, lambda spec: self._placeable(_started(spec))):
            raise EngineError(f"Docker could not start {service}: there is no such service", "see `docker service ls`")

    def stop(self, service: str, at_most: int | None = None) -> None:
        """Removes the task and waits until it has ended, at most for its grace period. Raises EngineError."""
        present = api.found(self.engine, KIND, service)
        if present is None:
            return
        api.update(self.engine, KIND, service, lambda spec: _with_replicas(spec, 0, labels.STOPPED))
        self._await_ended(present, at_most)

    def remove(self, service: str) -> None:
        """Removes a service; a missing one is not an error. Raises EngineError."""
        api.remove(self.engine, KIND, service)

    def discard(self, service: str) -> None:
        """Removes a service that has no task; another or a missing one is not an error. Raises EngineError."""
        present = api.found(self.engine, KIND, service)
        if present and not reading.replicas_of(present["Spec"]) and not self._lives(str(present["ID"])):
            self.remove(str(present["ID"]))

    def replace(self, spec: api.Spec) -> None:
        """Changes a service to ``spec``; its task is replaced. Raises EngineError if it is missing."""
        if not api.update(self.engine, KIND, str(spec["Name"]), lambda _: spec):
            raise EngineError(f"there is no service {spec['Name']} in the swarm", "start it: videa up")

    def snapshot(self, service: str) -> Mapping[str, Any]:
        """The spec by which ``restore`` creates it again; empty if it does not exist. Raises EngineError."""
        present = api.found(self.engine, KIND, service)
        return dict(present["Spec"]) if present else {}

    def restore(self, spec: Mapping[str, Any]) -> None:
        """Creates a removed service again, with its task. Raises EngineError."""
        self.create(self._placeable(_started(spec)))

    def _placeable(self, spec: dict[str, Any]) -> dict[str, Any]:
        """The spec of a replica; without the node that was chosen for it, if that node no longer gets tasks."""
        node = spec["Labels"].get(labels.PLACED)
        present = api.found(self.engine, "nodes", node) if node else None
        return spec if not node or (present and reading.usable(present)) else _loosened(spec)

    def await_running(self, name: str, timeout: float, healthy: bool = True) -> None:
        """Returns when the task of a service runs and, if ``healthy``, its health check has passed.

        Raises EngineError with the reason after ``timeout`` seconds, and at once for a task that no node accepts.
        """
        deadline = time.monotonic() + timeout
        while True:
            tasks = self.tasks_of(name)
            task = reading.current(tasks)
            state = reading.state_of(task) if task else ""
            if state == reading.RUNNING or (state == reading.STARTING and not healthy):
                return
            if state == "rejected" or time.monotonic() > deadline:
                why = reading.reason(tasks) or f"its task is {state or 'missing'}"
                raise EngineError(f"{name} does not run: {why}", f"see `docker service ps --no-trunc {name}`")
            time.sleep(POLL)

    def await_end(self, name: str, timeout: float) -> Container:
        """A service with a task that ends: returned when it has, or after ``timeout`` seconds. Raises EngineError."""
        deadline = time.monotonic() + timeout
        while True:
            present = api.found(self.engine, KIND, name)
            if present is None:
                raise EngineError(f"the service {name} is gone", "see `docker events`")
            container = reading.container(present, self.tasks_of(name))
            if container.state == "exited" or time.monotonic() > deadline:
                return container
            time.sleep(POLL)

    def loosen(self) -> None:
        """Lets each running replica run on any node again, if its node was chosen at its creation.

        It restarts none that runs; one that does not run yet would be, and is left for the next time.
        """
        tasks = reading.by_id(self.tasks())
        for service in self.all():
            task = reading.current(tasks.get(str(service["ID"]), []))
            runs = task is not None and reading.state_of(task) == reading.RUNNING
            if runs and labels.PLACED in service["Spec"]["Labels"]:
                api.update(self.engine, KIND, str(service["ID"]), _loosened)

    def down(self) -> None:
        """Removes all services of the project, and its networks after the last task has ended. Raises EngineError."""
        services = self.all()
        grace = max((_grace(service["Spec"]) for service in services), default=0.0)
        for service in services:
            self.remove(str(service["ID"]))
        removed = {str(service["ID"]) for service in services}
        deadline = time.monotonic() + grace + STOP_SLACK
        while any(_lives(task, removed) for task in self.tasks()) and time.monotonic() < deadline:
            time.sleep(POLL)
        networks = api.listed(self.engine, "networks", label=f"{labels.PROJECT}={self.project}")
        for network in networks:
            self._remove_network(str(network["Id"]))

    def ensure_network(self, spec: api.Spec, external: bool) -> None:
        """Creates an overlay network that is missing. Raises EngineError if another kind has its name."""
        # Without the scope, this node's engine answers, which keeps a network until its last container has left.
        if api.found(self.engine, "networks", f"{spec['Name']}?scope=swarm"):
            return
        present = any(each["Name"] == spec["Name"] for each in api.listed(self.engine, "networks", driver="bridge"))
        if external or present:
            raise EngineError(
                f"the network {spec['Name']} {'is not an overlay network' if present else 'does not exist'}",
                "remove the project's containers first: docker compose down"
                if present
                else f"create it: docker network create --driver overlay --attachable {spec['Name']}",
            )
        request(self.engine, "POST", "/networks/create", f"create the network {spec['Name']}", body=spec)

    def _remove_network(self, network: str) -> None:
        deadline = time.monotonic() + GONE
        while True:
            try:
                return api.remove(self.engine, "networks", network)
            except EngineError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL)

    def _await_ended(self, service: Found, at_most: int | None = None) -> None:
        """Returns when all tasks of a service have ended, at most after its grace period."""
        seconds = _grace(service["Spec"])
        deadline = time.monotonic() + (seconds if at_most is None else min(seconds, at_most)) + STOP_SLACK
        while self._lives(str(service["ID"])) and time.monotonic() < deadline:
            time.sleep(POLL)

    def _lives(self, service: str) -> bool:
        """Whether a service has a task that has not ended, on a node that answers."""
        tasks = api.listed(self.engine, "tasks", service=service)
        alive = [task for task in tasks if reading.state_of(task) not in reading.ENDED and task.get("NodeID")]
        if not alive:
            return False
        nodes = {node["ID"]: node for node in api.listed(self.engine, "nodes")}
        return any((nodes.get(task["NodeID"], {}).get("Status") or {}).get("State") == "ready" for task in alive)


def _grace(spec: Mapping[str, Any]) -> float:
    """Seconds between the stop signal and the kill."""
    grace = spec["TaskTemplate"]["ContainerSpec"].get("StopGracePeriod")
    return DEFAULT_GRACE if grace is None else float(grace) / 1e9


def _lives(task: Found, services: Collection[str]) -> bool:
    """Whether a task of one of these services has not ended."""
    return task.get("ServiceID") in services and reading.state_of(task) not in reading.ENDED


def _with_replicas(spec: api.Spec, replicas: int, state: str) -> dict[str, Any]:
    return {
        **spec,
        "Labels": {**(spec.get("Labels") or {}), labels.STATE: state},
        "Mode": {"Replicated": {"Replicas": replicas}},
    }


def _started(spec: api.Spec) -> dict[str, Any]:
    return _with_replicas(spec, 1, labels.STARTED)


def _loosened(spec: api.Spec) -> dict[str, Any]:
    own = {name: value for name, value in spec["Labels"].items() if name != labels.PLACED}
    template = {**spec["TaskTemplate"], "Placement": {}}
    return {**spec, "Labels": own, "TaskTemplate": template}
