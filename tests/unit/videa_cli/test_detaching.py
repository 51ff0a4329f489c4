"""--detach: what is refused is said at once, with its exit code; otherwise the terminal is free when it has begun."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops.autoscale import state
from ops.errors import EngineError, LockHeld, PlanRefused
from ops.jobs.kind import Kind
from ops.jobs.request import file_of
from ops.models import NEVER, Job
from ops.rollout.journal import Journal
from tests.unit.ops.fakes import FakeStack, fake_stack
from videa_cli.commands import abort, autoscale
from videa_cli.commands.status import show_jobs
from videa_cli.detaching import DAY, error_of, failures, hand_over, last_outcome
from videa_cli.exit_codes import CODES, exit_code_of
from videa_cli.json_output import Json

BEGUN = '{"time": "x", "type": "step_started", "step": {"type": "stop_and_remove", "replica": "shop-app-1"}}'
BUILD = '{"type": "step_started", "step": {"type": "task", "text": "build app"}}'
NAME = "videa.job.shop.operation"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    monkeypatch.setattr("sys.argv", ["/usr/bin/videa", "deploy", "--image", "app:2", "--detach"])
    return fake_stack(tmp_path)


def options(stack: FakeStack) -> Any:
    journal = Journal(stack.store, stack.project.name)
    return SimpleNamespace(
        files=("a.yml",), project=None, stack=lambda: stack, load=lambda: stack.project, journal=lambda: journal
    )


def context(stack: FakeStack) -> Any:
    return SimpleNamespace(obj=options(stack))


def outcome(code: int, **fields: str) -> str:
    return json.dumps({"type": "outcome", "exit_code": code, **fields})


def test_the_terminal_is_free_when_the_operation_has_begun(
    stack: FakeStack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.platform.jobs.lines = [BUILD, BEGUN, outcome(1, error="not read any more")]
    hand_over(options(stack), Json.NO)
    said = capsys.readouterr()
    assert "videa deploy --watch" in said.out
    assert "build app" not in said.out
    (job,) = stack.platform.jobs.new
    assert job.labels["videa.job.command"] == "videa deploy --image app:2 --detach"


def test_what_ends_before_it_begins_is_the_result(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.platform.jobs.lines = [outcome(0, summary="app already runs app:2")]
    hand_over(options(stack), Json.RESULT)
    assert json.loads(capsys.readouterr().out)["summary"] == "app already runs app:2"


@pytest.mark.parametrize(("kind", "code"), CODES)
def test_an_error_keeps_its_exit_code(kind: type[Exception], code: int) -> None:
    assert exit_code_of(error_of({"exit_code": int(code), "error": "e", "hint": "h"})) == code


def test_a_refusal_is_raised_here(stack: FakeStack) -> None:
    stack.platform.jobs.lines = [BUILD, outcome(6, error="two replicas would write to the same volume", hint="h")]
    with pytest.raises(PlanRefused, match="same volume"):
        hand_over(options(stack), Json.NO)


def test_a_container_that_cannot_run_videa_says_why(stack: FakeStack) -> None:
    stack.platform.jobs.lines = ["python: No module named videa_cli"]
    with pytest.raises(EngineError, match="No module named videa_cli"):
        hand_over(options(stack), Json.NO)


def test_a_dry_run_shows_what_would_be_handed_over_and_no_value(
    stack: FakeStack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "hunter2-hunter2")
    hand_over(options(stack), Json.NO, dry_run=True)
    hand_over(options(stack), Json.RESULT, dry_run=True)
    said = capsys.readouterr().out
    assert NAME in said
    assert "API_TOKEN" in said
    assert "hunter2" not in said
    assert stack.platform.jobs.by_name == {}


def test_the_last_outcome_stays_known_until_another_operation_exists(stack: FakeStack) -> None:
    assert last_outcome(stack) is None
    stack.platform.jobs.lines = [BEGUN]
    hand_over(options(stack), Json.NO)
    stack.platform.jobs.lines = [BEGUN, outcome(1, error="not ready")]
    assert last_outcome(stack) is None
    stack.platform.jobs.become(NAME, "exited", over=True)
    assert (last_outcome(stack) or {})["error"] == "not ready"


def test_a_scheduled_deploy_that_was_missed_or_has_failed_is_told_for_a_day(
    stack: FakeStack, capsys: pytest.CaptureFixture[str]
) -> None:
    hand_over(options(stack), Json.NO, kind=Kind.SCHEDULED, at=4_000_000_000.0)
    jobs = stack.platform.jobs
    jobs.lines = [outcome(1, error="it was missed")]
    (name,) = jobs.by_name
    assert failures(stack, jobs.all("shop"), 4_000_000_001.0) == []
    jobs.become(name, "exited", over=True, exit_code=1)
    ((job, error),) = failures(stack, jobs.all("shop"), 4_000_000_001.0)
    show_jobs([], [(job, error)])
    said = capsys.readouterr().out
    assert "2096-10-02" in said
    assert "it was missed" in said
    assert failures(stack, jobs.all("shop"), 4_000_000_000.0 + DAY) == []


def test_a_scheduled_deploy_is_shown_and_cancelled(
    stack: FakeStack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.factory.open_jobs", lambda: stack.platform.jobs)
    hand_over(options(stack), Json.NO, kind=Kind.SCHEDULED, at=4_000_000_000.0)
    show_jobs(stack.platform.jobs.all("shop"))
    said = capsys.readouterr().out
    assert said.count("2096-10-02") == 2
    with pytest.raises(LockHeld):
        hand_over(options(stack), Json.NO, kind=Kind.SCHEDULED, at=4_000_000_000.0)
    abort.abort(context(stack), dry_run=True)
    assert stack.platform.jobs.by_name
    abort.abort(context(stack))
    assert "cancelled" in capsys.readouterr().out
    assert stack.platform.jobs.by_name == {}
    assert not file_of(stack.project.directory, "shop", Kind.SCHEDULED).exists()


def test_a_job_that_was_killed_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show_jobs([Job("1", NAME, "operation", "videa deploy", "me", 0.0, NEVER, "exited", over=False, exit_code=137)])
    assert f"docker start {NAME}" in capsys.readouterr().out


@pytest.fixture
def scaled(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    monkeypatch.setattr("ops.autoscale.view.chosen", lambda *_: ("app",))
    return stack


def test_autoscaling_needs_no_terminal_and_ends_when_it_is_off(
    scaled: FakeStack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_REPLICAS", "7")
    monkeypatch.setenv("MORE", "1")
    autoscale.on(context(scaled))
    autoscale.on(context(scaled))  # it is already running
    name = "videa.job.shop.autoscale"
    assert capsys.readouterr().out.count(name) == 2
    (job,) = scaled.platform.jobs.new
    request = json.loads(file_of(scaled.project.directory, "shop", Kind.AUTOSCALE).read_text())
    assert request["arguments"] == ["--file", "a.yml", "autoscale", "run"]
    assert "APP_REPLICAS" not in request["environment"], "a value of .env may change later"
    assert request["environment"]["MORE"] == "1"
    assert job.name == name
    autoscale.off(context(scaled))
    assert scaled.platform.jobs.by_name == {}
    assert state.read(scaled.store, "shop")["app"].off


def test_where_no_job_can_run_autoscaling_says_what_to_run(
    scaled: FakeStack, capsys: pytest.CaptureFixture[str]
) -> None:
    scaled.platform.jobs.why = "the engine is on another machine"
    autoscale.on(context(scaled))
    assert "videa autoscale run" in capsys.readouterr().out


def test_a_second_autoscaler_is_refused(scaled: FakeStack) -> None:
    autoscale.on(context(scaled))
    with pytest.raises(LockHeld):
        autoscale.run(cast(Any, SimpleNamespace(obj=options(scaled))))
