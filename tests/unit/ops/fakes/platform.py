"""Containers in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from ops.errors import EngineError
from ops.models import Container, ExecResult, Machine, Replica, Usage, UserCommand
from ops.platform.ports import Choice, Measured, Permit, any_name
from ops.project.pins import remember
from ops.steps import Target
from tests.unit.ops.fakes.changes import FakeChanges
from tests.unit.ops.fakes.jobs import FakeJobs
from tests.unit.ops.fakes.nodes import FakeNodes
from tests.unit.ops.fakes.stand_ins import FakeStandIns
from tests.unit.ops.fakes.world import APP, NAME, START, World


class FakeImages:
    """``ops.platform.ports.Images``: every image is present, and its digest is its name. ``moved``: tags that differ.

    ``missing``: images that are not present; ``pushed``: tag -> digest in the registry.
    """

    def __init__(self) -> None:
        self.moved: dict[str, str] = {}
        self.missing: set[str] = set()
        self.pushed: dict[str, str] = {}
        self.pulled: list[str] = []

    def digest(self, reference: str) -> str:
        return self.moved.get(reference) or f"sha256:{reference.removeprefix('sha256:')}"

    def present(self, reference: str) -> bool:
        return reference not in self.missing

    def has_healthcheck(self, reference: str) -> bool:
        return False

    def ensure(self, reference: str) -> None:
        if not self.present(reference):
            self.pull(reference)

    def pull(self, reference: str) -> None:
        self.pulled.append(reference)
        self.missing.discard(reference)
        if reference in self.pushed:
            self.moved[reference] = self.pushed[reference]

    def exposed(self, reference: str) -> tuple[int, ...]:
        return ()

    def build(self, reference: str, folder: Path, arguments: Mapping[str, str]) -> None:
        pass

    def make(self, reference: str, script: Path) -> None:
        pass

    def tag(self, image: str, reference: str) -> None:
        self.moved[reference] = image

    def untag(self, reference: str) -> None:
        pass


@dataclass
class FakePlatform:
    """``ops.platform.ports.Platform``. ``by_name``: the replicas; ``followed``: services that were recreated.

    ``tasks``: names and commands of one-off containers. ``one_offs``: those of users, each with the container that it
    is like; ``completed``: one-shot services with their variables; ``exit_code``: of both;
    ``pre_stop``: why such a hook fails.
    """

    world: World
    env_file: Path
    service: str = APP
    by_name: dict[str, Container] = field(default_factory=dict)
    followed: list[str] = field(default_factory=list)
    images: FakeImages = field(default_factory=FakeImages)
    jobs: FakeJobs = field(default_factory=FakeJobs)
    local: bool = True
    address: str = "127.0.0.1"
    machine: Machine = field(default_factory=lambda: Machine(4, 2**33))
    creates_alone: bool = False
    network_suffix: str = ""
    count: int = 0
    tasks: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    one_offs: dict[str, str] = field(default_factory=dict)
    exit_code: int = 0
    completed: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    pre_stop: str = ""
    changed: FakeChanges = field(default_factory=FakeChanges)
    nodes: FakeNodes = field(init=False)
    stand_ins: FakeStandIns = field(init=False)

    def __post_init__(self) -> None:
        self.nodes = FakeNodes(self.world.used)
        self.stand_ins = FakeStandIns(self.world)

    def add(self, image: str = "app:old", state: str = "running", number: int = 0, release: str = "") -> str:
        """Adds a replica, by default with the next number after the highest, like Compose."""
        number = number or max((container.number for container in self.by_name.values()), default=0) + 1
        name = f"{NAME}-{self.service}-{number}"
        self.count += 1
        self.by_name[name] = Container(
            id=f"container{self.count:04}",
            name=name,
            service=self.service,
            state=state,
            health="none",
            image=image,
            restarts=0,
            exit_code=0,
            oom_killed=False,
            number=number,
            release=release or image.partition(":")[2],
            image_id=self.images.digest(image),
            config_hash="hash",
            created=datetime.fromtimestamp(START, UTC),
            started=datetime.fromtimestamp(START - 60, UTC),
            networks={"default": f"10.0.0.{number}"},
            pid=1,
            node=self._next_node(state),
        )
        return name

    def names(self) -> list[str]:
        return [replica.name for replica in self.replicas()]

    def replicas(self, chosen: Choice = any_name) -> list[Replica]:
        return [each for each in self.containers() if each.service == self.service and chosen(each.name)]

    def states(self, chosen: Choice = any_name) -> dict[str, str]:
        return {replica.name: replica.state for replica in self.replicas(chosen)}

    def containers(self) -> list[Container]:
        self.world.used("replicas")
        return sorted(self.by_name.values(), key=lambda container: container.number)

    def container(self, service: str) -> Container | None:
        return next((each for each in self.containers() if each.service == service), None)

    def details(self) -> list[tuple[Container, Mapping[str, Any]]]:
        return [(container, {}) for container in self.replicas()]

    def usage(self, containers: Iterable[Measured], gap: float) -> dict[str, Usage]:
        return {}

    def traffic(self, containers: Iterable[Measured]) -> dict[str, Usage]:
        return {}

    def memory(self, containers: Iterable[str]) -> dict[str, tuple[int, int | None]]:
        self.world.used("memory")
        return {name: (2**20, None) for name in containers if name in self.by_name}

    def bound_port(self, container: str, target: int) -> int | None:
        return None

    def create(self, total: int, target: Target, permit: Permit) -> set[str]:
        self.world.used("preview")
        permit()
        self.world.used("create")
        created = {self.add(target.image, "created", release=target.release) for _ in range(total - len(self.by_name))}
        self.world.used("created")
        return created

    def check_create(self, total: int, target: Target, next: bool = False) -> None:
        self.world.used("preview")

    def start(self, container: str) -> None:
        self.world.used("start")
        self._become(container, "running")

    def stop(self, container: str, at_most: int | None = None) -> str:
        self.world.used("stop")
        if container in self.by_name:
            self._become(container, "exited")
        return self.pre_stop

    def remove(self, container: str) -> None:
        self.world.used("remove")
        self.by_name.pop(container, None)
        self.one_offs.pop(container, None)

    def remove_volumes(self, names: Collection[str]) -> None:
        self.world.used("remove volumes")

    def discard(self, container: str) -> None:
        self.world.used("remove")
        for name, replica in list(self.by_name.items()):
            if container in (name, replica.id) and not replica.running:
                del self.by_name[name]

    def blueprint(self, container: str) -> Mapping[str, Any]:
        self.world.used("blueprint")
        replica = self.by_name.get(container)
        return {"number": replica.number, "image": replica.image} if replica else {}

    def restore(self, blueprint: Mapping[str, Any]) -> None:
        self.world.used("restore")
        self.add(blueprint["image"], number=blueprint["number"])

    def up(
        self,
        services: Sequence[str],
        permit: Permit,
        overrides: Mapping[str, str],
        recreate: Collection[str] = (),
        keep: bool = False,
    ) -> None:
        permit()
        self.world.used("up")

    def changed_services(self) -> list[str]:
        return []

    def down(self) -> None:
        self.world.used("down")
        self.by_name.clear()

    def follow(self, services: Collection[str], target: Target | None, permit: Permit) -> None:
        permit()
        self.world.used("follow")
        self.followed.extend(services)

    def check_follow(self, services: Collection[str], target: Target) -> None:
        self.world.used("preview")

    def task(self, name: str, command: Collection[str], target: Target, timeout: float) -> None:
        self.world.used(f"task {name}")
        self.tasks.append((name, tuple(command)))

    def complete(self, service: str, overrides: Mapping[str, str], permit: Permit, timeout: float) -> Container:
        permit()
        self.world.used(f"complete {service}")
        self.completed.append((service, dict(overrides)))
        shown = self.add(state="exited")
        return replace(self.by_name.pop(shown), name=f"{NAME}-{service}-1", service=service, exit_code=self.exit_code)

    def check_complete(self, service: str, overrides: Mapping[str, str]) -> None:
        self.world.used("preview")

    def remember(self, variables: Mapping[str, str | None]) -> None:
        remember(self.env_file, variables)

    def exec(
        self, container: str, command: list[str], user: str = "", environment: Mapping[str, str] | None = None
    ) -> ExecResult:
        return ExecResult(127, "executable file not found")

    def ask(self, container: str, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        return self.exec(container, command)

    def hand_over(self, container: str, command: UserCommand) -> NoReturn:
        self.world.used(f"exec {container}")
        raise SystemExit(self.exit_code)

    def create_like(self, model: Container, name: str, command: UserCommand) -> None:
        self.one_offs[name] = model.name
        self.world.used("create one-off")

    def attach(self, container: str) -> int:
        self.world.used("attach")
        return self.exit_code

    def last_words(self, container: str) -> str:
        self.world.used("log")
        return ""

    def log_tail(self, container: str, lines: int) -> bytes:
        return b""

    def recent_log(self, container: str, since: float, lines: int) -> str:
        return ""

    def log_lines(self, container: str, since: float, tail: int, follow: bool) -> Iterator[str]:
        return iter(())

    def output(self, container: str) -> Any:
        raise NotImplementedError

    def changes(self) -> FakeChanges:
        return self.changed

    def _become(self, container: str, state: str) -> None:
        if container not in self.by_name:
            raise EngineError(f"Docker could not find {container}", "see `docker ps -a`")
        node = self.by_name[container].node if state == "running" else ""
        self.by_name[container] = replace(self.by_name[container], state=state, node=node or self._next_node(state))

    def _next_node(self, state: str) -> str:
        return self.nodes.next([each.node for each in list(self.by_name.values())]) if state == "running" else ""
