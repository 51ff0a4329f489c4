"""The user's own files, without the overlay, as Compose reads them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.errors import ConfigError
from ops.project import loading
from ops.project.plain import Plain, load_plain

WEB = "services: {web: {image: shop}}\n"
OVERLAY = "services: {web: {image: other}}\n"


def load(*files: str, directory: Path | None = None, **variables: str) -> Plain:
    shell = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    return load_plain(files, None, {**shell, **variables}, directory)


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


def test_files_of_the_command_line_that_leave_out_the_overlay_are_the_reason(folder: Path) -> None:
    (folder / "compose.videa.yaml").write_text(OVERLAY)
    with pytest.raises(ConfigError, match="no x-videa section") as failed:
        loading.load(("compose.yaml",))
    assert "leaves out compose.videa.yaml" in failed.value.hint


def test_a_profile_of_env_is_read(folder: Path) -> None:
    (folder / "compose.yaml").write_text("services: {web: {image: shop}, job: {image: shop, profiles: [jobs]}}\n")
    assert set(load().project.model["services"]) == {"web"}
    (folder / ".env").write_text("COMPOSE_PROFILES=jobs\n")
    assert set(load().project.model["services"]) == {"web", "job"}


def test_an_env_file_that_replaces_env_is_the_one_that_names_the_files(folder: Path) -> None:
    (folder / ".env").write_text("COMPOSE_FILE=ignored.yaml\n")
    (folder / "prod.env").write_text("COMPOSE_FILE=compose.yaml:compose.videa.yaml\n")
    (folder / "compose.videa.yaml").write_text(OVERLAY)
    for named in ("prod.env", str(folder / "prod.env")):
        plain = load(COMPOSE_ENV_FILES=named)
        assert (plain.env_file, plain.files, plain.adopted) == (folder / "prod.env", ("compose.yaml",), True)


def test_with_a_project_directory_the_overlay_and_env_are_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "deploy").mkdir()
    (folder / "deploy" / "prod.yaml").write_text("services: {web: {image: shop, volumes: ['./data:/data']}}\n")
    monkeypatch.chdir(folder.parent)
    plain = load("My Shop/deploy/prod.yaml", directory=Path("My Shop"))
    assert (plain.folder, plain.files) == (folder, ("deploy/prod.yaml",))
    assert plain.project.model["services"]["web"]["volumes"][0]["source"] == str(folder / "data")
    assert plain.project.name == "myshop"
    assert load(directory=folder).files == ("compose.yaml",)


def test_where_env_is_not_read_the_overlay_cannot_be_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not read \.env"):
        load(COMPOSE_DISABLE_ENV_FILE="1")
