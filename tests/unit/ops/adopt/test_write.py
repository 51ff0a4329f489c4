"""Both files are written, or neither."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from ops.adopt.write import install, uninstall
from ops.errors import ConfigError
from ops.project.config import Project
from ops.project.plain import Plain

ENV = "# kept\nA='b c'\n"
VARIABLES = {"COMPOSE_FILE": "compose.yaml:compose.videa.yaml"}


@pytest.fixture
def plain(tmp_path: Path) -> Plain:
    (tmp_path / ".env").write_text(ENV)
    return Plain(cast(Project, None), tmp_path, ("compose.yaml",), True, ":", tmp_path / ".env")


def names(plain: Plain) -> set[str]:
    return {path.name for path in plain.folder.iterdir()}


def test_there_and_back(plain: Plain) -> None:
    install(plain, "x-videa: {}\n", VARIABLES)
    assert plain.overlay.read_text() == "x-videa: {}\n"
    assert plain.env_file.read_text() == ENV + "COMPOSE_FILE=compose.yaml:compose.videa.yaml\n"
    uninstall(plain, dict.fromkeys(VARIABLES))
    assert plain.env_file.read_text() == ENV
    assert names(plain) == {".env"}


def test_an_env_file_that_only_videa_has_written_goes_away(plain: Plain) -> None:
    plain.env_file.unlink()
    install(plain, "x-videa: {}\n", VARIABLES)
    uninstall(plain, dict.fromkeys(VARIABLES))
    assert names(plain) == set()


@pytest.mark.parametrize("before", ["", "x-videa: {port: 1}\n"])
def test_an_env_file_that_cannot_be_written_leaves_the_overlay_as_it_was(plain: Plain, before: str) -> None:
    if before:
        plain.overlay.write_text(before)
    plain.env_file.unlink()
    plain.env_file.mkdir()
    with pytest.raises(ConfigError):
        install(plain, "x-videa: {}\n", VARIABLES)
    assert plain.overlay_text() == before
    assert names(plain) == {".env", *(["compose.videa.yaml"] if before else [])}


def test_a_folder_that_is_not_there_is_named(plain: Plain) -> None:
    with pytest.raises(ConfigError, match="cannot write"):
        install(replace(plain, folder=plain.folder / "gone"), "x-videa: {}\n", VARIABLES)
