"""The stored model of a Compose project: used only while nothing has changed that Compose reads."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ops.engine.compose import Compose
from ops.project.folder import Place, find_place
from ops.project.model_cache import FILE, remembered

TEXT = "name: shop\nservices:\n  app:\n    image: shop:${TAG:-1}\n"
MODEL = {"name": "shop", "services": {"app": {"image": "shop:1", "cpus": float("inf"), "big": 2**64 - 1, "none": None}}}


class Folder:
    """A project, and how often Compose was asked for its model."""

    def __init__(self, path: Path) -> None:
        self.path, self.asked = path, 0
        self.environment = {"PATH": str(path / "bin"), "HOME": str(path)}
        (path / "bin").mkdir()
        self.program("docker", b"\x7fELF")
        (path / ".videa").mkdir()
        (path / "compose.yaml").write_text(TEXT)

    def program(self, name: str, content: bytes) -> None:
        program = self.path / "bin" / name
        program.write_bytes(content)
        program.chmod(0o755)

    def read(self, **environment: str) -> Mapping[str, Any]:
        shell = {**self.environment, **environment}
        place = find_place((), shell, self.path)
        compose = Compose((), None, place.base, shell)

        def ask() -> Mapping[str, Any]:
            self.asked += 1
            return MODEL

        return remembered(place, compose, "model", ask)

    @property
    def stored(self) -> Path:
        return self.path / ".videa" / FILE


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_compose_is_asked_once_and_the_model_is_the_same(folder: Folder) -> None:
    assert [folder.read(), folder.read(), folder.read(TERM="xterm")] == [MODEL] * 3
    assert folder.asked == 1
    assert stat.S_IMODE(folder.stored.stat().st_mode) == 0o600


CHANGES: dict[str, Callable[[Folder], object]] = {
    "the file": lambda folder: (folder.path / "compose.yaml").write_text(TEXT + "  db: {image: db}\n"),
    "an override": lambda folder: (folder.path / "compose.override.yaml").write_text("services: {}\n"),
    "the env file": lambda folder: (folder.path / ".env").write_text("OTHER=1\n"),
    "Compose": lambda folder: folder.program("docker", b"\x7fELF, newer"),
    "a profile": lambda folder: folder.environment.update(COMPOSE_PROFILES="more"),
    "a damaged file": lambda folder: folder.stored.write_bytes(b"\xc1"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_after_a_change_compose_is_asked_again(folder: Folder, what: str) -> None:
    folder.read()
    CHANGES[what](folder)
    assert folder.read() == MODEL
    assert folder.asked == 2
    folder.read()
    assert folder.asked == 2


UNKNOWN: dict[str, Callable[[Folder], object]] = {
    **{
        key: lambda folder, key=key: (folder.path / "compose.yaml").write_text(f"{key}: [more.yaml]\n{TEXT}")
        for key in ("include", "extends", "env_file", "label_file", r'x-a: "\u0069nclude"')
    },
    "a script for docker": lambda folder: folder.program("docker", b"#!/bin/sh\n"),
    "no folder of videa": lambda folder: (folder.path / ".videa").rmdir(),
    "a variable of the shell": lambda folder: folder.environment.update(TAG="secret"),
    "folders with plugins": lambda folder: (
        (folder.path / ".docker").mkdir(),
        (folder.path / ".docker/config.json").write_text('{"cliPluginsExtraDirs": ["/opt"]}'),
    ),
}


@pytest.mark.parametrize("why", UNKNOWN)
def test_what_cannot_be_known_is_not_stored(folder: Folder, why: str) -> None:
    UNKNOWN[why](folder)
    folder.read()
    folder.read()
    assert folder.asked == 2
    assert not folder.stored.exists()


def test_a_variable_of_the_shell_that_the_env_file_has_too_is_no_obstacle(folder: Folder) -> None:
    (folder.path / ".env").write_text("TAG=2\n")
    folder.read(TAG="2")
    folder.read(TAG="2")
    assert folder.asked == 1
    folder.read(TAG="3")
    folder.read()
    assert folder.asked == 3


def test_a_pipe_is_left_to_compose(folder: Folder) -> None:
    (folder.path / "compose.yaml").unlink()
    os.mkfifo(folder.path / "given.yaml")
    folder.environment["COMPOSE_FILE"] = "given.yaml"
    compose = Compose((), None, folder.path, folder.environment)
    assert remembered(Place(folder.path, folder.path), compose, "model", lambda: MODEL) == MODEL
    assert not folder.stored.exists()


def test_a_folder_that_cannot_be_written_is_no_error(folder: Folder) -> None:
    if os.geteuid() == 0:
        folder.stored.mkdir()  # root may write everywhere, but not replace a folder
    else:
        folder.stored.parent.chmod(0o500)
    assert folder.read() == MODEL


def test_answers_to_several_questions_are_kept_beside_each_other(folder: Folder) -> None:
    place = find_place((), folder.environment, folder.path)
    compose = Compose((), None, place.base, folder.environment)
    folder.read()
    for _ in range(2):
        assert remembered(place, compose, "hashes", lambda: {"app": str(folder.asked)}) == {"app": "1"}
        folder.read()
    assert folder.asked == 1
