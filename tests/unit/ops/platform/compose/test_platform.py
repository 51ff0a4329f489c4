"""A one-off task runs with Compose, beside replicas that serve."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops.engine.compose import Compose
from ops.errors import PlanRefused
from ops.platform.compose import platform as module
from ops.platform.compose.platform import ComposePlatform
from ops.project.settings import Settings
from ops.steps import Target

NETWORK = """
 DRY-RUN MODE -  Container shop-web-1  Stopping
 DRY-RUN MODE -  Container shop-web-1  Stopped
 DRY-RUN MODE -  Network shop_default  Removed
"""
VOLUME = ' DRY-RUN MODE -  Volume "shop_data"  Removed'
SAME = " DRY-RUN MODE -  Container shop-web-1  Running"


def run_task(folder: Path, monkeypatch: pytest.MonkeyPatch, dry: str) -> list[str]:
    """The commands that were run, without the dry runs, which print ``dry``."""
    (folder / "dry").write_text(dry)
    program = folder / "docker"
    program.write_text(
        f'#!/bin/sh\ncase " $* " in\n*" --dry-run "*) cat {folder}/dry >&2;;\n'
        f'*" version "*) echo 2.40.3;;\n'
        f'*) echo "$COMPOSE_REMOVE_ORPHANS $APP_IMAGE $*" >> {folder}/ran;;\nesac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", path := f"{folder}:{os.environ['PATH']}")
    compose = Compose((), None, folder, {"PATH": path, "COMPOSE_REMOVE_ORPHANS": "1"})
    project = SimpleNamespace(
        name="shop", compose=compose, settings=Settings(service="web"), service={}, model={"services": {"web": {}}}
    )
    monkeypatch.setattr(module.replicas, "remove", lambda *_: None)
    monkeypatch.setattr(module.replicas, "states", lambda *_: {"shop-web-1": "running"})
    platform = ComposePlatform(cast(Any, None), cast(Any, project))
    platform.task("shop-hook", ["migrate"], Target("new", "app:2", {"APP_IMAGE": "app:2"}), 60.0)
    return (folder / "ran").read_text().splitlines()


@pytest.mark.parametrize(("dry", "changed"), [(NETWORK, "network shop_default"), (VOLUME, "volume shop_data")])
def test_a_task_that_would_end_what_serves_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dry: str, changed: str
) -> None:
    """`docker compose run` makes changed networks anew, and stops all that use them: also with `--no-deps`."""
    with pytest.raises(PlanRefused, match=f"the {changed} differs from the Compose file"):
        run_task(tmp_path, monkeypatch, dry)
    assert not (tmp_path / "ran").exists()


def test_any_other_task_is_run_and_removes_no_orphans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [ran] = run_task(tmp_path, monkeypatch, SAME)
    assert ran.startswith("false app:2 ")
    assert ran.endswith("run --rm --no-deps -T --name shop-hook web migrate")
