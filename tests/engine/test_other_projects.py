"""A small project as other people write it: labels as a list, a range of ports, an image that is built."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from bench.temporary_stack import free_port
from tests.engine.conftest import ROOT, LiveStack, cleared_away, read_env

MODEL = """
name: {project}
x-videa:
  service: web
  port: "${{APP_PORT:-8000}}"
  health: {{live: /, ready: /, interval: 200ms, deadline: "${{DEADLINE:-0m20s}}"}}
  hooks: {{pre_deploy: "${{HOOK:-}}"}}
services:
  web:
    build: .
    {image}
    init: true
    labels: ["made.by=hand", "dollar=a$$b"]
    depends_on: []
  nginx:
    image: {nginx}
    ports: ["127.0.0.1:{port}-{last}:8080"]
    volumes: ["balancer:/etc/nginx/videa"]
    tmpfs: ["/tmp:mode=1777"]
volumes: {{balancer: {{}}}}
"""
GOOD = 'CMD ["python", "-m", "http.server", "8000"]'
BAD = 'CMD ["python", "-c", "import time; time.sleep(600)"]'


class Shop(LiveStack):
    """The project, with images of its own."""

    def image(self) -> str:
        """The id that the service's tag means."""
        return self.docker("image", "inspect", "--format", "{{.Id}}", self.tag).strip()

    @property
    def tag(self) -> str:
        return f"videa-shop-{os.getpid()}:latest"

    def release(self, command: str, label: str) -> None:
        """What the next build makes."""
        base = read_env(ROOT / ".env").get("BACKEND_IMAGE") or "videa-backend:dev"
        (self.directory / "Dockerfile").write_text(f"FROM {base}\nWORKDIR /tmp\nLABEL shop={label}\n{command}\n")

    def write(self, image: str) -> None:
        nginx = read_env(ROOT / ".env").get("NGINX_IMAGE") or "videa-nginx:dev"
        text = MODEL.format(project=self.project, image=image, nginx=nginx, port=self.port, last=self.port + 2)
        (self.directory / "compose.yml").write_text(text)

    def running(self) -> set[str]:
        """The ids of the images that replicas run."""
        names = self.compose("ps", "--quiet", "web").split()
        return {self.docker("inspect", "--format", "{{.Image}}", name).strip() for name in names}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path, free_port(), f"shop_{os.getpid()}_")
    with cleared_away(shop, f"videa-shop-{os.getpid()}*", f"videa-kept/shop_{os.getpid()}*"):
        yield shop


def test_a_built_release_that_fails_leaves_the_tag_on_the_one_that_serves(shop: Shop) -> None:
    shop.write(f"image: {shop.tag}")
    shop.release(GOOD, "one")
    shop.done("up")
    with urlopen(shop.status()["url"], timeout=10) as answer:
        assert answer.status == 200
    before, containers = shop.image(), shop.containers()

    shop.release(GOOD, "two")
    hook = shop.videa("deploy", "--build", HOOK="true && exit 3")
    assert hook.returncode == 1, hook.stderr
    assert "the hook pre_deploy failed" in hook.stderr
    assert shop.image() == before

    shop.release(BAD, "three")
    failed = shop.videa("deploy", "--build", DEADLINE="3s")
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert shop.image() == before
    shop.done("deploy", "--build", "--dry-run")
    assert shop.image() == before
    shop.compose("up", "--detach")
    assert shop.running() == {before}
    assert shop.containers() == containers


def test_a_rollback_on_a_tag_that_moves_on_goes_back_and_forth(shop: Shop) -> None:
    shop.write(f"image: ${{SHOP_IMAGE:-{shop.tag}}}")
    ids = []
    for label in ("one", "two"):
        shop.release(GOOD, label)
        shop.compose("build", "web")
        shop.done("up") if label == "one" else shop.done("deploy")
        ids.append(shop.image())
    for wanted in ids:  # further ones: tests/unit/ops/rollout/test_retained.py
        shop.done("rollback")
        assert shop.running() == {wanted}
        containers = shop.containers()
        shop.compose("up", "--detach")
        assert shop.containers() == containers
