"""Three managers, each with nginx: the one that carries out a deploy is killed, and another one goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.conftest import docker
from tests.engine.conftest import make_image
from tests.engine.swarm.machines import await_engine, engine, obstacle, swarm
from tests.engine.swarm.test_edges import edges, loads_at
from tests.engine.swarm.test_operations import kill_deploy
from tests.engine.swarm.test_swarm import COMPOSE, NGINX, RECIPES, Shop, image, until

REASON = obstacle()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The project on three managers, seen from the first one."""
    folder, project = tmp_path_factory.mktemp("managers"), tmp_path_factory.mktemp("shop")
    images = folder / "images.tar"
    docker("save", "--output", str(images), NGINX, *(make_image(RECIPES[name]) for name in ("good", "other")))
    (project / "docker-compose.yml").write_text(f"name: managers{os.getpid()}{COMPOSE}")
    (project / ".env").write_text(f"NGINX={NGINX}\nWEB_IMAGE={image('good')}\nWEB_REPLICAS=3\n")
    with swarm(folder, 3, managers=3) as machines:
        for machine in machines:
            machine.load(images)
            machines[0].docker("node", "update", "--label-add", "videa.edge=true", f"node{machine.number}")
        images.unlink()
        shop = Shop(project, machines)
        shop.done("up")
        yield shop


@pytest.fixture(scope="module")
def other(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The same project on the second manager, in a folder of its own, as it is before any deploy."""
    folder = tmp_path_factory.mktemp("other") / "shop"
    shutil.copytree(shop.folder, folder)
    return replace(shop, folder=folder, machines=shop.machines[1:])


def ends(shop: Shop, *arguments: str) -> None:
    """Runs a command until it succeeds: the managers need seconds to choose another leader, and the lease to end."""
    said = list[str]()

    def done() -> bool:
        ended = shop.videa(*arguments)
        said.append(ended.stdout + ended.stderr)
        return ended.returncode == 0

    try:
        until(done)
    except AssertionError as error:
        nodes = shop.manager.docker("node", "ls")
        tasks = shop.manager.docker("service", "ps", *shop.manager.docker("service", "ls", "--quiet").split())
        raise AssertionError("\n".join([*said, nodes, tasks])) from error


def test_another_manager_completes_the_deploy_of_one_whose_engine_is_killed(shop: Shop, other: Shop) -> None:
    before = set(shop.replicas())
    with loads_at(other.machines, shop.folder, "engine") as reports:
        kill_deploy(shop, "other", after="✓ drain")
        shop.manager.kill_engine()
        ends(other, "deploy", "--resume")
        until(lambda: other.well(3))
    assert not set(other.replicas()) & before
    assert [(report["failed"], report["not_sent"]) for report in reports] == [(0, 0), (0, 0)]


def test_another_manager_takes_back_the_deploy_of_one_that_is_switched_off(shop: Shop, other: Shop) -> None:
    with engine(shop.manager):
        await_engine(shop.manager)
        until(lambda: all(each["newest"] for each in edges(other).values()))
        before = {each["release"] for each in shop.replicas().values()}
        with loads_at(other.machines, shop.folder, "machine"):
            kill_deploy(shop, "good", after="✓ start")
            shop.manager.switch_off()
            ends(other, "abort")
            until(lambda: other.well(3))
        assert {each["release"] for each in other.replicas().values()} == before
        with loads_at(other.machines, shop.folder, "after") as reports:
            other.done("scale", "2")
        assert [(report["failed"], report["not_sent"]) for report in reports] == [(0, 0), (0, 0)]
