"""How a replica is asked whether it is ready, as strangers' Compose files declare it, or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.temporary_stack import free_port
from tests.engine.client import under_load
from tests.engine.conftest import ROOT, LiveStack, cleared_away, read_env

PROJECT = """
name: ${PROJECT}
x-videa: {service: web, port: 3001, balancer: proxy, health: {interval: 500ms, deadline: "${DEADLINE:-30s}"}}
services:
  proxy:
    image: ${NGINX_IMAGE}
    environment: {UPSTREAM_SERVICE: web}
    ports: ["127.0.0.1:${HTTP_PORT}:8080"]
    volumes: ["list:/etc/nginx/videa"]
    tmpfs: ["/tmp:size=16m,mode=1777"]
  web:
    image: ${APP}
    init: true
    restart: on-failure
    command: [python3, /app.py]
    environment: {MODE: "${MODE:-good}"}
    stop_grace_period: 1s
    healthcheck:
      disable: ${NO_CHECK:-false}
      test: [CMD-SHELL, 'test "$$MODE" != sick || { echo the disk is full; exit 1; }']
      interval: 1s
      retries: 2
    volumes: ["${SCRIPT}:/app.py:ro"]
volumes:
  list: {}
"""
DECLARED = """
x-videa: {health: {ready: /ready, port: 9000, headers: {Host: "${SHOP:-shop.example}"}, expect: "200-399"}}
"""
CONNECT = "ready: TCP connect; declare x-videa.health.ready to ask more"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    directory = tmp_path_factory.mktemp("shop")
    project = f"videa-test-{os.getpid()}-ready"
    stack = LiveStack(directory, free_port(), project)
    chosen = read_env(ROOT / ".env")
    (directory / "compose.yaml").write_text(PROJECT)
    (directory / "declared.yaml").write_text(DECLARED)
    values = {
        "PROJECT": project,
        "APP": "videa/python" if chosen.get("COMPOSE_FILE") else "python:3.13-slim",
        "NGINX_IMAGE": chosen.get("NGINX_IMAGE", "videa-nginx:dev"),
        "HTTP_PORT": str(stack.port),
        "SCRIPT": str(Path(__file__).with_name("readiness_app.py")),
    }
    (directory / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    with cleared_away(stack, f"videa-kept/{project}-web"):
        stack.done("up")
        yield stack


def probes(stack: LiveStack) -> set[str]:
    return {replica["probe"] for replica in stack.status()["replicas"] if replica["health"] == "healthy"}


def test_without_a_path_the_health_check_of_the_compose_file_decides(shop: LiveStack) -> None:
    assert probes(shop) == {"health check of the container"}
    with under_load(shop.url, rate=50) as watched:
        refused = shop.videa("deploy", MODE="sick", DEADLINE="3s")
    assert refused.returncode == 1, refused.stderr
    assert "was not ready after 3s: health check of the container: unhealthy the disk is full" in refused.stderr
    assert watched.report["failed"] == 0, watched.report["failures"]


def test_a_replica_that_waits_for_its_database_is_given_time(shop: LiveStack) -> None:
    done = shop.videa("deploy", MODE="waits")
    assert done.returncode == 0, done.stderr
    (replica,) = shop.status()["replicas"]
    assert (replica["restarts"], replica["health"]) == (2, "healthy")


def test_without_a_check_a_connection_decides_and_everybody_says_so(shop: LiveStack) -> None:
    assert CONNECT in shop.videa("plan", NO_CHECK="true").stderr
    done = shop.videa("deploy", NO_CHECK="true", MODE="good")
    assert (done.returncode, CONNECT in done.stderr) == (0, True), done.stderr
    assert probes(shop) == {"TCP connect to port 3001"}
    assert CONNECT in shop.done("status")
    doctor = json.loads(shop.videa("doctor", "--json").stdout)
    assert [each["severity"] for each in doctor["findings"] if each["id"] == "app.readiness"] == ["info"]
    refused = shop.videa("deploy", MODE="deaf", DEADLINE="2s")
    assert "was not ready after 2s: TCP connect to port 3001: it accepts no connection" in refused.stderr


def test_headers_port_and_statuses_of_the_probe_are_as_declared(shop: LiveStack) -> None:
    files = ("-f", "compose.yaml", "-f", "declared.yaml")
    with under_load(shop.url, rate=50) as watched:
        refused = shop.videa(*files, "deploy", MODE="other", SHOP="elsewhere.example", DEADLINE="2s")
        assert "was not ready after 2s: /ready: status 400" in refused.stderr
        done = shop.videa(*files, "deploy", MODE="other")
        assert done.returncode == 0, done.stderr
    assert watched.report["failed"] == 0, watched.report["failures"]
    doctor = json.loads(shop.videa(*files, "doctor", "--json").stdout)
    assert not [each for each in doctor["findings"] if each["id"].startswith(("lb.", "app."))]
    assert probes(shop) == {"/ready"}  # as its release declares, whatever the file without the overlay says


def test_a_second_operation_waits_for_the_first_one_if_asked_to(shop: LiveStack) -> None:
    before = len(shop.status()["replicas"])
    first = shop.start_videa("deploy", MODE="deaf", NO_CHECK="true", DEADLINE="8s")
    shop.until(lambda: len(shop.status()["replicas"]) > before)
    assert shop.videa("scale", str(before + 1)).returncode == 7
    second = shop.videa("scale", str(before + 1), "--lock-wait", "2m")
    assert "waiting for it, at most 120 s" in second.stderr
    assert (first.wait(), second.returncode) == (1, 0), second.stderr
    first.communicate()
    assert [replica["health"] for replica in shop.status()["replicas"]] == ["healthy"] * (before + 1)
