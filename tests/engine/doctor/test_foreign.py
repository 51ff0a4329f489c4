"""The doctor on a service that is not our backend: it has no path of its own but the bare address."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bench.temporary_stack import clean_environment
from ops.doctor import diagnose
from ops.doctor.report import Report, selection
from ops.factory import open_stack
from ops.project.config import Project
from ops.project.loading import load
from tests.conftest import docker
from tests.engine.conftest import ROOT, read_env
from tests.engine.doctor.conftest import NOT_OF_THE_TEST, found

COMPOSE = """
x-videa: {{service: web, balancer: lb, port: 8000, health: {{ready: /}}}}
services:
  web:
    image: {backend}
    entrypoint: [python, -m, http.server, "8000", --directory, /usr/share]
    deploy: {{replicas: 2, resources: {{limits: {{memory: 64M}}}}}}
    stop_grace_period: 0s
  lb:
    image: {nginx}
    environment: {{UPSTREAM_SERVICE: web, UPSTREAM_PORT: "8000"}}
    deploy: {{resources: {{limits: {{memory: 64M}}}}}}
    volumes: ["balancer:/etc/nginx/videa"]
    tmpfs: ["/tmp:mode=1777"]
volumes: {{balancer: {{}}}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two replicas of Python's own file server behind nginx, as Compose has started them."""
    chosen = read_env(ROOT / ".env")
    images = {
        "backend": chosen.get("BACKEND_IMAGE", "videa-backend:dev"),
        "nginx": chosen.get("NGINX_IMAGE", "videa-nginx:dev"),
    }
    file = tmp_path / "compose.yml"
    file.write_text(COMPOSE.format(**images))
    compose = ("docker", "compose", "--file", str(file), "--project-name", f"videa-test-{os.getpid()}-foreign")
    try:
        subprocess.run([*compose, "up", "--detach"], check=True, capture_output=True, env=clean_environment())
        yield load((str(file),), compose[-1], clean_environment())
    finally:
        subprocess.run(
            [*compose, "down", "--volumes", "--timeout", "0"], check=True, capture_output=True, env=clean_environment()
        )


def examined(project: Project) -> Report:
    return diagnose(project, partial(open_stack, project), selection(skip=NOT_OF_THE_TEST))


def test_it_is_well_until_a_hand_changes_the_balancer(project: Project) -> None:
    stack = open_stack(project)
    stack.gateway.apply(stack.upstream([one.name for one in stack.replicas()]))
    well = examined(project)
    assert well.findings == []
    assert well.facts.balancer is not None
    assert set(well.facts.balancer.answers) == {one.name for one in stack.replicas()}
    edit = "sed -i s/least_conn/ip_hash/ /etc/nginx/videa/upstreams.conf"
    docker("exec", f"{project.name}-lb-1", "sh", "-c", edit)
    assert found(examined(project)) == {"lb.config"}
