"""Finding the Compose project, and the one service in it that videa runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.config import Project, find_directory, find_section
from ops.engine.compose import Compose
from ops.errors import ConfigError
from ops.settings import read_settings


def test_the_section_stands_at_the_top() -> None:
    assert find_section({"services": {"web": {}}, "x-videa": {"service": "web"}}) == {"service": "web"}


def test_or_at_the_service_that_it_is_about() -> None:
    model = {"services": {"web": {"x-videa": {"port": 80}}, "db": {}}}
    assert find_section(model) == {"service": "web", "port": 80}


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"services": {"web": {}}}, "no x-videa section"),
        ({"services": {"a": {"x-videa": {}}, "b": {"x-videa": {}}}}, "two services"),
        ({"services": {"a": {"x-videa": {}}, "b": {}}, "x-videa": {"service": "b"}}, "two services"),
        ({"services": {"a": {}, "b": {}}, "x-videa": {"service": ["a", "b"]}}, "names 2 services"),
        ({"services": {"backend": {"x-videa": {}}}, "x-videa": {}}, "written twice"),
        ({"services": {"a": {}}, "x-videa": "a"}, "must be a mapping"),
    ],
)
def test_what_is_unclear_is_refused(model: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        find_section(model)


def test_the_folder_is_looked_for_upwards(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").touch()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_directory((), {}, below) == tmp_path


def test_a_named_file_gives_its_folder(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "my.yml").touch()
    assert find_directory(("x/my.yml",), {}, tmp_path) == tmp_path / "x"
    assert find_directory((), {"COMPOSE_FILE": "x/my.yml"}, tmp_path) == tmp_path / "x"


def test_no_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no Compose file"):
        find_directory((), {}, tmp_path)
    with pytest.raises(ConfigError, match=r"no Compose file at gone\.yml"):
        find_directory(("gone.yml",), {}, tmp_path)


@pytest.mark.parametrize(("also", "own"), [([], {"IMAGE"}), (["worker"], {"IMAGE", "MODE"})])
def test_what_only_the_service_and_its_followers_read_belongs_to_a_release(also: list[str], own: set[str]) -> None:
    settings = read_settings({"service": "web", "also": also})
    project = Project("shop", Path(), Compose((), None, Path(), {}), {}, settings, {}, {})
    services = {
        "web": {"image": "${IMAGE:-web}", "environment": {"MODE": "${MODE}", "DB": "db:${PASSWORD}"}},
        "worker": {"command": ["run", "$MODE"]},
        "db": {"environment": ["PASSWORD=${PASSWORD}"]},
    }
    project.__dict__["_raw"] = {"services": services}  # what Compose would be asked for
    assert project.own_variables == own


@pytest.mark.parametrize(
    ("health", "path"),
    [
        ({}, "/health/live"),
        ({"ready": "/"}, "/"),
        ({"ready": "/ping?deep=1", "interval": "2s"}, "/ping?deep=1"),
        ({"live": "/alive"}, "/alive"),
        ({"live": "/alive", "ready": "/ready"}, "/alive"),
    ],
)
def test_where_only_readiness_is_declared_life_is_asked_for_there(health: dict[str, str], path: str) -> None:
    written = {"service": "web", "health": health}
    project = Project("shop", Path(), Compose((), None, Path(), {}), {}, read_settings(written), written, {})
    assert project.live_path == path
