"""A project moves from Compose onto the swarm of its machine and back, under load; also interrupted, and failing."""

from __future__ import annotations

import json
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.temporary_stack import videa_command
from tests.conftest import docker
from tests.engine.conftest import make_image
from tests.engine.swarm.machines import obstacle, swarm
from tests.engine.swarm.test_swarm import COMPOSE, NGINX, RECIPES, Shop, image

REASON = obstacle()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)

STORE = """
  store:
    image: ${WEB_IMAGE}
    volumes: ["kept:/kept"]
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The project with Compose, on the only node of a swarm."""
    folder, project = tmp_path_factory.mktemp("machine"), tmp_path_factory.mktemp("shop")
    images = folder / "images.tar"
    docker("save", "--output", str(images), NGINX, *(make_image(RECIPES[name]) for name in ("good", "other")))
    more = f"{STORE[1:]}secrets: {{word: {{file: ./word}}}}\nvolumes: {{kept: {{}}, balancer"
    text = COMPOSE.replace("volumes: {balancer", more)
    text = text.replace("    labels: {videa.release", "    secrets: [word]\n    labels: {videa.release")
    (project / "word").write_text("one")
    (project / "docker-compose.yml").write_text(f"name: moved{os.getpid()}{text}")
    (project / ".env").write_text(f"NGINX={NGINX}\nWEB_IMAGE={image('good')}\n")
    with swarm(folder, 1) as machines:
        machines[0].load(images)
        images.unlink()
        shop = Shop(project, machines)
        on(shop, "compose")
        shop.done("up")
        assert "already manages a swarm" in shop.done("swarm", "init")
        assert f" {machines[0].address}:2377" in shop.done("swarm", "join-command")
        yield shop


def on(shop: Shop, engine: str) -> None:
    path: Path = shop.folder / "docker-compose.yml"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(f"  engine: {engine}" if line.startswith("  engine:") else line for line in lines) + "\n")


def kept(shop: Shop, command: str) -> str:
    """Runs a command in the container that has the volume, on whichever engine."""
    name = shop.manager.docker("ps", "--format", "{{.Names}}", "--filter", "name=-store-1")
    return shop.manager.docker("exec", "--user", "0", name, "sh", "-c", command)


def word(shop: Shop) -> str:
    """The secret that a replica has."""
    return shop.done("exec", "--", "cat", "/run/secrets/word")


def told(what: str, report: dict[str, Any]) -> None:
    """Logs the figures."""
    figures = {key: report.get(key) for key in ("sent", "failed", "failed_by_kind", "not_sent", "slowest_ms")}
    logging.getLogger(__name__).info("%s: %s", what, figures)


def of_compose(shop: Shop) -> list[str]:
    shown = '{{if not (.Label "com.docker.swarm.task.name")}}{{.Names}}{{end}}'
    names = shop.manager.docker("ps", "--all", "--format", shown, "--filter", "label=com.docker.compose.service")
    return sorted(names.split())


def test_replicas_that_are_not_ready_leave_everything_with_compose(shop: Shop) -> None:
    kept(shop, "echo data >/kept/file")
    before = of_compose(shop)
    refused = shop.videa("swarm", "migrate")
    assert "first write `engine: swarm`" in refused.stderr
    on(shop, "swarm")
    plan = json.loads(shop.done("swarm", "migrate", "--dry-run", "--json"))
    assert [step["type"] for step in plan["steps"]] == ["join", "take_over", "exchange", "move_port", "clean"]
    with shop.load() as report:
        failed = shop.videa("swarm", "migrate", DEADLINE="1ms")
    assert failed.returncode != 0
    assert "was not ready" in failed.stderr
    assert "everything was rolled back" in failed.stderr
    assert of_compose(shop) == before
    assert shop.manager.docker("service", "ls", "--quiet") == ""
    told("left with Compose", report)
    assert (report["failed"], report["not_sent"]) == (0, 0), report


def test_a_killed_move_continues_and_loses_no_request(shop: Shop) -> None:
    on(shop, "swarm")
    command = shop.manager.inside(videa_command(), "swarm", "migrate")
    with shop.load() as report:
        with subprocess.Popen(
            command, cwd=shop.folder, env=shop.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            assert any("\u2713 wait until web is ready" in line for line in process.stderr)
            process.kill()
        said = shop.done("swarm", "migrate")
    told("to the swarm, killed once", report)
    assert "the project runs on the swarm" in said
    assert report["failed"] == 0, report
    assert shop.well(2)
    assert kept(shop, "cat /kept/file") == "data"
    assert of_compose(shop) == []


def test_a_rollback_gives_a_release_the_secrets_that_it_had(shop: Shop) -> None:
    (shop.folder / "word").write_text("two")
    shop.done("deploy", "--image", image("other"))
    assert word(shop) == "two"
    shop.done("rollback")
    assert word(shop) == "one"
    shop.done("deploy", "--force")
    assert word(shop) == "two"
    assert shop.well(2)


def test_it_moves_back_and_is_as_compose_would_have_it(shop: Shop) -> None:
    on(shop, "compose")
    with shop.load() as report:
        shop.done("swarm", "migrate", "--back")
    told("back to Compose", report)
    assert report["failed"] == 0, report
    assert shop.well(2)
    assert kept(shop, "cat /kept/file") == "data"
    assert shop.manager.docker("service", "ls", "--quiet") == ""
    ids = shop.manager.docker("ps", "--quiet", "--no-trunc")
    subprocess.run(["docker", "compose", "up", "--detach"], cwd=shop.folder, env=shop.environment, check=True)
    assert shop.manager.docker("ps", "--quiet", "--no-trunc") == ids
    actions = [each["action"] for each in json.loads(shop.done("history", "--json"))["operations"]]
    assert actions.count("migrate") == 2
    assert "rolling" in actions
