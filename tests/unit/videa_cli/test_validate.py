"""videa validate: all errors, one line each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.errors import ConfigError
from ops.project import compose_model, loading
from ops.project.section import problems
from videa_cli import main
from videa_cli.exit_codes import ExitCode


def validated(monkeypatch: pytest.MonkeyPatch, found: list[ConfigError], *options: str) -> int:
    monkeypatch.setattr("ops.project.loading.examine", lambda *_: (found, None))
    monkeypatch.setattr("sys.argv", ["videa", "validate", *options])
    return int(main._run(["validate", *options]))


def test_every_error_is_found_and_not_only_the_first() -> None:
    section = {"port": 0, "nonsense": 1, "health": {"passes": 200, "path": "/"}, "canary": {"steps": [5]}, "also": []}
    keys = [error.message.partition(": ")[0] for error in problems(section)]
    assert keys == ["x-videa.port", "x-videa", "x-videa.health.passes", "x-videa.health", "x-videa.canary.steps"]
    assert problems({"health": {"ready": "/"}, "port": "80"}) == []
    assert [error.message for error in problems({"health": "fast"})] != []


def test_each_error_is_one_line_and_the_exit_code_is_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [ConfigError("x-videa.port: 0\nis wrong", "allowed: 1 to 65535"), ConfigError("x-videa.also: no", "names")]
    assert validated(monkeypatch, found) == ExitCode.CONFIG
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["x-videa.port: 0\\nis wrong; allowed: 1 to 65535", "x-videa.also: no; names"]
    assert validated(monkeypatch, found, "--json") == ExitCode.CONFIG
    printed = json.loads(capsys.readouterr().out)
    assert (printed["valid"], printed["errors"][1]) == (False, {"error": "x-videa.also: no", "hint": "names"})


def test_without_an_error_the_exit_code_is_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert validated(monkeypatch, []) == ExitCode.OK
    assert capsys.readouterr().out == "x-videa is valid\n"


def test_the_services_are_compared_with_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "compose.yaml").touch()
    model = {"name": "shop", "services": {"web": {}, "nginx": {}}, "x-videa": {"service": "api"}}
    monkeypatch.setattr(compose_model, "read_model", lambda *_: model)
    (problem,), project = loading.examine()
    assert "there is no service 'api'" in problem.message
    assert project is None
    model["x-videa"] = {"service": "web"}
    found, project = loading.examine()
    assert found == []
    assert project
