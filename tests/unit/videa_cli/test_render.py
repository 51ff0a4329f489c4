"""The output for people: text from other programs is shown unchanged."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console
from rich.table import Table
from typer import Context

from ops.balancer.proof import Failure, Proof
from ops.doctor.facts_postgres import Statement
from ops.errors import VideaError
from ops.events import announced
from ops.notices import NotServing, PoolsUnchecked
from ops.outcome import Outcome
from ops.rollout.history import Entry, append
from ops.steps import Check, Plan, Remember, Target
from ops.views.dataview import DatabaseView, Holder
from ops.views.status import ReplicaStatus, Status
from tests.unit.ops.fakes import fake_stack
from videa_cli.commands.config import config
from videa_cli.commands.db import show_database
from videa_cli.commands.history import history
from videa_cli.commands.status import show_status
from videa_cli.console import console
from videa_cli.json_output import Json
from videa_cli.names import shown_name
from videa_cli.render import Progress, show_outcome, show_proof

LOOKS_LIKE_MARKUP = "test [red] -f [/tmp/x] :key:"
"""A shell test, a path and a word, which rich would interpret as markup and as a picture."""


def test_the_text_of_a_step_and_of_its_failure_is_shown_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    with pytest.raises(VideaError), announced(LOOKS_LIKE_MARKUP, progress):
        progress(PoolsUnchecked(LOOKS_LIKE_MARKUP))
        raise VideaError(LOOKS_LIKE_MARKUP, "")
    assert capsys.readouterr().err.count(LOOKS_LIKE_MARKUP) == 3


def test_a_plan_shows_a_check_as_it_was_typed(capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan((Check((LOOKS_LIKE_MARKUP,), ()),), Target("1", "app:1"), "")
    part: Any = SimpleNamespace(plan=plan, capacity=None, request=None)
    show_outcome(Outcome(plan, 0.0, None, parts=(part,)), "deployed", as_json=Json.NO, dry_run=True)
    assert f"1. check {LOOKS_LIKE_MARKUP}" in capsys.readouterr().out


def test_a_long_step_of_a_plan_continues_under_its_text_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    terminal = Console(file=text, width=40, soft_wrap=True, force_terminal=True, color_system=None)
    monkeypatch.setattr("videa_cli.render.console", lambda **_: terminal)
    plan = Plan((Check(("sh", "-c", "wget -q http://localhost:8000/version"), ()),), Target("1", "app:1"), "")
    part: Any = SimpleNamespace(plan=plan, capacity=None, request=None)
    show_outcome(Outcome(plan, 0.0, None, parts=(part,)), "deployed", as_json=Json.NO, dry_run=True)
    lines = text.getvalue().splitlines()
    first = next(number for number, line in enumerate(lines) if "  1. check" in line)
    assert max(map(len, lines)) <= 40
    assert lines[first + 1].startswith("     "), lines


def test_a_resumed_rollback_is_not_called_completed(capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan((), Target("1", "app:1"), "`videa deploy`")
    proof = Proof(requests=1, failed=0, slowest_ms=1.0, failures=(), probes=0, gap="")
    show_outcome(Outcome(plan, 1.0, proof, rolled_back=True), "completed", as_json=Json.NO, dry_run=False)
    assert "rolled back: `videa deploy` (1.0 s)" in capsys.readouterr().out


def test_a_scale_that_changes_nothing_says_so_and_how_many_serve(capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan((Remember(3),), Target("1", "app:1"), "3 replicas, as before")
    outcome = Outcome(plan, 1.0, None, idle=(NotServing("app-2", "it is paused", "docker unpause app-2"),))
    show_outcome(outcome, "scaled", as_json=Json.NO, dry_run=False)
    show_outcome(outcome, "scaled", as_json=Json.RESULT, dry_run=False)
    text, _, printed = capsys.readouterr().out.partition("\n")
    assert text == "unchanged: 3 replicas, as before, of which 1 does not serve (1.0 s)"
    assert (json.loads(printed)["changed"], json.loads(printed)["not_serving"]) == (False, ["app-2"])


def test_a_table_in_a_pipe_has_no_spaces_at_the_ends_of_lines(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("RELEASE", "RESULT", box=None)
    table.add_row("1", "done")
    table.add_row("2", "aborted by somebody")
    console().print(table)
    lines = capsys.readouterr().out.splitlines()
    assert "done" in lines[1]
    assert lines == [line.rstrip() for line in lines]


def test_a_failed_request_is_shown_with_its_path(capsys: pytest.CaptureFixture[str]) -> None:
    failure = Failure(0.0, "GET", "/search[/old]", 502, "")
    show_proof(Proof(requests=1, failed=1, slowest_ms=1.0, failures=(failure,), probes=0, gap=""))
    assert "GET /search[/old]: 502 (nginx itself)" in capsys.readouterr().out


def show_config(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr("ops.project.values.effective_values", lambda project: [("key", LOOKS_LIKE_MARKUP, "default")])
    config(cast(Context, SimpleNamespace(obj=SimpleNamespace(load=lambda: None))))


def show_history(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    stack = fake_stack(folder)
    append(stack, Entry(0.0, LOOKS_LIKE_MARKUP, "", "scale", "done", "1", "app:1", "", 1, 0.0))
    history(cast(Context, SimpleNamespace(obj=SimpleNamespace(stack=lambda: stack))))


def show_release(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    replica = ReplicaStatus("a-1", LOOKS_LIKE_MARKUP, "a:1", "healthy", True, 0.0, 0, None, None, None, None)
    show_status(Status("shop", "a", None, "running", None, (replica,)))


def show_client(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    show_database(console(), DatabaseView("db", "17", 0.0, 1, 9, 5, {}, [Holder(LOOKS_LIKE_MARKUP, 1)], [], [], None))


def show_statement(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    statement = Statement(1, 1.0, 1.0, LOOKS_LIKE_MARKUP)
    show_database(console(), DatabaseView("db", "17", 0.0, 1, 9, 5, {}, [], [], [], [statement]))


def test_rates_of_a_log_that_lost_lines_are_said_to_be_too_low(capsys: pytest.CaptureFixture[str]) -> None:
    replica = ReplicaStatus("shop-a-1", "1", "app:1", "healthy", True, 5.0, 0, None, None, None, 8.0)
    show_status(Status("shop", "a", None, "running", 8.0, (replica,)))
    show_status(Status("shop", "a", None, "running", 8.0, (replica,), log_dropped=4021))
    assert capsys.readouterr().out.count("rates are too low: 4021 lines of nginx's log were dropped") == 1


@pytest.mark.parametrize("show", [show_config, show_history, show_release, show_client, show_statement])
def test_a_table_shows_values_unchanged(
    show: Callable[[pytest.MonkeyPatch, Path], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(monkeypatch, tmp_path)
    assert LOOKS_LIKE_MARKUP in capsys.readouterr().out


@pytest.mark.parametrize(("width", "name"), [(80, "api-1"), (120, "api-shop-api-1")])
def test_a_narrow_terminal_shows_the_names_of_replicas_without_the_project(width: int, name: str) -> None:
    assert shown_name("api-shop-api-1", "api", width) == name
    assert shown_name("container", "api", width) == "container"


@pytest.mark.parametrize("project", ["shop", "the-website-of-a-company"])
def test_the_status_fits_80_columns(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    terminal = Console(file=text, width=80, soft_wrap=True, force_terminal=True, color_system=None)
    monkeypatch.setattr("videa_cli.console.console", lambda: terminal)
    name = f"{project}-backend-1"
    row = ReplicaStatus(name, "f073648b8b", "app:1", "healthy", True, 503.0, 0, 0.1, 41 << 20, 256 << 20, 1250.4)
    show_status(Status(project, "backend", None, "running", 1250.4, (row,)))
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in text.getvalue()
    assert "backend-1" in lines[1]
