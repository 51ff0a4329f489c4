"""The command lines of docker for commands on the user's terminal, and what becomes of their exit codes."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.engine.answer import Refused
from ops.engine.foreground import attach, become, exec_command
from ops.errors import EngineUnreachable
from ops.models import UserCommand


def test_a_command_gets_only_the_options_that_were_given() -> None:
    command = UserCommand(("sh", "-c", "exit 3"))
    assert exec_command("app-1", command, {})[0] == [
        *("docker", "exec", "--interactive", "app-1"),
        *("sh", "-c", "exit 3"),
    ]
    command = UserCommand(("id",), terminal=True, user="root", workdir="/srv")
    line = "docker exec --interactive --tty --user root --workdir /srv app-1 id"
    assert exec_command("app-1", command, {})[0] == line.split()


def test_the_value_of_a_variable_is_no_argument() -> None:
    given = {"TOKEN": "secret", "LDAP_PASSWORD": "secret", "GOOGLE_KEY": "secret", "DOCKER_PASSWORD": "secret", "E": ""}
    command = UserCommand(("env",), environment=given)
    arguments, environment = exec_command("app-1", command, {"DOCKER_HOST": "ssh://far", "TOKEN": "other"})
    assert "secret" not in " ".join(arguments)
    assert arguments[3:13] == [part for name in given for part in ("--env", name)]
    assert environment == {"DOCKER_HOST": "ssh://far", **given}


@pytest.mark.parametrize("name", ["DOCKER_HOST", "PATH", "HOME", "https_proxy", "SSH_AUTH_SOCK"])
def test_a_variable_for_the_container_does_not_change_docker_itself(name: str) -> None:
    arguments, environment = exec_command("app-1", UserCommand(("env",), environment={name: "x"}), {name: "mine"})
    assert arguments[3:5] == ["--env", f"{name}=x"]
    assert environment == {name: "mine"}


def docker(folder: Path, script: str) -> dict[str, str]:
    """An environment in which ``docker`` is this script."""
    path = folder / "docker"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


class Engine:
    """Knows one container, with this exit code; None: it does not exist."""

    def __init__(self, code: int | None) -> None:
        self.code, self.stopped = code, False
        self.api, self.sdk = self, SimpleNamespace(api=self)

    def inspect_container(self, name: str) -> dict[str, Any]:
        if self.code is None:
            raise Refused(404, "gone")
        return {"State": {"ExitCode": self.code}, "Config": {}}

    def stop(self, name: str, timeout: int) -> None:
        self.stopped = True


@pytest.mark.parametrize(
    ("script", "known", "code"),
    [
        ("exit 0", 0, 0),
        ("exit 3", 3, 3),
        ("exit 1", 127, 127),  # the command does not exist: only the engine knows more than docker's own code
        ("exit 1", None, 1),
        ("kill -9 $$", 0, 128 + signal.SIGKILL),
    ],
)
def test_the_exit_code_is_that_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, known: int | None, code: int
) -> None:
    environment = docker(tmp_path, script)
    monkeypatch.setenv("PATH", environment["PATH"])
    engine: Any = Engine(known)
    assert attach(engine, "app-run", environment) == code


def test_a_signal_stops_the_container_before_it_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = docker(tmp_path, "kill -INT $PPID; while ! [ -e stopped ]; do sleep 0.05; done")
    monkeypatch.setenv("PATH", environment["PATH"])
    monkeypatch.chdir(tmp_path)
    engine: Any = Engine(0)
    engine.stop = lambda name, timeout: (tmp_path / "stopped").touch()
    with pytest.raises(KeyboardInterrupt):
        attach(engine, "app-run", environment)
    assert (tmp_path / "stopped").exists()


def test_without_a_docker_command_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    engine: Any = Engine(0)
    with pytest.raises(EngineUnreachable, match="no `docker` command"):
        become(["docker", "exec"], {"PATH": str(tmp_path)})
    with pytest.raises(EngineUnreachable, match="no `docker` command"):
        attach(engine, "app-run", {"PATH": str(tmp_path)})
