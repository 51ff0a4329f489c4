"""A project as a stranger writes it, with a worker that depends on its replicas: nothing of Compose's touches them.

A client sends requests the whole time and counts what fails.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.temporary_stack import free_port
from tests.engine.client import under_load
from tests.engine.conftest import ROOT, LiveStack, cleared_away, read_env

RATE = 100

PROJECT = """
name: ${PROJECT}
x-videa:
  service: web
  port: 3001
  balancer: proxy
  health: {live: /, ready: /, interval: 500ms, deadline: 30s}
x-app: &app
  image: ${APP:-shop}:${TAG:-1}
  init: ${INIT:-true}
  stop_grace_period: 2s
  networks: [inside]
services:
  proxy:
    image: ${NGINX_IMAGE}
    environment: {UPSTREAM_SERVICE: web, UPSTREAM_PORT: "3001", REQUESTS_PER_CLIENT: "${LIMIT:-512}"}
    ports: ["127.0.0.1:${HTTP_PORT}:8080"]
    volumes: ["list:/etc/nginx/videa"]
    tmpfs: ["/tmp:size=16m,mode=1777"]
    networks: [inside]
    depends_on: [web]
  web:
    <<: *app
    command: [python3, /upstream.py]
    environment: {COLOR: "${COLOR:-green}"}
    volumes: ["${UPSTREAM}:/upstream.py:ro"]
    depends_on: {db: {condition: service_healthy}}
    deploy: {replicas: 2}
  db:
    <<: *app
    command: [sleep, infinity]
    environment: {SIZE: "${SIZE:-1}"}
    healthcheck: {test: [CMD, "true"], interval: 4s}
  worker:
    <<: *app
    image: ${APP:-shop}:1
    command: [sleep, infinity]
    environment: {QUEUE: "${QUEUE:-mail}"}
    depends_on: [web]
networks:
  inside: {labels: {shop.owner: "${OWNER:-ann}"}}
volumes:
  list: {}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    directory = tmp_path_factory.mktemp("shop")
    project = f"videa-test-{os.getpid()}-shop"
    stack = LiveStack(directory, free_port(), project)
    chosen = read_env(ROOT / ".env")
    base = "videa/python" if chosen.get("COMPOSE_FILE") else "python:3.13-slim"
    app = f"videa-test-shop-{os.getpid()}"
    for tag in ("1", "2"):
        recipe = f"FROM {base}\nLABEL shop.release={tag}\n"
        stack.docker("image", "inspect", base)
        (directory / "Dockerfile").write_text(recipe)
        stack.docker("build", "--quiet", "--tag", f"{app}:{tag}", ".")
    (directory / "compose.yaml").write_text(PROJECT)
    values = {
        "PROJECT": project,
        "APP": app,
        "NGINX_IMAGE": chosen.get("NGINX_IMAGE", "videa-nginx:dev"),
        "HTTP_PORT": str(stack.port),
        "UPSTREAM": str(Path(__file__).parent / "balancer" / "upstream.py"),
    }
    (directory / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    with cleared_away(stack, app, f"videa-kept/{project}-web"):
        stack.done("up")
        yield stack


@pytest.fixture
def shop(running: LiveStack) -> LiveStack:
    """Two replicas of release 1 that serve, whatever the test before has left."""
    replicas = running.status()["replicas"]
    tags = {each["image"].rpartition(":")[2] for each in replicas}
    if [each["in_balancer"] for each in replicas] != [True, True] or tags != {"1"}:
        running.done("deploy", TAG="1")
        running.done("scale", "2")
    return running


def services(stack: LiveStack, *names: str) -> set[str]:
    """The containers of some services, by id."""
    return set(stack.compose("ps", "--all", "--quiet", *names).split())


def tag_of(stack: LiveStack) -> set[str]:
    return {each["image"].rpartition(":")[2] for each in stack.status()["replicas"]}


def test_up_leaves_replicas_alone_though_a_worker_depends_on_them_and_they_have_changed(shop: LiveStack) -> None:
    before = shop.containers()
    with under_load(shop.url, rate=RATE) as watched:
        done = shop.videa("up", COLOR="blue")
    assert done.returncode == 0, done.stderr
    assert "to roll out the change: videa deploy" in done.stderr
    assert shop.containers() == before
    assert watched.report["failed"] == 0, watched.report["failures"]


def test_a_changed_network_is_refused_before_anything_is_touched(shop: LiveStack) -> None:
    before = shop.containers()
    with under_load(shop.url, rate=RATE) as watched:
        for command, tag in ((("deploy",), "2"), (("deploy", "--force"), "1"), (("scale", "3"), "1")):
            refused = shop.videa(*command, OWNER="bob", TAG=tag)
            assert refused.returncode == 6, refused.stdout + refused.stderr
            assert "_inside differs from the Compose file, and Compose would stop" in refused.stderr
        assert shop.videa("plan", "--force", OWNER="bob").returncode == 6
    assert shop.containers() == before
    assert watched.report["failed"] == 0, watched.report["failures"]
    assert "free" in shop.done("lock", "status")


def test_up_recreates_another_service_only_when_it_is_told(shop: LiveStack) -> None:
    db, worker, serving = (services(shop, *names) for names in (["db"], ["worker"], ["web", "proxy"]))
    with under_load(shop.url, rate=RATE) as watched:
        done = shop.videa("up", SIZE="2", QUEUE="sms")
        assert "db, worker: changed in the Compose file" in done.stderr
        assert (services(shop, "db"), services(shop, "worker")) == (db, worker)
        shop.done("up", "--recreate", "worker", SIZE="2", QUEUE="sms")
    assert services(shop, "worker") != worker
    assert services(shop, "db") == db
    assert services(shop, "web", "proxy") == serving
    assert watched.report["failed"] == 0, watched.report["failures"]
    shop.compose("up", "--detach", "--no-deps", "worker")


def test_nginx_itself_is_recreated_without_a_failed_request(shop: LiveStack) -> None:
    proxy, web = services(shop, "proxy"), services(shop, "web")
    with under_load(shop.url, rate=RATE) as watched:
        shop.done("up", "--recreate", "proxy", LIMIT="256")
    assert services(shop, "proxy") != proxy
    assert services(shop, "web") == web
    assert watched.report["failed"] == 0, watched.report["failures"]
    shop.compose("up", "--detach", "--no-deps", "proxy")


@pytest.mark.parametrize(
    ("service", "words"), [("web", "videa deploy"), ("nothing", "its services: db, proxy, web, worker")]
)
def test_up_recreates_neither_replicas_nor_what_is_not_there(shop: LiveStack, service: str, words: str) -> None:
    before = shop.containers()
    refused = shop.videa("up", "--recreate", service)
    assert refused.returncode == 2, refused.stderr
    assert words in refused.stderr
    assert shop.containers() == before


def test_up_starts_what_does_not_run_and_removes_no_replica(shop: LiveStack) -> None:
    """The Compose file has two replicas written out; Compose itself would remove the third."""
    shop.done("scale", "3")
    shop.compose("rm", "--stop", "--force", "worker")
    before = services(shop, "web")
    with under_load(shop.url, rate=RATE) as watched:
        shop.done("up")
    assert services(shop, "web") == before
    assert len(services(shop, "worker")) == 1
    assert watched.report["failed"] == 0, watched.report["failures"]


def test_a_service_that_was_renamed_serves_on_beside_the_new_one(shop: LiveStack) -> None:
    path = shop.directory / "compose.yaml"
    serving = services(shop, "web", "proxy")
    path.write_text(PROJECT.replace("web", "api"))
    try:
        with under_load(shop.url, rate=RATE) as watched:
            done = shop.videa("up")
            assert done.returncode == 0, done.stderr
            assert "no longer in the Compose file" in done.stderr
            assert serving <= set(shop.docker("ps", "--quiet", "--no-trunc").split())
            assert [each["in_balancer"] for each in shop.status()["replicas"]] == [True, True]
    finally:
        path.write_text(PROJECT)
        shop.done("up")
        shop.docker("rm", "--force", *(f"{shop.project}-api-{number}" for number in (1, 2)))
    assert watched.report["failed"] == 0, watched.report["failures"]


def test_what_a_failed_deploy_took_from_the_shell_is_forgotten_with_it(shop: LiveStack) -> None:
    kept = (shop.directory / ".env").read_text()
    refused = shop.videa("deploy", TAG="3")
    assert refused.returncode == 4, refused.stderr
    assert (shop.directory / ".env").read_text() == kept
    assert tag_of(shop) == {"1"}


def test_a_tag_from_the_shell_outlives_it(shop: LiveStack) -> None:
    with under_load(shop.url, rate=RATE) as watched:
        done = shop.videa("deploy", TAG="2")
        assert done.returncode == 0, done.stderr
        assert "db also uses TAG" in done.stderr
        before = shop.containers()
        shop.compose("up", "--detach")
    assert tag_of(shop) == {"2"}
    assert services(shop, "web", "proxy") <= before
    assert read_env(shop.directory / ".env")["TAG"] == "2"
    assert watched.report["failed"] == 0, watched.report["failures"]


def test_replicas_that_are_still_stopping_are_not_counted(running: LiveStack) -> None:
    """Without an init process Python ignores SIGTERM as process 1 and takes its whole grace period.

    Last, and on whatever is there: its replicas take long to make and to stop.
    """
    with running.env(INIT="false"), under_load(running.url, rate=RATE) as watched:
        running.done("deploy", "--force")
        running.done("scale", "3")
        before = services(running, "web")
        running.done("deploy", "--force")
        after = services(running, "web")
        assert (len(after), after & before) == (3, set())
        assert [each["in_balancer"] for each in running.status()["replicas"]] == [True] * 3
    assert watched.report["failed"] == 0, watched.report["failures"]
