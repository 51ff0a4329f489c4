"""`videa promote` and `videa abort` reach an operation that waits, with or without a process that runs it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops import measuring, planning
from ops.errors import PlanRefused
from ops.events import discard
from ops.operations import Operation
from ops.preflight import Capacity
from ops.rollout.command_queue import Command
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from ops.rollout.operator import whoami
from ops.rollout.request import Request, Strategy
from ops.steps import Target
from ops.views.status import read_status
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.fakes.gateway import NoTraffic
from videa_cli.commands import abort, promote
from videa_cli.commands.status import show_operation
from videa_cli.json_output import Json

NEW = Target("new", "app:new", {"APP_IMAGE": "app:new", "APP_RELEASE": "new"})


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    """A stack on which a blue-green deploy keeps the old set, and no process runs it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(measuring, "TrafficProof", NoTraffic)
    monkeypatch.setattr(planning, "measure", lambda *_: Capacity(None, 0, 0, 0, None))
    stack = fake_stack(tmp_path)
    request = Request(Strategy.BLUE_GREEN, keep=60.0)
    Operation(stack, discard, "videa deploy --blue-green").deploy(NEW, request, detach=True)
    return stack


def context(stack: FakeStack) -> Any:
    journal = Journal(stack.store, stack.project.name)
    return SimpleNamespace(obj=SimpleNamespace(journal=lambda: journal, stack=lambda: stack))


def images(stack: FakeStack) -> list[str]:
    return sorted(container.image for container in stack.platform.by_name.values())


def test_without_a_process_the_rest_runs_here(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    promote.promote(context(stack), dry_run=True)
    assert "would continue `videa deploy --blue-green` of" in capsys.readouterr().out
    assert images(stack) == ["app:new", "app:new", "app:old", "app:old"]
    promote.promote(context(stack))
    assert images(stack) == ["app:new", "app:new"]
    with pytest.raises(PlanRefused, match="no deploy waits"):
        promote.promote(context(stack))


def test_the_process_that_runs_it_is_asked(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    with Lock(stack.store, "shop").hold("videa deploy --resume") as lease, lease.suspended():
        promote.promote(context(stack))
        assert Journal(stack.store, "shop").commands.take() == Command("promote", whoami())
    assert "asked `videa deploy --resume` of" in capsys.readouterr().out
    assert len(images(stack)) == 4


def test_a_script_gets_the_outcome_of_a_request_too(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    with Lock(stack.store, "shop").hold("videa deploy --resume") as lease, lease.suspended():
        promote.promote(context(stack), as_json=Json.EVENTS)
    outcome = json.loads(capsys.readouterr().out)
    assert (outcome["type"], outcome["exit_code"]) == ("outcome", 0)
    assert outcome["operation"].startswith("`videa deploy --resume` of")


def test_without_a_process_it_is_rolled_back_here(stack: FakeStack) -> None:
    abort.abort(context(stack))
    assert images(stack) == ["app:old", "app:old"]
    assert Journal(stack.store, "shop").read() is None


def test_an_abort_that_the_process_did_not_read_runs_here(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process left the operation, or was killed, before it read the command."""
    with Lock(stack.store, "shop").hold("videa deploy --resume") as lease, lease.suspended():
        monkeypatch.setattr(abort.time, "sleep", lambda _: lease.end())
        abort.abort(context(stack))
    assert images(stack) == ["app:old", "app:old"]


def test_status_says_what_it_waits_for_and_what_can_be_done(
    stack: FakeStack, capsys: pytest.CaptureFixture[str]
) -> None:
    show_operation(read_status(stack))
    said = capsys.readouterr().out
    assert "`videa deploy --blue-green` of" in said
    assert "keep the old replicas until" in said
    for command in ("no process runs it", "videa promote", "videa abort", "videa deploy --resume"):
        assert command in said
    with Lock(stack.store, "shop").hold("videa deploy --resume") as lease, lease.suspended():
        show_operation(read_status(stack))
    said = capsys.readouterr().out
    assert "no process runs it" not in said
    assert "videa promote" in said
    Journal(stack.store, "shop").discard()
    show_operation(read_status(stack))
    assert capsys.readouterr().out == ""
