"""Recording a result in .env without touching other lines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.engine.compose import Compose
from ops.errors import ConfigError
from ops.project.config import Project
from ops.project.pins import check_writable, remember
from ops.project.settings import Settings


def project(folder: Path, environment: dict[str, str] | None = None) -> Project:
    compose = Compose((), None, folder, {})
    return Project("shop", folder, compose, {}, Settings(), {}, environment or {})


def test_the_mode_of_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("SECRET=x\n")
    path.chmod(0o640)
    remember(path, {"REPLICAS": "3"})
    assert path.read_text() == "SECRET=x\nREPLICAS=3\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == [".env"]  # noqa: PTH208


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    remember(tmp_path / ".env", {"REPLICAS": "3"})
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_a_link(tmp_path: Path, exists: bool) -> None:
    real = tmp_path / "shared" / "prod.env"
    real.parent.mkdir()
    if exists:
        real.write_bytes(b"LATIN=\xe9\n")
    (tmp_path / ".env").symlink_to("shared/prod.env")
    remember(tmp_path / ".env", {"REPLICAS": "3"})
    assert (tmp_path / ".env").is_symlink()
    assert real.read_bytes() == (b"LATIN=\xe9\n" if exists else b"") + b"REPLICAS=3\n"


def test_the_error_for_a_missing_folder_names_the_variables_to_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        remember(tmp_path / "gone" / ".env", {"IMAGE": "a b"})
    assert "IMAGE='a b'" in refused.value.hint


def test_an_unwritable_file_is_reported_before_the_operation_and_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    check_writable(project(tmp_path), {"A": "2"})
    assert os.listdir(tmp_path) == [".env"]  # noqa: PTH208
    with pytest.raises(ConfigError, match="cannot write"):
        check_writable(project(tmp_path / "gone"), {"A": "2"})
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / ".env").symlink_to(".env")
    with pytest.raises(ConfigError, match="cannot write"):
        check_writable(project(tmp_path / "loop"), {"A": "2"})


def test_the_folder_of_the_file_must_be_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is replaced, so its own mode is not enough. Root may write anywhere, so the error is simulated."""

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / ".env").write_text("A=1\n")
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(ConfigError, match="Permission denied"):
        check_writable(project(tmp_path), {"A": "2"})


def test_a_variable_in_the_shell_that_would_override_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="A is set in your shell"):
        check_writable(project(tmp_path, {"A": "1"}), {"A": "2"})
    check_writable(project(tmp_path, {"A": "2"}), {"A": "2"})


def test_a_device_is_never_replaced(tmp_path: Path) -> None:
    named = {"COMPOSE_ENV_FILES": "/dev/null"}
    with pytest.raises(ConfigError, match="cannot write /dev/null: it is not a regular file"):
        check_writable(project(tmp_path, named), {"A": "2"})
    with pytest.raises(ConfigError, match="not a regular file"):
        remember(Path("/dev/null"), {"A": "2"})
    assert Path("/dev/null").is_char_device()


def test_what_compose_would_not_read_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="COMPOSE_DISABLE_ENV_FILE is set"):
        check_writable(project(tmp_path, {"COMPOSE_DISABLE_ENV_FILE": "1"}), {"A": "2"})
    check_writable(project(tmp_path, {"COMPOSE_DISABLE_ENV_FILE": "1", "COMPOSE_ENV_FILES": "a.env"}), {"A": "2"})


def test_what_compose_env_files_names_is_what_is_written(tmp_path: Path) -> None:
    for name in (".env", "a.env", "b.env"):
        (tmp_path / name).touch()
    named = project(tmp_path, {"COMPOSE_ENV_FILES": "a.env,,b.env"})
    remember(named.env_file, {"A": "2"})
    assert [(tmp_path / name).read_text() for name in (".env", "a.env", "b.env")] == ["", "", "A=2\n"]


def test_a_value_that_could_not_be_restored_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"IMAGE=caf\xe9\nOTHER=\xff\n")
    with pytest.raises(ConfigError, match=r"IMAGE in \.env has bytes that are not UTF-8"):
        check_writable(project(tmp_path), {"IMAGE": "new"})
    check_writable(project(tmp_path), {"REPLICAS": "3"})
