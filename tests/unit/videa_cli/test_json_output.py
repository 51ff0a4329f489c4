"""`--json` and `--json=events`: what a script reads, whatever happens, and that it is documented."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest

from ops import events, measuring, planning
from ops.events import Event, Kind, StepStarted, Task, VerdictGiven
from ops.preflight import Capacity
from ops.steps import Route
from tests.unit.ops.fakes import fake_stack
from tests.unit.ops.fakes.gateway import NoTraffic
from videa_cli.commands import Commands
from videa_cli.json_output import Json, show_event, wanted_json

ROOT = Path(__file__).parents[3]
PROGRAM = "from videa_cli.start import run; run()"
CHANGING = ["scale", "deploy", "rollback", "promote", "abort", "up"]


def videa(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DOCKER_HOST": "unix:///nowhere.sock"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False, env=environment
    )


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def documented(heading: str) -> dict[str, list[str]]:
    """Type -> fields, from a table of docs/events.md."""
    section = (ROOT / "docs" / "events.md").read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|", section, re.MULTILINE)
    return {name: re.findall(r"`(\w+)`", fields) for name, fields in rows}


@pytest.mark.parametrize(("heading", "union"), [("Events", Event), ("Steps", events.Doing)])
def test_each_type_is_documented_with_its_fields(heading: str, union: object) -> None:
    members = {kind.__struct_config__.tag: list(kind.__struct_fields__) for kind in get_args(union)}
    assert documented(heading) == members
    assert not [tag for tag, fields in members.items() if {"time", "type", "exit_code"} & set(fields)]


def test_an_event_is_one_line_with_its_time_and_type(capsys: pytest.CaptureFixture[str]) -> None:
    show_event(StepStarted(Task("build\napp")))
    show_event(StepStarted(Route(("app-1",))))
    show_event(VerdictGiven(5.0, Kind.PASS, "fine", "1 of 1"))
    first, second, third = lines(capsys.readouterr().out)
    assert first["step"] == {"type": "task", "text": "build\napp"}
    assert second["step"] == {"type": "route", "names": ["app-1"], "started": False}
    assert (third["type"], third["kind"]) == ("verdict_given", "pass")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["time"])


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["scale", "3"], Json.NO),
        (["scale", "--json", "3"], Json.RESULT),
        (["scale", "--json=events", "3"], Json.EVENTS),
    ],
)
def test_a_plain_json_option_takes_no_value(arguments: list[str], wanted: Json) -> None:
    assert wanted_json(arguments) is wanted
    with Commands()["scale"].make_context("scale", arguments[1:]) as context:
        assert (context.params["as_json"], context.params["numbers"]) == (wanted, ("3",))


def test_a_format_that_does_not_exist_is_refused() -> None:
    refused = videa("scale", "3", "--json=yaml")
    assert refused.returncode == 2
    assert "use --json for the result, or --json=events for the events" in refused.stderr


@pytest.mark.parametrize("command", CHANGING)
def test_every_command_that_changes_something_ends_with_its_outcome(command: str) -> None:
    words = [command, "3"] if command == "scale" else [command]
    refused = videa("-f", "/nowhere/compose.yaml", *words, "--json=events")
    (outcome,) = lines(refused.stdout)
    assert (outcome["type"], outcome["exit_code"]) == ("outcome", refused.returncode)
    assert outcome["error"] in refused.stderr


def test_a_wrong_option_also_has_an_outcome() -> None:
    refused = videa("deploy", "--json=events", "--bogus")
    assert lines(refused.stdout)[-1]["exit_code"] == refused.returncode == 2


@pytest.mark.parametrize("as_json", [Json.RESULT, Json.EVENTS])
def test_an_operation_prints_its_events_and_then_its_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], as_json: Json
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(measuring, "TrafficProof", NoTraffic)
    monkeypatch.setattr(planning, "measure", lambda *_: Capacity(None, 0, 0, 0, None))
    stack = fake_stack(tmp_path)
    option = "--json" if as_json is Json.RESULT else "--json=events"
    Commands()["scale"].main([option, "3"], obj=SimpleNamespace(stack=lambda: stack), standalone_mode=False)
    printed = capsys.readouterr()
    assert "start 1 replica" in printed.err
    if as_json is Json.RESULT:
        assert json.loads(printed.out)["changed"] is True
        return
    *told, outcome = lines(printed.out)
    assert [event["type"] for event in told[:2]] == ["step_started", "step_ended"]
    assert told[-1]["type"] == "operation_ended"
    assert (outcome["type"], outcome["exit_code"], outcome["changed"]) == ("outcome", 0, True)
    assert [event["time"] for event in told] == sorted(event["time"] for event in told)


def test_each_line_is_written_at_once_and_a_reader_may_exit() -> None:
    program = (
        "import sys; from ops.events import StepStarted, Task; from videa_cli.json_output import show_event\n"
        "show_event(StepStarted(Task('one'))); sys.stdin.readline(); show_event(StepStarted(Task('two')))\n"
        "print('survived', file=sys.stderr)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""},
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    assert json.loads(process.stdout.readline())["step"]["text"] == "one"
    process.stdout.close()
    process.stdin.write("\n")
    process.stdin.close()
    assert process.stderr.read() == "survived\n"
    assert process.wait() == 0
    process.stderr.close()
