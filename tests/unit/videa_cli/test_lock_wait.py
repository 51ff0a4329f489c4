"""--lock-wait: a second operation starts when the first one has ended, with the project as it is then."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from ops.errors import Aftermath, Left, LockHeld
from ops.notices import LockAwaited
from ops.rollout import lock_wait
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from ops.rollout.lock_wait import await_free
from ops.stack import Stack
from tests.unit.ops.fakes import fake_stack
from videa_cli.context import Options
from videa_cli.lock_wait import patiently


@dataclass
class Loads:
    """Options that load another stack each time."""

    directory: Path
    stacks: list[Stack] = field(default_factory=list)

    def stack(self) -> Stack:
        self.stacks.append(fake_stack(self.directory))
        return self.stacks[-1]


def attempts(loads: Loads, wait: float, errors: list[LockHeld | None], emitted: list[Any]) -> str:
    left = iter(errors)

    def run(stack: Stack) -> str:
        if error := next(left):
            raise error
        return f"stack {len(loads.stacks)}"

    return patiently(cast(Options, loads), wait, emitted.append, run)


def test_it_tries_again_with_the_project_as_it_is_then_and_says_once_what_it_waits_for(tmp_path: Path) -> None:
    loads, emitted = Loads(tmp_path), list[Any]()
    busy = LockHeld("`videa deploy` of ann runs", "wait")
    assert attempts(loads, 60.0, [busy, busy, None], emitted) == "stack 3"
    assert emitted == [LockAwaited("`videa deploy` of ann runs", 60.0)]


def test_without_the_option_it_is_refused_at_once(tmp_path: Path) -> None:
    loads, emitted = Loads(tmp_path), list[Any]()
    with pytest.raises(LockHeld):
        attempts(loads, 0.0, [LockHeld("busy", "")], emitted)
    assert (len(loads.stacks), emitted) == (1, [])


def test_an_operation_that_lost_its_lock_is_not_started_again(tmp_path: Path) -> None:
    lost = LockHeld("lost", "")
    lost.aftermath = Aftermath(Left.STOPPED)
    with pytest.raises(LockHeld, match="lost"):
        attempts(Loads(tmp_path), 60.0, [lost, None], [])


def test_the_wait_ends_when_the_lock_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = fake_stack(tmp_path)
    holders = iter(["ann", "ann", None])
    slept: list[float] = []
    monkeypatch.setattr(Lock, "active_holder", lambda _: next(holders))
    monkeypatch.setattr(Journal, "read", lambda _: None)
    monkeypatch.setattr(lock_wait.time, "sleep", slept.append)
    await_free(stack.store, "shop", time.monotonic() + 1000)
    assert len(slept) == 2
    await_free(stack.store, "shop", time.monotonic())  # nobody is asked after the end


def test_an_operation_that_waits_for_an_operator_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass
    class State:
        waiting: bool = True

    states = iter([State(), State(waiting=False)])
    slept: list[float] = []
    monkeypatch.setattr(Lock, "active_holder", lambda _: None)
    monkeypatch.setattr(Journal, "read", lambda _: next(states))
    monkeypatch.setattr(lock_wait.time, "sleep", slept.append)
    await_free(fake_stack(tmp_path).store, "shop", time.monotonic() + 1000)
    assert len(slept) == 1
