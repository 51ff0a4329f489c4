"""The user's own files, without the overlay, as Compose reads them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.errors import ConfigError
from ops.project.plain import Plain, load_plain

WEB = "services: {web: {image: shop}}\n"
OVERLAY = "services: {web: {image: other}}\n"


def load(*files: str, **variables: str) -> Plain:
    return load_plain(files, None, {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "My Shop"
    place.mkdir()
    monkeypatch.chdir(place)
    (place / "compose.yaml").write_text(WEB)
    return place


def test_the_default_files_with_the_override(folder: Path) -> None:
    (folder / "compose.override.yaml").write_text("services: {web: {environment: {A: b}}}\n")
    plain = load()
    assert (plain.files, plain.by_default) == (("compose.yaml", "compose.override.yaml"), True)
    assert plain.compose_file() == "compose.yaml:compose.override.yaml:compose.videa.yaml"
    assert plain.project.model["services"]["web"]["environment"] == {"A": "b"}
    assert plain.project.name == "myshop"


def test_the_overlay_that_compose_file_names_is_left_out(folder: Path) -> None:
    (folder / "compose.videa.yaml").write_text(OVERLAY)
    (folder / ".env").write_text("COMPOSE_FILE=compose.yaml:compose.videa.yaml\n")
    plain = load()
    assert (plain.files, plain.by_default) == (("compose.yaml",), True)
    assert plain.project.model["services"]["web"]["image"] == "shop"
    assert plain.overlay_text() == OVERLAY
    assert plain.adopted


def test_files_that_env_names_stay_in_order(folder: Path) -> None:
    (folder / "more.yml").write_text("services: {db: {image: postgres}}\n")
    (folder / ".env").write_text("COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=compose.yaml,more.yml\n")
    plain = load()
    assert (plain.files, plain.by_default, plain.adopted) == (("compose.yaml", "more.yml"), False, False)
    assert plain.compose_file() == "compose.yaml,more.yml,compose.videa.yaml"
    assert set(plain.project.model["services"]) == {"web", "db"}


def test_files_of_the_command_line_are_written_relative_to_their_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    plain = load("My Shop/compose.yaml")
    assert (plain.folder, plain.files) == (folder, ("compose.yaml",))


def test_a_profile_of_env_is_read(folder: Path) -> None:
    (folder / "compose.yaml").write_text("services: {web: {image: shop}, job: {image: shop, profiles: [jobs]}}\n")
    assert set(load().project.model["services"]) == {"web"}
    (folder / ".env").write_text("COMPOSE_PROFILES=jobs\n")
    assert set(load().project.model["services"]) == {"web", "job"}


@pytest.mark.parametrize("variable", ["COMPOSE_ENV_FILES", "COMPOSE_DISABLE_ENV_FILE"])
def test_where_env_is_not_read_the_overlay_cannot_be_named(folder: Path, variable: str) -> None:
    with pytest.raises(ConfigError, match=r"does not read \.env"):
        load(**{variable: "1"})
