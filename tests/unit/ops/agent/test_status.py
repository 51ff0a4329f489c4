"""What is known of the agent."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from ops.agent.status import observe
from ops.agent.watcher import SHORTEST, Watcher
from ops.ejected import Ejected
from tests.unit.ops.fakes import FakeStack, fake_stack


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    return fake_stack(tmp_path)


def test_nobody_watches(stack: FakeStack) -> None:
    seen = observe(stack)
    assert (seen.watching, seen.runs, seen.ejected, seen.memory) == (None, False, (), None)


def test_the_last_round_and_what_is_out(stack: FakeStack) -> None:
    Watcher(stack.store, "shop", "videa agent", "1.2").claim(10)
    Ejected(stack.store, "shop").write({"shop-app-1": "container0001"})
    stack.world.now += 7
    seen = observe(stack)
    assert seen.watching
    assert (seen.runs, seen.watching.version, seen.round_age, seen.ejected) == (True, "1.2", 7, ("shop-app-1",))


def test_memory_is_that_of_its_container(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "shop-app-2"
    stack.platform.by_name[name] = replace(stack.platform.by_name[name], id="3f2a9c-and-more")
    monkeypatch.setattr(socket, "gethostname", lambda: "3f2a9c")
    Watcher(stack.store, "shop", "videa agent").claim(10)
    assert observe(stack).memory == (2**20, None)


def test_one_that_was_killed_does_not_run(stack: FakeStack) -> None:
    Watcher(stack.store, "shop", "videa agent").claim(1)
    stack.world.now += SHORTEST + 5
    seen = observe(stack)
    assert (seen.runs, seen.round_age) == (False, SHORTEST + 5)
