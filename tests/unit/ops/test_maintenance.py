from __future__ import annotations

from pathlib import Path

import pytest

from ops.doctor.collectors.declared import declared_services
from ops.errors import EngineError
from ops.events import Event, HistoryIncomplete
from ops.maintenance import switch
from ops.notify.told import of_history
from ops.rollout import history
from ops.traffic import Maintenance
from tests.unit.ops.fakes import fake_stack

CLOSED = Maintenance(retry_after=60)


def test_every_change_of_the_site_is_in_the_history_and_no_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = fake_stack(tmp_path)
    monkeypatch.setattr(type(stack.project.compose), "config_hashes", lambda _: {}, raising=False)
    switch(stack, CLOSED, "videa maintenance on", dry_run=True)
    switch(stack, CLOSED, "videa maintenance on")
    switch(stack, CLOSED, "videa maintenance on")
    switch(stack, None, "videa maintenance off")
    entries = history.read(stack)
    assert [(entry.command, entry.result) for entry in entries] == [
        ("videa maintenance on", "done"),
        ("videa maintenance off", "done"),
    ]
    assert history.releases(entries) == []
    assert list(of_history(entries)) == []
    assert declared_services(stack)["app"].recorded is None


def test_a_site_is_closed_even_if_the_history_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, told = fake_stack(tmp_path), list[Event]()

    def refuse(*_: object) -> None:
        raise EngineError("no space left", "")

    monkeypatch.setattr(history, "append", refuse)
    assert switch(stack, CLOSED, "videa maintenance on", emit=told.append)
    assert told == [HistoryIncomplete("no space left")]
