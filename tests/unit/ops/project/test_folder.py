"""Finding the Compose project and its env files by the rules of Compose."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import ConfigError
from ops.project.folder import Place, check_env_files, env_files, find_place, read_env_file


def project(folder: Path, name: str = "compose.yml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()
    return folder


def test_the_project_may_be_in_a_folder_above(tmp_path: Path) -> None:
    project(tmp_path)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_place((), {}, below) == Place(tmp_path, tmp_path)


def test_a_named_file_is_relative_to_the_folder_that_names_it(tmp_path: Path) -> None:
    project(tmp_path / "x", "my.yml")
    assert find_place(("x/my.yml",), {}, tmp_path) == Place(tmp_path / "x", tmp_path)
    assert find_place((), {"COMPOSE_FILE": "x/my.yml"}, tmp_path) == Place(tmp_path / "x", tmp_path)


@pytest.mark.parametrize(
    "env", ["COMPOSE_FILE=x/my.yml:other.yml", "export COMPOSE_FILE='x/my.yml;o.yml'\nCOMPOSE_PATH_SEPARATOR=;"]
)
def test_the_env_file_may_name_the_file(tmp_path: Path, env: str) -> None:
    project(tmp_path)
    project(tmp_path / "x", "my.yml")
    (tmp_path / ".env").write_text(env)
    assert find_place((), {}, tmp_path) == Place(tmp_path / "x", tmp_path)
    assert find_place((), {}, tmp_path / "x") == Place(tmp_path / "x", tmp_path)
    assert find_place((), {"COMPOSE_FILE": "compose.yml"}, tmp_path) == Place(tmp_path, tmp_path)


def test_a_linked_file_belongs_to_the_folder_of_the_link(tmp_path: Path) -> None:
    real = project(tmp_path / "real") / "compose.yml"
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "compose.yml").symlink_to(real)
    assert find_place(("here/compose.yml",), {}, tmp_path).directory == tmp_path / "here"


def test_an_env_file_that_compose_refuses_does_not_hide_the_project(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / ".env").write_text("A='never ends")
    assert find_place((), {}, tmp_path) == Place(tmp_path, tmp_path)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no Compose file"):
        find_place((), {}, tmp_path)
    with pytest.raises(ConfigError, match=r"no Compose file at gone\.yml"):
        find_place(("gone.yml",), {}, tmp_path)
    (tmp_path / ".env").write_text("COMPOSE_FILE=gone/too.yml")
    with pytest.raises(ConfigError, match=r"no Compose file at gone/too\.yml"):
        find_place((), {}, tmp_path)


def test_the_env_files_that_compose_reads() -> None:
    place = Place(Path("/p/sub"), Path("/p"))
    assert env_files(place, (), {}) == (Path("/p/sub/.env"), Path("/p/.env"))
    assert env_files(place, ("sub/compose.yml",), {}) == (Path("/p/sub/.env"),)
    assert env_files(place, (), {"COMPOSE_ENV_FILES": "a.env,b.env"}) == (Path("/p/a.env"), Path("/p/b.env"))
    assert env_files(Place(Path("/p"), Path("/p")), (), {}) == (Path("/p/.env"),)


def test_an_env_file_may_be_missing_but_not_unreadable(tmp_path: Path) -> None:
    assert not read_env_file(tmp_path / ".env")
    (tmp_path / ".env").mkdir()
    with pytest.raises(ConfigError, match="cannot read"):
        read_env_file(tmp_path / ".env")
    check_env_files([tmp_path / ".env"])  # as Compose, which takes no notice of a folder


@pytest.mark.parametrize(("value", "read"), [("1", 0), ("true", 0), ("T", 0), ("0", 1), ("yes", 1), ("", 1)])
def test_an_env_file_that_compose_leaves_out_is_left_out(tmp_path: Path, value: str, read: int) -> None:
    place = Place(tmp_path, tmp_path)
    assert len(env_files(place, (), {"COMPOSE_DISABLE_ENV_FILE": value})) == read
    (tmp_path / ".env").write_text(f"COMPOSE_DISABLE_ENV_FILE={value}\n")
    assert len(env_files(place, (), {})) == read
    assert env_files(place, (), {"COMPOSE_DISABLE_ENV_FILE": "0"}) == (tmp_path / ".env",)


def test_a_chosen_directory_has_the_env_file_and_its_compose_file_is_relative_to_it(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / ".env").write_text("COMPOSE_FILE=my.yml\n")
    (shop / "my.yml").touch()
    (tmp_path / "compose.yml").touch()
    chosen = Path("shop")
    assert find_place((), {}, tmp_path, chosen) == Place(shop, shop, chosen=True)
    assert find_place((), {}, shop, Path("../shop")) == Place(shop, shop, chosen=True)
    named = find_place(("compose.yml",), {}, tmp_path, chosen)
    assert named == find_place((), {"COMPOSE_FILE": "compose.yml"}, tmp_path, chosen)
    assert named == Place(shop, tmp_path, chosen=True)
    assert env_files(named, (), {}) == (shop / ".env",)
    with pytest.raises(ConfigError, match="no such folder"):
        find_place((), {}, tmp_path, Path("gone"))
