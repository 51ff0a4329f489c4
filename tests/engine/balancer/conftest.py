"""A real nginx, of our image, before real replicas: a few lines of Python each. All are found by their label."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import docker.errors
import pytest

from ops.balancer.nginx import Balancer
from ops.engine.client import Engine
from ops.platform.compose.platform import ComposePlatform
from ops.project.config import Project
from ops.traffic import Sticky, Upstream
from tests.engine.conftest import until

REPOSITORY = Path(__file__).parents[3]
LABELS = {"videa.test": str(os.getpid())}
SERVICE, PORT = "app", 3001
TESTER_KEY = "k9" * 16


def base(engine: Engine, built: str, official: str) -> str:
    """The image that this machine made of Debian packages where no registry can be reached, else the official one."""
    try:
        engine.sdk.images.get(built)
    except docker.errors.ImageNotFound:
        return official
    return built


@dataclass
class Bench:
    """One network with nginx and the replicas that a test starts."""

    engine: Engine
    network: Any
    nginx_image: str
    python_image: str
    nginx: Any = None
    replicas: dict[str, Any] = field(default_factory=dict)

    @property
    def balancer(self) -> Balancer:
        return self.balancer_in(self.nginx.id)

    def balancer_in(self, container: str) -> Balancer:
        """The balancer as if it were in this container."""
        return Balancer(ComposePlatform(self.engine, cast(Project, None)), container)

    def upstream(self, *names: str, sticky: Sticky = "none", drain_timeout: float = 10) -> Upstream:
        return Upstream(SERVICE, PORT, tuple(self.name(name) for name in names), sticky, drain_timeout)

    def name(self, short: str) -> str:
        return f"{self.network.name}-{short}"

    def start_nginx(self, environment: Mapping[str, str] = MappingProxyType({}), **options: Any) -> None:
        self.nginx = self.engine.sdk.containers.run(
            self.nginx_image,
            detach=True,
            name=self.name("nginx"),
            labels=LABELS,
            network=self.network.name,
            read_only=True,
            restart_policy={"Name": "always"},
            environment={
                **{"UPSTREAM_SERVICE": SERVICE, "UPSTREAM_PORT": str(PORT), "TESTER_KEY": TESTER_KEY},
                **environment,
            },
            **{
                "ports": {"8080/tcp": ("127.0.0.1", None)},
                "tmpfs": {"/tmp": "size=64m"},
                "volumes": {self.network.name: {"bind": "/etc/nginx/videa"}},
                **options,
            },
        )
        self.until(lambda: self.get("/")[0] != 0)

    def start(self, *names: str) -> None:
        for short in names:
            self.replicas[short] = self.engine.sdk.containers.create(
                self.python_image,
                ["python3", "/upstream.py"],
                name=self.name(short),
                hostname=short,
                labels=LABELS,
                volumes=[f"{Path(__file__).with_name('upstream.py')}:/upstream.py:ro"],
                init=True,
                network=self.network.name,
            )
            self.network.disconnect(self.replicas[short])
            self.network.connect(self.replicas[short], aliases=[SERVICE])
            self.replicas[short].start()
        for short in names:
            self.until(lambda short=short: self.ask(short, "/").startswith(short))

    def ask(self, short: str, path: str) -> str:
        """What one replica answers when asked directly."""
        answer = self.engine.exec(
            self.nginx.id, ["curl", "-s", "--max-time", "5", f"http://{self.name(short)}:{PORT}{path}"]
        )
        return answer.output

    def address(self, short: str) -> str:
        """Where the network has one replica now."""
        self.replicas[short].reload()
        return str(self.replicas[short].attrs["NetworkSettings"]["Networks"][self.network.name]["IPAddress"])

    @property
    def port(self) -> int:
        self.nginx.reload()
        return int(self.nginx.ports["8080/tcp"][0]["HostPort"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str, Any]:
        """Status, body and headers of one request through nginx; status 0 when there was no answer."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        except (KeyError, IndexError):
            return 0, "", {}  # a container that is restarting has no port
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode(), response.headers
        except (OSError, http.client.HTTPException):
            return 0, "", {}
        finally:
            connection.close()

    def until(self, condition: Any, seconds: float = 30) -> None:
        until(condition, seconds, lambda: f"; nginx said: {self.nginx.logs(tail=20)!r}")

    def remove(self) -> None:
        for container in self.engine.sdk.containers.list(all=True, filters={"network": self.network.name}):
            container.remove(force=True, v=True)
        for container in [self.nginx, *self.replicas.values()]:
            try:
                container.remove(force=True, v=True)
            except (AttributeError, docker.errors.APIError):
                continue
        self.network.remove()
        try:
            self.engine.sdk.volumes.get(self.network.name).remove(force=True)
        except docker.errors.NotFound:
            return


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    connection = Engine()
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def nginx_image(engine: Engine) -> str:
    built_on = base(engine, "videa/nginx:latest", "nginx:1.30")
    # Plain `build` is the old builder before engine 23, which does not know `COPY --chmod`.
    command = ["docker", "buildx", "build", "-q"]
    command += ["--build-arg", f"NGINX_BASE={built_on}"]
    command += ["-t", "videa-test-balancer", "ops/balancer/image"]
    # The id: another run of tests may give the tag to an image of its own.
    return subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@pytest.fixture
def bare(engine: Engine, nginx_image: str) -> Iterator[Bench]:
    """A network and nothing in it yet."""
    with new_bench(engine, nginx_image) as bench:
        yield bench


@contextmanager
def new_bench(engine: Engine, nginx_image: str, **network_options: Any) -> Iterator[Bench]:
    name = f"videa-test-{os.getpid()}-{time.time_ns() % 10**10}"
    network = engine.sdk.networks.create(name, labels=LABELS, **network_options)
    bench = Bench(engine, network, nginx_image, base(engine, "videa/python:latest", "python:3.13-slim"))
    try:
        yield bench
    finally:
        bench.remove()


@pytest.fixture
def own(bare: Bench) -> Bench:
    """nginx before the replicas one and two, which the test may break, and videa has not changed anything yet."""
    bare.start_nginx()
    bare.start("one", "two")
    bare.until(lambda: {bare.get("/")[1] for _ in range(8)} == {"one", "two"})
    return bare


@pytest.fixture(scope="module")
def bench(engine: Engine, nginx_image: str) -> Iterator[Bench]:
    """nginx before the replicas one and two, shared by the tests of a file, which leave it serving."""
    with new_bench(engine, nginx_image) as bench:
        bench.start_nginx()
        bench.start("one", "two")
        bench.until(lambda: {bench.get("/")[1] for _ in range(8)} == {"one", "two"})
        yield bench
