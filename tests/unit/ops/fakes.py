"""An engine, Compose and nginx in memory, so that whole operations take milliseconds and can be disturbed anywhere."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import docker.errors
import requests
import yaml

from ops.balancer.nginx import Balancer
from ops.balancer.proof import Proof
from ops.declared import Way
from ops.engine.client import Engine, Machine, engine_errors
from ops.engine.compose import Compose
from ops.engine.probe import ProbeResult
from ops.engine.replicas import CONFIG_HASH, IMAGE_ID, NUMBER, ONEOFF, PROJECT, RELEASE, SERVICE
from ops.models import Container, ExecResult, Replica
from ops.project.config import Project
from ops.project.settings import Health, Hooks, Seconds, Settings
from ops.stack import Stack
from ops.traffic import Applied, Membership, Upstream

NAME, APP = "shop", "app"
MODEL = """
services:
  app:
    image: ${APP_IMAGE:-app:old}
    labels: {videa.release: "${APP_RELEASE:-}"}
    deploy: {replicas: "${APP_REPLICAS:-2}"}
  nginx: {image: nginx}
"""
START = 1_800_000_000.0
SETTINGS = Settings(
    service=APP, health=Health(interval=Seconds(0.001), passes=1, deadline=Seconds(0.05)), drain_timeout=Seconds(0.01)
)


def no_such(what: str) -> docker.errors.NotFound:
    response = requests.Response()
    response.status_code = HTTPStatus.NOT_FOUND
    return docker.errors.NotFound("no such container", response, f"No such container: {what}")


@dataclass
class Docker:
    """The calls of the SDK's low-level API that videa makes. ``disturb``: is told of each call before it is done."""

    disturb: Callable[[str], None] = lambda call: None
    base_url: str = "http+docker://localhost"
    now: float = START
    containers_by_id: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    made: int = 0

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if callable(found) and not name.startswith("_") and name not in ("disturb", "find", "names", "add", "used"):
            object.__getattribute__(self, "disturb")(name)
        return found

    def used(self, call: str) -> None:
        """Disturbs a call that goes through something of ours, which tells of the engine as all of it does."""
        with engine_errors(call):
            self.disturb(call)

    def find(self, name: str) -> dict[str, Any]:
        for details in self.containers_by_id.values():
            if name in (details["Id"], details["Name"].lstrip("/")):
                return details
        raise no_such(name)

    def names(self, label: str = SERVICE, value: str = APP) -> list[str]:
        found = (each for each in self.containers_by_id.values() if each["Config"]["Labels"].get(label) == value)
        return sorted(str(each["Name"]).lstrip("/") for each in found)

    def add(self, name: str, labels: dict[str, str], host: dict[str, Any] | None = None, **config: Any) -> str:
        self.made += 1
        container = f"id{self.made:04}"
        self.containers_by_id[container] = {
            "Id": container,
            "Name": f"/{name}",
            "Created": "2026-11-25T06:00:00.5Z",
            "Image": f"sha256:{config.get('Image', '')}",
            "Config": {"Labels": labels, "Image": "", **config},
            "HostConfig": host or {},
            "State": {"Status": "running", "StartedAt": "2026-11-25T06:00:00.5Z", "Pid": 1},
            "NetworkSettings": {"Networks": {"default": {"IPAddress": "10.0.0.1", "Aliases": []}}},
        }
        self.files[container] = {}
        return container

    def get(self, url: str) -> Any:
        return SimpleNamespace(headers={"Date": formatdate(self.now, usegmt=True)})

    def create_host_config(self, restart_policy: dict[str, Any]) -> dict[str, Any]:
        return {"RestartPolicy": restart_policy}

    def create_container(
        self, image: str, command: list[str], name: str, labels: dict[str, str], host_config: dict[str, Any]
    ) -> dict[str, str]:
        if any(name == each["Name"].lstrip("/") for each in self.containers_by_id.values()):
            response = requests.Response()
            response.status_code = HTTPStatus.CONFLICT
            raise docker.errors.APIError("conflict", response)
        return {"Id": self.add(name, labels, host_config)}

    def create_container_from_config(self, config: dict[str, Any], name: str) -> dict[str, str]:
        host = config.pop("HostConfig")
        config.pop("NetworkingConfig")
        return {"Id": self.add(name, config.pop("Labels"), host, **config)}

    def inspect_container(self, name: str) -> dict[str, Any]:
        return self.find(name)

    def containers(self, all: bool, filters: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = filters["label"] if isinstance(filters["label"], list) else [filters["label"]]
        pairs = [each.split("=", 1) for each in wanted]
        return [
            {"Id": each["Id"], "Labels": each["Config"]["Labels"]}
            for each in self.containers_by_id.values()
            if all and {tuple(pair) for pair in pairs} <= set(each["Config"]["Labels"].items())
        ]

    def update_container(self, name: str, restart_policy: dict[str, Any]) -> None:
        self.find(name)["HostConfig"]["RestartPolicy"] = restart_policy

    def put_archive(self, name: str, path: str, data: bytes) -> None:
        files = self.files[self.find(name)["Id"]]
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for entry in archive:
                content = archive.extractfile(entry)
                files[entry.name] = content.read() if content else b""

    def get_archive(self, name: str, path: str) -> tuple[Iterator[bytes], dict[str, Any]]:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for file, content in self.files[self.find(name)["Id"]].items():
                if file.startswith(path.strip("/")):
                    entry = tarfile.TarInfo(file)
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
        return iter([packed.getvalue()]), {}

    def remove_container(self, name: str, v: bool = False, force: bool = False) -> None:
        container = self.find(name)["Id"]
        del self.containers_by_id[container], self.files[container]

    def start(self, name: str) -> None:
        self.find(name)["State"]["Status"] = "running"

    def stop(self, name: str, timeout: int) -> None:
        self.find(name)["State"]["Status"] = "exited"

    def images(self, name: str) -> list[str]:
        return [name]

    def inspect_image(self, reference: str) -> dict[str, Any]:
        return {"Id": f"sha256:{reference.removeprefix('sha256:')}", "Config": {}}

    def tag(self, image: str, repository: str, tag: str = "", force: bool = False) -> bool:
        return True

    def logs(self, name: str, **options: Any) -> bytes:
        return b""


def refuse_exec(*arguments: object, **options: object) -> ExecResult:
    """No container here has any command."""
    return ExecResult(127, "executable file not found")


@dataclass
class Nginx:
    """The balancer: which replicas it serves, and every list that it was given."""

    docker: Docker
    served: tuple[str, ...] = ()
    canary: tuple[str, ...] = ()
    applied: list[tuple[str, ...]] = field(default_factory=list)
    permit: Callable[[], None] = lambda: None

    def membership(self, remembered: bool = False) -> Membership:
        self.docker.used("membership")
        return Membership(1, self.served, self.canary)

    def apply(self, upstream: Upstream) -> Applied:
        self.permit()
        self.docker.used("apply")
        self.served, self.canary = upstream.servers, upstream.split.servers if upstream.split else ()
        self.applied.append(self.served)
        return Applied(1, ())

    def wait_drained(self, timeout: float, emit: object = None) -> tuple[str, ...]:
        self.docker.used("wait_drained")
        return ()


@dataclass
class FakeCompose:
    """``docker compose`` on the engine in memory. ``ready``: whether what it starts answers well."""

    docker: Docker
    directory: Path
    files: tuple[str, ...] = ()
    project: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    runs: list[tuple[str, ...]] = field(default_factory=list)
    hashes_depends_on: bool = False

    def config(self, interpolate: bool = True) -> str:
        return MODEL

    def config_hash(self, service: str, overrides: dict[str, str]) -> str:
        return "hash"

    def dry_run(self, *arguments: str, overrides: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        self.docker.used("compose --dry-run")
        return subprocess.CompletedProcess(arguments, 0, "", " DRY-RUN MODE -  Container shop-app-9  Creating\n")

    def run(self, *arguments: str, overrides: dict[str, str] | None = None, timeout: float = 0) -> str:
        self.docker.used(f"compose {arguments[0]}")
        self.runs.append(arguments)
        scale = next((each for each in arguments if each.startswith(f"{APP}=")), None)
        if scale:
            missing = int(scale.partition("=")[2]) - len(self.docker.names())
            for _ in range(missing):
                name = add_replica(self.docker, (overrides or {}).get("APP_IMAGE", "app:old"))
                self.docker.find(name)["State"]["Status"] = "created" if "--no-start" in arguments else "running"
        self.docker.used(f"compose {arguments[0]} ended")
        return ""


def add_replica(docker: Docker, image: str = "app:old") -> str:
    """One more replica, under the number after the highest, as Compose counts."""
    number = max((int(name.rpartition("-")[2]) for name in docker.names()), default=0) + 1
    labels = {
        PROJECT: NAME,
        SERVICE: APP,
        NUMBER: str(number),
        ONEOFF: "False",
        CONFIG_HASH: "hash",
        IMAGE_ID: f"sha256:{image}",
        RELEASE: image.partition(":")[2],
    }
    docker.add(f"{NAME}-{APP}-{number}", labels, Image=image)
    return f"{NAME}-{APP}-{number}"


@dataclass(frozen=True)
class FakeStack(Stack):
    """A stack whose engine, Compose and nginx are those above. ``sick``: replicas that do not answer well."""

    docker: Docker = field(default_factory=Docker)
    nginx: Nginx = field(default_factory=lambda: Nginx(Docker()))
    sick: set[str] = field(default_factory=set)

    @property
    def balancer_container(self) -> Container:  # type: ignore[override]
        return Container("nginx", "nginx", "nginx", "running", "none", "nginx", 0, 0, False)

    @property
    def balancer(self) -> Balancer:  # type: ignore[override]
        return cast(Balancer, self.nginx)

    def _ask(self, ways: Mapping[str, tuple[Way, ...]]) -> dict[str, list[tuple[Way, ProbeResult]]]:
        self.docker.used("probe")
        return {
            name: [(way, ProbeResult(name not in self.sick, 500, 0.0, "answered 500")) for way in several]
            for name, several in ways.items()
        }

    def words(self, replica: Replica) -> str:
        return ""


def fake_stack(directory: Path, replicas: int = 2, hooks: Hooks | None = None) -> FakeStack:
    """A stack in ``directory`` with that many replicas that serve."""
    engine_docker = Docker()
    engine = SimpleNamespace(
        sdk=SimpleNamespace(api=engine_docker), local=True, host="", machine=Machine(4, 2**33), exec=refuse_exec
    )
    env_file = directory / ".env"
    env_file.write_text(f"APP_REPLICAS={replicas}\n")
    compose = FakeCompose(engine_docker, directory)
    model = yaml.safe_load(MODEL)
    model["services"][APP] = {"image": "app:old", "deploy": {"replicas": replicas}, "labels": {}}
    settings = SETTINGS if hooks is None else Settings(service=APP, health=SETTINGS.health, hooks=hooks)
    project = Project(NAME, directory, cast(Compose, compose), model, settings, {"health": {}}, {})
    names = tuple(add_replica(engine_docker) for _ in range(replicas))
    return FakeStack(cast(Engine, engine), project, engine_docker, Nginx(engine_docker, names))


class NoTraffic:
    """In the place of TrafficProof. ``disturb``: is told when the figures are made."""

    disturb: Callable[[str], None] = lambda call: None

    def __init__(self, *arguments: object) -> None:
        pass

    def start(self) -> None:
        pass

    def stop(self) -> Proof:
        with suppress(requests.RequestException):
            type(self).disturb("proof")
        return Proof(1, 0, 1.0, (), 1, "")
