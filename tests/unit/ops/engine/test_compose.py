"""What videa makes of Compose's answers: its errors, and the hash of a service."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.engine import compose
from ops.engine.bounded import Bounds
from ops.engine.compose import Compose, last_line, without_values
from ops.errors import ConfigError


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


def reading(folder: Path, docker: str) -> Compose:
    """Compose with two files, and a docker command that runs this script."""
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\n{docker}\n")
    program.chmod(0o755)
    return Compose(("base.yml", "more.yml"), None, folder, {"PATH": f"{folder}:{os.environ['PATH']}"})


def test_a_file_that_takes_too_much_time_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "READING", Bounds(0.2, compose.READING.memory, compose.READING.output))
    for read in (lambda it: it.config(), lambda it: it.config_hash("web", {}), lambda it: it.config_hashes()):
        with pytest.raises(ConfigError, match=r"could not read base\.yml, more\.yml within 0\.2 s"):
            read(reading(tmp_path, "exec sleep 600"))


def test_compose_gets_seconds_and_a_few_hundred_megabytes_to_read_a_file(tmp_path: Path) -> None:
    assert compose.READING.seconds <= 60
    with pytest.raises(ConfigError, match=r": \d+$") as error:
        reading(tmp_path, "ulimit -S -d >&2; exit 1").config()
    assert int(error.value.message.rpartition(" ")[2]) <= 1 << 20  # KiB


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["up", "--no-start", "nginx"], "false"), (["run", "web", "migrate"], "false"), (["down"], "1")],
)
def test_only_down_may_remove_what_is_no_longer_in_the_file(tmp_path: Path, arguments: list[str], said: str) -> None:
    """Replicas of a renamed service may still serve, whatever the operator's shell says of orphans."""
    docker = reading(tmp_path, 'echo "$COMPOSE_REMOVE_ORPHANS"')
    docker.environment["COMPOSE_REMOVE_ORPHANS"] = "1"
    assert docker.run(*arguments).strip() == said
    assert docker.dry_run("up").stdout.strip() == "false"
