"""The Compose project, and its service that videa scales."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.engine.compose import Compose
from ops.errors import ConfigError
from ops.project.config import Pins, Project, env_file_values, find_section, read_env_value
from ops.project.section import read_settings


def test_the_section_may_be_at_the_top() -> None:
    assert find_section({"services": {"web": {}}, "x-videa": {"service": "web"}}) == {"service": "web"}


def test_the_section_may_be_in_the_service() -> None:
    model = {"services": {"web": {"x-videa": {"port": 80}}, "db": {}}}
    assert find_section(model) == {"service": "web", "port": 80}


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"services": {"web": {}}}, "no x-videa section"),
        ({"services": {"a": {"x-videa": {}}, "b": {"x-videa": {}}}}, "two services"),
        ({"services": {"a": {"x-videa": {}}, "b": {}}, "x-videa": {"service": "b"}}, "two services"),
        ({"services": {"a": {}, "b": {}}, "x-videa": {"service": ["a", "b"]}}, "names 2 services"),
        ({"services": {"backend": {"x-videa": {}}}, "x-videa": {}}, "defined twice"),
        ({"services": {"a": {}}, "x-videa": "a"}, "must be a mapping"),
    ],
)
def test_an_ambiguous_section_is_refused(model: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        find_section(model)


@pytest.mark.parametrize(("also", "own"), [([], {"IMAGE"}), (["worker"], {"IMAGE", "MODE"})])
def test_variables_that_only_the_service_and_its_followers_read_belong_to_a_release(
    also: list[str], own: set[str]
) -> None:
    settings = read_settings({"service": "web", "also": also})
    project = Project("shop", Path(), Compose((), None, Path(), {}), {}, settings, {}, {})
    services = {
        "web": {"image": "${IMAGE:-web}", "environment": {"MODE": "${MODE}", "DB": "db:${PASSWORD}"}},
        "worker": {"command": ["run", "$MODE"]},
        "db": {"environment": ["PASSWORD=${PASSWORD}"]},
    }
    project.__dict__["_raw"] = {"services": services}  # in place of Compose's output
    assert project.own_variables == own


@pytest.mark.parametrize(
    ("health", "path"),
    [
        ({}, "/"),
        ({"ready": "/"}, "/"),
        ({"ready": "/ping?deep=1", "interval": "2s"}, "/ping?deep=1"),
        ({"live": "/alive"}, "/alive"),
        ({"live": "/alive", "ready": "/ready"}, "/alive"),
    ],
)
def test_requests_through_the_balancer_use_the_liveness_path_or_the_only_one(health: dict[str, str], path: str) -> None:
    written = {"service": "web", "health": health}
    project = Project("shop", Path(), Compose((), None, Path(), {}), {}, read_settings(written), written, {})
    assert project.live_path == path


def test_labels_may_be_a_list_and_a_section_may_be_empty() -> None:
    project = Project("shop", Path(), Compose((), None, Path(), {}), {}, read_settings({"service": "web"}), {}, {})
    web = {"image": "${IMAGE}", "labels": ["a=b", "videa.release=${RELEASE:-}"], "deploy": {"replicas": "${N:-2}"}}
    project.__dict__["_raw"] = {"services": {"web": web}}
    assert project.pins == Pins(replicas="N", image="IMAGE", release="RELEASE")
    assert find_section({"services": {"web": {"x-videa": None}}}) == {"service": "web"}
    assert find_section({"services": {"backend": {}}, "x-videa": None}) == {}


def test_the_env_file_that_takes_precedence_is_written(tmp_path: Path) -> None:
    below = tmp_path / "sub"
    below.mkdir()
    compose = Compose((), None, tmp_path, {})
    project = Project("sub", below, compose, {}, read_settings({}), {}, {"SHELL": "x"})
    assert project.env_file == below / ".env"
    (below / ".env").write_text("A=sub\nB='b $ b'\n")
    (tmp_path / ".env").write_bytes(b"A=base\nC=\xe9")
    assert project.env_file == tmp_path / ".env"
    assert env_file_values(project) == {"A": "base", "B": "b $ b", "C": "\ufffd"}
    assert read_env_value(project, "A") == ("base", ".env")
    assert read_env_value(project, "SHELL") == ("x", "environment")
    assert read_env_value(project, "D") == (None, "default")
