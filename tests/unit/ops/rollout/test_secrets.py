"""A secret in a check or a hook reaches its process, and nothing that is stored, shown or emitted."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from ops import measuring, planning
from ops.errors import VideaError
from ops.events import Event
from ops.operations import Operation
from ops.preflight import Capacity
from ops.project.settings import Hooks
from ops.rollout.entries import Header
from ops.rollout.journal import Journal
from ops.rollout.request import Request, Strategy
from ops.steps import Check, Hook, Start, Target, redacted
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.fakes.gateway import NoTraffic
from videa_cli.render import outcome_as_dict
from videa_cli.words import words

KEY = "Zq81kV"
NEW = Target("new", "app:new", {"APP_IMAGE": "app:new", "APP_RELEASE": "new"})
HOOK = f"curl -fsS -H 'X-Api-Key: {KEY}' http://flags/deploys"
TYPED = f"videa deploy --blue-green --check 'curl -H \"X-Api-Key: {KEY}\" $VIDEA_URL'"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStack]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(measuring, "TrafficProof", NoTraffic)
    monkeypatch.setattr(planning, "measure", lambda *_: Capacity(None, 0, 0, 0, None))
    return fake_stack(tmp_path, hooks=Hooks(pre_deploy=HOOK, on_abort=("sh", "-c", HOOK)))


def request(check: str) -> Request:
    return Request(Strategy.BLUE_GREEN, commands=(check,), paths=(f"/health?token={KEY}",))


def everything(stack: FakeStack, events: list[Event]) -> str:
    """Everything stored on the engine, and all events."""
    labels = [record.labels for record in stack.store.records.values()]
    stored = [file for files in stack.store.files.values() for file in files.values()]
    documents = [document.content for document in stack.store.documents.values()]
    texts = [words(event) if hasattr(event, "text") else "" for event in events]
    return f"{labels} {stored} {documents} {texts} {[msgspec.json.encode(event).decode() for event in events]}"


def test_a_check_gets_its_secret_and_nothing_else_does(stack: FakeStack, tmp_path: Path) -> None:
    seen, events = tmp_path / "seen", list[Event]()
    check = f"echo 'X-Api-Key: {KEY}' | tee {seen}"
    outcome = Operation(stack, events.append, TYPED).deploy(NEW, request(check))
    assert KEY in seen.read_text()
    assert stack.platform.tasks == [("shop-videa-pre-deploy", ("sh", "-c", HOOK))]
    assert KEY not in everything(stack, events)
    assert KEY not in json.dumps(outcome_as_dict(outcome, dry_run=False))
    assert "X-Api-Key: <hidden>" in everything(stack, events)


def test_the_error_of_a_check_does_not_contain_its_output(stack: FakeStack) -> None:
    events: list[Event] = []
    with pytest.raises(VideaError) as failure:
        Operation(stack, events.append, TYPED).deploy(NEW, request(f"echo sent {KEY} as X-Api-Key={KEY}; exit 3"))
    error = failure.value
    assert "exited with 3" in error.message
    assert KEY not in f"{error.message} {error.hint} {error.detail}"
    assert KEY not in everything(stack, events)


def test_a_dry_run_shows_no_secret(stack: FakeStack) -> None:
    outcome = Operation(stack, lambda event: None, TYPED).deploy(NEW, request(f"make smoke TOKEN={KEY}"), dry_run=True)
    shown = json.dumps(outcome_as_dict(outcome, dry_run=True))
    assert KEY not in shown
    assert "make smoke" in shown


def test_the_journal_stores_the_check_as_typed_so_that_another_process_can_run_it(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = f"test -n 'X-Api-Key: {KEY}'"
    monkeypatch.setattr(Journal, "end", lambda self: None)
    Operation(stack, lambda event: None, TYPED).deploy(NEW, request(check))
    state = Journal(stack.store, stack.project.name).read()
    assert state is not None
    assert isinstance(state.header, Header)
    assert state.header.request is not None
    assert state.header.request.commands == (check,)
    assert KEY not in state.header.command
    assert not [step for step in state.steps if KEY in msgspec.json.encode(step).decode()]
    assert KEY not in f"{state} {state.standing}".replace(repr(state.header.request), "")


def test_only_steps_with_commands_are_redacted() -> None:
    assert redacted(Start(3)) == Start(3)
    assert redacted(Check(("make smoke",), ("/health",))) == Check(("make smoke",), ("/health",))
    assert redacted(Hook("a", ("mysql", f"-p{KEY}", "shop"))) == Hook("a", ("mysql", "-p<hidden>", "shop"))
    assert redacted(Hook("a", f"redis-cli -a {KEY} ping")) == Hook("a", "redis-cli -a <hidden> ping")


def test_a_value_of_the_operators_environment_is_hidden_by_value(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "SMOKE_TOKEN", KEY)
    assert Operation(replace(stack), lambda event: None, f"videa deploy --check './smoke {KEY}'").command.endswith(
        "'./smoke <hidden>'"
    )
