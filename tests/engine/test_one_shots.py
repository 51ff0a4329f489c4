"""One-shot services as Compose runs them: a service that must have completed before a release starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.engine.client import Engine
from ops.platform.compose.platform import ComposePlatform
from ops.project.loading import load
from tests.engine.balancer.conftest import base

COMPOSE = """
name: {name}
x-videa: {{service: web, port: 8000}}
services:
  nginx: {{image: "{image}"}}
  web:
    image: "{image}"
    depends_on: {{migrate: {{condition: service_completed_successfully}}}}
  migrate: {{image: "{image}", command: [sh, -c, "echo migrated; exit $$CODE"], environment: {{CODE: "${{CODE:-0}}"}}}}
"""


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[ComposePlatform]:
    engine = Engine()
    image = base(engine, "videa/python:latest", "python:3.13-slim")
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE.format(name=f"videa-test-{os.getpid()}-once", image=image))
    project = load((str(file),))
    try:
        yield ComposePlatform(engine, project)
    finally:
        project.compose.run("down", "--volumes", "--timeout", "0")
        engine.close()


def test_a_migration_that_has_run_before_runs_again_also_if_nothing_of_it_has_changed(
    platform: ComposePlatform,
) -> None:
    completed = []
    for code in (0, 0, 3, 3):
        overrides = {"CODE": str(code)}
        platform.check_complete("migrate", overrides)
        container = platform.complete("migrate", overrides, lambda: None, 60)
        assert container.exit_code == code
        completed.append(container.id)
    assert len(set(completed)) == 4
