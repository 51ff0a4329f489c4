"""The values of a project's variables, and where they come from."""

from __future__ import annotations

from pathlib import Path

from ops.engine.compose import Compose
from ops.project.config import Project
from ops.project.section import read_settings
from ops.project.values import env_file_values, read_env_value


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
