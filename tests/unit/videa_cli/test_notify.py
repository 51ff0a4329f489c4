"""videa notify: what it shows, and its exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace as with_fields

from ops.agent.watcher import Watcher
from ops.errors import PlanRefused
from ops.notify import view
from ops.notify.duty import Notifications
from ops.notify.message import DOCUMENT, Item, Message, TestResult
from ops.project.settings import Receiver
from tests.unit.ops.fakes import FakeStack, fake_stack
from videa_cli.commands import Commands


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    plain = fake_stack(tmp_path)
    notify = {"team": Receiver(apprise="TEAM_URL"), "pager": Receiver(webhook="PAGER_URL", key="PAGER_KEY")}
    return replace(plain, project=replace(plain.project, settings=with_fields(plain.project.settings, notify=notify)))


def videa(stack: FakeStack, *words: str) -> int | None:
    """The exit code, None for 0."""
    options = SimpleNamespace(stack=lambda: stack, load=lambda: stack.project)
    code: int | None = Commands()["notify"].main(list(words), obj=options, standalone_mode=False)
    return code


def test_the_list_has_the_names_of_variables(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    videa(stack, "list")
    shown = capsys.readouterr().out
    assert "PAGER_URL" in shown
    assert "PAGER_KEY" not in shown
    videa(stack, "list", "--json")
    assert [each["by"] for each in json.loads(capsys.readouterr().out)["targets"]] == ["apprise", "webhook"]


def test_the_status_says_that_nobody_sends(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    Watcher(stack.store, "shop", "videa watch").claim(10)
    videa(stack, "status")
    assert "no agent runs, so nothing is sent" in capsys.readouterr().out


def test_the_status_has_queue_and_failures(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    Watcher(stack.store, "shop", "videa agent").claim(10)
    message = Message("id1", 100.0, "replica.out", "warning", "replica out", "app-1")
    duty = Notifications(lambda: (stack,), lambda: True, clock=lambda: 100.0, send=lambda *_: ("no connection", False))
    DOCUMENT.change(stack.store, "shop", lambda state: with_fields(state, since=1.0, queue=(Item(message, ("team",)),)))
    duty.run(lambda event: None)
    videa(stack, "status", "--json")
    shown = json.loads(capsys.readouterr().out)
    assert shown["agent"]
    assert [each["id"] for each in shown["queue"]] == ["id1"]
    assert {each["target"]: (each["waiting"], each["error"]) for each in shown["targets"]} == {
        "team": (1, "no connection"),
        "pager": (0, ""),
    }
    videa(stack, "status")
    assert "no agent runs" not in (out := capsys.readouterr().out)
    assert "no connection" in out


def test_a_test_fails_with_the_reason(
    stack: FakeStack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Watcher(stack.store, "shop", "videa agent").claim(10)
    results = {"team": TestResult("t", 1.0), "pager": TestResult("t", 1.0, "no connection")}
    monkeypatch.setattr(view, "test", lambda _, names: {name: results[name] for name in names})
    assert videa(stack, "test") == 1
    assert capsys.readouterr().out == "team: delivered\npager: no connection\n"
    videa(stack, "test", "--target", "team", "--json")
    assert json.loads(capsys.readouterr().out) == {"targets": [{"target": "team", "delivered": True, "error": ""}]}


def test_a_dry_run_queues_nothing_and_without_an_agent_it_is_refused(
    stack: FakeStack, capsys: pytest.CaptureFixture[str]
) -> None:
    videa(stack, "test", "--dry-run")
    assert "would send a test to team, pager" in capsys.readouterr().out
    with pytest.raises(PlanRefused, match="no agent runs"):
        videa(stack, "test")
    assert not stack.store.documents
