"""The platform for one Compose project on a swarm, seen from one of its managers.

Each replica is a service with one task, so that videa chooses which one leaves, and each has a name in DNS. A replica
is stopped by taking its task away: the service stays, with all that is needed to start it again. Commands of videa run
in the containers of this manager's node and in nginx's; those of its users in all, see ``ops.swarm.commands``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

from ops import declared
from ops.engine import ports, replicas
from ops.engine.bound import EngineBound
from ops.engine.changes import Changes
from ops.engine.jobs import EngineJobs
from ops.engine.logs import Output
from ops.engine.stand_in import EngineStandIns
from ops.models import Container, ExecResult, Replica, Usage, UserCommand
from ops.platform.ports import Choice, Measured, Permit, any_name
from ops.project.config import Project
from ops.project.pins import remember
from ops.steps import Target
from ops.swarm import api, brief, files, images_there, keys, labels, reading, whole
from ops.swarm.api import Found
from ops.swarm.commands import Commands
from ops.swarm.definitions import Definitions, service_name
from ops.swarm.edges import SwarmEdges
from ops.swarm.local import Local
from ops.swarm.logs import Logs
from ops.swarm.nodes import SwarmNodes
from ops.swarm.one_offs import run_task
from ops.swarm.services import Services
from ops.swarm.spec import SUFFIX
from ops.swarm.store import SwarmStore


@dataclass(frozen=True)
class SwarmPlatform(EngineBound):
    """``ops.platform.ports.Platform``. ``engine``: a manager's."""

    project: Project
    above: int = 0
    """New replicas get higher numbers: Compose's have these while the project moves."""

    @cached_property
    def jobs(self) -> EngineJobs:
        """On this manager's engine: a job needs the project's folder."""
        return EngineJobs(self.engine)

    @cached_property
    def stand_ins(self) -> EngineStandIns:
        """On this manager's engine, beside its nginx."""
        return EngineStandIns(self.engine)

    @cached_property
    def services(self) -> Services:
        return Services(self.engine, self.project.name)

    @cached_property
    def nodes(self) -> SwarmNodes:
        return SwarmNodes(self.services)

    @cached_property
    def edges(self) -> SwarmEdges:
        """The nginx of the project, on the nodes that are labelled for it."""
        return SwarmEdges(self.engine, self.services, self.project.settings.balancer, lambda: self.node)

    @cached_property
    def _local(self) -> Local:
        return Local(self.engine, self.services)

    @cached_property
    def _commands(self) -> Commands:
        return Commands(self.engine, self._local, self.project.environment)

    @cached_property
    def _logs(self) -> Logs:
        return Logs(self.engine, self.services)

    @property
    def network_suffix(self) -> str:
        return SUFFIX

    @property
    def creates_alone(self) -> bool:
        return False

    def replicas(self, chosen: Choice = any_name) -> list[Replica]:
        return self.services.replicas(self._service, chosen)

    def names(self) -> list[str]:
        return self.services.names(self._service)

    def states(self, chosen: Choice = any_name) -> dict[str, str]:
        return self.services.states(self._service, chosen)

    def containers(self) -> list[Container]:
        return self.services.containers()

    def container(self, service: str) -> Container | None:
        found = [each for each in self.containers() if each.service == service]
        if service == self.project.settings.balancer and len(found) > 1:
            order = [place.id for place in self.edges.places() if not place.reason]
            found.sort(key=lambda each: order.index(each.id) if each.id in order else len(order))
        return next(iter(found), None)

    def details(self) -> list[tuple[Container, Mapping[str, Any]]]:
        return self._local.details()

    def usage(self, containers: Iterable[Measured], gap: float) -> dict[str, Usage]:
        return self._local.usage(containers)

    def traffic(self, containers: Iterable[Measured]) -> dict[str, Usage]:
        return self._local.usage(containers)

    def memory(self, containers: Iterable[str]) -> dict[str, tuple[int, int | None]]:
        return self._local.memory(containers)

    def bound_port(self, container: str, target: int) -> int | None:
        return ports.bound_port(self.engine, self._local.id_of(container), target)

    def create(self, total: int, target: Target, permit: Permit) -> set[str]:
        definitions = self._definitions(target.overrides, target.earlier)
        definitions.check([self._service])
        whole.ensure_networks(self.services, definitions, [self._service])
        services = self.services.briefly()
        missing = total - len(reading.replicas_among(services, self._service))
        created = set()
        for spec in self.new_replicas(definitions, self._service, missing, target.image, target.release, services):
            permit()
            self.services.create(spec)
            created.add(str(spec["Name"]))
        return created

    def new_replicas(
        self,
        definitions: Definitions,
        service: str,
        count: int,
        image: str = "",
        release: str = "",
        services: Sequence[Found] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """The specs of ``count`` more replicas, each on the node that has the fewest. Raises EngineError.

        ``services``: of the project, if the caller has just read them.
        """
        services = self.services.briefly() if services is None else services
        tasks, nodes = api.listed(self.engine, "tasks", brief.PLACED_TASKS), api.listed(self.engine, "nodes")
        number = max(self.above, reading.highest_number(services, tasks, service))
        own = [each["Spec"] for each in services if each["Spec"]["Labels"].get(labels.SERVICE) == service]
        waiting = [each["Labels"] for each in own if not reading.replicas_of(each)]
        placed = [(str(each.get(labels.PLACED, "")), str(each.get(labels.RELEASE, ""))) for each in waiting]
        bound = definitions.bound(service)
        chosen = reading.emptiest_nodes(nodes, tasks, placed, service, release)
        for _ in range(count):
            number += 1
            node = self.node if bound else next(chosen)
            yield definitions.spec(service, number, node, image=image, release=release, placed=not bound)

    def check_create(self, total: int, target: Target, next: bool = False) -> None:
        definitions = self._definitions(target.overrides)
        definitions.check([self._service])
        if not definitions.bound(self._service):
            wanted = definitions.wanted(self._service, 0, "", target.image)
            known = [each.node for each in self.containers() if each.image_id == wanted.image_id and each.node]
            images_there.check(self.engine, self.project.name, wanted.image, wanted.reference, [self.node, *known])

    def start(self, container: str) -> None:
        self.services.start(container)

    def stop(self, container: str, at_most: int | None = None) -> str:
        self.services.stop(container, at_most)
        return ""

    def remove(self, container: str) -> None:
        self._commands.remove(container)
        self.services.remove(service_name(container))

    def remove_volumes(self, names: Collection[str]) -> None:
        replicas.remove_volumes(self.engine, self.project.name, names)

    def discard(self, container: str) -> None:
        self.services.discard(container)

    def blueprint(self, container: str) -> Mapping[str, Any]:
        return self.services.snapshot(container)

    def restore(self, blueprint: Mapping[str, Any]) -> None:
        self.services.restore(blueprint)

    def up(
        self,
        services: Sequence[str],
        permit: Permit,
        overrides: Mapping[str, str],
        recreate: Collection[str] = (),
        keep: bool = False,
    ) -> None:
        whole.up(self, self._definitions(overrides), services, permit, recreate, keep)

    def changed_services(self) -> list[str]:
        return whole.changed(self.project, self.containers())

    def down(self) -> None:
        images_there.remove(self.engine, self.project.name)
        self.services.down()
        keys.remove(self.engine, self.project.name)
        files.remove_all(self.engine, self.project.name)

    def follow(self, services: Collection[str], target: Target | None, permit: Permit) -> None:
        definitions = self._definitions(target.overrides if target else {}, target is not None and target.earlier)
        definitions.check(services)
        for container in self.containers():
            if container.service in services:
                permit()
                whole.recreate(self, definitions, container)
                self.services.await_running(container.name, self.project.settings.health.deadline)

    def check_follow(self, services: Collection[str], target: Target) -> None:
        self._definitions(target.overrides).check(services)

    def task(self, name: str, command: Collection[str], target: Target, timeout: float) -> None:
        definitions = self._definitions(target.overrides, target.earlier)
        wanted = definitions.provided(
            definitions.wanted(self._service, 0, self._local.node, target.image, target.release)
        )
        run_task(self.services, definitions, wanted, service_name(name), tuple(command), timeout, self.last_words)

    def complete(self, service: str, overrides: Mapping[str, str], permit: Permit, timeout: float) -> Container:
        definitions = self._definitions(overrides)
        definitions.check([service])
        whole.ensure_networks(self.services, definitions, [service])
        node = self._local.node if definitions.bound(service) else ""
        spec = definitions.spec(service, 1, node, running=True)
        permit()
        self._remove_ended(str(spec["Name"]))
        self.services.create(spec)
        try:
            return self.services.await_end(str(spec["Name"]), timeout)
        except KeyboardInterrupt:
            self.services.stop(str(spec["Name"]))
            raise

    def check_complete(self, service: str, overrides: Mapping[str, str]) -> None:
        self._definitions(overrides).check([service])

    def remember(self, variables: Mapping[str, str | None]) -> None:
        """Also lets the replicas run on any node again: their nodes were chosen only for their start.

        Secrets and configs that nothing needs are removed.
        """
        remember(self.project.env_file, variables)
        self.services.loosen()
        files.remove_unused(self.engine, self.project.name, self._retained)

    def _edge_elsewhere(self, container: str) -> Found | None:
        """The task of an nginx on another node, which only its channel reaches; None for every other container."""
        task = self._local.task_of(container)
        return task if task.get("NodeID") != self.node and self.edges.has(task) else None

    def exec(
        self, container: str, command: list[str], user: str = "", environment: Mapping[str, str] | None = None
    ) -> ExecResult:
        if task := self._edge_elsewhere(container):
            return self.edges.run(container, task, command, environment)
        return self.engine.exec(self._local.id_of(container), command, user, environment)

    def ask(self, container: str, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        if task := self._edge_elsewhere(container):
            return self.edges.run(container, task, command, environment)
        return self.engine.ask(self._local.id_of(container), command, environment)

    def hand_over(self, container: str, command: UserCommand) -> NoReturn:
        self._commands.hand_over(container, command)

    def create_like(self, model: Container, name: str, command: UserCommand) -> None:
        self._commands.create_like(model, name, command)

    def attach(self, container: str) -> int:
        return self._commands.attach(container)

    def last_words(self, container: str) -> str:
        return self._logs.last_words(container)

    def log_tail(self, container: str, lines: int) -> bytes:
        task = self._local.task_of(container)
        if task.get("NodeID") == self.node:
            return self.engine.log_tail(self._local.id_of(container), lines)
        return self._logs.tail(str(task["ID"]), lines)

    def recent_log(self, container: str, since: float, lines: int) -> str:
        return "\n".join(self._logs.lines(container, since, lines, follow=False))

    def log_lines(self, container: str, since: float, tail: int, follow: bool) -> Iterator[str]:
        return self._logs.lines(container, since, tail, follow)

    def output(self, container: str) -> Output:
        if self._local.task_of(container).get("NodeID") != self.node:
            return Output(self.engine, container, "services")
        return Output(self.engine, self._local.id_of(container))

    def changes(self) -> Changes:
        """Of the containers of this manager's node."""
        return Changes(self.engine, self.project.name, labels.PROJECT)

    @property
    def node(self) -> str:
        """The id of this manager's node."""
        return self._local.node

    @property
    def _service(self) -> str:
        return self.project.settings.service

    def _definitions(self, overrides: Mapping[str, str], earlier: bool = False) -> Definitions:
        return Definitions.read(self.engine, self.project, overrides, earlier)

    def _retained(self) -> set[str]:
        """The retained releases of every service, as "web/r1"."""
        store, name = SwarmStore(self.engine), self.project.name
        return {
            f"{service}/{release}"
            for service in self.project.services
            for release in declared.read(store, name, service)
        }

    def _remove_ended(self, name: str) -> None:
        """Removes a service after its task has ended."""
        self.services.stop(name)
        self.services.remove(name)
