"""A project on a swarm of two machines: scaled, deployed and rolled back under load; the ports on a real manager."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.temporary_stack import clean_environment, videa_command
from ops.documents import Kind
from ops.engine.client import Engine
from ops.errors import EngineError
from ops.factory import open_stack
from ops.project.loading import load
from ops.steps import Target
from ops.swarm.store import SwarmStore
from tests.conftest import docker
from tests.engine.conftest import image_name, make_image, read_env
from tests.engine.swarm.machines import Machine, obstacle, swarm
from tests.unit.ops.fakes.contract import check_common_document, check_documents, check_fence, check_store

ROOT = Path(__file__).parents[3]
REASON = obstacle()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)

APP = json.dumps((ROOT / "tests/engine/swarm/app.py").read_text())
START = f'ENTRYPOINT ["python3", "-c", {APP}]\nCMD []\nHEALTHCHECK NONE'
RECIPES = {
    "good": START,
    "other": f"ENV OTHER=1\n{START}",
    "broken": f"ENV BROKEN=1\n{START}",
    "exits": 'ENTRYPOINT ["sh", "-c", "echo no database; exit 3"]\nCMD []',
}
NGINX = read_env(ROOT / ".env").get("NGINX_IMAGE") or "videa-nginx:dev"
COMPOSE = """
x-videa:
  service: web
  engine: swarm
  port: 8000
  health: {ready: /health, deadline: "${DEADLINE:-60s}"}
  drain_timeout: 10s
  canary: {interval: 3s, steps: [50, 100], min_requests: 20, max_p99: 3s, deadline: 30s}
services:
  nginx:
    image: ${NGINX}
    ports: ["8080:8080"]
    volumes: ["balancer:/etc/nginx/videa", "spool:/var/spool/videa"]
    tmpfs: ["/tmp:size=16m,mode=1777"]
  web:
    image: ${WEB_IMAGE}
    labels: {videa.release: "${VIDEA_RELEASE:-}"}
    environment: {RELEASE: "${VIDEA_RELEASE:-}"}
    deploy: {replicas: "${WEB_REPLICAS:-2}"}
volumes: {balancer: {}, spool: {}}
"""


@dataclass(frozen=True)
class Shop:
    """The project, on the first machine."""

    folder: Path
    machines: list[Machine]

    @property
    def manager(self) -> Machine:
        return self.machines[0]

    @property
    def environment(self) -> dict[str, str]:
        return {**clean_environment(), "DOCKER_HOST": self.manager.host}

    def videa(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.manager.inside(videa_command(), *arguments),
            cwd=self.folder,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def done(self, *arguments: str) -> str:
        done = self.videa(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def replicas(self) -> dict[str, dict[str, Any]]:
        """What `videa status --json` says of each replica."""
        return {each["name"]: each for each in json.loads(self.done("status", "--json"))["replicas"]}

    def well(self, count: int) -> bool:
        found = self.replicas().values()
        return len(found) == count and all(each["in_balancer"] for each in found)

    def nodes(self) -> set[str]:
        """The nodes that run replicas."""
        services = [name for name in self.replicas() if "-web-" in name]
        shown = self.manager.docker(
            "service", "ps", "--filter", "desired-state=running", "--format", "{{.Node}}", *services
        )
        return set(shown.split())

    @contextmanager
    def load(self) -> Iterator[dict[str, Any]]:
        """GETs and POSTs, half and half, until the block ends; then its report is filled."""
        stop, report = self.folder / f"stop-{time.monotonic_ns()}", dict[str, Any]()
        asked = ["--json", "--rate", "200", "--connections", "16", "--post-share", "0.5", "--until-file", str(stop)]
        paths = ["--get", "/api/titles", "--post", "/api/echo", "--post-body", "{}"]
        command = [sys.executable, "-m", "bench.load", "--url", "http://127.0.0.1:8080", *asked, *paths]
        with subprocess.Popen(
            self.manager.inside(*command), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stderr is not None
                assert "first answer" in process.stderr.readline()
                yield report
            finally:
                stop.touch()
                output, errors = process.communicate(timeout=60)
            report |= json.loads(output or "{}")
            assert report, errors


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Machine]]:
    folder = tmp_path_factory.mktemp("swarm")
    images = folder / "images.tar"
    names = [NGINX, *(make_image(recipe) for recipe in RECIPES.values())]
    docker("save", "--output", str(images), *names)
    with swarm(folder, 2) as machines:
        for machine in machines:
            machine.load(images)
        images.unlink()
        yield machines


@pytest.fixture(scope="module")
def engine(machines: list[Machine]) -> Iterator[Engine]:
    engine = Engine({"DOCKER_HOST": machines[0].host})
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def shop(machines: list[Machine], tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The running project with two replicas of the good release."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "docker-compose.yml").write_text(f"name: shop{os.getpid()}{COMPOSE}")
    (folder / ".env").write_text(f"NGINX={NGINX}\nWEB_IMAGE={image('good')}\n")
    shop = Shop(folder, machines)
    shop.done("up")
    return shop


def image(name: str) -> str:
    return image_name(RECIPES[name])


def test_the_store_meets_the_contract(engine: Engine) -> None:
    store = SwarmStore(engine)
    check_store(store, "videa.test.swarm")
    check_store(store, f"videa.test.{'long-' * 20}name")
    check_documents(store, "videa.test.swarm")
    check_common_document(store, Kind.HISTORY, "swarm")
    check_fence(store, "swarm")


def test_the_platform_creates_stops_and_restores_replicas(
    shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", shop.manager.host)
    stack = open_stack(load(directory=shop.folder), engine)
    platform, before = stack.platform, {replica.name for replica in stack.replicas()}
    target = Target("tried", image("good"))
    (new,) = platform.create(len(before) + 1, target, lambda above=0: above)

    def state(name: str) -> str:
        return platform.states().get(name, "missing")

    assert (new in before, state(new)) == (False, "created")
    platform.discard(next(iter(before)))  # it runs, so it stays
    platform.start(new)
    until(lambda: state(new) == "running")
    blueprint = platform.blueprint(new)
    assert platform.stop(new) == ""
    assert state(new) == "exited"
    (stopped,) = platform.replicas({new}.__contains__)
    assert (stopped.name, stopped.state, stopped.release) == (new, "exited", "tried")
    platform.discard(new)
    assert state(new) == "missing"
    platform.restore(blueprint)
    until(lambda: state(new) == "running")
    assert next(replica for replica in platform.replicas() if replica.name == new).release == "tried"
    platform.stop(new)
    platform.discard(new)
    assert {replica.name for replica in platform.replicas()} == before

    with pytest.raises(EngineError, match="exit code 3: no database"):
        platform.task("videa.try", ("migrate",), Target("x", image("exits")), 60.0)
    nginx = platform.container("nginx")
    assert nginx
    assert platform.exec(nginx.id, ["echo", "here"]).output.strip() == "here"


def test_scaling_and_a_rolling_deploy_lose_nothing_and_use_both_nodes(shop: Shop) -> None:
    with shop.load() as report:
        shop.done("scale", "4")
        assert shop.well(4)
        assert shop.nodes() == {"node1", "node2"}
        shop.done("deploy", "--image", image("other"))
        assert shop.well(4)
        shop.done("rollback")
        shop.done("scale", "2")
    assert shop.well(2)
    assert (report["failed"], report["not_sent"]) == (0, 0)


def until(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
