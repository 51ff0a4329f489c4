"""What videa makes of Compose's answers: its errors, and the hash of a service."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.engine.compose import Compose, last_line, without_values


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("failed to read /p/.env: line 2: unterminated quoted value 'hunter2", "line 2: unterminated quoted value"),
        (
            'failed to read /p/.env: line 1: unexpected character "\'" in variable name "hunter2\'"',
            "in variable name",
        ),
        ('failed to read /p/.env: Invalid template: "${hunter2"', "Invalid template:"),
    ],
)
def test_an_error_about_an_env_file_does_not_show_its_values(error: str, shown: str) -> None:
    assert last_line(without_values(f"level=warning\n{error}\n")).endswith(shown)


def test_other_errors_do_not_change() -> None:
    error = "validating /p/compose.yml: services.web must be a mapping"
    assert without_values(error) == error


def test_the_hash_of_a_service_has_what_its_env_file_says_as_the_label_of_its_containers_does(tmp_path: Path) -> None:
    (tmp_path / "app.env").write_text("A='lit$x'\nB=${C}\n")
    (tmp_path / ".env").write_text("C=3\nCOMPOSE_PROFILES=shop\n")
    common = "services: {web: {image: 'app:${TAG:-1}', profiles: [shop], labels: {price: '$$5'}, "
    (tmp_path / "compose.yaml").write_text(common + "env_file: app.env}}")
    (tmp_path / "inline.yaml").write_text(common + "environment: {A: lit$$x, B: '3'}}}")
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "TMPDIR": str(tmp_path)}
    with_file = Compose((), None, tmp_path, environment)
    inline = Compose((), None, tmp_path, {**environment, "COMPOSE_FILE": "inline.yaml"})
    first = with_file.config_hash("web", {})
    assert first == inline.config_hash("web", {})
    assert with_file.config_hash("web", {"TAG": "2"}) == inline.config_hash("web", {"TAG": "2"}) != first
    (tmp_path / "app.env").write_text("A=other\nB=3\n")
    assert with_file.config_hash("web", {}) != first
