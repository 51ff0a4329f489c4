"""nginx on every node of a swarm, changed as one under load; one is killed in mid-deploy, and a node is lost."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from tests.conftest import docker
from tests.engine.conftest import make_image
from tests.engine.swarm.machines import Machine, obstacle, swarm
from tests.engine.swarm.test_swarm import COMPOSE, NGINX, RECIPES, ROOT, Shop, image, until

REASON = obstacle()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The project on two machines, both with nginx."""
    folder, project = tmp_path_factory.mktemp("edges"), tmp_path_factory.mktemp("shop")
    images = folder / "images.tar"
    docker("save", "--output", str(images), NGINX, *(make_image(RECIPES[name]) for name in ("good", "other")))
    (project / "docker-compose.yml").write_text(f"name: edges{os.getpid()}{COMPOSE}")
    (project / ".env").write_text(f"NGINX={NGINX}\nWEB_IMAGE={image('good')}\n")
    with swarm(folder, 2) as machines:
        for machine in machines:
            machine.load(images)
            machines[0].docker("node", "update", "--label-add", "videa.edge=true", f"node{machine.number}")
        shop = Shop(project, machines)
        shop.done("up")
        yield shop


@contextmanager
def load(machine: Machine, report: dict[str, Any], stop: Path) -> Iterator[None]:
    """150 requests/s at the nginx of a machine, half of them POSTs, until the block ends; then the report is filled."""
    asked = ["--json", "--rate", "150", "--connections", "8", "--post-share", "0.5", "--until-file", str(stop)]
    paths = ["--get", "/api/titles", "--post", "/api/echo", "--post-body", "{}"]
    command = [sys.executable, "-m", "bench.load", "--url", "http://127.0.0.1:8080", *asked, *paths]
    with subprocess.Popen(
        machine.inside(*command), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            assert "first answer" in process.stderr.readline()
            yield
        finally:
            stop.touch()
            report |= json.loads(process.communicate(timeout=60)[0] or "{}")


@contextmanager
def loads_at(machines: Sequence[Machine], folder: Path, name: str) -> Iterator[list[dict[str, Any]]]:
    """The load at the nginx of each of these machines; the figures are logged."""
    reports: list[dict[str, Any]] = [{} for _ in machines]
    with ExitStack() as stack:
        for machine, report in zip(machines, reports, strict=True):
            stack.enter_context(load(machine, report, folder / f"stop-{name}-{machine.number}"))
        yield reports
    for report in reports:
        figures = {key: report.get(key) for key in ("sent", "failed", "failed_by_kind", "not_sent")}
        logging.getLogger(__name__).info("%s: %s", name, figures)


@contextmanager
def loads(shop: Shop, name: str) -> Iterator[list[dict[str, Any]]]:
    """The load at every nginx."""
    with loads_at(shop.machines, shop.folder, name) as reports:
        yield reports


def edges(shop: Shop) -> dict[str, dict[str, Any]]:
    """Node -> what `videa status --json` says of its nginx."""
    return {each["node"]: each for each in json.loads(shop.done("status", "--json"))["edges"]}


def test_scaling_and_a_deploy_lose_nothing_at_any_edge(shop: Shop) -> None:
    with loads(shop, "first") as reports:
        shop.done("scale", "4")
        shop.done("deploy", "--image", image("other"))
        shop.done("scale", "2")
    assert [(report["failed"], report["not_sent"]) for report in reports] == [(0, 0), (0, 0)]
    assert {node: each["newest"] for node, each in edges(shop).items()} == {"node1": True, "node2": True}


def test_a_drained_node_has_no_nginx_and_gets_it_back_with_the_present_configuration(shop: Shop) -> None:
    with loads_at(shop.machines[:1], shop.folder, "drain") as reports:
        drained = shop.videa("node", "drain", "node2")
        assert drained.returncode == 0, drained.stderr
        assert "clients must connect to other nodes than node2" in drained.stdout + drained.stderr
        until(lambda: edges(shop)["node2"]["reason"] == "its node is drained")
        shop.done("scale", "3")
        refused = shop.videa("node", "drain", "node1")
        assert "on node1 is the only nginx that can run" in refused.stderr
        shop.done("node", "activate", "node2")
        assert {node: each["newest"] for node, each in edges(shop).items()} == {"node1": True, "node2": True}
        shop.done("scale", "2")
    assert [(report["failed"], report["not_sent"]) for report in reports] == [(0, 0)]


def test_an_nginx_that_is_killed_in_mid_deploy_serves_what_the_others_serve(shop: Shop) -> None:
    def kill() -> None:
        shop.machines[1].docker("kill", shop.machines[1].docker("ps", "--quiet", "--filter", "name=-nginx-"))

    timer = Timer(4, kill)
    with loads(shop, "second") as reports:
        timer.start()
        shop.done("deploy", "--image", image("good"))
        until(lambda: {node: each["newest"] for node, each in edges(shop).items()} == {"node1": True, "node2": True})
    assert reports[0]["failed"] == 0
    assert shop.well(2)


def test_a_lost_node_is_left_out_and_said(shop: Shop) -> None:
    os.kill(shop.machines[1].init, 9)
    until(lambda: edges(shop)["node2"]["reason"] == "its node is down")
    done = shop.videa("scale", "3")
    assert done.returncode == 0, done.stderr
    assert "on node2 is left out: its node is down" in done.stdout + done.stderr
    assert {node: each["newest"] for node, each in edges(shop).items()} == {"node1": True, "node2": False}
