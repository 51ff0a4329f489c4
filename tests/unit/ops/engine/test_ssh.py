"""An engine over ssh, with a command in the place of ssh that passes everything to a socket, or fails like ssh."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ops.engine import client
from ops.engine.client import Engine, engine_errors
from ops.engine.ssh import ssh_command
from ops.errors import EngineUnreachable
from tests.unit.ops.engine.test_client import engine_that

RELAY = """#!{python}
import os, select, socket
engine = socket.socket(socket.AF_UNIX)
engine.connect({path!r})
ends = {{0: engine.fileno(), engine.fileno(): 1}}
while True:
    for end in select.select(list(ends), [], [])[0]:
        data = os.read(end, 65536)
        if not data:
            raise SystemExit
        os.write(ends[end], data)
"""
URL = {"DOCKER_HOST": "ssh://ops@shop.example"}


def ssh_that(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command = folder / "ssh"
    command.write_text(script)
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def list_containers(engine: Engine) -> list[object]:
    with engine_errors("list the containers"):
        return list(engine.api.containers())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ssh://shop", ["--", "shop"]),
        ("ssh://ops@shop.example:2222", ["-l", "ops", "-p", "2222", "--", "shop.example"]),
        ("ssh://[2001:db8::7]/", ["--", "2001:db8::7"]),
    ],
)
def test_the_command_is_the_one_of_docker(url: str, expected: list[str]) -> None:
    command = ssh_command(url)
    assert command[-1] == "docker system dial-stdio"
    assert command[4:-1] == expected


@pytest.mark.parametrize("url", ["ssh://", "ssh://ops:secret@shop", "ssh://shop/folder", "ssh://shop:port"])
def test_what_ssh_cannot_use_is_no_address(url: str) -> None:
    with pytest.raises(EngineUnreachable, match="no valid address"):
        Engine({"DOCKER_HOST": url})


def test_calls_go_through_ssh_and_leave_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with engine_that(tmp_path, lambda *_: "[]") as (_, requests):
        ssh_that(tmp_path, RELAY.format(python=sys.executable, path=str(tmp_path / "engine.sock")), monkeypatch)
        with closing(Engine({**os.environ, **URL})) as engine:
            assert list_containers(engine) == []
            assert engine.sdk.api.api_version == "1.41"
            assert not engine.local
    assert [line.split("?")[0] for line in requests if "ping" not in line] == [
        "GET /version",
        "GET /v1.41/containers/json",
    ]


def test_the_error_is_what_ssh_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "#!/bin/sh\necho 'Permission denied (publickey).' >&2\nexit 255\n"
    ssh_that(tmp_path, script, monkeypatch)
    with pytest.raises(EngineUnreachable, match=r"over ssh: Permission denied \(publickey\)\.") as error:
        Engine({**os.environ, **URL})
    assert "ssh HOST docker version" in error.value.hint


def test_a_missing_ssh_command_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineUnreachable, match="there is no `ssh` command"):
        Engine({**URL, "PATH": str(tmp_path)})


def test_a_link_that_hangs_has_a_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CALL_TIMEOUT", 0.2)
    ssh_that(tmp_path, "#!/bin/sh\nexec sleep 60\n", monkeypatch)
    with pytest.raises(EngineUnreachable, match=r"over ssh: no answer within 0\.2 s"):
        Engine({**os.environ, **URL})


def test_a_call_after_the_link_was_cut_reports_what_ssh_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def play(line: str, before: int) -> str | None:
        return None if "/containers/" in line and before else "[]"

    with engine_that(tmp_path, play) as (_, __):
        ssh_that(tmp_path, RELAY.format(python=sys.executable, path=str(tmp_path / "engine.sock")), monkeypatch)
        with closing(Engine({**os.environ, **URL})) as engine:
            assert list_containers(engine) == []
            ssh_that(tmp_path, "#!/bin/sh\necho 'Connection refused' >&2\nexit 255\n", monkeypatch)
            with pytest.raises(EngineUnreachable, match="over ssh: Connection refused"):
                list_containers(engine)
