"""The platform for one Compose project on one Docker Engine.

Compose creates replicas and the engine starts them: Compose would also start every replica that has exited, such as one
that is being stopped. Compose starts them only if ``creates_alone``.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from ops.engine import cgroups, inspection, ports, replicas, stats
from ops.engine.bound import EngineBound
from ops.engine.changes import Changes
from ops.engine.compose import more_arguments, up_arguments
from ops.engine.effects import Previews, check_harmless, check_run, run_harmless
from ops.engine.logs import Output
from ops.errors import EngineError
from ops.models import Container, ExecResult, Replica, Usage, UserCommand
from ops.platform.compose.nodes import NoNodes
from ops.platform.ports import Choice, Measured, Permit, any_name
from ops.project.config import Project
from ops.project.copied import copied_files
from ops.project.pins import remember
from ops.steps import Target

if TYPE_CHECKING:
    from ops.engine.jobs import EngineJobs
    from ops.engine.stand_in import EngineStandIns


@dataclass(frozen=True)
class ComposePlatform(EngineBound):
    """``ops.platform.ports.Platform``."""

    project: Project
    _previews: Previews = field(default_factory=Previews, init=False, repr=False, compare=False)

    @cached_property
    def jobs(self) -> EngineJobs:
        from ops.engine.jobs import EngineJobs

        return EngineJobs(self.engine)

    @cached_property
    def stand_ins(self) -> EngineStandIns:
        from ops.engine.stand_in import EngineStandIns

        return EngineStandIns(self.engine)

    @property
    def nodes(self) -> NoNodes:
        return NoNodes()

    @property
    def network_suffix(self) -> str:
        return ""

    @property
    def creates_alone(self) -> bool:
        """True for ``post_start`` hooks, which Compose runs, and configs and secrets that only Compose copies."""
        return bool(self.project.service.get("post_start") or copied_files(self.project.model, self._service))

    def replicas(self, chosen: Choice = any_name) -> list[Replica]:
        return replicas.list_replicas(self.engine, self.project.name, self._service, chosen)

    def names(self) -> list[str]:
        return list(self.states())

    def states(self, chosen: Choice = any_name) -> dict[str, str]:
        found = replicas.states(self.engine, self.project.name, self._service)
        return {name: state for name, state in found.items() if chosen(name)}

    def containers(self) -> list[Container]:
        return replicas.list_containers(self.engine, self.project.name)

    def container(self, service: str) -> Container | None:
        return replicas.find_container(self.engine, self.project.name, service)

    def details(self) -> list[tuple[Container, Mapping[str, Any]]]:
        inspected = replicas.inspect(self.engine, self.project.name, oneoffs=True)
        return [(replicas.read(details), details) for details in inspected]

    def usage(self, containers: Iterable[Measured], gap: float) -> dict[str, Usage]:
        return cgroups.quick_sample(self.engine, containers, gap)

    def traffic(self, containers: Iterable[Measured]) -> dict[str, Usage]:
        return stats.sample(self.engine, containers)

    def memory(self, containers: Iterable[str]) -> dict[str, tuple[int, int | None]]:
        return stats.memory(self.engine, containers)

    def bound_port(self, container: str, target: int) -> int | None:
        return ports.bound_port(self.engine, container, target)

    def create(self, total: int, target: Target, permit: Permit) -> set[str]:
        arguments = self._create(total)
        checked = self._previews.take((arguments, target.overrides))
        effects = run_harmless(self.project.compose, arguments, target.overrides, permit=permit, checked=checked)
        return {effect.name for effect in effects if effect.kind == "Container" and effect.verb == "Created"}

    def check_create(self, total: int, target: Target, next: bool = False) -> None:
        arguments = self._create(total)
        check_harmless(self.project.compose, arguments, target.overrides)
        if next:
            self._previews.keep((arguments, target.overrides))

    def start(self, container: str) -> None:
        replicas.start(self.engine, container, self.project.model["services"])

    def stop(self, container: str, at_most: int | None = None) -> str:
        return replicas.stop(self.engine, container, at_most, self.project.model["services"])

    def remove(self, container: str) -> None:
        replicas.remove(self.engine, container)

    def remove_volumes(self, names: Collection[str]) -> None:
        replicas.remove_volumes(self.engine, self.project.name, names)

    def discard(self, container: str) -> None:
        replicas.discard(self.engine, container)

    def blueprint(self, container: str) -> Mapping[str, Any]:
        from ops.engine import recreate

        return recreate.snapshot(self.engine, container, copied_files(self.project.model, self._service))

    def restore(self, blueprint: Mapping[str, Any]) -> None:
        from ops.engine import recreate

        name = recreate.recreate(self.engine, blueprint)
        replicas.after_start(self.engine, name, self.project.service.get("post_start") or ())

    def up(
        self,
        services: Sequence[str],
        permit: Permit,
        overrides: Mapping[str, str],
        recreate: Collection[str] = (),
        keep: bool = False,
    ) -> None:
        from ops.platform.compose import whole

        whole.up(self.project, self.containers(), services, permit, overrides, recreate, keep)

    def changed_services(self) -> list[str]:
        from ops.platform.compose import whole

        return whole.changed(self.project, self.containers())

    def down(self) -> None:
        self.project.compose.run("down")

    def follow(self, services: Collection[str], target: Target | None, permit: Permit) -> None:
        overrides = target.overrides if target else {}
        run_harmless(self.project.compose, self._follow(services), overrides, self._containers_of(services), permit)

    def check_follow(self, services: Collection[str], target: Target) -> None:
        allowed = self._containers_of(services)
        check_harmless(self.project.compose, self._follow(services), target.overrides, allowed)

    def task(self, name: str, command: Collection[str], target: Target, timeout: float) -> None:
        self.remove(name)
        arguments = ["run", "--rm", "--no-deps", "-T", "--name", name, self._service]
        check_run(self.project.compose, self._create(max(1, len(self.names()))), target.overrides)
        try:
            self.project.compose.run(*arguments, *command, overrides=target.overrides, timeout=timeout)
        except EngineError:
            self.stop(name)
            self.remove(name)
            raise

    def complete(self, service: str, overrides: Mapping[str, str], permit: Permit, timeout: float) -> Container:
        from ops.engine import one_shot

        allowed = self._containers_of([service])
        run_harmless(self.project.compose, self._complete(service), overrides, allowed, permit)
        return one_shot.await_exit(self.engine, self.project.name, service, timeout)

    def check_complete(self, service: str, overrides: Mapping[str, str]) -> None:
        check_harmless(self.project.compose, self._complete(service), overrides, self._containers_of([service]))

    def remember(self, variables: Mapping[str, str | None]) -> None:
        remember(self.project.env_file, variables)

    def exec(
        self, container: str, command: list[str], user: str = "", environment: Mapping[str, str] | None = None
    ) -> ExecResult:
        return self.engine.exec(container, command, user, environment)

    def ask(self, container: str, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        return self.engine.ask(container, command, environment)

    def hand_over(self, container: str, command: UserCommand) -> NoReturn:
        from ops.engine import foreground

        foreground.become(*foreground.exec_command(container, command, self.project.environment))

    def create_like(self, model: Container, name: str, command: UserCommand) -> None:
        from ops.engine import one_off

        files = copied_files(self.project.model, model.service)
        one_off.create_like(self.engine, model.name, name, command, files)

    def attach(self, container: str) -> int:
        from ops.engine import foreground

        return foreground.attach(self.engine, container, self.project.environment)

    def last_words(self, container: str) -> str:
        return replicas.last_words(self.engine, container)

    def log_tail(self, container: str, lines: int) -> bytes:
        return self.engine.log_tail(container, lines)

    def recent_log(self, container: str, since: float, lines: int) -> str:
        return inspection.recent_log(self.engine, container, since, lines)

    def log_lines(self, container: str, since: float, tail: int, follow: bool) -> Iterator[str]:
        return inspection.log_lines(self.engine, container, since, tail, follow)

    def output(self, container: str) -> Output:
        return Output(self.engine, container)

    def changes(self) -> Changes:
        return Changes(self.engine, self.project.name)

    @property
    def _service(self) -> str:
        return self.project.settings.service

    def _create(self, total: int) -> list[str]:
        return more_arguments(self.project.compose, self._service, total, start=self.creates_alone)

    def _follow(self, services: Collection[str]) -> list[str]:
        deadline = math.ceil(self.project.settings.health.deadline)
        wait = ("--wait", "--wait-timeout", str(deadline))
        return up_arguments(self.project.compose, services, *wait, scale=self._scale(services))

    def _complete(self, service: str) -> list[str]:
        # A container that has ended and has not changed would be no effect, and so look like an unknown one.
        return up_arguments(self.project.compose, [service], "--force-recreate", scale=self._scale([service]))

    def _scale(self, services: Collection[str]) -> dict[str, int]:
        """The present number of replicas, where ``up_arguments`` needs it: counting them takes a call for each."""
        if not self.project.compose.hashes_depends_on and self._service not in services:
            return {}
        return {self._service: len(self.replicas())}

    def _containers_of(self, services: Collection[str]) -> list[str]:
        return [container.name for container in self.containers() if container.service in services]
