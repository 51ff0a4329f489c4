"""What the platform asks of Compose: a docker command that answers previews, and records what it is told to run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ops.engine.compose import Compose
from ops.errors import PlanRefused
from ops.platform.compose.platform import ComposePlatform
from ops.project.config import Project
from ops.project.settings import Settings
from ops.steps import Target

RUNNING = "Container shop-web-1  Running"
NETWORK = "Container shop-web-1  Stopping\n DRY-RUN MODE -  Network shop_default  Removed"
NEW = Target("new", "app:2")


def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, progress: str) -> ComposePlatform:
    """One replica, on which a preview has this effect."""
    program = tmp_path / "docker"
    program.write_text(
        f'#!/bin/sh\ncase " $* " in\n*" --dry-run "*) echo \' DRY-RUN MODE -  {progress}\' >&2;;\n'
        f'*" version "*) echo 2.40.3;;\n*) echo "$*" >> {tmp_path}/ran;;\nesac\n'
    )
    program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    engine: Any = None
    model = {"services": {"web": {"image": "app"}}}
    compose = Compose((), None, tmp_path, {"PATH": path})
    made = ComposePlatform(engine, Project("shop", tmp_path, compose, model, Settings(service="web"), {}, {}))
    monkeypatch.setattr(ComposePlatform, "states", lambda self: {"shop-web-1": "running"})
    monkeypatch.setattr(ComposePlatform, "remove", lambda self, container: None)
    return made


def test_a_one_off_command_runs_if_nothing_ends_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    platform(tmp_path, monkeypatch, RUNNING).task("shop-hook", ["migrate"], NEW, 5)
    ran = (tmp_path / "ran").read_text()
    assert ran == "compose --ansi never run --rm --no-deps -T --name shop-hook web migrate\n"


def test_a_one_off_command_for_which_a_network_would_be_recreated_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PlanRefused, match="network shop_default differs"):
        platform(tmp_path, monkeypatch, NETWORK).task("shop-hook", ["migrate"], NEW, 5)
    assert not (tmp_path / "ran").exists()
